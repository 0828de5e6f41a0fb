/** Engines on real servers for tests, with what reached the origin. Everything is closed when the test ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished } from "vitest";
import { CachingEngine } from "../../src/engine.ts";
import type { SqlmemError } from "../../src/errors.ts";
import type { EngineOptions } from "../../src/options.ts";
import type { EngineStats } from "../../src/stats.ts";
import { type CountingProxy, startCountingProxy } from "./counting-proxy.ts";
import { type EmbeddedPostgres, ownServer, startEmbeddedPostgres } from "./embedded-postgres.ts";
import {
  createDatabase,
  newestServer,
  servers,
  type TestCollation,
  type TestDatabase,
  type TestServer,
} from "./postgres.ts";

/** The database of one describe block, made before its first test and dropped after its last. */
export interface SharedDatabase {
  readonly name: string;
  readonly url: string;
  readonly server: TestServer;
  /** Bare `pg`, past the engine and its proxy. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

/** A describe block for each server, with a database of its own. Its tests use tables of their own. */
export function describeOnServers(
  title: string,
  define: (database: SharedDatabase) => void,
  options: {
    readonly collation?: TestCollation;
    readonly setup?: readonly string[];
    /** One server is enough: what is tested does not depend on it. */
    readonly newestOnly?: boolean;
  } = {},
): void {
  const chosen = options.newestOnly === true ? [newestServer()] : servers();
  describe.each(chosen.map((server) => ({ name: server.name, server })))(`${title} ($name)`, ({ server }) => {
    define(sharedDatabase(() => createDatabase(server, options)));
  });
}

/**
 * A describe block with a server that it has to itself, for what every other test of the server would feel: it fails,
 * nobody gets a slot while a transaction is open, DROP DATABASE waits for each process.
 */
export function describeOnOwnServer(
  title: string,
  options: { readonly settings?: Readonly<Record<string, string>>; readonly setup?: readonly string[] },
  define: (database: SharedDatabase, server: Pick<EmbeddedPostgres, "shutDown" | "startAgain">) => void,
): void {
  describe(title, () => {
    let started: EmbeddedPostgres | undefined;
    const server = (): EmbeddedPostgres => made(started);
    beforeAll(async () => {
      started = await startEmbeddedPostgres(options.settings);
    });
    // Hooks of the end run in reverse: the server stops once its database is dropped.
    afterAll(async () => {
      await started?.stop();
    });
    define(
      sharedDatabase(() => createDatabase(ownServer(server()), options)),
      { shutDown: (how) => server().shutDown(how), startAgain: () => server().startAgain() },
    );
  });
}

/** Of the block that is being described. */
function sharedDatabase(create: () => Promise<TestDatabase>): SharedDatabase {
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await create();
  });
  afterAll(async () => {
    await database?.drop();
  });
  return {
    get name() {
      return made(database).name;
    },
    get url() {
      return made(database).url;
    },
    get server() {
      return made(database).server;
    },
    query: (sql, params) => made(database).query(sql, params),
  };
}

function made<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error("it is not there yet: use it inside of a test");
  return thing;
}

export interface EngineSetup extends EngineOptions {
  /** Options of the pool beside its URL. */
  readonly pool?: pg.PoolConfig;
}

/** An engine behind a counting proxy, and the same driver without an engine. */
export interface OpenedEngine {
  readonly engine: CachingEngine;
  /** The engine's. Behind the proxy. */
  readonly pool: pg.Pool;
  readonly proxy: CountingProxy;
  /** What `onError` was called with. */
  readonly faults: readonly SqlmemError[];
  /** The same statement by a pool of the same options without engine and proxy. */
  bare(sql: string, params?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Ends everything; done when the test ends, too. */
  close(): Promise<void>;
}

/** Without snapshot file and `.env` unless told. */
export async function openEngine(
  database: Pick<SharedDatabase, "url">,
  { pool: poolOptions = {}, ...options }: EngineSetup = {},
): Promise<OpenedEngine> {
  const proxy = await startCountingProxy(database.url);
  const pool = new pg.Pool({ connectionString: proxy.url, ...poolOptions });
  const barePool = new pg.Pool({ connectionString: database.url, ...poolOptions });
  for (const each of [pool, barePool]) each.on("error", () => {});
  const faults: SqlmemError[] = [];
  const engine = new CachingEngine(pool, {
    cacheDb: false,
    envFile: false,
    onError: (error) => faults.push(error),
    ...options,
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      proxy.resume();
      await engine.close();
      for (const each of [pool, barePool]) if (!each.ending) await each.end();
      await proxy.close();
    })();
    return closed;
  };
  onTestFinished(close);
  return {
    engine,
    pool,
    proxy,
    faults,
    bare: async (sql, params) => (await barePool.query(sql, params === undefined ? undefined : [...params])).rows,
    close,
  };
}

