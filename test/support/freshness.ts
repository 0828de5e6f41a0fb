/** Engines that follow changes, observed while the origin fails: what they promise is asked for all the while. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, onTestFinished } from "vitest";
import { CachingEngine } from "../../src/engine.ts";
import type { SqlmemError } from "../../src/errors.ts";
import { isHit } from "./attach.ts";
import { type EngineSetup, until } from "./engine.ts";
import { type FaultyNetwork, startFaultyNetwork } from "./faulty-network.ts";

/** What others see at most so much late. */
export const MAX_LAG_MS = 300;
/** A read ends, one way or the other, within this time: the limits of the driver that the tests set, and room for the machine. */
const BOUND_MS = 12_000;

/** What is observed: 1 and 3 are written together, by others; 2 by the engine. */
export const WATCHED = [
  "CREATE TABLE watched (id int PRIMARY KEY, v int NOT NULL)",
  "INSERT INTO watched VALUES (1, 0), (2, 0), (3, 0)",
];
const THEIRS = "SELECT id, v FROM watched WHERE id <> 2 ORDER BY id";
const OURS = "SELECT v FROM watched WHERE id = 2";
const READS = [THEIRS, OURS];

type Rows = readonly Record<string, unknown>[];
type Ask = (sql: string, params?: readonly unknown[]) => Promise<Rows>;

interface Database {
  readonly url: string;
}

export interface Followed {
  readonly engine: CachingEngine;
  /** The engine's, and so behind the network. */
  readonly pool: pg.Pool;
  readonly network: FaultyNetwork;
  /** What `onError` was called with. */
  readonly faults: readonly SqlmemError[];
  /** Its sessions have this name, in `pg_stat_activity`. */
  readonly name: string;
  /** Past engine and network. */
  readonly bare: Ask;
  /** The process of the walsender. */
  walsender(): Promise<number>;
  /** Stops that process. The answer has it go on, and is called when the test ends, too. */
  freezeWalsender(): Promise<() => void>;
  /** Asks until there are hits for all of these. */
  warm(reads?: readonly string[]): Promise<void>;
  /** The answers to these are the database's, while nobody writes. */
  expectRight(reads?: readonly string[]): Promise<void>;
  /** Asks the cache and a bare connection until it is stopped. */
  observe(options?: ObserverOptions): Observer;
  /** After a fault, while nobody writes: it serves again, the right rows, and says so. */
  recovered(reads?: readonly string[]): Promise<void>;
  /** Ends the engine, and expects the origin to be as it was. */
  close(): Promise<void>;
}

