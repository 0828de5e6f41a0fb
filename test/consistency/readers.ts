import type { Random } from "../oracle/random.ts";
import type { Register, Report } from "./history.ts";
import { INVARIANTS } from "./schema.ts";
import type { Ask, Subject } from "./subject.ts";
import { isOfClosing, pause, type Token } from "./writers.ts";

export interface ReaderParts {
  readonly subjects: readonly Subject[];
  readonly report: Report;
  readonly going: () => boolean;
  readonly registers: readonly Register[];
  readonly rewritten: Register;
  readonly tokens: readonly Token[];
  /** The fault that was injected last, for reports. */
  readonly lastFault: () => string;
}

/** How fresh one answer has to be. */
interface Promised {
  readonly by: "execute" | "pool";
  readonly ask: Ask;
  /** Writes of others that were acknowledged so long before the read are seen; 0 for all. */
  readonly lagMs: number;
  readonly token: Token | null;
}

/**
 * Reads through one engine, each time by another face and with another demand, and holds the answer against what is known
 * of the writes.
 *
 * Not asked for, as it is not promised: that a token stands for what the change stream does not tell, and that two reads one after the other, without a token, do not go back where one is
 * answered by the cache and the other by the origin.
 */
export async function readOn(subject: Subject, parts: ReaderParts, random: Random): Promise<void> {
  while (parts.going()) {
    const promised = choose(subject, parts, random);
    try {
      const kind = random.weighted({ register: 5, registers: 2, rewritten: 1, invariant: 4, session: 1 });
      if (kind === "register") await checkRegister(subject, random.pick(parts.registers), promised, parts, random);
      else if (kind === "rewritten") await checkRegister(subject, parts.rewritten, promised, parts, random);
      else if (kind === "registers") await checkAll(subject, promised, parts, random);
      else if (kind === "invariant") await checkInvariant(subject, promised, parts, random);
      else await checkSession(parts, random);
    } catch (error) {
      if (!isOfClosing(error)) {
        parts.report.error(error, `${subject.name}, a read by ${promised.by} ${JSON.stringify(promised.ask)}`);
      }
      await pause(10);
    }
    await pause(random.int(0, 4));
  }
}

function choose(subject: Subject, { tokens }: ReaderParts, random: Random): Promised {
  const strict = subject.level === "strict";
  const lagMs = strict ? 0 : subject.maxLagMs;
  const how = random.weighted({ execute: 5, pool: 4, token: 3, strict: 2, age: 1 });
  if (how === "pool") return { by: "pool", ask: {}, lagMs, token: null };
  if (how === "strict") return { by: "execute", ask: { freshness: "strict" }, lagMs: 0, token: null };
  if (how === "age") {
    const maxAgeMs = random.pick([0, 20, 100]);
    return { by: "execute", ask: { maxAgeMs }, lagMs: Math.min(lagMs, maxAgeMs), token: null };
  }
  const token = how === "token" && tokens.length > 0 ? random.pick(tokens) : null;
  return { by: "execute", ask: token === null ? {} : { after: token.text }, lagMs, token };
}

/** What of this register must be seen by a read that begins now. */
function floorOf(
  register: Register,
  subject: Subject,
  { lagMs, token }: Promised,
): { readonly kind: FloorKind; readonly value: number } {
  const now = performance.now();
  const floors: { readonly kind: FloorKind; readonly value: number }[] = [
    { kind: "stale", value: register.by(now - lagMs) },
    { kind: "own write missed", value: register.byWriter(subject.name, now) },
  ];
  // A token is a position of the log: what is not in it, a rewritten table, is seen as late as by anybody else.
  if (token !== null && register.table !== "rewritten")
    floors.push({ kind: "token missed", value: register.by(token.at) });
  if (token?.wrote?.register === register) floors.push({ kind: "token missed", value: token.wrote.value });
  return floors.reduce((highest, floor) => (floor.value > highest.value ? floor : highest));
}

type FloorKind = "stale" | "own write missed" | "token missed";

