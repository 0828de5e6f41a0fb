import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { CachingEngine } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { COLUMNS, customersOf, randomNumbers } from "./dataset.ts";
import { type PlainRow, plainContenders } from "./plain.ts";
import { atLeast, atMost, milliseconds, type Section, type Target, times } from "./report.ts";
import { awaited, type Contender, type Rounds, runRounds } from "./rounds.ts";

const ENGINE = "SQLmem";
const DIRECT = "pg";
const REDIS = "Redis GET + JSON.parse";
/** Different parameters of one statement; more than the processor's caches hold rows of. */
const VARIANTS = 10_000;

/** One statement, asked in every way. */
export interface Case {
  readonly title: string;
  readonly key: string;
  readonly columns: string;
  /** What follows the columns, for the origin and the engine. */
  readonly rest: string;
  /** The same for SQLite. */
  readonly plainRest: string;
  readonly params: readonly (readonly (number | string)[])[];
  /** What the driver makes of columns that SQLite keeps otherwise, for a floor that gives the same answer. */
  readonly decode?: Readonly<Record<string, (value: PlainRow[number]) => unknown>>;
  readonly turnMs: number;
  readonly rounds: number;
  /** Indexes that the engine builds for the statement: `table.columns`. */
  readonly indexes?: readonly string[];
  readonly targets: (rounds: Rounds, floor: string) => readonly Target[];
}

const AGGREGATE = "status, count(*) AS orders, max(id) AS last, min(customer_id) AS first";
const NARROW = "id, customer_id, email, status";
const DECODE = { placed_at: (value: PlainRow[number]) => new Date(Number(value)) };

function primaryKeyTargets(rounds: Rounds, floor: string): readonly Target[] {
  const targets = [
    atMost("primary-key hit", rounds.ratio(ENGINE, floor), 1.5, "× floor"),
    atLeast("primary-key hit against pg", rounds.ratio(DIRECT, ENGINE), 40, "× faster"),
  ];
  if (!rounds.names.includes(REDIS)) return targets;
  return [...targets, atLeast("primary-key hit against Redis", rounds.ratio(REDIS, ENGINE), 10, "× faster")];
}

function hundredRowTargets(name: string): Case["targets"] {
  return (rounds, floor) => [atMost(`100-row hit (${name})`, rounds.ratio(ENGINE, floor), 1.5, "× floor")];
}

function cases(rows: number): readonly Case[] {
  const ids = randomNumbers(VARIANTS, rows).map((id) => [id]);
  const ranges = randomNumbers(VARIANTS / 10, rows - 100, 2).map((id) => [id, id + 99]);
  const customers = randomNumbers(VARIANTS / 10, customersOf(rows), 3).map((customer) => [customer]);
  const usual = { turnMs: 12, rounds: 41 };
  const byId = { rest: "FROM orders WHERE id = $1", plainRest: "FROM orders WHERE id = ?", params: ids };
  const byCustomer = {
    rest: "FROM orders WHERE customer_id = $1",
    plainRest: "FROM orders WHERE customer_id = ?",
    params: customers,
    indexes: ["orders.customer_id"],
  };
  const byRange = {
    rest: "FROM orders WHERE id BETWEEN $1 AND $2",
    plainRest: "FROM orders WHERE id BETWEEN ? AND ?",
    params: ranges,
  };
  return [
    {
      title: "one row by its primary key, 4 columns (integer, text)",
      key: "pk4",
      columns: NARROW,
      ...byId,
      ...usual,
      targets: primaryKeyTargets,
    },
    {
      title: "one row by its primary key, 6 columns (numeric and timestamptz too)",
      key: "pk6",
      columns: COLUMNS,
      ...byId,
      ...usual,
      decode: DECODE,
      targets: () => [],
    },
    {
      title: "100 rows by an indexed foreign key, 4 columns",
      key: "fk4",
      columns: NARROW,
      ...byCustomer,
      ...usual,
      targets: hundredRowTargets("foreign key"),
    },
    {
      title: "100 rows by id BETWEEN, 4 columns",
      key: "range4",
      columns: NARROW,
      ...byRange,
      ...usual,
      targets: hundredRowTargets("BETWEEN"),
    },
    {
      title: "100 rows by an indexed foreign key, 6 columns",
      key: "fk6",
      columns: COLUMNS,
      ...byCustomer,
      ...usual,
      decode: DECODE,
      targets: () => [],
    },
    {
      title: "aggregate over the whole table, other parameters each time (SQLmem: on its scan worker)",
      key: "aggregate",
      columns: AGGREGATE,
      rest: "FROM orders WHERE id >= $1 GROUP BY status",
      plainRest: "FROM orders WHERE id >= ? GROUP BY status",
      params: Array.from({ length: 20 }, (_, index) => [index + 1]),
      turnMs: 1,
      rounds: 7,
      targets: () => [],
    },
    {
      title: "the same aggregate over the whole table again",
      key: "same",
      columns: AGGREGATE,
      rest: "FROM orders GROUP BY status",
      plainRest: "FROM orders GROUP BY status",
      params: [[]],
      turnMs: 1,
      rounds: 5,
      targets: () => [],
    },
  ];
}

