import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { CachingEngine } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { COLUMNS, customersOf, randomNumbers, SMALL_ROWS } from "./dataset.ts";
import { atLeast, atMost, milliseconds, type Section, times } from "./report.ts";
import { awaited, type Contender, median, runRounds } from "./rounds.ts";

const POOL = "attached pool";
const CLIENT = "attached client";
const EXECUTE = "engine.execute";
const DIRECT = "pg";
const NARROW = "id, customer_id, email, status";

/** What an attached pool costs and saves, beside the same pool without: a hit, a statement that bypasses, a miss. */
export async function measureAttached(bench: Bench): Promise<readonly Section[]> {
  await using engine = bench.openEngine();
  const pool = engine.attach(new pg.Pool({ connectionString: bench.database.url }));
  try {
    return [
      await measureHit(bench, engine, pool, {
        title: "one row by its primary key, 4 columns",
        sql: `SELECT ${NARROW} FROM orders WHERE id = $1`,
        params: randomNumbers(10_000, bench.rows).map((id) => [id]),
        wanted: 15,
      }),
      await measureHit(bench, engine, pool, {
        title: "100 rows by an indexed foreign key, 6 columns",
        sql: `SELECT ${COLUMNS} FROM orders WHERE customer_id = $1`,
        params: randomNumbers(1000, customersOf(bench.rows), 3).map((customer) => [customer]),
        wanted: null,
      }),
      await measureBypass(bench, engine, pool),
      await measureMiss(bench, engine, pool),
    ];
  } finally {
    await pool.end();
  }
}

interface Hit {
  readonly title: string;
  readonly sql: string;
  readonly params: readonly (readonly number[])[];
  /** So many times as fast as the bare pool; `null`: not promised. */
  readonly wanted: number | null;
}

async function measureHit(bench: Bench, engine: CachingEngine, pool: pg.Pool, hit: Hit): Promise<Section> {
  const { sql } = hit;
  const paramsOf = (index: number): number[] => [...(hit.params[index % hit.params.length] ?? [])];
  const client = await pool.connect();
  try {
    for (const target of [pool, client]) await untilHit(engine, () => target.query(sql, paramsOf(0)));
    while (engine.stats().tables.some(({ indexes }) => sql.includes("customer_id =") && indexes.length === 0)) {
      await sleep(10);
      await pool.query(sql, paramsOf(0));
    }
    assert.deepEqual((await pool.query(sql, paramsOf(1))).fields, (await bench.pool.query(sql, paramsOf(1))).fields);
    const rounds = await runRounds(
      [
        awaited(POOL, (index) => pool.query(sql, paramsOf(index))),
        awaited(CLIENT, (index) => client.query(sql, paramsOf(index))),
        awaited(EXECUTE, (index) => engine.execute(sql, paramsOf(index))),
        awaited(DIRECT, (index) => bench.pool.query(sql, paramsOf(index))),
      ],
      { turnMs: 12 * bench.effort, rounds: Math.ceil(41 * bench.effort) },
    );
    const faster = rounds.ratio(DIRECT, POOL);
    return {
      title: `Attached, hit: ${hit.title}`,
      measurements: rounds.names.map((name) => ({
        name,
        quantities: {
          "per call": milliseconds(rounds.milliseconds(name)),
          "pg takes": times(rounds.ratio(DIRECT, name)),
          "of execute": times(rounds.ratio(name, EXECUTE)),
        },
      })),
      targets:
        hit.wanted === null ? [] : [atLeast("attached primary-key hit against pg", faster, hit.wanted, "× faster")],
    };
  } finally {
    client.release();
  }
}

/**
 * A statement that has nothing to do with the cache: what it costs more is what looking at it costs. One pool is both,
 * attached and left alone in turns: a round trip takes 25 or 75 µs by which cores client and backend are on.
 */