async function checkRegister(
  subject: Subject,
  register: Register,
  promised: Promised,
  parts: ReaderParts,
  random: Random,
): Promise<void> {
  const floor = floorOf(register, subject, promised);
  const sql = `SELECT v FROM ${register.table} WHERE id = $1`;
  const rows = await subject.read(promised.by, sql, [register.id], promised.ask, random);
  parts.report.count(`read of one row by ${promised.by}`);
  judge(Number(rows[0]?.v), floor, register.most, `${sql} [${register.id}]`, subject, promised, parts);
}

async function checkAll(subject: Subject, promised: Promised, parts: ReaderParts, random: Random): Promise<void> {
  const { registers, report } = parts;
  const floors = registers.map((register) => floorOf(register, subject, promised));
  const summed = random.chance(0.5);
  const sql = summed ? "SELECT sum(v) AS v FROM registers" : "SELECT id, v FROM registers ORDER BY id";
  const rows = await subject.read(promised.by, sql, [], promised.ask, random);
  report.count(`read of all rows by ${promised.by}`);
  if (summed) {
    const value = floors.reduce((sum, floor) => sum + floor.value, 0);
    const most = registers.reduce((sum, register) => sum + register.most, 0);
    judge(Number(rows[0]?.v), { kind: "stale", value }, most, sql, subject, promised, parts);
    return;
  }
  for (const [index, register] of registers.entries()) {
    const floor = floors[index] ?? { kind: "stale", value: 0 };
    judge(Number(rows[index]?.v), floor, register.most, `${sql}: row ${register.id}`, subject, promised, parts);
  }
}

async function checkInvariant(subject: Subject, promised: Promised, parts: ReaderParts, random: Random): Promise<void> {
  const { sql, params, broken } = random.pick(INVARIANTS);
  const rows = await subject.read(promised.by, sql, params?.(random) ?? [], promised.ask, random);
  parts.report.count(`read of an invariant by ${promised.by}`);
  const what = broken(rows);
  if (what !== null)
    parts.report.violation("torn", `${what}: ${sql} gave ${JSON.stringify(rows)} ${state(subject, promised, parts)}`);
}

/** Several reads that hand a token on do not go back, whoever answers, and at whichever engine they are asked. */
async function checkSession(parts: ReaderParts, random: Random): Promise<void> {
  const { registers, report } = parts;
  const sql = "SELECT id, v FROM registers ORDER BY id";
  let before: readonly number[] = registers.map(() => 0);
  let ask: Ask = {};
  for (let read = random.int(3, 6); read > 0 && parts.going(); read--) {
    const subject = random.pick(parts.subjects);
    const rows = await subject.read("execute", sql, [], ask, random);
    report.count("read of a session with tokens");
    const now = rows.map(({ v }) => Number(v));
    const back = now.findIndex((value, index) => value < (before[index] ?? 0));
    if (back >= 0) {
      const text = `row ${registers[back]?.id} was ${before[back]} and is ${now[back]}, with ${JSON.stringify(ask)}`;
      report.violation("went back", `${subject.name}: ${text}; last fault: ${parts.lastFault()}`);
    }
    before = now;
    ask = { after: await subject.engine.token() };
  }
}

function judge(
  value: number,
  floor: { readonly kind: FloorKind; readonly value: number },
  most: number,
  what: string,
  subject: Subject,
  promised: Promised,
  { report, ...parts }: ReaderParts,
): void {
  const where = (): string => `${what} gave ${value}; ${state(subject, promised, { report, ...parts })}`;
  if (!(value >= floor.value)) report.violation(floor.kind, `at least ${floor.value} must be seen: ${where()}`);
  if (!(value <= most)) report.violation("not begun", `${most} writes were begun: ${where()}`);
}

function state(subject: Subject, { by, ask, lagMs }: Promised, { lastFault }: ReaderParts): string {
  const { freshness } = subject.engine.stats();
  return `(engine ${subject.name} by ${by} ${JSON.stringify(ask)}, lag ${lagMs} ms; now ${JSON.stringify(freshness)}; last fault: ${lastFault()})`;
}
