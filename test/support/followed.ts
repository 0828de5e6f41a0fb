/** Engines that follow changes, for tests: what they answer is compared with the origin, and what they leave behind. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, onTestFinished } from "vitest";
import { CachingEngine } from "../../src/engine.ts";
import { isHit } from "./attach.ts";
import { expectCleanOrigin } from "./clean-origin.ts";
import { type EngineSetup, type OpenedEngine, openEngine, type SharedDatabase, until } from "./engine.ts";
import { type Ask, MAX_LAG_MS, OBSERVED_READS, Observer, type ObserverOptions } from "./observer.ts";

export interface Followed extends OpenedEngine {
  /** Another pool of the program, attached to the engine, behind the same proxy. */
  readonly attached: pg.Pool;
  /** The sessions of engine and pools have this name, in `pg_stat_activity`. */
  readonly name: string;
  /** Asks until the cache answers each of these; what observers ask for unless told, as below. */
  warm(...queries: readonly string[]): Promise<void>;
  /** The answers to these are the origin's, wherever they come from. */
  expectRight(...queries: readonly string[]): Promise<void>;
  /** Asks until the cache answers each of these, with everything that is committed now, and expects what the origin says. */
  expectSame(...queries: readonly string[]): Promise<void>;
  /** The same, and nothing was fetched for it. */
  expectInPlace(...queries: readonly string[]): Promise<void>;
  /** No answer of the cache is wrong that is asked for from `maxLagMs` after this call on, until the cache answers again. */
  expectRightSoon(...queries: readonly string[]): Promise<void>;
  /** After a fault, while nobody writes: it follows again and answers, the right rows, by either way, and says so. */
  expectRecovered(...queries: readonly string[]): Promise<void>;
  /** The process of the walsender. */
  walsender(): Promise<number>;
  /** Stops that process. The answer has it go on, and is called when the test ends, too. */
  freezeWalsender(): Promise<() => void>;
  /** Asks and writes until it is stopped, by the engine and the attached pool unless told. */
  observe(options?: ObserverOptions): Observer;
  /** Closes the engine; nothing may be left on the server. */
  leave(): Promise<void>;
}

export interface FollowedSetup extends EngineSetup {
  readonly maxLagMs?: number;
}

