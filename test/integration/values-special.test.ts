import { beforeAll, expect, it } from "vitest";
import { describeOnServers, errorFields, openEngine } from "../support/engine.ts";
import { expectExact, fill, ofEachRow, openWire, SETUP, WIRE } from "./compared-values.ts";

/** Values at the ends of their types, and of types that have no kind of their own. */
const SPECIAL: Readonly<Record<string, readonly string[]>> = {
  "numeric(10,2)": ["'NaN'", "-0.01", "99999999.99"],
  "numeric(18,0)": ["-999999999999999999", "999999999999999999"],
  numeric: ["'NaN'", "'Infinity'", "'-Infinity'", "1.0", "1.00", "1e30", "-0.0000000001"],
  bigint: ["-9223372036854775808", "9007199254740993", "9223372036854775807"],
  integer: ["-2147483648", "0", "2147483647"],
  "double precision": [
    "'-0'",
    "'NaN'",
    "'Infinity'",
    "1e300",
    "5e-324",
    "123456789012345680",
    "0.5",
    "2.5",
    "100000000000000.5",
  ],
  real: ["'-0'", "'NaN'", "3.4e38", "0.1"],
  date: ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'12024-01-01'"],
  timestamp: ["'infinity'", "'-infinity'", "'0044-03-15 12:00:00.5 BC'", "'2024-02-29 12:34:56.789012'"],
  timestamptz: ["'infinity'", "'-infinity'", "'0044-03-15 12:00:00.5+00 BC'", "'1883-11-18 12:03:58+00'"],
  text: ["''", "E'\\u0001\\u001f\\u007f\\u2028\"\\\\'", "'\u{FFFF}😀'", "'NULL'"],
  "char(5)": ["''", "'ab'", "'é'"],
  jsonb: ['\'{"b":1.0, "aa":[1e2, null], "a":{"é":"\\u00e9"}}\'', "'12345678901234567890'"],
  json: ['\' {"a":1,"a":2} \'', "'\"\\u0000\"'"],
  bytea: ["''", "'\\x00ff'"],
  interval: ["'1 year 2 mons 3 days 04:05:06.789'", "'-1 day'"],
  inet: ["'127.0.0.1'", "'::1/64'"],
  money: ["1234.5", "-0.01"],
  "bit varying": ["B'101'"],
  point: ["'(1.5,-2)'"],
  int4range: ["'[1,5)'", "'empty'"],
  xml: ["'<a>b</a>'"],
  "text[]": ["'{}'", "ARRAY['a b', NULL, 'NULL', E'\\\\']"],
  pair: ["ROW(1,'a')"],
  mood: ["'it''s ok'"],
};

const COLUMNS = Object.keys(SPECIAL).map((type, index) => ({ name: `c${index}`, type, values: SPECIAL[type] ?? [] }));

const TABLE = [
  "CREATE TYPE pair AS (a int, b text)",
  `CREATE TABLE s (id int PRIMARY KEY, ${COLUMNS.map(({ name, type }) => `${name} ${type}`).join(", ")})`,
  ...Array.from({ length: 9 }, (_, row) => {
    const filled = COLUMNS.filter(({ values }) => values[row] !== undefined);
    const list = filled.map(({ values, type }) => `CAST(${values[row]} AS ${type})`);
    return `INSERT INTO s (id, ${filled.map(({ name }) => name).join(", ")}) VALUES (${row}, ${list.join(", ")})`;
  }),
];

async function outcome(action: () => Promise<unknown>): Promise<unknown> {
  try {
    return await action();
  } catch (error) {
    return error instanceof Error ? errorFields(error) : error;
  }
}

describeOnServers(
  "values at the ends of their types",
  (database) => {
    it("are answered as the origin answers them, from wherever", { timeout: 120_000 }, async () => {
      for (const options of ["-c TimeZone=UTC", "-c TimeZone=Europe/Amsterdam -c DateStyle=German"]) {
        const { engine, bare } = await openEngine(database, { mode: "transparent", pool: { ...WIRE, options } });
        const one = COLUMNS.flatMap(({ name }) => [
          `${name}::text`,
          `${name}::varchar(3)`,
          `id || '-' || ${name}`,
          `'x'::text || ${name}`,
          `concat(${name}, 'x')`,
          `to_json(${name})`,
          `to_jsonb(${name})`,
          `json_build_array(${name}, ${name})`,
          `jsonb_build_object('k', ${name})`,
          `array_agg(${name} ORDER BY id)`,
          `json_agg(${name} ORDER BY id)`,
          `jsonb_agg(DISTINCT ${name})`,
          `max(${name})`,
          ...["sum", "avg", "abs", "round", "ceil", "sign", "stddev"].map((call) => `${call}(${name})`),
          ...["int", "int8", "numeric", "numeric(20,5)", "float8", "date"].map((type) => `${name}::${type}`),
          ...["+ 1", "* 2.5", "/ 3", "% 7", "- c2", "/ nullif(c2, 0)"].map((tail) => `${name} ${tail}`),
          `greatest(${name}, ${name})`,
          `coalesce(${name}, NULL)`,
        ]);
        for (const expression of one) {
          const grouped = /^(?:array_agg|jsonb?_agg|max|sum|avg|stddev)\(/.test(expression);
          const sql = `SELECT ${grouped ? "" : "id, "}${expression} AS v FROM s${grouped ? "" : " ORDER BY id"}`;
          const theirs = await outcome(() => bare(sql));
          expect(await outcome(() => engine.execute(sql)), `${options}: ${sql}`).toStrictEqual(theirs);
        }
      }
    });
  },
  { setup: [...SETUP, ...TABLE] },
);

describeOnServers(
  "values under a collation of the database",
  (database) => {
    beforeAll(() => fill(database, 300, 5));

    it("are collected, sorted and compared in its order", async () => {
      const opened = await openWire(database, "-c TimeZone=UTC");
      await expectExact(opened, [
        "SELECT string_agg(t, ';' ORDER BY t, id) AS a, string_agg(DISTINCT k, ';') AS b, array_agg(DISTINCT t) AS c FROM n",
        "SELECT json_agg(k ORDER BY k DESC, id) AS a, jsonb_agg(DISTINCT t ORDER BY t DESC) AS b FROM n",
        "SELECT m, min(k) || '!' AS a, max(t) AS b, max(v) = min(v) AS c, json_build_object('min', min(k)) AS d FROM n GROUP BY m ORDER BY m",
      ]);
      await expectExact(opened, ofEachRow(["nullif(t, v)", "coalesce(v, k) || c", "t || k = k || t"]));
    });
  },
  { setup: SETUP, collation: "en_US" },
);
