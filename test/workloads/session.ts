import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { from } from "pg-copy-streams";
import { CachingEngine } from "../../src/index.ts";
import { errorAnswer } from "../oracle/answer.ts";
import { canonical, WIRE_TYPES } from "../oracle/canonical.ts";
import type { WorkloadQuery } from "./queries.ts";
import { answersReordered } from "./reordered.ts";
import { compareRows, type JudgedRow, type RowOrder, rowOrder, withoutLimit } from "./row-order.ts";

/** What came of one statement. */
export interface QueryReport {
  readonly name: string;
  readonly sql: string;
  /**
   * Who answered in the end. `late`: nobody, in the time that a statement is given. `error`: both sides raised.
   * `unsteady`: the bare driver itself got two answers, or a function writes: there is nothing to compare with.
   * `unordered`: the answers differ, and so do the origin's own over the same rows stored in another order.
   */
  readonly outcome: "cache" | "origin" | "error" | "late" | "unsteady" | "unordered";
  /** Why not from the cache, as counted; and in words. */
  readonly reason: string | null;
  readonly detail: string | null;
  readonly rows: number;
  /** No value but NULL in any row. */
  readonly allNull: boolean;
  /** The first answer from the cache, the last run, and the better of two runs of the bare driver. */
  readonly firstHitMs: number | null;
  readonly lastMs: number;
  readonly originMs: number;
  /** How the answers differ from the bare driver's; `null`: in nothing. */
  readonly difference: string | null;
}

export interface SessionOptions {
  /** Times that a statement is sent through the engine; 3 unless told. */
  readonly runs?: number;
  /** Milliseconds that an answer and a load may take; 20,000 unless told. */
  readonly patienceMs?: number;
  /** What libpq calls `options`: settings of both sides' sessions. */
  readonly settings?: string;
}

/** Two answers may choose differently among rows that tie. */
const LIMITED = /\b(?:limit|fetch)\b/i;

interface Answer {
  readonly kind: "rows" | "error" | "late";
  readonly rows: readonly Record<string, unknown>[];
  readonly error: string;
  readonly ms: number;
}

/** An engine in transparent mode and the bare driver on one database. Both show each value as type oid and wire text. */
export class WorkloadSession implements AsyncDisposable {
  readonly #config: pg.PoolConfig;
  readonly #bare: pg.Pool;
  readonly #runs: number;
  readonly #patienceMs: number;
  readonly #faults: string[] = [];
  #pool: pg.Pool;
  #engine: CachingEngine;