/** The COPY statements that reached the origin, without those of dictionaries. */
export function copies({ proxy }: Pick<OpenedEngine, "proxy">): readonly string[] {
  return proxy.statements.filter((sql) => sql.startsWith("COPY (") && !sql.startsWith("COPY (SELECT DISTINCT "));
}

type Counts = Pick<EngineStats, "hits" | "misses" | "bypasses" | "loads">;

/** What the action added to the counters. */
export async function counted(engine: CachingEngine, action: () => Promise<unknown>): Promise<Counts> {
  const before = engine.stats();
  await action();
  const after = engine.stats();
  return {
    hits: after.hits - before.hits,
    misses: after.misses - before.misses,
    bypasses: after.bypasses - before.bypasses,
    loads: after.loads - before.loads,
  };
}

/** Answers of the origin so far because the cache was not known to be fresh. */
export function notFresh(engine: CachingEngine): number {
  return engine.stats().bypassesByReason["not-fresh"] ?? 0;
}

export const HIT: Counts = { hits: 1, misses: 0, bypasses: 0, loads: 0 };
export const MISS: Counts = { hits: 0, misses: 1, bypasses: 0, loads: 1 };
export const BYPASS: Counts = { hits: 0, misses: 0, bypasses: 1, loads: 0 };

/** The error of a promise that has to reject. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("it did not reject");
}

/** What of an origin's error a program can depend on. */
export function errorFields(error: Error): Record<string, unknown> {
  const { message, name } = error;
  const fields = ["severity", "code", "detail", "hint", "position", "schema", "table", "column", "constraint"] as const;
  return { name, message, ...Object.fromEntries(fields.map((field) => [field, Reflect.get(error, field)])) };
}

/** Both reject with the same error of the origin. */
export async function expectSameError(actual: Promise<unknown>, expected: Promise<unknown>): Promise<void> {
  const [ours, theirs] = await Promise.all([rejection(actual), rejection(expected)]);
  expect(errorFields(ours)).toEqual(errorFields(theirs));
}

/** Resolves when the condition holds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Caches the tables, writes through the engine, and expects each to be as the origin has it, at once. */
export async function expectSeen(
  { engine, bare }: OpenedEngine,
  write: string,
  tables: readonly string[],
  params?: readonly unknown[],
): Promise<void> {
  const queries = tables.map((table) => `SELECT id, v FROM ${table} ORDER BY id, v`);
  for (const sql of queries) await engine.execute(sql);
  const before = await Promise.all(queries.map((sql) => bare(sql)));
  await engine.execute(write, params);
  for (const [index, sql] of queries.entries()) {
    const rows = await bare(sql);
    expect({ write, sql, rows: await engine.execute(sql) }).toEqual({ write, sql, rows });
    expect({ write, sql, same: rows }).not.toEqual({ write, sql, same: before[index] });
  }
}

/** A path for a snapshot file of its own, gone after the test. */
export function temporaryFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "sqlmem-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "cache.db");
}

/** Opens an engine, asks, closes. */
export async function runOnce(
  database: Pick<SharedDatabase, "url">,
  options: EngineSetup,
  queries: readonly string[],
): Promise<OpenedEngine> {
  const opened = await openEngine(database, options);
  for (const sql of queries) await opened.engine.execute(sql);
  await opened.close();
  return opened;
}
