/** Engines that are attached to live pools and clients, for tests. */
import pg from "pg";
import { expect, onTestFinished } from "vitest";
import type { CachingEngine } from "../../src/engine.ts";
import type { EngineStats } from "../../src/stats.ts";
import { type EngineSetup, type OpenedEngine, openEngine, type SharedDatabase, until } from "./engine.ts";

export interface AttachedPool extends OpenedEngine {
  /** Same options, without engine and proxy. */
  readonly barePool: pg.Pool;
}

type Queryable = Pick<pg.Pool, "query">;
type Query = string | pg.QueryConfig;

/** An engine that is attached to its own pool. */
export async function openAttached(
  database: Pick<SharedDatabase, "url">,
  setup: EngineSetup = {},
): Promise<AttachedPool> {
  const opened = await openEngine(database, setup);
  const barePool = new pg.Pool({ connectionString: database.url, ...setup.pool });
  barePool.on("error", () => {});
  onTestFinished(() => barePool.end());
  expect(opened.engine.attach(opened.pool)).toBe(opened.pool);
  return { ...opened, barePool };
}

/** A client of its own, connected, not attached. */
export async function connectClient(
  database: Pick<SharedDatabase, "url">,
  options: pg.ClientConfig = {},
): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, ...options });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

type Counts = Pick<EngineStats, "hits" | "misses" | "bypasses">;

/** What the action added to the counters. */
export async function countedBy(engine: CachingEngine, action: () => Promise<unknown>): Promise<Counts> {
  const before = engine.stats();
  await action();
  const after = engine.stats();
  return {
    hits: after.hits - before.hits,
    misses: after.misses - before.misses,
    bypasses: after.bypasses - before.bypasses,
  };
}

export const ATTACHED_HIT: Counts = { hits: 1, misses: 0, bypasses: 0 };

export async function isHit(engine: CachingEngine, action: () => Promise<unknown>): Promise<boolean> {
  return (await countedBy(engine, action)).hits === 1;
}

/** Asks again until the answer comes from the cache. */
export async function warm(
  engine: CachingEngine,
  target: Queryable,
  query: Query,
  values?: readonly unknown[],
): Promise<void> {
  await until(`a hit for ${typeof query === "string" ? query : query.text}`, () =>
    isHit(engine, () => ask(target, query, values)),
  );
}

export function ask(target: Queryable, query: Query, values?: readonly unknown[]): Promise<pg.QueryResult> {
  return values === undefined ? target.query(query) : target.query(query, [...values]);
}
