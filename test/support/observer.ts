/**
 * Watches what an engine promises while something is broken on purpose: others commit all the time past the engine, the
 * engine's own program writes and reads, and no answer may be staler than the promise.
 */
import { expect, onTestFinished } from "vitest";
import type { CachingEngine } from "../../src/engine.ts";
import { until } from "./engine.ts";

/** What others see at most so much late. Short, so that what outlasts it need not last long. */
export const MAX_LAG_MS = 300;
/** A read or a write ends, one way or the other, within this time: a few limits of drivers, one after the other. */
const LONGEST_STEP_MS = 20_000;

/** Each observer has rows of its own. What the engine writes is in a table of its own: it might be fetched again for that. */
export const OBSERVED: readonly string[] = [
  "CREATE TABLE observed (id int PRIMARY KEY, observer int NOT NULL, v int NOT NULL)",
  "CREATE TABLE observed_own (id int PRIMARY KEY, v int NOT NULL)",
];
/** Of both tables, for when there is no observer yet. */
export const OBSERVED_READS = [
  "SELECT id, v FROM observed ORDER BY id",
  "SELECT id, v FROM observed_own ORDER BY id",
] as const;

const THEIRS = "SELECT v FROM observed WHERE observer = $1 ORDER BY id";
const WRITE_THEIRS = "UPDATE observed SET v = $2 WHERE observer = $1";
const OURS = "SELECT v FROM observed_own WHERE id = $1";
const WRITE_OURS = "UPDATE observed_own SET v = $2 WHERE id = $1";

