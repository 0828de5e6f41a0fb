import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Placement, placementOf } from "../../../src/execute/placement.ts";
import { compile, MAIN_THREAD_ROWS } from "../../../src/plan/compile.ts";
import type { IndexFacts } from "../../../src/store/contract.ts";
import { buildIndex } from "../../../src/store/table-index.ts";
import { planned, storedAlone } from "../plan/planning.ts";

interface Held {
  readonly db: DatabaseSync;
  readonly rows: number;
  readonly indexes: ReadonlyMap<string, IndexFacts>;
}

/** Groups of the large table: `big` unique but for NULLs, `small` 500 rows, `price` 2,500, `small` with `a:rank` one. */
const INDEXES = [["big"], ["small"], ["small", "a:rank:value"], ["price"], ["name:rank"]];

function hold(rows: number, indexed = INDEXES): Held {
  const db = new DatabaseSync(":memory:");
  db.exec(`CREATE TABLE items (id INTEGER PRIMARY KEY, big INTEGER, small INTEGER, "a:rank:value" INTEGER,
    price INTEGER, "name:rank" INTEGER, name TEXT, flag INTEGER)`);
  db.prepare(
    `WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ? - 1)
     INSERT INTO items SELECT n, CASE WHEN n % 4 > 0 THEN n END, n % 10, n / 10, n % 2, n, 'n' || n, n % 3 = 0
     FROM numbers`,
  ).run(rows);
  const indexes = new Map(indexed.map((columns) => [columns.join(","), buildIndex(db, "items", columns)]));
  return { db, rows, indexes };
}

let large: Held;
let bare: Held;
let small: Held;

beforeAll(() => {
  large = hold(5000);
  bare = hold(5000, []);
  small = hold(MAIN_THREAD_ROWS);
});

afterAll(() => {
  for (const { db } of [large, bare, small]) db.close();
});

interface Asked {
  readonly parameters?: readonly string[];
  readonly fields?: readonly string[];
}

function placement({ db, rows, indexes }: Held, sql: string, asked: Asked = {}): Placement {
  const plan = planned(sql, asked);
  const facts = { small: { hasNull: false }, price: { hasNull: false }, "a:rank:value": { hasNull: false } };
  const table = { ...storedAlone(plan, { rows, facts }), rowidColumn: "id", indexes };
  const program = compile(plan, [table]);
  if (program.kind === "bypass") throw new Error(program.detail);
  const details = db.prepare(`EXPLAIN QUERY PLAN ${program.sql}`).all();
  return placementOf(
    program,
    details.map(({ detail }) => String(detail)),
  );
}

const COUNT = { fields: ["n:int8"] };

test("the groups are what the cases below are about", () => {
  expect([...large.indexes.values()].map((index) => index.largestGroup)).toEqual([1, 500, 1, 2500, 1]);
});

