import { beforeAll, it } from "vitest";
import { describeOnServers } from "../support/engine.ts";
import { expectExact, fill, ofEachRow, openWire, SETUP } from "./compared-values.ts";

describeOnServers(
  "computed numbers",
  (database) => {
    beforeAll(() => fill(database, 600, 2));

    it("are exact for each operator", { timeout: 120_000 }, async () => {
      const opened = await openWire(database);
      const operands = ["i4", "p", "q", "x", "w", "1.1", "0.0005", "12345678901234567890.5", "3"];
      const pairs = operands.flatMap((a) => operands.map((b) => [a, b] as const));
      const some = pairs.filter(([a, b]) => /[a-z]/.test(a + b));
      await expectExact(
        opened,
        ofEachRow(
          some.filter(([a, b]) => !(a === "i4" && b === "i4")).flatMap(([a, b]) => [`${a} + ${b}`, `${a} - ${b}`]),
        ),
      );
      await expectExact(
        opened,
        ofEachRow(some.filter(([a, b]) => !(a === "i4" && b === "i4")).map(([a, b]) => `${a} * ${b}`)),
      );
      const divisors = [
        "q",
        "nullif(i4, 0)",
        "nullif(p, 0)",
        "nullif(x, 0)",
        "1.1",
        "0.0005",
        "12345678901234567890.5",
        "3",
      ];
      await expectExact(
        opened,
        ofEachRow(
          operands.flatMap((a) =>
            divisors.filter((b) => /[a-z]/.test(a + b)).flatMap((b) => [`${a} / ${b}`, `${a} % ${b}`]),
          ),
        ),
      );
    });

    it("are exact for each function", async () => {
      const opened = await openWire(database);
      const numbers = ["i2", "i4", "i8", "p", "q", "x", "w"];
      const functions = ["abs", "sign", "round", "trunc", "ceil", "ceiling", "floor", "-"];
      await expectExact(opened, ofEachRow(numbers.flatMap((column) => functions.map((name) => `${name}(${column})`))));
      await expectExact(
        opened,
        ofEachRow(
          numbers.flatMap((column) =>
            [-2, 0, 1, 4].flatMap((places) => [`round(${column}, ${places})`, `trunc(${column}, ${places})`]),
          ),
        ),
      );
      await expectExact(
        opened,
        ofEachRow(["round(f)", "trunc(f)", "ceil(f)", "floor(f)", "mod(i4, 7)", "mod(x, 0.3)", "mod(p, q)"]),
      );
      await expectExact(
        opened,
        ofEachRow([
          "greatest(i2, i4)",
          "least(i2, i4, 5)",
          "greatest(p, p)",
          "least(d, '2000-01-01')",
          "greatest(k, t)",
        ]),
      );
    });

    it("are exact for each cast", async () => {
      const opened = await openWire(database);
      const numbers = ["i2", "i4", "i8", "p", "q", "x", "w"];
      await expectExact(
        opened,
        ofEachRow(numbers.flatMap((column) => [`${column}::numeric`, `${column}::float8`, `${column}::numeric::text`])),
      );
      await expectExact(
        opened,
        ofEachRow(
          [
            "p::int",
            "q::int",
            "p::int8",
            "i8::numeric::int8",
            "i4::int2::int4 + 0",
            "i4::bool",
            "b::int",
            "f::numeric",
            "p::numeric(12,4)",
            "p::numeric(10,1)",
            "q::numeric(5,0)",
            "i4::numeric(12,3)",
            "p::numeric(30,10)",
            "(p * q)::numeric(14,2)",
            "(p / q)::numeric(14,2)",
            "(p / q)::int8",
            "ts::date",
            "NULL::int",
            "NULL::numeric",
            "NULL::text",
            "NULL::json",
            "1.50",
            "'1.50'::numeric",
            "'1.505'::numeric(10,2)",
            "1e5",
            "1.5e-3",
            "-0.10",
            "100000000000000000000000.5",
            "'abc'::varchar(2)",
            "'ab'::char(4)",
            "'2024-02-29'::date",
            "'{\"a\": 1}'::json",
            '\'{"bb":1.0,"a":1e2}\'::jsonb',
            "5::text",
            "1.50::text",
            "true::text",
          ].filter((expression) => !expression.includes("int2::")),
        ),
      );
    });

    it("are compared, sorted and grouped exactly", async () => {
      const opened = await openWire(database);
      await expectExact(opened, [
        "SELECT id FROM n WHERE p > q ORDER BY id",
        "SELECT id FROM n WHERE x < p ORDER BY id",
        "SELECT id FROM n WHERE i4 = x OR x > i8 ORDER BY id",
        "SELECT id FROM n WHERE p * 1.1 > 1000.05 ORDER BY id",
        "SELECT id FROM n WHERE x / q BETWEEN -1.5 AND 1 ORDER BY id",
        "SELECT id FROM n WHERE round(x, 2) = round(x, 3) ORDER BY id",
        "SELECT id, x * q AS v FROM n ORDER BY x * q DESC, id",
        "SELECT round(p / q, 0) AS v, count(*) AS c FROM n GROUP BY round(p / q, 0) ORDER BY 1",
        "SELECT DISTINCT round(x, 1) AS v FROM n ORDER BY v",
        "SELECT id, coalesce(p, 0) AS a, coalesce(p, q) AS b, CASE WHEN b THEN p ELSE i4 END AS c, CASE WHEN b THEN 1 ELSE 2.50 END AS d FROM n ORDER BY id",
        "SELECT id FROM n ORDER BY coalesce(p, 0), id",
      ]);
      await expectExact(
        opened,
        ["SELECT id, p * $1 AS a, $1 + i4 AS b, x - $1 AS c FROM n WHERE p > $1 ORDER BY id"],
        ["1.25"],
      );
    });

    it("are aggregated exactly", async () => {
      const opened = await openWire(database);
      const numbers = ["i2", "i4", "i8", "p", "q", "x", "w"];
      const list = (names: readonly string[], columns: readonly string[]): string =>
        names.flatMap((name) => columns.map((column) => `${name}(${column}) AS ${name}_${column}`)).join(", ");
      for (const tail of ["", " WHERE id < 0", " WHERE id = 5"]) {
        await expectExact(opened, [`SELECT ${list(["sum", "avg"], numbers)} FROM n${tail}`]);
      }
      await expectExact(opened, [
        `SELECT m, ${list(["sum", "avg", "min", "max"], ["i4", "p", "q"])} FROM n GROUP BY m ORDER BY m`,
        `SELECT id % 50 AS g, ${list(["variance", "var_pop", "var_samp", "stddev", "stddev_pop", "stddev_samp"], ["i2", "i4"])} FROM n GROUP BY id % 50 ORDER BY 1`,
        "SELECT m, avg(DISTINCT i2) AS a, sum(DISTINCT p) AS b, avg(x) FILTER (WHERE b) AS c, count(DISTINCT x) AS d FROM n GROUP BY m ORDER BY avg(x) DESC, m",
        "SELECT m, round(avg(p), 2) AS a, avg(p)::numeric(10,2) AS b, avg(i4)::int AS c, sum(p * q) AS d, sum(p) * 1.19 AS e FROM n GROUP BY m ORDER BY m",
        "SELECT m, coalesce(sum(p), 0) AS a, sum(p / q) AS b, avg(x * 2) AS c FROM n WHERE id < 20 GROUP BY m HAVING avg(p) > -1000000 ORDER BY m",
        "SELECT m, bool_and(b) AS a, bool_or(b) AS b, every(i4 > 0) AS c, bool_or(b) FILTER (WHERE i4 > 0) AS d FROM n GROUP BY m ORDER BY m",
        "SELECT min(k) || '!' AS a, max(t) = min(t) AS b, length(min(v)) AS c FROM n",
        "SELECT max(w) AS a, min(w) AS b, max(round(x, 1)) AS c, sum(1) AS d, avg(2.50) AS e, sum(DISTINCT round(x, 0)) AS f FROM n",
        "SELECT m, sum(i4) / count(*) AS a, round(100.0 * count(*) FILTER (WHERE b) / count(*), 2) AS b FROM n GROUP BY m ORDER BY m",
        "SELECT sum(p) / count(*) AS a, (sum(i8) * 2)::numeric / count(*) AS b FROM n WHERE id < 0",
        "SELECT sum(v) AS a, avg(v) AS b, max(v) AS c FROM (SELECT p AS v FROM n WHERE id < 40 UNION ALL SELECT id FROM n) AS s",
        "SELECT id, to_json(nullif(i4, 2.5) / 2) AS a, to_json(nullif(i4, q) / 3) AS b FROM n ORDER BY id",
        "SELECT id FROM n WHERE q + 0.0 IN (SELECT q * 1.0 FROM n AS o WHERE o.id < 20) ORDER BY id",
        "SELECT id, avg(p) OVER (ORDER BY id ROWS 3 PRECEDING) AS a, stddev_pop(i2) OVER (PARTITION BY m ORDER BY id) AS b FROM n ORDER BY id",
        "SELECT count(*) AS a, count('x') AS b, count(x) FILTER (WHERE p > q) AS c FROM n",
      ]);
    });
  },
  { setup: SETUP },
);