/** One way to ask: an engine, a pool that is attached to it, a connection without one. */
export type Ask = (sql: string, params?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

export interface ObserverOptions {
  /** By which the program asks. */
  readonly ways?: readonly Ask[];
  /** The engine writes, too: while it does, and cannot be sure that its writes are seen, there are no hits at all. */
  readonly ownWrites?: boolean;
}

/** A counter of one writer: what it began to write last, and what it was told is committed, and when. */
class Register {
  begun = 0;
  readonly #acknowledged: { readonly value: number; readonly at: number }[] = [];

  /** The time is taken after the commit. */
  acknowledge(value: number): void {
    this.#acknowledged.push({ value, at: performance.now() });
  }

  /** The last value that was acknowledged by then. */
  by(time: number): number {
    return this.#acknowledged.findLast(({ at }) => at <= time)?.value ?? 0;
  }
}

/** Other observers of this process, of whatever engine, have other rows. */
let observers = 0;

/**
 * What is asserted of each answer, whichever way it was asked for:
 *
 * - what the program had been told that it has written, by either way, is in it;
 * - what others had been told that is committed, `MAX_LAG_MS` before the read was sent, is in it. There is no allowance
 *   for the measurement: the time of a commit is taken after it, and that of a read before it, in one process, so that
 *   whatever the measurement adds is to the engine's advantage;
 * - nothing is in it that nobody has written, nor one half of a transaction.
 *
 * And nothing hangs, and no error is the cache's own.
 */
export class Observer {
  readonly #engine: CachingEngine;
  readonly #bare: Ask;
  readonly #ways: readonly Ask[];
  readonly #number: number;
  readonly #theirs = new Register();
  readonly #own: readonly Register[];
  /** Reads of what others write, and hits of them, by way. */
  readonly #reads: number[];
  readonly #hits: number[];
  readonly #violations: string[] = [];
  readonly #errors: Error[] = [];
  readonly #loops: Promise<unknown>;
  #over = false;

  constructor(engine: CachingEngine, bare: Ask, ways: readonly Ask[], ownWrites: boolean) {
    this.#engine = engine;
    this.#bare = bare;
    this.#ways = ways;
    this.#number = ++observers;
    this.#own = ways.map(() => new Register());
    this.#reads = ways.map(() => 0);
    this.#hits = ways.map(() => 0);
    this.#loops = this.#observe(ownWrites);
    // Whoever stops it hears of it; a test that has failed does not.
    this.#loops.catch(() => {});
    onTestFinished(() => {
      this.#over = true;
    });
  }

  /** Of all its rows, for when it has been stopped. */
  get queries(): readonly string[] {
    const number = this.#number;
    return [
      `SELECT id, v FROM observed WHERE observer = ${number} ORDER BY id`,
      `SELECT id, v FROM observed_own WHERE id BETWEEN ${10 * number} AND ${10 * number + 9} ORDER BY id`,
    ];
  }

  /** So far, of reads and writes. */
  get errors(): readonly Error[] {
    return this.#errors;
  }

  /** So far. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  async #observe(ownWrites: boolean): Promise<void> {
    const number = this.#number;
    await this.#bare("INSERT INTO observed VALUES (2 * $1, $1, 0), (2 * $1 + 1, $1, 0)", [number]);
    await this.#bare("INSERT INTO observed_own SELECT 10 * $1 + way, 0 FROM generate_series(0, 9) AS way", [number]);
    const ways = [...this.#ways.keys()];
    await Promise.all([
      this.#repeat(() => this.#writeTheirs()),
      ...ways.map((way) => this.#repeat(() => this.#readTheirs(way))),
      ...(ownWrites ? ways.map((way) => this.#repeat(() => this.#writeOurs(way))) : []),
    ]);
  }

  async #repeat(step: () => Promise<void>): Promise<void> {
    while (!this.#over) {
      const startedAt = performance.now();
      await step().catch((error: Error) => this.#errors.push(error));
      const milliseconds = performance.now() - startedAt;
      if (milliseconds > LONGEST_STEP_MS) this.#violations.push(`a step took ${milliseconds} ms`);
      // Two cores are the server's, too; and the event loop is not the test's alone.
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  }

  async #writeTheirs(): Promise<void> {
    const value = ++this.#theirs.begun;
    await this.#bare(WRITE_THEIRS, [this.#number, value]);
    this.#theirs.acknowledge(value);
  }

  async #readTheirs(way: number): Promise<void> {
    const least = this.#theirs.by(performance.now() - MAX_LAG_MS);
    const { hits } = this.#engine.stats();
    const values = await this.#ask(way, THEIRS, [this.#number]);
    const isHit = this.#engine.stats().hits > hits;
    this.#reads[way] = (this.#reads[way] ?? 0) + 1;
    if (isHit) this.#hits[way] = (this.#hits[way] ?? 0) + 1;
    // None, and so zero, before the rows have to be there.
    const [first = 0, second = 0] = values;
    if (first !== second || values.length === 1) this.#violate(`torn: ${values}`, way);
    this.#compare(first, least, this.#theirs, way);
  }

  async #writeOurs(way: number): Promise<void> {
    const register = this.#own[way] ?? new Register();
    const id = 10 * this.#number + way;
    const value = ++register.begun;
    await this.#ask(way, WRITE_OURS, [id, value]).then(
      () => register.acknowledge(value),
      // Whether it was committed nobody knows; the reads go on.
      (error: Error) => this.#errors.push(error),
    );
    // What one way has written the others must not miss.
    for (const by of this.#ways.keys()) {
      const least = register.by(performance.now());
      const [seen = 0] = await this.#ask(by, OURS, [id]);
      this.#compare(seen, least, register, by);
    }
  }

  async #ask(way: number, sql: string, params: readonly unknown[]): Promise<readonly number[]> {
    const ask = this.#ways[way];
    if (ask === undefined) throw new Error(`there is no way ${way}`);
    return (await ask(sql, params)).map(({ v }) => Number(v));
  }

  #compare(seen: number, least: number, register: Register, way: number): void {
    if (!(seen >= least)) this.#violate(`read ${seen}, ${least} was required`, way);
    if (!(seen <= register.begun)) this.#violate(`read ${seen}, only ${register.begun} was begun`, way);
  }

  #violate(what: string, way: number): void {
    const { state, lagMs } = this.#engine.stats().freshness;
    this.#violations.push(`way ${way}: ${what} (${state}, lag ${lagMs})`);
  }

  /** Goes on until by each way so many more reads have been answered. */
  async reads(count: number, withinMs?: number): Promise<void> {
    await this.#until(`${count} more reads`, this.#reads, count, withinMs);
  }

  /** Goes on for so many hits more, by each way. */
  async hits(count: number, withinMs?: number): Promise<void> {
    await this.#until(`${count} more hits`, this.#hits, count, withinMs);
  }

  async #until(what: string, counts: readonly number[], more: number, withinMs?: number): Promise<void> {
    const wanted = counts.map((count) => count + more);
    const reached = (): boolean => wanted.every((count, way) => (counts[way] ?? 0) >= count);
    await until(what, () => reached() || this.#violations.length > 0, withinMs);
    expect(this.#violations).toEqual([]);
  }

  /** Ends it, and asserts what it has seen. Resolves to the errors of reads and writes: the origin's, or the driver's. */
  async stop(): Promise<readonly Error[]> {
    this.#over = true;
    await this.#loops;
    expect(this.#violations).toEqual([]);
    expect(this.#errors.filter((error) => String(Reflect.get(error, "code")).startsWith("ERR_SQLMEM"))).toEqual([]);
    for (const register of [this.#theirs, ...this.#own]) {
      if (register.begun > 0) expect(register.by(performance.now())).toBeGreaterThan(0);
    }
    return this.#errors;
  }
}
