import pg from "pg";
import { CachingEngine, type EngineOptions } from "../../src/index.ts";
import type { Random } from "../oracle/random.ts";
import { type CountingProxy, startCountingProxy } from "../support/counting-proxy.ts";

type Row = Readonly<Record<string, unknown>>;

export type Sabotage = "none" | "stale" | "torn";

/** Options of one read: those of `execute`. */
export interface Ask {
  readonly freshness?: "strict";
  readonly maxAgeMs?: number;
  readonly after?: string;
}

const APPLICATION = "sqlmem consistency";

/** One engine with an attached pool, behind a proxy of its own, as one process of an application has it. */
export class Subject {
  readonly name: string;
  readonly proxy: CountingProxy;
  readonly maxLagMs: number;
  readonly level: "session" | "strict";
  readonly #sabotage: Sabotage;
  /** Answers of an hour ago, as it were. */
  readonly #copies = new Map<string, { readonly at: number; readonly rows: readonly Row[] }>();
  #engine: CachingEngine;
  #pool: pg.Pool;
  #attached: pg.Pool;
  /** Of engines that were replaced. */
  #hits = 0;
  #losses = 0;

  private constructor(name: string, proxy: CountingProxy, options: SubjectOptions) {
    this.name = name;
    this.proxy = proxy;
    this.maxLagMs = options.maxLagMs;
    this.level = options.level;
    this.#sabotage = options.sabotage;
    [this.#engine, this.#pool, this.#attached] = this.#make();
  }

  static async open(name: string, url: string, options: SubjectOptions): Promise<Subject> {
    const subject = new Subject(name, await startCountingProxy(url), options);
    await subject.#engine.ready();
    return subject;
  }

  #make(): [CachingEngine, pg.Pool, pg.Pool] {
    const config: pg.PoolConfig = {
      connectionString: this.proxy.url,
      application_name: APPLICATION,
      query_timeout: 5000,
      connectionTimeoutMillis: 5000,
      max: 6,
    };
    const [pool, attached] = [new pg.Pool(config), new pg.Pool(config)];
    for (const each of [pool, attached]) {
      each.on("error", () => {});
      each.on("connect", (client) => client.on("error", () => {}));
    }
    const options: EngineOptions = {
      mode: "transparent",
      freshness: this.level,
      maxLagMs: this.maxLagMs,
      cacheDb: false,
      envFile: false,
    };
    const engine = new CachingEngine(pool, options);
    engine.attach(attached);
    return [engine, pool, attached];
  }

  get engine(): CachingEngine {
    return this.#engine;
  }

  /** Attached: for transactions, and for reads by the driver. */
  get pool(): pg.Pool {
    return this.#attached;
  }

  get hits(): number {
    return this.#hits + this.#engine.stats().hits;
  }

  get losses(): number {
    return this.#losses + this.#engine.stats().freshness.losses;
  }

  /** Another engine in its place: what a new process is. */
  async renew(): Promise<void> {
    const [engine, pool, attached] = [this.#engine, this.#pool, this.#attached];
    const { hits, freshness } = engine.stats();
    [this.#engine, this.#pool, this.#attached] = this.#make();
    this.#hits += hits;
    this.#losses += freshness.losses;
    await engine.close();
    await Promise.all([pool.end(), attached.end()]);
  }

  async read(
    by: "execute" | "pool",
    sql: string,
    params: readonly unknown[],
    ask: Ask,
    random: Random,
  ): Promise<readonly Row[]> {
    const key = JSON.stringify([sql, params]);
    const copy = this.#copies.get(key);
    if (this.#sabotage !== "none" && copy !== undefined && copy.at + 3 * this.maxLagMs < performance.now()) {
      this.#copies.delete(key);
      if (this.#sabotage === "stale" && random.chance(0.3)) return copy.rows;
      if (this.#sabotage === "torn") return torn(copy.rows, await this.#ask(by, sql, params, ask));
    }
    const rows = await this.#ask(by, sql, params, ask);
    if (this.#sabotage !== "none" && !this.#copies.has(key)) this.#copies.set(key, { at: performance.now(), rows });
    return rows;
  }

  async #ask(by: "execute" | "pool", sql: string, params: readonly unknown[], ask: Ask): Promise<readonly Row[]> {
    if (by === "execute") return await this.#engine.execute<Row>(sql, params, ask);
    return (await this.#attached.query<Record<string, unknown>>(sql, [...params])).rows;
  }

  async close(): Promise<void> {
    this.proxy.resume();
    await this.#engine.close();
    await Promise.all([this.#pool.end(), this.#attached.end()]);
    await this.proxy.close();
  }
}

export interface SubjectOptions {
  readonly level: "session" | "strict";
  readonly maxLagMs: number;
  readonly sabotage: Sabotage;
}

/** The first column of each row from one answer, the others from a later one. */
function torn(old: readonly Row[], rows: readonly Row[]): readonly Row[] {
  return rows.map((row, index) => {
    const [first] = Object.keys(row);
    return first === undefined || first === "id" ? row : { ...row, [first]: old[index]?.[first] };
  });
}
