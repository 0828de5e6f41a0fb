import type pg from "pg";
import { CachingEngine } from "../src/index.ts";

export interface Latency {
  readonly name: string;
  /** Milliseconds: medians of `direct` and `hit`, the one time of `miss`. */
  readonly direct: number;
  readonly miss: number;
  readonly hit: number;
}

const QUERIES: readonly (readonly [name: string, sql: string, params: (run: number) => unknown[]])[] = [
  ["one row by its key", "SELECT id, status, total FROM orders WHERE id = $1", (run) => [1 + ((run * 7919) % 200_000)]],
  [
    "100 rows",
    "SELECT id, status, total, placed_at FROM orders WHERE id >= $1 ORDER BY id LIMIT 100",
    (run) => [1 + ((run * 104_729) % 199_000)],
  ],
  [
    "a customer's orders, summed",
    "SELECT count(*) AS orders, sum(total) AS total FROM orders WHERE customer_id = $1",
    (run) => [1 + ((run * 7919) % 20_000)],
  ],
  [
    "all 200,000 orders, grouped",
    "SELECT status, count(*) AS orders, sum(items) AS items FROM orders GROUP BY status",
    () => [],
  ],
];

const MILLISECONDS_EACH = 700;

/** The same queries on the same pool, with and without the cache. */
export async function latencies(pool: pg.Pool, onProgress: (fraction: number) => void): Promise<Latency[]> {
  await using engine = new CachingEngine(pool, { cacheDb: false });
  const results: Latency[] = [];
  for (const [name, sql, params] of QUERIES) {
    await engine.invalidate();
    const started = performance.now();
    await engine.execute(sql, params(0));
    const miss = performance.now() - started;
    const hit = await median((run) => engine.execute(sql, params(run)));
    const direct = await median(async (run) => (await pool.query(sql, params(run))).rows);
    results.push({ name, direct, miss, hit });
    onProgress(results.length / QUERIES.length);
  }
  return results;
}

async function median(action: (run: number) => Promise<unknown>): Promise<number> {
  for (let run = 0; run < 20; run++) await action(run);
  const times: number[] = [];
  const end = performance.now() + MILLISECONDS_EACH;
  for (let run = 0; performance.now() < end || run < 3; run++) {
    const started = performance.now();
    await action(run);
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}
