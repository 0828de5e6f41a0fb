import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { CachingEngine, type EngineOptions } from "../src/index.ts";
import { createDatabase, type RunningServers, startServers, type TestDatabase } from "../test/support/postgres.ts";
import { createPlainTable, fillOrigin, type PlainTable } from "./dataset.ts";
import { openResultCache, type ResultCache } from "./result-cache.ts";

/** What the parts of the bench share. */
export interface Bench {
  readonly rows: number;
  /** 1 for a full run; a smaller part of the rounds in a quick one. */
  readonly effort: number;
  /** For files; removed at the end. */
  readonly directory: string;
  /** With the tables `orders` and `small_orders`. */
  readonly database: TestDatabase;
  readonly pool: pg.Pool;
  /** Bare SQLite with the same `orders`; made when it is first asked for. */
  readonly plain: () => PlainTable;
  /** `null` without a Redis. */
  readonly redis: ResultCache | null;
  /** An engine on the origin, without snapshot file unless told; the caller closes it. */
  readonly openEngine: (options?: EngineOptions) => CachingEngine;
}

export interface RunningBench extends AsyncDisposable {
  readonly bench: Bench;
  /** True after Ctrl-C: everything is being given back, so whatever still runs fails. */
  readonly interrupted: () => boolean;
}

/** Finds a Postgres, else starts the embedded one, and fills a database of its own there. */
export async function startBench(rows: number, effort: number): Promise<RunningBench> {
  const stack = new AsyncDisposableStack();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= stack.disposeAsync();
    return stopping;
  };
  let interrupted = false;
  process.once("SIGINT", () => {
    interrupted = true;
    void stop().finally(() => process.exit(130));
  });
  try {
    const directory = mkdtempSync(join(tmpdir(), "sqlmem-bench-"));
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
    const running = stack.use(await anyServer());
    const [server] = running.servers;
    if (server === undefined) throw new Error("no PostgreSQL to measure with");
    const collation = server.collations.includes("en_US") ? "en_US" : "C";
    const database = stack.use(await createDatabase(server, { collation }));
    await fillOrigin(database, rows);
    const pool = new pg.Pool({ connectionString: database.url });
    stack.defer(() => pool.end());
    const redis = await openResultCache();
    if (redis !== null) stack.use(redis);
    let plain: PlainTable | undefined;
    const bench: Bench = {
      rows,
      effort,
      directory,
      database,
      pool,
      plain: () => {
        plain ??= stack.use(createPlainTable(rows));
        return plain;
      },
      redis,
      openEngine: (options = {}) => new CachingEngine(pool, { cacheDb: false, envFile: false, ...options }),
    };
    return { bench, interrupted: () => interrupted, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function anyServer(): Promise<RunningServers> {
  const environment = { ...process.env, CI: "false" };
  try {
    return await startServers({ ...environment, SQLMEM_TEST_SERVERS: "postgres" });
  } catch {
    return await startServers({ ...environment, SQLMEM_TEST_SERVERS: "embedded" });
  }
}
