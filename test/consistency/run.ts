import type { EngineStats } from "../../src/stats.ts";
import { Random } from "../oracle/random.ts";
import { createDatabase, type TestDatabase, type TestServer } from "../support/postgres.ts";
import { injectFaults } from "./faults.ts";
import { Register, Report } from "./history.ts";
import { readOn } from "./readers.ts";
import { REGISTERS_EACH, SETUP } from "./schema.ts";
import { type Sabotage, Subject } from "./subject.ts";
import { pause, rewrite, type Token, takeTokens, writePast, writeThrough } from "./writers.ts";

export interface RunOptions {
  readonly server: TestServer;
  readonly seed: number;
  readonly level: "session" | "strict";
  readonly maxLagMs: number;
  readonly faults: boolean;
  readonly sabotage: Sabotage;
  /** Ends when one of these is reached, or with so many violations. */
  readonly maxReads: number;
  readonly maxMs: number;
  readonly maxViolations: number;
  readonly onProgress?: (report: Report, hits: number) => void;
}

export interface Outcome {
  readonly report: Report;
  /** Answers of the caches. */
  readonly hits: number;
  readonly losses: number;
  /** How long a slot was still there after both engines had been closed. */
  readonly slotsLeftMs: number;
  /** Of each engine, why the origin answered; writes are among them. */
  readonly bypasses: readonly EngineStats["bypassesByReason"][];
}

/** How long everybody may take to come to an end. */
const ENDING_MS = 60_000;
const SLOTS_MS = 20_000;

/**
 * Two engines as of two processes, writers past them and through them, readers of everything, and faults. The seed decides
 * what everyone does; the order in which that happens is the machine's.
 */
export async function run(options: RunOptions): Promise<Outcome> {
  const { server, seed, level, maxLagMs, sabotage } = options;
  const random = new Random(seed);
  await using database = await createDatabase(server, { setup: SETUP });
  const { url } = database;
  const subjects: Subject[] = [];
  const report = new Report();
  let outcome: Omit<Outcome, "slotsLeftMs">;
  try {
    for (const name of ["A", "B"]) subjects.push(await Subject.open(name, url, { level, maxLagMs, sabotage }));
    const registers = Array.from({ length: 3 * REGISTERS_EACH }, (_, index) => new Register("registers", index + 1));
    const rewritten = new Register("rewritten", 1);
    const share = (part: number): readonly Register[] =>
      registers.slice(part * REGISTERS_EACH, (part + 1) * REGISTERS_EACH);
    const tokens: Token[] = [];
    let fault = "none";
    let ended = false;
    const going = (): boolean =>
      !ended &&
      report.total("read") < options.maxReads &&
      report.elapsedMs < options.maxMs &&
      report.violations.length < options.maxViolations;
    const lastFault = (): string => fault;
    const parts = { subjects, report, going, url, tokens, registers, rewritten, lastFault };
    const actors: Promise<void>[] = [];
    // Whoever fails in a way that was not foreseen ends the run.
    const start = (action: Promise<void>): void => {
      actors.push(
        action.finally(() => {
          ended = true;
        }),
      );
    };
    for (let writer = 0; writer < 3; writer++) start(writePast(share(0), parts, random.fork()));
    start(rewrite(rewritten, parts, random.fork()));
    for (const [index, subject] of subjects.entries()) {
      start(writeThrough(subject, share(index + 1), parts, random.fork()));
      start(takeTokens(subject, parts, random.fork()));
      for (let reader = 0; reader < 4; reader++) start(readOn(subject, parts, random.fork()));
    }
    const note = (text: string): void => {
      fault = `${text} at ${(report.elapsedMs / 1000).toFixed(3)} s`;
    };
    if (options.faults) start(injectFaults({ subjects, url, report, going, note }, random.fork()));
    const hits = (): number => subjects.reduce((sum, subject) => sum + subject.hits, 0);
    const progress = setInterval(() => options.onProgress?.(report, hits()), 5000);
    try {
      await ending(actors, going, report);
    } finally {
      clearInterval(progress);
    }
    const losses = subjects.reduce((sum, subject) => sum + subject.losses, 0);
    const bypasses = subjects.map(({ engine }) => engine.stats().bypassesByReason);
    outcome = { report, hits: hits(), losses, bypasses };
  } finally {
    await Promise.all(subjects.map((subject) => subject.close()));
  }
  return { ...outcome, slotsLeftMs: await untilNoSlots(database, report) };
}

/** Slots end with their sessions, those of streams that were lost among them: a server that decodes much ends one late. */
async function untilNoSlots(database: TestDatabase, report: Report): Promise<number> {
  const started = performance.now();
  for (;;) {
    const slots = await database.query(
      "SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = current_database()",
    );
    const waited = performance.now() - started;
    if (slots.length === 0) return waited;
    if (waited > SLOTS_MS) {
      report.violation("slot left", `after both engines were closed: ${JSON.stringify(slots)}`);
      await database.query("SELECT pg_terminate_backend($1)", [slots[0]?.active_pid]);
      return waited;
    }
    await pause(10);
  }
}

/** Everybody comes to an end when it is time to: who does not, hangs. */
async function ending(actors: readonly Promise<void>[], going: () => boolean, report: Report): Promise<void> {
  let over = false;
  const watch = async (): Promise<void> => {
    while (going()) await pause(100);
    for (const deadline = performance.now() + ENDING_MS; !over && performance.now() < deadline; ) await pause(50);
    if (!over) throw new Error(`somebody hangs; done so far: ${JSON.stringify([...report.operations])}`);
  };
  const all = Promise.all(actors).finally(() => {
    over = true;
  });
  await Promise.all([Promise.race([all, watch()]), watch()]);
}
