import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgres } from "../../../src/dialects/postgres/dialect.ts";
import { nameOfTarget } from "../../../src/plan/names.ts";
import { createDatabase, servers, type TestDatabase } from "../../support/postgres.ts";

const EXPRESSIONS = [
  "a",
  "t.b",
  "a AS x",
  'a AS "?column?"',
  "5",
  "'x'",
  "NULL",
  "true",
  "-a",
  "a + 1",
  "b || 'x'",
  "a = 1",
  "NOT c",
  "a IS NULL",
  "c IS TRUE",
  "a IN (1, 2)",
  "a BETWEEN 1 AND 2",
  "b LIKE 'x'",
  "a = ANY ('{1}')",
  "(a)",
  "a::text",
  "5::int8",
  "'2020-01-01'::date",
  "date '2020-01-01'",
  "5::text::int",
  "(a + 1)::text",
  "a::numeric(10, 2)",
  "'{1}'::int[]",
  "CAST(a AS varchar)",
  "CAST(b AS char(3))",
  "5::double precision",
  'b COLLATE "C"',
  `'x' COLLATE "C"`,
  "lower(b)",
  "pg_catalog.lower(b)",
  "count(*) OVER ()",
  "coalesce(a, 1)",
  "coalesce(a, 1)::text",
  "nullif(a, 1)",
  "CASE WHEN c THEN a ELSE 1 END",
  "CASE WHEN c THEN 1 ELSE a END",
  "CASE WHEN c THEN a END",
  "CASE WHEN c THEN 'x' ELSE lower(b) END",
  "CASE WHEN c THEN 1 ELSE 2::int8 END",
  "CASE WHEN c THEN 1 ELSE 2 END::text",
  "CASE c WHEN true THEN 1 ELSE CASE WHEN c THEN 2 ELSE a END END",
  "EXISTS (SELECT 1)",
  "NOT EXISTS (SELECT 1)",
  "(SELECT 1)",
  "(SELECT 1 AS x)",
  "(SELECT a)",
  "(SELECT a::text)",
  "(SELECT 5::text)",
  "(SELECT max(a) FROM t)",
  "(SELECT (SELECT b))",
  "(SELECT a + 1)",
  "(VALUES (1))",
  "(SELECT 1 AS x UNION SELECT 2 AS y LIMIT 1)",
  "(SELECT a)::text",
  "(SELECT 1)::text",
  "(SELECT 5::text)::int",
  "CASE WHEN c THEN 1 ELSE (SELECT 2) END",
  "CASE WHEN c THEN 1 ELSE (SELECT 2::int) END",
  "a IN (SELECT 1)",
  "ROW(a, b)",
  "(a, b)",
  "(a, b) = (1, 'x')",
  "substring(b FROM 1 FOR 2)",
  "trim(b)",
  "position('x' IN b)",
] as const;

describe.each(servers())("names of result columns on $name", (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    await postgres.ready();
    database = await createDatabase(server, {
      setup: ["CREATE TABLE t (a int, b text, c bool)", "INSERT INTO t VALUES (1, 'x', true)"],
    });
  });
  afterAll(() => database.drop());

  test.each(EXPRESSIONS)("%s", async (expression) => {
    const sql = `SELECT ${expression} FROM t`;
    const statement = postgres.parse(sql, postgres.tokenize(sql) ?? []);
    if (statement.kind !== "query" || statement.query.body.kind !== "select") throw new Error("not in the language");
    const [target] = statement.query.body.targets;
    if (target?.kind !== "expression") throw new Error("no expression");
    const [row] = await database.query(sql);
    expect([nameOfTarget(target)]).toEqual(Object.keys(row ?? {}));
  });
});