describe("a large table", () => {
  test.each<[sql: string, placement: Placement, asked?: Asked]>([
    // a key, wholly fixed
    ["SELECT name FROM items WHERE id = 1", "one"],
    ["SELECT name FROM items WHERE id = 1 AND flag", "one"],
    ["SELECT name FROM items WHERE 1 = 1 AND id = $1", "one", { parameters: ["int4"] }],
    ["SELECT name FROM items WHERE big = 7", "one"],
    ["SELECT name FROM items WHERE small = 1 AND \"a:rank\" = 2 AND name = 'x'", "one"],
    ["SELECT count(*) AS n FROM items WHERE id = 1", "one", COUNT],
    ["SELECT name FROM items WHERE id = 1 ORDER BY name LIMIT 5 OFFSET 1", "one"],
    // what SQLite shows like a key
    ["SELECT name FROM items WHERE id = 1 OR id = 2", "main"],
    ["SELECT name FROM items WHERE id IN (1, 2)", "main"],
    ["SELECT name FROM items WHERE big = 1 OR big = 2", "main"],
    ["SELECT name FROM items WHERE big IN (1, 2)", "main"],
    ["SELECT name FROM items WHERE id = ANY($1)", "stream", { parameters: ["int4[]"] }],
    ["SELECT name FROM items WHERE big = ANY($1)", "stream", { parameters: ["int8[]"] }],
    ["SELECT name FROM items WHERE big IS NULL", "stream"],
    ["SELECT count(*) AS n FROM items WHERE big IS NULL", "range", COUNT],
    ["SELECT name FROM items WHERE big IS NOT DISTINCT FROM $1", "stream", { parameters: ["int8"] }],
    ["SELECT name FROM items WHERE big = 1 OR big IS NULL", "scan"],
    ["SELECT name FROM items WHERE id = 1 OR big = 2", "scan"],
    // groups of a proven size
    ["SELECT name FROM items WHERE small = 1", "main"],
    ["SELECT name FROM items WHERE small = 1 AND flag", "main"],
    ["SELECT name FROM items WHERE small = 1 ORDER BY name LIMIT 5", "main"],
    ["SELECT count(*) AS n FROM items WHERE small = 1", "main", COUNT],
    ["SELECT name FROM items WHERE small IN (1, 2, 3, 4)", "main"],
    ["SELECT name FROM items WHERE small IN (1, 2, 3, 4, 5)", "stream"],
    ["SELECT name FROM items WHERE price = 0.01", "stream"],
    ["SELECT name FROM items WHERE price = 0.01 AND flag", "scan"],
    ["SELECT sum(id) AS n FROM items WHERE price = 0.01", "range", COUNT],
    // ranges
    ["SELECT name FROM items WHERE id > 5", "stream"],
    ["SELECT name FROM items WHERE big BETWEEN 1 AND 9", "stream"],
    ["SELECT name FROM items WHERE big > 1 AND big < 9", "stream"],
    ["SELECT name FROM items WHERE big BETWEEN 1 AND 9 AND flag", "scan"],
    ['SELECT name FROM items WHERE big BETWEEN 1 AND 9 ORDER BY name COLLATE "C"', "range"],
    ["SELECT name FROM items WHERE big BETWEEN 1 AND 9 ORDER BY big", "stream"],
    ["SELECT DISTINCT flag FROM items WHERE big BETWEEN 1 AND 9", "range"],
    ["SELECT flag, count(*) AS n FROM items WHERE big > 9 GROUP BY flag", "range", { fields: ["flag:bool", "n:int8"] }],
    ['SELECT name FROM items WHERE small = 1 AND "a:rank" > 5', "stream"],
    ['SELECT name FROM items WHERE small > 1 AND "a:rank" = 5', "scan"],
    ["SELECT name FROM items WHERE big > 9 OFFSET 5", "scan"],
    // LIMIT
    ["SELECT name FROM items LIMIT 10", "limited"],
    ["SELECT name FROM items LIMIT 10 OFFSET 5", "limited"],
    ["SELECT name FROM items OFFSET 5", "scan"],
    ["SELECT name FROM items ORDER BY id DESC LIMIT 10", "limited"],
    ["SELECT name FROM items ORDER BY name LIMIT 10", "limited"],
    ["SELECT name FROM items ORDER BY flag LIMIT 10", "scan"],
    ["SELECT name FROM items WHERE name = 'x' LIMIT 10", "scan"],
    ["SELECT name FROM items WHERE big > 9 LIMIT 10", "limited"],
    ["SELECT name FROM items WHERE big > 9 AND flag LIMIT 10", "scan"],
    ['SELECT name FROM items WHERE big > 9 ORDER BY name COLLATE "C" LIMIT 10', "range"],
    ["SELECT DISTINCT flag FROM items LIMIT 1", "scan"],
    ["SELECT count(*) AS n FROM items LIMIT 1", "scan", COUNT],
    ["SELECT flag FROM items GROUP BY flag LIMIT 1", "scan"],
    // everything
    ["SELECT name FROM items", "scan"],
    ["SELECT name FROM items WHERE name = 'x'", "scan"],
    ["SELECT name FROM items WHERE 1 = 2", "scan"],
    ["SELECT count(*) AS n FROM items", "scan", COUNT],
  ])("%s: %s", (sql, expected, asked) => {
    expect(placement(large, sql, asked)).toBe(expected);
  });
});

describe("a large table without indexes", () => {
  test.each<[sql: string, placement: Placement]>([
    ["SELECT name FROM items WHERE id = 1", "one"],
    ["SELECT name FROM items WHERE id IN (1, 2)", "main"],
    ["SELECT name FROM items WHERE big = 7", "scan"],
    ["SELECT name FROM items WHERE small = 1 LIMIT 1", "scan"],
    ["SELECT name FROM items ORDER BY big LIMIT 1", "scan"],
    ["SELECT name FROM items LIMIT 1", "limited"],
  ])("%s: %s", (sql, expected) => {
    expect(placement(bare, sql)).toBe(expected);
  });
});

describe("a small table", () => {
  test.each<[sql: string, placement: Placement, asked?: Asked]>([
    ["SELECT name FROM items WHERE id = 1", "one"],
    ["SELECT name FROM items WHERE big = 1", "one"],
    ["SELECT name FROM items WHERE id = 1 OR big = 2", "main"],
    ["SELECT name FROM items WHERE id = ANY($1)", "main", { parameters: ["int4[]"] }],
    ["SELECT name FROM items WHERE name = 'x' ORDER BY small LIMIT 5", "main"],
    ["SELECT count(*) AS n FROM items", "main", COUNT],
    ["SELECT name FROM items", "main"],
  ])("%s: %s", (sql, expected, asked) => {
    expect(placement(small, sql, asked)).toBe(expected);
  });
});

test("an index with duplicates is no key, however it is asked", () => {
  const duplicates = new Map([["big", { columns: ["big"], largestGroup: 2 }]]);
  expect(placement({ ...large, indexes: duplicates }, "SELECT name FROM items WHERE big = 7")).toBe("main");
});

test("an index whose facts are not known bounds nothing", () => {
  expect(placement({ ...large, indexes: new Map() }, "SELECT name FROM items WHERE big = 7")).toBe("stream");
});
