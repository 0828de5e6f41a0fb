import type { CachingEngine } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { COLUMNS, SMALL_ROWS } from "./dataset.ts";
import { milliseconds, type Section, times } from "./report.ts";
import { awaited, type Contender, median, runRounds } from "./rounds.ts";

const MISS = "SQLmem, miss";
const DIRECT = "pg";

/** What a query costs whose table has to be fetched first, beside the same query without a cache. */
export async function measureMisses(bench: Bench): Promise<readonly Section[]> {
  await using engine = bench.openEngine();
  return [
    await measureTable(bench, engine, "small_orders", SMALL_ROWS, 30),
    await measureTable(bench, engine, "orders", bench.rows, 3),
  ];
}

async function measureTable(
  bench: Bench,
  engine: CachingEngine,
  table: string,
  rows: number,
  rounds: number,
): Promise<Section> {
  const sql = `SELECT ${COLUMNS} FROM ${table} WHERE id = $1`;
  const misses: number[] = [];
  const miss: Contender = awaited(MISS, async () => {
    await engine.invalidate(table);
    const started = performance.now();
    await engine.execute(sql, [1]);
    misses.push(performance.now() - started);
  });
  const direct = awaited(DIRECT, async () => (await bench.pool.query(sql, [1])).rows);
  const measured = await runRounds([miss, direct], { turnMs: 1, rounds: Math.ceil(rounds * bench.effort) });
  const directMs = measured.milliseconds(DIRECT);
  const missMs = median(misses);
  return {
    title: `Miss: one row by its primary key of a table of ${rows.toLocaleString("en-US")} rows`,
    measurements: [
      { name: DIRECT, quantities: { time: milliseconds(directMs), "of pg": times(1) } },
      { name: MISS, quantities: { time: milliseconds(missMs), "of pg": times(missMs / directMs) } },
    ],
    notes: ["A miss fetches the columns of the whole table, once; every later query over them is a hit."],
  };
}