  constructor(url: string, { runs = 3, patienceMs = 20_000, settings }: SessionOptions = {}) {
    this.#config = {
      connectionString: url,
      max: 3,
      types: WIRE_TYPES,
      ...(settings === undefined ? {} : { options: settings }),
    };
    this.#runs = runs;
    this.#patienceMs = patienceMs;
    this.#bare = this.#openPool();
    this.#pool = this.#openPool();
    this.#engine = this.#openEngine();
  }

  #openPool(): pg.Pool {
    const pool = new pg.Pool(this.#config);
    pool.on("error", () => {});
    return pool;
  }

  #openEngine(): CachingEngine {
    return new CachingEngine(this.#pool, {
      mode: "transparent",
      cacheDb: false,
      envFile: false,
      onError: (error) => this.#faults.push(`${error.name}: ${error.message}`),
    });
  }

  /** Sends a statement by the bare driver, and some times through the engine, and compares each answer. */
  async ask(query: WorkloadQuery): Promise<QueryReport> {
    const { fields, answer: expected, originMs, ...asked } = await this.#askOrigin(query);
    let { steady } = asked;
    let difference: string | null = null;
    let firstHitMs: number | null = null;
    let last: Answer = expected;
    let outcome: Outcome = { kind: "bypass", reason: null };
    for (let run = 1; run <= this.#runs; run++) {
      const before = this.#engine.stats();
      last = await this.#timed(this.#engine.execute(query.sql, query.params ?? undefined), this.#patienceMs);
      if (last.kind === "late") {
        await this.#reopen();
        break;
      }
      outcome = outcomeBetween(before, this.#engine.stats());
      if (outcome.kind === "hit") firstHitMs ??= last.ms;
      if (outcome.reason === "write") steady = false;
      if (steady) difference ??= await this.#compare(query, fields, expected, last);
      if (outcome.kind === "miss") await this.#untilLoaded(query);
    }
    let unordered = false;
    if (difference !== null && expected.kind === "rows" && last.kind === "rows") {
      // Time has passed since it was asked: an answer about now is another one.
      const again = await this.#askOrigin(query);
      steady &&= (await this.#compare(query, fields, expected, again.answer)) === null;
      unordered = await this.#dependsOnOrder(query, fields, expected);
    }
    if (!steady || unordered) difference = null;
    const faults = this.#faults.splice(0);
    if (faults.length > 0 && expected.kind === "rows") difference ??= `faults: ${faults.join("; ")}`;
    const detail = outcome.kind === "hit" || last.kind === "late" ? null : await this.#detail(query);
    const outcomeOf = (): QueryReport["outcome"] => {
      if (!steady) return "unsteady";
      if (unordered) return "unordered";
      if (last.kind === "late") return "late";
      if (expected.kind === "error") return "error";
      return outcome.kind === "hit" ? "cache" : "origin";
    };
    return {
      name: query.name,
      sql: query.sql,
      outcome: outcomeOf(),
      reason: outcome.kind === "miss" ? "still loading" : outcome.reason,
      detail,
      rows: expected.rows.length,
      allNull: expected.rows.every((row) => Object.values(row).every((value) => value === null)),
      firstHitMs,
      lastMs: last.ms,
      originMs,
      difference,
    };
  }

  /** Whether the origin itself answers otherwise when the rows of the tables are stored in another order. */
  async #dependsOnOrder(query: WorkloadQuery, fields: readonly string[], expected: Answer): Promise<boolean> {
    const { tables } = await this.#engine.explain(query.sql, query.params ?? undefined);
    for (const rows of await answersReordered(this.#config, tables, query.sql, query.params)) {
      if ((await this.#compare(query, fields, expected, { ...expected, rows })) !== null) return true;
    }
    return false;
  }

  /** Sends a statement that is not compared through the engine; what it raises does not matter. */
  async change(sql: string): Promise<void> {
    const { kind } = await this.#timed(this.#engine.execute(sql), this.#patienceMs);
    if (kind === "late") await this.#reopen();
  }

  /** `COPY … FROM stdin`, behind the engine's back, and says so. */
  async copy(sql: string, data: string): Promise<void> {
    const client = await this.#bare.connect();
    try {
      await pipeline(Readable.from([data]), client.query(from(sql)));
    } catch {
      // Scripts try what is refused, too.
    } finally {
      client.release();
    }
    await this.#engine.invalidate();
  }

  async #askOrigin({ sql, params }: WorkloadQuery) {
    let fields: readonly string[] = [];
    const run = async () => {
      const result = await this.#bare.query(sql, params === null ? undefined : [...params]);
      fields = result.fields.map(({ name }) => name);
      return result.rows as Record<string, unknown>[];
    };
    const first = await this.#timed(run(), 120_000);
    const answer = first.kind === "rows" ? await this.#timed(run(), 120_000) : first;
    const texts = ({ rows }: Answer) => rows.map(canonical).sort().join("\n");
    const steady = first === answer || LIMITED.test(sql) || texts(first) === texts(answer);
    return { fields, answer, originMs: Math.min(first.ms, answer.ms), steady };
  }

  async #timed(rows: Promise<Record<string, unknown>[]>, patienceMs: number): Promise<Answer> {
    const started = performance.now();
    const stop = new AbortController();
    const late = sleep(patienceMs, "late" as const, { signal: stop.signal }).catch(() => "late" as const);
    try {
      const answered = await Promise.race([rows, late]);
      const ms = performance.now() - started;
      if (answered !== "late") return { kind: "rows", rows: answered, error: "", ms };
      rows.catch(() => {});
      return { kind: "late", rows: [], error: `no answer in ${patienceMs} ms`, ms };
    } catch (error) {
      const answer = errorAnswer(error);
      const text = answer.kind === "error" ? answer.text : `refused: ${answer.reason}`;
      return { kind: "error", rows: [], error: text, ms: performance.now() - started };
    } finally {
      stop.abort();
    }
  }

  async #compare(
    query: WorkloadQuery,
    fields: readonly string[],
    expected: Answer,
    actual: Answer,
  ): Promise<string | null> {
    if (expected.kind !== "rows" || actual.kind !== "rows") {
      const same = expected.kind === actual.kind && expected.error === actual.error;
      return same ? null : `expected ${summary(expected)}, given ${summary(actual)}`;
    }
    const order = rowOrder(query.sql, fields);
    const judged = ({ rows }: Answer) => rows.map((row) => judgedRow(row, order));
    const [ours, theirs] = [judged(actual), judged(expected)];
    const difference = compareRows(order, theirs, ours, theirs, 0);
    const unlimited = withoutLimit(query.sql);
    if (difference === null || unlimited === null) return difference;
    const full = (await this.#askOrigin({ ...query, sql: unlimited.sql })).answer;
    return compareRows(order, theirs, ours, judged(full), unlimited.offset);
  }

  /** A big table is loaded behind the query that misses it. */
  async #untilLoaded({ sql, params }: WorkloadQuery): Promise<void> {
    const deadline = performance.now() + this.#patienceMs;
    while ((await this.#engine.explain(sql, params ?? undefined)).outcome === "miss") {
      if (performance.now() > deadline) return;
      await sleep(10);
    }
  }

  async #detail({ sql, params }: WorkloadQuery): Promise<string | null> {
    try {
      return (await this.#engine.explain(sql, params ?? undefined)).detail;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** After a statement that nobody answered: it may hold a scan worker for ever. */
  async #reopen(): Promise<void> {
    await this.#closeEngine();
    this.#pool = this.#openPool();
    this.#engine = this.#openEngine();
  }

  async #closeEngine(): Promise<void> {
    await Promise.race([this.#engine.close(), sleep(5000, undefined, { ref: false })]);
    await Promise.race([this.#pool.end(), sleep(5000, undefined, { ref: false })]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeEngine();
    await this.#bare.end();
  }
}

interface Outcome {
  readonly kind: "hit" | "miss" | "bypass";
  readonly reason: string | null;
}

type Stats = ReturnType<CachingEngine["stats"]>;

function outcomeBetween(before: Stats, after: Stats): Outcome {
  if (after.hits > before.hits) return { kind: "hit", reason: null };
  if (after.misses > before.misses) return { kind: "miss", reason: null };
  const earlier: Readonly<Record<string, number>> = before.bypassesByReason;
  const counted = Object.entries(after.bypassesByReason).find(([reason, count]) => count > (earlier[reason] ?? 0));
  return { kind: "bypass", reason: counted?.[0] ?? "uncounted" };
}

function judgedRow(row: Record<string, unknown>, order: RowOrder): JudgedRow {
  const keys = order.kind === "sorted" ? order.columns.map((column) => canonical(row[column])).join() : "";
  return { text: canonical(row), keys };
}

function summary({ kind, rows, error }: Answer): string {
  return kind === "rows" ? `${rows.length} rows` : error;
}