/** Hits of `execute` beside everything that they could be compared with. */
export function measureHits(bench: Bench): Promise<readonly Section[]> {
  return measureCases(bench, cases(bench.rows));
}

export async function measureCases(bench: Bench, measured: readonly Case[]): Promise<readonly Section[]> {
  await using engine = bench.openEngine({ mode: "transparent" });
  const sections: Section[] = [];
  for (const one of measured) {
    await warmEngine(engine, one);
    const plain = plainContenders(bench.plain(), { ...one, sql: `SELECT ${one.columns} ${one.plainRest}` });
    const contenders = await others(bench, engine, one);
    await assertEqualAnswers(bench, engine, one);
    const rounds = await runRounds([...plain.map(({ contender }) => contender), ...contenders], {
      turnMs: one.turnMs * bench.effort,
      rounds: Math.ceil(one.rounds * bench.effort),
    });
    const floors = plain.filter(({ isFloor }) => isFloor).map(({ contender }) => contender.name);
    sections.push(sectionOf(bench, one, rounds, rounds.fastest(floors)));
  }
  return sections;
}

function sectionOf(bench: Bench, one: Case, rounds: Rounds, floor: string): Section {
  return {
    title: `Hit: ${one.title}`,
    measurements: rounds.names.map((name) => ({
      name,
      quantities: {
        "per call": milliseconds(rounds.milliseconds(name)),
        "of the floor": times(rounds.ratio(name, floor)),
        "of SQLmem": times(rounds.ratio(name, ENGINE)),
      },
    })),
    notes: [`floor: ${floor}`, ...(bench.redis === null ? ["skipped: no Redis at 127.0.0.1:6379"] : [])],
    targets: one.targets(rounds, floor),
  };
}

function sqlOf(one: Case): string {
  return `SELECT ${one.columns} ${one.rest}`;
}

function paramsOf(one: Case, index: number): readonly (number | string)[] {
  return one.params[index % one.params.length] ?? [];
}

async function others(bench: Bench, engine: CachingEngine, one: Case): Promise<readonly Contender[]> {
  const sql = sqlOf(one);
  const contenders = [
    awaited(ENGINE, (index) => engine.execute(sql, paramsOf(one, index))),
    awaited(DIRECT, async (index) => (await bench.pool.query(sql, [...paramsOf(one, index)])).rows),
  ];
  const { redis } = bench;
  if (redis === null) return contenders;
  const entries: [key: string, rows: readonly unknown[]][] = [];
  for (const params of one.params) {
    entries.push([`${one.key}:${params}`, (await bench.pool.query<object>(sql, [...params])).rows]);
  }
  await redis.set(entries);
  return [...contenders, awaited(REDIS, (index) => redis.get(`${one.key}:${paramsOf(one, index)}`))];
}

/** Loads what the statement needs and waits for its index, which the engine builds in the background. */
async function warmEngine(engine: CachingEngine, one: Case): Promise<void> {
  const sql = sqlOf(one);
  while ((await engine.explain(sql, paramsOf(one, 0))).outcome !== "hit") {
    await engine.execute(sql, paramsOf(one, 0));
    await sleep(10);
  }
  const built = (): ReadonlySet<string> =>
    new Set(engine.stats().tables.flatMap(({ table, indexes }) => indexes.map((columns) => `${table}.${columns}`)));
  while (!(one.indexes ?? []).every((index) => built().has(index))) {
    await sleep(10);
    await engine.execute(sql, paramsOf(one, 0));
  }
}

async function assertEqualAnswers(bench: Bench, engine: CachingEngine, one: Case): Promise<void> {
  const sql = sqlOf(one);
  for (const params of one.params.slice(-5)) {
    const { rows } = await bench.pool.query<Record<string, unknown>>(sql, [...params]);
    assert.deepEqual(sorted(await engine.execute(sql, params)), sorted(rows));
  }
}

/** Without ORDER BY the order is free. */
function sorted(rows: readonly Record<string, unknown>[]): unknown[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
