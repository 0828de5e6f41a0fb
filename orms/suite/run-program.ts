// node suite/run-program.ts <program>
//
// Runs one program twice, with the cache and without it, each on a database of its own, and compares all that the library
// returns: every read three times (miss, hit, and again after each write), and every write.

import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { CachingEngine } from "../../src/index.ts";
import { openDatabase } from "../database/open.ts";
import type { Session } from "../program.ts";
import { loadProgram } from "../programs.ts";
import { comparable, inAnyOrder, textOf } from "./comparable.ts";
import { StatementCounter } from "./count-statements.ts";
import { findFirstTimes } from "./find-first.ts";

/** Of the read statements, when each read runs again. */
const ANSWERED = Number(process.env.SQLMEM_ORMS_ANSWERED ?? 0.9);
/** A read runs again for so many milliseconds, until what it needs has been fetched … */
const FETCHED_MS = 20_000;
/** … or until the engine says why it does not answer. */
const SAID_MS = 1500;

const [name = ""] = process.argv.slice(2);
const program = await loadProgram(name);
const counter = new StatementCounter();
await using plainDatabase = await openDatabase(`plain_${name}`);
await using cachedDatabase = await openDatabase(`cached_${name}`);
const faults: Error[] = [];
const engine = new CachingEngine(cachedDatabase.url, {
  mode: "transparent",
  cacheDb: false,
  envFile: false,
  onError: (fault) => faults.push(fault),
});
const plain = await program.open({ url: plainDatabase.url, attach: (target) => target });
const cached = await program.open({ url: cachedDatabase.url, attach: (target) => engine.attach(target) });

const differences: string[] = [];
let [reads, statements, hits] = [0, 0, 0];
const rest: Record<string, number> = {};

for (const until = performance.now() + FETCHED_MS; performance.now() < until && engine.stats().hits === 0; ) {
  await cached.findFirst();
  await sleep(20);
}
for (const [read, run] of Object.entries(plain.reads)) {
  reads += 1;
  const { result, statements: sent } = await counter.during(() => settled(run));
  const again = actionOf(cached.reads, read);
  compare(read, "first run", await settled(again), result);
  const { answered, reasons } = await secondRun(read, again, result, sent);
  statements += sent;
  hits += Math.min(sent, answered);
  for (const [reason, count] of Object.entries(reasons)) rest[reason] = (rest[reason] ?? 0) + count;
  if (process.env.SQLMEM_ORMS_VERBOSE !== undefined && answered < sent)
    console.log(`  ${read}: ${JSON.stringify(reasons)}`);
}

let afterWrites = 0;
for (const [write, run] of Object.entries(plain.writes)) {
  const result = await settled(run);
  compare(write, "write", await settled(actionOf(cached.writes, write)), result);
  const before = engine.stats().hits;
  for (const attempt of ["at once", "later"]) {
    for (const [read, ask] of Object.entries(plain.reads)) {
      compare(read, `${attempt} after ${write}`, await settled(actionOf(cached.reads, read)), await settled(ask));
    }
  }
  afterWrites += engine.stats().hits - before;
}

const times = await findFirstTimes(plain, cached, 20);
await Promise.all([plain.close(), cached.close()]);
await engine.close();

const share = hits / statements;
const reasons = Object.entries(rest).sort(([, a], [, b]) => b - a);
console.log(
  `${name.padEnd(14)} ${reads} reads, ${Object.keys(plain.writes).length} writes; ${statements} read statements, ` +
    `${(100 * share).toFixed(1)} % from the cache on the second run, ${afterWrites} hits between writes; ` +
    `findFirst ${times.plain.toFixed(0)} → ${times.cached.toFixed(0)} µs (${(times.plain / times.cached).toFixed(1)} ×)` +
    `${reasons.length === 0 ? "" : `; rest: ${reasons.map(([reason, count]) => `${reason} ${count}`).join(", ")}`}`,
);
for (const difference of differences.slice(0, 10)) console.error(`  DIFFERENT ${difference}`);
for (const fault of faults) console.error("  FAULT", fault);
if (differences.length > 0) console.error(`  ${differences.length} differences`);
if (differences.length > 0 || faults.length > 0 || share < ANSWERED) process.exitCode = 1;

/** The read again, as soon as what it needs has been fetched behind the first: how its statements were answered. */
async function secondRun(read: string, run: () => Promise<unknown>, expected: unknown, sent: number) {
  const started = performance.now();
  for (let attempt = 1; ; attempt++) {
    await sleep(attempt === 1 ? 5 : 15);
    const before = engine.stats();
    compare(read, `run ${attempt + 1}`, await settled(run), expected);
    // What the engine looks into behind a call is counted a little later.
    await sleep(3);
    const after = engine.stats();
    const answered = after.hits - before.hits;
    const misses = after.misses - before.misses;
    const reasons: Record<string, number> = {};
    for (const [reason, count] of Object.entries(after.bypassesByReason)) {
      const added = count - (Reflect.get(before.bypassesByReason, reason) ?? 0);
      if (added > 0) reasons[reason] = added;
    }
    const unseen = sent - answered - misses - (after.bypasses - before.bypasses);
    // A session is asked behind a statement what it is: that ends in a moment.
    const momentary = unseen > 0 || reasons["session-state"] !== undefined;
    if (performance.now() - started < (misses > 0 ? FETCHED_MS : momentary ? SAID_MS : 0)) continue;
    if (misses > 0) reasons.miss = misses;
    // Cursors and streams go past the cache.
    if (unseen > 0) reasons.unseen = unseen;
    return { answered, reasons };
  }
}

/** An error is a result too. */
async function settled(action: () => Promise<unknown>): Promise<unknown> {
  try {
    return comparable(await action());
  } catch (error) {
    return error instanceof Error ? [error.name, error.message] : error;
  }
}

function compare(action: string, when: string, ours: unknown, theirs: unknown): void {
  if (isDeepStrictEqual(ours, theirs)) return;
  if (plain.unordered?.includes(action) && isDeepStrictEqual(inAnyOrder(ours), inAnyOrder(theirs))) return;
  const [a, b] = [textOf(ours), textOf(theirs)];
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const from = Math.max(0, at - 80);
  differences.push(
    `${action}, ${when}\n    cache:  …${a.slice(from, at + 120)}\n    origin: …${b.slice(from, at + 120)}`,
  );
}

function actionOf(actions: Session["reads"], action: string): () => Promise<unknown> {
  const run = actions[action];
  if (run === undefined) throw new Error(`the program has no "${action}" on its second connection`);
  return run;
}