async function measureBypass(bench: Bench, engine: CachingEngine, pool: pg.Pool): Promise<Section> {
  const statements = [
    ["a read", "SELECT 1 AS one", []],
    ["a write", "UPDATE small_orders SET status = $1 WHERE id = $2", ["none", 0]],
  ] as const;
  const sections = [];
  for (const [name, sql, params] of statements) {
    const { batch } = awaited(POOL, () => pool.query(sql, [...params]));
    const once = (name: string, change: () => unknown): Contender => ({
      name,
      batch: (from, calls) => {
        change();
        return batch(from, calls);
      },
    });
    const rounds = await runRounds([once(POOL, () => engine.attach(pool)), once(DIRECT, () => engine.detach(pool))], {
      turnMs: 20 * bench.effort,
      rounds: Math.ceil(61 * bench.effort),
    });
    engine.attach(pool);
    const more = rounds.milliseconds(DIRECT) * (rounds.ratio(POOL, DIRECT) - 1);
    sections.push({ name, rounds, more });
  }
  return {
    title: "Attached, bypass: statements that the cache does not answer",
    measurements: sections.flatMap(({ name, rounds, more }) => [
      { name: `${name}, ${DIRECT}`, quantities: { "per call": milliseconds(rounds.milliseconds(DIRECT)) } },
      {
        name: `${name}, ${POOL}`,
        quantities: { "per call": milliseconds(rounds.milliseconds(POOL)), more: milliseconds(more) },
      },
    ]),
    targets: sections.map(({ name, more }) => atMost(`${name} that bypasses costs more`, more * 1000, 20, "µs")),
  };
}

const HITS = 500;
const SHAPES = [
  ["one row", `SELECT ${COLUMNS} FROM small_orders WHERE id = $1`, [7]],
  ["10 rows in order", `SELECT ${COLUMNS} FROM small_orders ORDER BY placed_at DESC LIMIT 10`, []],
  ["a count", "SELECT status, count(*) FROM small_orders GROUP BY status", []],
] as const;

/**
 * A miss: the table has just been written. The pool is asked after the same pause, attached and left alone in turns, and
 * waits until the load is done: its work is not what the caller of the miss sees.
 */
async function measureMiss(bench: Bench, engine: CachingEngine, pool: pg.Pool): Promise<Section> {
  const rounds = Math.ceil(150 * bench.effort);
  const measurements = [];
  const ratios: number[] = [];
  const breakEvens: number[] = [];
  for (const [name, sql, params] of SHAPES) {
    const values: unknown[] = [...params];
    await untilHit(engine, () => pool.query(sql, values));
    const [missed, direct, hit]: number[][] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const miss = async (): Promise<void> => {
        // Its sessions are asked what they are like once they are attached.
        await untilHit(engine, () => pool.query(sql, values));
        await pool.query("UPDATE small_orders SET status = status WHERE id = 1");
        await sleep(20);
        missed?.push(await timed(() => pool.query(sql, values)));
        await untilHit(engine, () => pool.query(sql, values));
        // A table whose loads do not pay off is left alone.
        for (let time = 0; time < HITS; time++) await pool.query(sql, values);
        hit?.push(await timed(() => pool.query(sql, values)));
      };
      // The first to read a page that was written to tidies it up: both are.
      const alone = async (): Promise<void> => {
        engine.detach(pool);
        await pool.query("UPDATE small_orders SET status = status WHERE id = 1");
        await sleep(20);
        direct?.push(await timed(() => pool.query(sql, values)));
        engine.attach(pool);
      };
      for (const turn of round % 2 === 0 ? [miss, alone] : [alone, miss]) await turn();
    }
    const [missMs, directMs, hitMs] = [missed, direct, hit].map((all) => median(all ?? [])) as [number, number, number];
    const ratio = missMs / directMs;
    const breakEven = Math.max(0, (missMs - directMs) / (missMs - hitMs));
    ratios.push(ratio);
    breakEvens.push(breakEven);
    measurements.push({
      name,
      quantities: {
        [DIRECT]: milliseconds(directMs),
        miss: milliseconds(missMs),
        "of pg": times(ratio),
        hit: milliseconds(hitMs),
        "break-even hit ratio": times(breakEven),
      },
    });
  }
  return {
    title: `Attached, miss: a table of ${SMALL_ROWS.toLocaleString("en-US")} rows that was written just now`,
    measurements,
    notes: [
      "Break-even: the share of hits, (miss − direct) / (miss − hit), from which a shape is faster with the cache than without.",
    ],
    targets: [
      atMost("attached miss", median(ratios), 1.05, "× pg"),
      atMost("break-even hit ratio", median(breakEvens) * 100, 5, "%"),
    ],
  };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

async function untilHit(engine: CachingEngine, ask: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const { hits } = engine.stats();
    await ask();
    if (engine.stats().hits > hits) return;
    await sleep(2);
  }
}
