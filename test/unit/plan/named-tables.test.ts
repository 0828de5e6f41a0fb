import { expect, test } from "vitest";
import { postgres } from "../../../src/dialects/postgres/dialect.ts";
import type { Query } from "../../../src/parse/ast.ts";
import { hasJoin, hasWildcard, namedTables, namesTable } from "../../../src/plan/named-tables.ts";

await postgres.ready();

function query(sql: string): Query {
  const statement = postgres.parse(sql, postgres.tokenize(sql) ?? []);
  if (statement.kind !== "query") throw new Error(`no query: ${sql}`);
  return statement.query;
}

function names(sql: string): string {
  return namedTables(query(sql))
    .map((name) => name.join("."))
    .join(" ");
}

test.each([
  ["SELECT a FROM t", "t"],
  ["SELECT a FROM s.t AS x, t, t AS y", "s.t t"],
  ["SELECT a FROM t JOIN (u LEFT JOIN v ON true) ON true", "t u v"],
  ["SELECT a FROM (SELECT b FROM u WHERE c IN (SELECT d FROM v)) x", "u v"],
  ["SELECT (SELECT a FROM u), EXISTS (SELECT 1 FROM v) FROM t ORDER BY (SELECT b FROM w)", "u v t w"],
  ["SELECT a FROM t UNION (SELECT b FROM u EXCEPT SELECT c FROM v)", "t u v"],
  ["SELECT a FROM t WHERE b = 't' AND c = 5", "t"],
  // what WITH gives a name to is no table
  ["WITH x AS (SELECT a FROM t) SELECT a FROM x", "t"],
  ["WITH x AS (SELECT a FROM t) SELECT a FROM s.x", "t s.x"],
  ["WITH x AS (SELECT a FROM x) SELECT a FROM x", "x"],
  ["WITH RECURSIVE x AS (SELECT a FROM t UNION SELECT a FROM x) SELECT a FROM x", "t"],
  ["WITH x AS (SELECT a FROM y), y AS (SELECT a FROM x) SELECT a FROM x, y", "y"],
  ["WITH RECURSIVE x AS (SELECT a FROM y), y AS (SELECT a FROM t) SELECT a FROM x", "t"],
  ["SELECT a FROM (WITH x AS (SELECT a FROM t) SELECT a FROM x) y, x", "t x"],
  ["WITH x AS (SELECT a FROM t) SELECT a FROM u WHERE b IN (SELECT c FROM x)", "t u"],
  ["WITH x AS (SELECT a FROM t) SELECT a FROM u WHERE b IN (WITH u AS (SELECT a FROM x) SELECT a FROM u)", "t u"],
])("%s names %s", (sql, tables) => {
  expect(names(sql)).toBe(tables);
});

test("a table that is named anywhere, whatever it means there", () => {
  const sql = "SELECT a FROM t WHERE b IN (SELECT c FROM u JOIN s.v ON true)";
  expect(["t", "u", "v", "s", "a"].map((name) => namesTable(query(sql), name))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test.each([
  ["SELECT a FROM t", false, false],
  ["SELECT a FROM t, u", true, false],
  ["SELECT a FROM t WHERE b IN (SELECT c FROM u)", false, false],
  ["SELECT a FROM t WHERE b IN (SELECT c FROM u NATURAL JOIN v)", true, false],
  ["SELECT t.* FROM t", false, true],
  ["SELECT count(*) FROM t", false, false],
  ["SELECT count(*) FROM (SELECT * FROM t) x", false, true],
  ["SELECT a FROM t UNION SELECT a FROM u", false, false],
])("%s: joins %s, wildcard %s", (sql, joins, wildcard) => {
  expect([hasJoin(query(sql)), hasWildcard(query(sql))]).toEqual([joins, wildcard]);
});
