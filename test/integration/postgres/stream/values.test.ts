import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Encoding } from "../../../../src/store/column-set.ts";
import { scaleOf } from "../../../../src/store/column-set.ts";
import { createDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { requireTable } from "../collect.ts";
import { following, logicalServers, sorted, type Wanted } from "./following.ts";

/** A column of each treatment, with values that are hard for it. NULL comes by itself. */
const COLUMNS: Readonly<Record<string, { readonly type: string; readonly values: readonly string[] }>> = {
  i2: { type: "int2", values: ["0", "-32768", "32767"] },
  i4: { type: "int4", values: ["0", "-2147483648", "2147483647"] },
  i8: {
    type: "int8",
    values: [
      "0",
      "9007199254740991",
      "9007199254740992",
      "-9007199254740993",
      "-9223372036854775808",
      "9223372036854775807",
      "999999999999999",
      "-1000000000000000",
    ],
  },
  b: { type: "bool", values: ["true", "false"] },
  f4: { type: "float4", values: ["'NaN'", "'-0'", "1.1", "'Infinity'", "1e-40"] },
  f8: {
    type: "float8",
    values: [
      "'NaN'",
      "'-0'",
      "0",
      "'Infinity'",
      "'-Infinity'",
      "0.1",
      "1e300",
      "-5e-324",
      "1e15",
      "1e16",
      "123456789012345680",
      "1e-5",
    ],
  },
  t: { type: "text", values: ["''", "'a  '", "'ü🐘'", "E'\\\\ \\n \\t \\x01'", "repeat('x', 5000)", "'NULL'"] },
  v: { type: "varchar(7)", values: ["''", "'abc  '"] },
  c: { type: "char(5)", values: ["''", "'ab'", "'ü'", "'abcde'", "E'a\\t'"] },
  c0: { type: "bpchar", values: ["''", "'ab  '"] },
  u: { type: "uuid", values: ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"] },
  d: {
    type: "date",
    values: [
      "'infinity'",
      "'-infinity'",
      "'4713-11-24 BC'",
      "'5874897-12-31'",
      "'0001-01-01'",
      "'0044-03-15 BC'",
      "'2024-02-29'",
      "'0005-02-29 BC'",
    ],
  },
  ts: {
    type: "timestamp",
    values: [
      "'infinity'",
      "'-infinity'",
      "'4713-11-24 00:00 BC'",
      "'294246-12-31 23:59:59'",
      "'1969-12-31 23:59:59.999999'",
      "'2024-02-29 12:00:00.5'",
      "'0044-03-15 01:02:03.000001 BC'",
      "'12024-01-01 00:00'",
    ],
  },
  tz: {
    type: "timestamptz",
    values: [
      "'infinity'",
      "'-infinity'",
      "'4713-11-24 00:00+00 BC'",
      "'294246-12-31 00:00+00'",
      "'1880-06-01 12:00:00.25+00'",
      "'2024-07-01 00:00:00.000001+00'",
      "'2024-10-27 00:30+00'",
      "'2024-10-27 01:30+00'",
      "'0044-03-15 01:02:03+00 BC'",
      "'1969-12-31 23:59:59.999999+00'",
    ],
  },
  n: {
    type: "numeric",
    values: [
      "'NaN'",
      "'Infinity'",
      "'-Infinity'",
      "0",
      "0.000",
      "-0.10",
      "1e30",
      "-1e-30",
      "12345678901234567890.123456789",
      "10000",
      "1.00",
    ],
  },
  n2: { type: "numeric(10,2)", values: ["'NaN'", "0", "-0.01", "0.10", "99999999.99", "-12345678.90"] },
  n0: { type: "numeric(18,0)", values: ["999999999999999999", "-999999999999999999", "9007199254740993", "5"] },
  n18: { type: "numeric(18,18)", values: ["0.999999999999999999", "-0.000000000000000001", "0"] },
  j: { type: "json", values: [`'{"a" : [1, 2.50,  null]}'`, "'null'", "'\"x\"'"] },
  jb: { type: "jsonb", values: [`'{"b": 1, "a" : [1, 2.50,  null]}'`, "'null'", "'1e2'"] },
  e: { type: "mood", values: ["'sad'", "'so so'", "'it''s'"] },
  y: { type: "bytea", values: ["'\\x'", "'\\x00ff'"] },
  ti: { type: "time", values: ["'24:00'", "'00:00:00.5'"] },
  tiz: { type: "timetz", values: ["'12:00+05:30'"] },
  iv: { type: "interval", values: ["'1 year 2 days -3:04:05.006'"] },
  a: { type: "text[]", values: ["'{}'", '\'{NULL,"NULL","a \\" b"}\'', "'[2:3]={a,b}'"] },
  ax: { type: "timestamptz[]", values: ["'{2024-07-01 00:00+00}'"] },
  r: { type: "int4range", values: ["'empty'", "'[1,5)'", "'(,)'"] },
  p: { type: "point", values: ["'(1,-0)'"] },
  ip: { type: "inet", values: ["'10.0.0.1'", "'::1/64'"] },
  m: { type: "money", values: ["'-1234.50'"] },
  w: { type: "pair", values: ["ROW(1, 'a b')", "ROW(NULL, NULL)"] },
  dm: { type: "positive", values: ["1", "3"] },
  dt: { type: "short", values: ["'x '"] },
  bi: { type: "bit(3)", values: ["B'101'"] },
  x: { type: "xml", values: ["'<a>1</a>'"] },
};

const SESSIONS: readonly (readonly [string, string])[] = [
  ["UTC", "-c TimeZone=UTC"],
  ["a zone with summer time and a local mean time in seconds", "-c TimeZone=Europe/Amsterdam"],
  ["a zone of half an hour, other styles", "-c TimeZone=Asia/Kolkata -c IntervalStyle=iso_8601 -c bytea_output=escape"],
];

describe.each(logicalServers())("values in the stream of $name", (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase(server, {
      setup: [
        "CREATE TYPE mood AS ENUM ('sad', 'so so', 'it''s')",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
        "CREATE DOMAIN short AS varchar(5)",
        `CREATE TABLE every (id int PRIMARY KEY, ${Object.entries(COLUMNS)
          .map(([name, { type }]) => `${name} ${type}`)
          .join(", ")})`,
      ],
    });
  });
  afterAll(() => database.drop());

  const write = async (): Promise<void> => {
    const rows: string[] = [];
    for (const [name, { type, values }] of Object.entries(COLUMNS)) {
      for (const value of [...values, "NULL"])
        rows.push(`INSERT INTO every (id, ${name}) SELECT count(*), (${value})::${type} FROM every`);
    }
    await database.query(rows.join(";\n"));
  };

  test.each(SESSIONS)("are read as a load reads them: %s", async (_, settings) => {
    await database.query("TRUNCATE every");
    const url = new URL(database.url);
    url.searchParams.set("options", settings);
    const { origin, source, start, follow, feed, loaded } = following(url.href);
    await start();
    const { columns } = requireTable(await origin.catalog.table(["every"]));
    const wanted: Wanted[] = columns.flatMap(({ name, type }) => {
      const encodings: Encoding[] = ["value"];
      if (origin.needsText(type)) encodings.push("text");
      if (type.kind === "numeric" && scaleOf(type) === null) encodings.push("key");
      if (type.kind === "enum") encodings.push("rank");
      return encodings.map((encoding) => [name, encoding] as const);
    });
    const id = await follow(["every"], wanted);
    await write();
    expect(await source.confirm({ timeoutMs: 20_000, definitions: false })).toBe(true);
    const truth = await loaded(["every"], wanted);
    expect(truth.length).toBeGreaterThan(100);
    expect(sorted(feed().rows(id))).toEqual(sorted(truth));
  });

  test("what a load cannot keep is not read from the stream either", async () => {
    await database.query("TRUNCATE every");
    const { start, follow, said } = following(database.url);
    await start();
    await follow(
      ["every"],
      [
        ["id", "value"],
        ["ts", "value"],
      ],
    );
    await database.query("INSERT INTO every (id, ts) VALUES (1, '294276-12-31')");
    await expect.poll(() => said.lost.length, { timeout: 10_000 }).toBe(1);
  });

  test("under another style of dates, or with fewer digits, values are not found in texts", async () => {
    for (const settings of ["-c DateStyle=SQL,DMY", "-c extra_float_digits=0"]) {
      const url = new URL(database.url);
      url.searchParams.set("options", settings);
      const { source, start, loadTable } = following(url.href);
      await start();
      const keyFor = async (columns: Wanted[]) => {
        const load = await loadTable(["every"], [["id", "value"], ...columns]);
        const watch = await source.watch([load]);
        return "kind" in watch ? watch : watch.tables.get(load.table.id)?.key;
      };
      expect(await keyFor([["t", "value"]])).toEqual(["id"]);
      expect(await keyFor([["tz", "text"]])).toEqual(["id"]);
      const dates = settings.includes("Date");
      expect(await keyFor([["d", "value"]])).toEqual(dates ? null : ["id"]);
      expect(await keyFor([["f8", "value"]])).toEqual(dates ? ["id"] : null);
      await source.stop();
    }
  });
});