/** An engine of level `session`; its pool has limits, so that a dead network gives an error at last. */
export async function follow(
  database: Database,
  { pool: poolOptions, ...options }: EngineSetup = {},
): Promise<Followed> {
  const network = await startFaultyNetwork(database.url);
  const name = `faults_${randomBytes(6).toString("hex")}`;
  const pool = new pg.Pool({
    connectionString: network.url,
    application_name: name,
    connectionTimeoutMillis: 2000,
    ...poolOptions,
  });
  const barePool = new pg.Pool({ connectionString: database.url, max: 3 });
  for (const each of [pool, barePool]) {
    each.on("error", () => {});
    each.on("connect", (client) => client.on("error", () => {}));
  }
  const bare: Ask = async (sql, params) => (await barePool.query(sql, params === undefined ? [] : [...params])).rows;
  const faults: SqlmemError[] = [];
  const engine = new CachingEngine(pool, {
    mode: "transparent",
    freshness: "session",
    maxLagMs: MAX_LAG_MS,
    cacheDb: false,
    envFile: false,
    onError: (error) => faults.push(error),
    ...options,
  });
  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => {
    ended ??= (async () => {
      network.heal();
      await engine.close();
      await pool.end();
    })();
    return ended;
  };
  onTestFinished(async () => {
    await end();
    await barePool.end();
    await network.close();
  });
  const walsender = async (): Promise<number> => {
    const [row] = await bare("SELECT pid FROM pg_stat_replication WHERE application_name = $1", [name]);
    if (typeof row?.pid !== "number") throw new Error("no walsender");
    return row.pid;
  };
  const warm = async (reads: readonly string[] = READS): Promise<void> => {
    for (const sql of reads) {
      await until(`a hit: ${sql}`, () =>
        isHit(engine, () => engine.execute(sql)).catch((error: unknown) => {
          if (engine.stats().freshness.state === "live") throw error;
          return false;
        }),
      );
    }
  };
  const expectRight = async (reads: readonly string[] = READS): Promise<void> => {
    const after = await engine.token();
    for (const sql of reads) expect(await engine.execute(sql, [], { after }), sql).toEqual(await bare(sql));
  };
  return {
    engine,
    pool,
    network,
    faults,
    name,
    bare,
    warm,
    expectRight,
    walsender,
    async freezeWalsender() {
      const pid = await walsender();
      let frozen = false;
      const thaw = (): void => {
        if (frozen) process.kill(pid, "SIGCONT");
        frozen = false;
      };
      onTestFinished(thaw);
      // Where it sleeps it holds no lock: with one of those the whole server would stand still.
      await until("it is stopped in its sleep", async () => {
        process.kill(pid, "SIGSTOP");
        frozen = true;
        const sleeping = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event LIKE 'WalSender%'";
        const asked = bare(sleeping, [pid]).then(({ length }) => length === 1);
        const late = new Promise<boolean>((resolve) => setTimeout(resolve, 200, false));
        if (await Promise.race([asked, late])) return true;
        thaw();
        return false;
      });
      return thaw;
    },
    observe({ ask, ownWrites = true } = {}) {
      return new Observer(engine, ask ?? ((sql, params) => engine.execute(sql, params)), bare, ownWrites);
    },
    async recovered(reads = READS) {
      await until("it is live", () => engine.stats().freshness.state === "live");
      await warm(reads);
      await expectRight(reads);
      expect(engine.stats().freshness.state).toBe("live");
    },
    async close() {
      await end();
      await expectLeftClean(bare, name);
    },
  };
}

/** No slot, no publication and no session of the engine is left. Databases are shared by the tests of one file only. */
export async function expectLeftClean(bare: Ask, name: string): Promise<void> {
  let left: Rows = [];
  await until("nothing is left", async () => {
    left = await bare(
      `SELECT 'slot ' || slot_name AS what FROM pg_replication_slots WHERE database = current_database()
       UNION ALL SELECT 'publication ' || pubname FROM pg_publication WHERE pubname LIKE 'sqlmem\\_%'
       UNION ALL SELECT 'session ' || pid || ': ' || query FROM pg_stat_activity WHERE application_name = $1`,
      [name],
    );
    return left.length === 0;
  }).catch(() => {});
  expect(left).toEqual([]);
}

interface ObserverOptions {
  readonly ask?: Ask;
  /** The engine writes, too: while it does, and cannot be sure that its writes are seen, there are no hits at all. */
  readonly ownWrites?: boolean;
}

interface Commit {
  readonly value: number;
  /** When its writer had been told (`performance.now()`); it was committed before. */
  readonly at: number;
}

interface Observed {
  readonly reads: number;
  readonly hits: number;
  /** Of reads and writes. */
  readonly errors: readonly Error[];
}

/**
 * Others write, the engine writes and reads. What is asserted of each answer:
 *
 * - what the engine had been told that it has written is in it;
 * - what others had been told that is committed, `MAX_LAG_MS` before the read was sent, is in it. There is no allowance
 *   for the measurement: the time of a commit is taken after it, and that of a read before it, in one process, so that
 *   whatever the measurement adds is to the engine's advantage;
 * - nothing is in it that nobody has written, nor one half of a transaction.
 */
class Observer {
  readonly #engine: CachingEngine;
  readonly #ask: Ask;
  readonly #bare: Ask;
  readonly #commits: Commit[] = [];
  readonly #violations: string[] = [];
  readonly #errors: Error[] = [];
  readonly #loops: Promise<void>;
  #theirs = 0;
  #ours = { attempted: 0, written: 0 };
  #reads = 0;
  #hits = 0;
  #over = false;