/** Transparent, of level `session`. Its pools have a limit to connect, so that a dead network gives an error at last. */
export async function openFollowed(
  database: Pick<SharedDatabase, "url">,
  { pool: poolOptions, maxLagMs = MAX_LAG_MS, ...options }: FollowedSetup = {},
): Promise<Followed> {
  const name = `followed_${randomBytes(6).toString("hex")}`;
  const pool: pg.PoolConfig = { connectionTimeoutMillis: 2000, ...poolOptions };
  const opened = await openEngine(database, {
    mode: "transparent",
    freshness: "session",
    maxLagMs,
    pool: { ...pool, application_name: name },
    ...options,
  });
  const { engine, proxy, bare } = opened;
  const attached = engine.attach(new pg.Pool({ ...pool, connectionString: proxy.url, application_name: name }));
  attached.on("error", () => {});
  let observed: readonly string[] = OBSERVED_READS;
  let ended: Promise<void> | undefined;
  const close = (): Promise<void> => {
    ended ??= (async () => {
      proxy.resume();
      await engine.close();
      await attached.end();
      await opened.close();
    })();
    return ended;
  };
  onTestFinished(close);

  const expectSame = async (...queries: readonly string[]): Promise<void> => {
    const after = await engine.token();
    for (const sql of queries) {
      let ours: unknown;
      const ask = async (): Promise<void> => {
        ours = await engine.execute(sql, [], { after });
      };
      await until(`a hit: ${sql}`, () => isHit(engine, ask), PATIENCE_MS);
      expect({ sql, rows: ours }).toEqual({ sql, rows: await bare(sql) });
    }
  };
  const walsender = async (): Promise<number> => {
    const [row] = await bare("SELECT pid FROM pg_stat_replication WHERE application_name = $1", [name]);
    if (typeof row?.pid !== "number") throw new Error("no walsender");
    return row.pid;
  };
  return {
    ...opened,
    close,
    attached,
    name,
    async warm(...queries) {
      for (const sql of queries.length > 0 ? queries : observed) {
        await until(`a hit: ${sql}`, () => isHit(engine, () => engine.execute(sql)), PATIENCE_MS);
      }
    },
    async expectRight(...queries) {
      const after = await engine.token();
      for (const sql of queries) expect(await engine.execute(sql, [], { after }), sql).toEqual(await bare(sql));
    },
    expectSame,
    async expectInPlace(...queries) {
      const { loads } = engine.stats();
      await expectSame(...queries);
      expect(engine.stats().loads).toBe(loads);
    },
    async expectRightSoon(...queries) {
      const deadline = performance.now() + maxLagMs;
      const theirs = await Promise.all(queries.map((sql) => outcomeOf(bare(sql))));
      while (performance.now() <= deadline) await new Promise((resolve) => setTimeout(resolve, 5));
      for (const [index, sql] of queries.entries()) {
        await until(`right, and settled: ${sql}`, async () => {
          const before = engine.stats();
          expect({ sql, ...(await outcomeOf(engine.execute(sql))) }).toEqual({ sql, ...theirs[index] });
          const { hits, bypassesByReason } = engine.stats();
          // What is not answered from the cache any more is settled, too, unless that is of the moment.
          const passing = before.bypassesByReason["not-fresh"] !== bypassesByReason["not-fresh"];
          return hits > before.hits || (engine.stats().bypasses > before.bypasses && !passing);
        });
      }
    },
    async expectRecovered(...queries) {
      await until("it is live", () => engine.stats().freshness.state === "live", PATIENCE_MS);
      const asked = queries.length > 0 ? queries : observed;
      await expectSame(...asked);
      for (const sql of asked) {
        let ours: unknown;
        const ask = async (): Promise<void> => {
          ours = await askOf(attached)(sql).catch(() => null);
        };
        await until(`a hit by the attached pool: ${sql}`, () => isHit(engine, ask), PATIENCE_MS);
        expect({ sql, rows: ours }).toEqual({ sql, rows: await bare(sql) });
      }
      expect(engine.stats().freshness.state).toBe("live");
    },
    walsender,
    freezeWalsender: async () => await freeze(await walsender(), bare),
    observe({ ways = [askOf(engine), askOf(attached)], ownWrites = true } = {}) {
      const observer = new Observer(engine, bare, ways, ownWrites);
      observed = observer.queries;
      return observer;
    },
    async leave() {
      await close();
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      const query: SharedDatabase["query"] = async <Row extends pg.QueryResultRow>(
        sql: string,
        params: readonly unknown[] = [],
      ) => (await client.query<Row>(sql, [...params])).rows;
      await expectCleanOrigin({ query }, name).finally(() => client.end());
    },
  };
}

/**
 * Of a hit, or of following changes again. Tables of a million rows are fetched in it; and a slot is made once all
 * transactions of the server have ended, those of other tests too.
 */
const PATIENCE_MS = 60_000;

/** Engines and pools are asked alike. */
export function askOf(target: CachingEngine | pg.Pool): Ask {
  if (target instanceof CachingEngine) return (sql, params) => target.execute(sql, params);
  return async (sql, params) => (await target.query(sql, params === undefined ? undefined : [...params])).rows;
}

/** Where it sleeps it holds no lock: with one of those the whole server would stand still. */
async function freeze(pid: number, bare: Ask): Promise<() => void> {
  let frozen = false;
  const thaw = (): void => {
    if (frozen) process.kill(pid, "SIGCONT");
    frozen = false;
  };
  onTestFinished(thaw);
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
}

async function outcomeOf(promise: Promise<unknown>): Promise<{ rows: unknown } | { error: string }> {
  return promise.then(
    (rows) => ({ rows }),
    (error: Error) => ({ error: error.message }),
  );
}