  constructor(engine: CachingEngine, ask: Ask, bare: Ask, ownWrites: boolean) {
    this.#engine = engine;
    this.#ask = ask;
    this.#bare = bare;
    this.#loops = this.#observe(ownWrites);
  }

  /** So far. */
  get observed(): Observed {
    return { reads: this.#reads, hits: this.#hits, errors: this.#errors };
  }

  async #observe(ownWrites: boolean): Promise<void> {
    const [their] = await this.#bare("SELECT max(v) AS v FROM watched WHERE id <> 2");
    const [our] = await this.#bare(OURS);
    this.#theirs = Number(their?.v);
    await this.#writeTheirs();
    this.#ours = { attempted: Number(our?.v), written: Number(our?.v) };
    await Promise.all([
      this.#repeat(() => this.#writeTheirs()),
      this.#repeat(() => this.#readTheirs()),
      ownWrites ? this.#repeat(() => this.#writeOurs()) : null,
    ]);
  }

  async #repeat(step: () => Promise<void>): Promise<void> {
    while (!this.#over) {
      const startedAt = performance.now();
      await step().catch((error: Error) => this.#errors.push(error));
      const milliseconds = performance.now() - startedAt;
      if (milliseconds > BOUND_MS) this.#violations.push(`a step took ${milliseconds} ms`);
      // Two cores are the server's, too; and the event loop is not the test's alone.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async #writeTheirs(): Promise<void> {
    const value = ++this.#theirs;
    await this.#bare("UPDATE watched SET v = $1 WHERE id <> 2", [value]);
    this.#commits.push({ value, at: performance.now() });
  }

  async #readTheirs(): Promise<void> {
    const sentAt = performance.now();
    const { hits } = this.#engine.stats();
    const rows = await this.#ask(THEIRS);
    const isHit = this.#engine.stats().hits > hits;
    this.#reads += 1;
    if (isHit) this.#hits += 1;
    const least = this.#commits.findLast(({ at }) => at <= sentAt - MAX_LAG_MS)?.value ?? null;
    // What was there before the observer's first write says nothing.
    if (least === null) return;
    const values = rows.map(({ v }) => Number(v));
    const [first = -1, second] = values;
    if (first < least || first > this.#theirs || first !== second) {
      const lag = this.#engine.stats().freshness.lagMs;
      this.#violations.push(
        `${isHit ? "hit" : "read"} of ${values}, at least ${least}, last ${this.#theirs}, lag ${lag}`,
      );
    }
  }

  async #writeOurs(): Promise<void> {
    const ours = this.#ours;
    ours.attempted += 1;
    const value = ours.attempted;
    try {
      await this.#ask("UPDATE watched SET v = $1 WHERE id = 2", [value]);
      ours.written = value;
    } catch (error) {
      // Whether it was committed nobody knows; the reads go on.
      this.#errors.push(error instanceof Error ? error : new Error(String(error)));
    }
    const { written } = ours;
    const [row] = await this.#ask(OURS);
    const seen = Number(row?.v);
    if (seen < written || seen > ours.attempted) {
      this.#violations.push(`own write of ${written} (tried ${ours.attempted}), read ${seen}`);
    }
  }

  /** Goes on until so many more reads have been answered. */
  async reads(count: number): Promise<void> {
    const wanted = this.#reads + count;
    await until(`${count} more reads`, () => this.#reads >= wanted || this.#violations.length > 0);
  }

  /** Goes on for so many hits more. */
  async hits(count: number, withinMs = 15_000): Promise<void> {
    const wanted = this.#hits + count;
    await until(`${count} more hits`, () => this.#hits >= wanted || this.#violations.length > 0, withinMs);
  }

  /** Ends it, and asserts what it has seen. */
  async stop(): Promise<Observed> {
    this.#over = true;
    await this.#loops;
    expect(this.#violations).toEqual([]);
    return this.observed;
  }
}
