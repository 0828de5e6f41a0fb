import { isDeepStrictEqual } from "node:util";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import {
  BYPASS,
  counted,
  describeOnServers,
  errorFields,
  HIT,
  type OpenedEngine,
  openEngine,
} from "../support/engine.ts";

/** Column type → values as SQL literals. NULL is added to each. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  smallint: ["-32768", "0", "32767"],
  integer: ["-2147483648", "0", "2147483647"],
  bigint: ["-9223372036854775808", "-9007199254740993", "0", "9007199254740993", "9223372036854775807"],
  boolean: ["true", "false"],
  text: ["''", "' blank '", "'ä€😀 ß İ'", "E'tab\\there\\nnew'", "'null'", "'NaN'", "'{1,2}'", "'\u{FFFF}'"],
  "varchar(10)": ["''", "'ab  '", "'longest ok'"],
  "char(5)": ["''", "'ab'", "'abcde'"],
  name: ["'a name'"],
  uuid: ["'00000000-0000-0000-0000-000000000000'", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
  date: [
    "'0044-03-15 BC'",
    "'0001-01-01'",
    "'1969-12-31'",
    "'2024-02-29'",
    "'9999-12-31'",
    "'12024-01-01'",
    "'infinity'",
    "'-infinity'",
  ],
  timestamp: [
    "'0044-03-15 12:00:00.5 BC'",
    "'1883-11-18 12:03:58'",
    "'1969-12-31 23:59:59.999999'",
    "'2024-02-29 12:34:56.789012'",
    "'2024-03-31 02:30:00'",
    "'2024-06-01'",
    "'infinity'",
    "'-infinity'",
  ],
  "timestamp(0)": ["'2024-02-29 12:34:56.789012'"],
  timestamptz: [
    "'0044-03-15 12:00:00.5+00 BC'",
    "'1883-11-18 12:03:58+00'",
    "'1937-06-30 22:00:00+00'",
    "'1969-12-31 23:59:59.999999+00'",
    "'2024-02-29 12:34:56.789012+00'",
    "'2024-03-31 01:30:00+00'",
    "'2024-06-01 00:00:00.057+00'",
    "'infinity'",
    "'-infinity'",
  ],
  time: ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"],
  timetz: ["'12:00:00+02'"],
  "numeric(10,2)": ["-99999999.99", "0", "1.5", "0.10"],
  "numeric(18,0)": ["-999999999999999999", "999999999999999999"],
  "numeric(30,5)": ["-1234567890123456789012345.67891", "0"],
  numeric: [
    "1.0",
    "1.00",
    "-0.0000000001",
    "'NaN'",
    "'Infinity'",
    "'-Infinity'",
    "1e30",
    "123456789012345678901234567890.123",
  ],
  "double precision": [
    "0",
    "'-0'",
    "0.1",
    "1e300",
    "-1e-300",
    "5e-324",
    "1.7976931348623157e308",
    "'NaN'",
    "'Infinity'",
    "'-Infinity'",
    "1e21",
    "123456789012345680",
    "0.3::float8 + 0.6::float8",
  ],
  real: ["0", "'-0'", "0.1", "3.4e38", "'NaN'", "'Infinity'", "16777217"],
  mood: ["'sad'", "'it''s ok'", "'Happy'"],
  json: ['\'{"b":1, "a":[1.0, null]}\'', "'null'", "'\"text\"'", "'[]'", '\' {"a":1,"a":2} \''],
  jsonb: ['\'{"b":1, "a":[1.0, null]}\'', "'null'", "'12345678901234567890'"],
  bytea: ["''", "'\\x00ff10'", "'\\x5c5c'"],
  interval: ["'1 year 2 mons 3 days 04:05:06.789'", "'-1 day'", "'0'"],
  inet: ["'127.0.0.1'", "'10.0.0.0/8'", "'::1'"],
  cidr: ["'10.0.0.0/8'"],
  macaddr: ["'08:00:2b:01:02:03'"],
  money: ["1234.5", "-0.01"],
  bit: ["B'1'"],
  "bit varying": ["B'10101'"],
  point: ["'(1.5,-2)'"],
  circle: ["'<(1,2),3>'"],
  tsvector: ["'a fat cat'"],
  int4range: ["'[1,5)'", "'empty'"],
  xml: ["'<a>b</a>'"],
  oid: ["4294967295"],
  "integer[]": ["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'", "'[0:1]={1,2}'"],
  "text[]": ["'{}'", "ARRAY['a b', NULL, 'NULL', E'\\\\', '', '{\"']"],
  "numeric[]": ["'{1.0,2.50}'"],
  "timestamptz[]": ["'{\"2024-01-01 00:00:00+00\",NULL}'"],
  "jsonb[]": ["ARRAY['{\"a\":1}'::jsonb]"],
  "bytea[]": ["ARRAY['\\xff'::bytea]"],
  "mood[]": ["'{sad,Happy}'"],
  positive: ["1", "5"],
  pair: ["ROW(1,'a')"],
};

const COLUMNS = Object.keys(TYPES).map((type, index) => ({ name: `c${index}`, type, values: TYPES[type] ?? [] }));
const NAMES = COLUMNS.map(({ name }) => name).join(", ");

const SETUP = [
  "CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'Happy')",
  "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
  "CREATE TYPE pair AS (a int, b text)",
  `CREATE TABLE v (id int PRIMARY KEY, ${COLUMNS.map(({ name, type }) => `${name} ${type}`).join(", ")})`,
  "INSERT INTO v (id) VALUES (0)",
  ...Array.from({ length: 13 }, (_, row) => {
    const filled = COLUMNS.filter(({ values }) => values[row] !== undefined);
    return `INSERT INTO v (id, ${filled.map(({ name }) => name).join(", ")})
      VALUES (${row + 1}, ${filled.map(({ values, type }) => (values[row]?.startsWith("'") ? `${values[row]}::${type}` : values[row])).join(", ")})`;
  }),
];

/** Deeply the same: values, prototypes, key order, -0 and NaN. */
function expectSame(actual: unknown, expected: unknown): void {
  expect(actual).toStrictEqual(expected);
  const shape = (rows: unknown): unknown =>
    Array.isArray(rows) ? rows.map((row) => [Object.keys(row as object), Object.getPrototypeOf(row)]) : rows;
  expect(shape(actual)).toStrictEqual(shape(expected));
}

async function expectHitAsBare(
  { engine, bare }: OpenedEngine,
  sql: string,
  params?: readonly unknown[],
): Promise<void> {
  await engine.execute(sql, params);
  const counts = await counted(engine, async () =>
    expectSame(await engine.execute(sql, params), await bare(sql, params)),
  );
  expect([sql, counts]).toEqual([sql, HIT]);
}

/** Rows, or the fields of the error. */
async function settled(action: () => Promise<unknown>): Promise<unknown> {
  try {
    return await action();
  } catch (error) {
    return error instanceof Error ? errorFields(error) : error;
  }
}

describeOnServers(
  "values",
  (database) => {
    it("arrive as the driver gives them, each type, NULL included", async () => {
      const opened = await openEngine(database);
      for (const { name, type } of COLUMNS) {
        const sql = `SELECT id, ${name} AS value FROM v ORDER BY id`;
        const ours = await opened.engine.execute(sql);
        const theirs = await opened.bare(sql);
        expect({ type, rows: ours }).toStrictEqual({ type, rows: theirs });
      }
      await expectHitAsBare(opened, `SELECT ${NAMES} FROM v ORDER BY id`);
      expect(opened.engine.stats().bypasses).toBe(0);
      expect(opened.faults).toEqual([]);
    });

    it("arrive as text with a pool that parses nothing", async () => {
      const types = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;
      const opened = await openEngine(database, { pool: { types } });
      await expectHitAsBare(opened, `SELECT id, ${NAMES} FROM v ORDER BY id`);
    });

    it("arrive through the pool's own parsers", async () => {
      const types = {
        getTypeParser: (oid: number, format?: "text" | "binary") =>
          oid === 20
            ? BigInt
            : oid === 25
              ? (text: string) => ({ text })
              : oid === 16
                ? () => "bool"
                : pg.types.getTypeParser(oid, format),
      } as unknown as pg.CustomTypesConfig;
      const opened = await openEngine(database, { pool: { types } });
      await expectHitAsBare(opened, `SELECT ${NAMES} FROM v ORDER BY id`);
      expect(await opened.engine.execute("SELECT count(*) FROM v")).toStrictEqual([{ count: 14n }]);
    });

    it("follow pg.types.setTypeParser, before the first query and after it", async () => {
      const { INT8, NUMERIC, INT4 } = pg.types.builtins;
      const original = [INT8, NUMERIC, INT4].map((oid) => [oid, pg.types.getTypeParser(oid)] as const);
      const restore = (): void => {
        for (const [oid, parser] of original) pg.types.setTypeParser(oid, parser as (text: string) => unknown);
      };
      onTestFinished(restore);
      pg.types.setTypeParser(INT8, BigInt);
      const opened = await openEngine(database);
      const sql = `SELECT id, ${NAMES} FROM v ORDER BY id`;
      await expectHitAsBare(opened, sql);
      pg.types.setTypeParser(NUMERIC, (text: string) => ({ numeric: text }));
      pg.types.setTypeParser(INT4, (text: string) => `int ${text}`);
      await expectHitAsBare(opened, sql);
      restore();
      await expectHitAsBare(opened, sql);
    });

    it("keep the order of keys, and of two columns of one name the last value", async () => {
      const opened = await openEngine(database);
      for (const sql of [
        "SELECT c5 AS z, id AS a, c1 AS m FROM v ORDER BY id",
        "SELECT id, c1 AS id FROM v ORDER BY 1",
        "SELECT id AS x, c1 AS y, c2 AS x FROM v ORDER BY v.id",
        'SELECT id AS "2", c1 AS "1", c2 AS b FROM v ORDER BY id',
        'SELECT id AS "constructor", c1 AS "toString", c2 AS """quoted""" FROM v ORDER BY id',
        "SELECT id, id + 1, id - 1, coalesce(c1, 0), CASE WHEN id = 1 THEN 2 END, count(*) FROM v GROUP BY id, c1 ORDER BY id",
        'SELECT id AS "a\'b\\c\n`$ {d}" FROM v ORDER BY id',
        "SELECT id AS ünï FROM v ORDER BY id",
        "SELECT id AS a_very_long_name_that_the_server_cuts_off_after_sixty_three_bytes_of_it FROM v ORDER BY id",
      ]) {
        try {
          await expectHitAsBare(opened, sql);
        } catch (error) {
          if (!(error instanceof Error && Reflect.get(error, "reason"))) throw error;
        }
      }
      const [row] = await opened.engine.execute("SELECT id FROM v WHERE id = 1");
      expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    });

    it("are the caller's own: changing a row or a Date of it changes no later answer", async () => {
      const opened = await openEngine(database);
      const at = COLUMNS.find(({ type }) => type === "timestamptz")?.name;
      const json = COLUMNS.find(({ type }) => type === "jsonb")?.name;
      const sql = `SELECT id, ${at} AS at, ${json} AS data FROM v WHERE id = 1`;
      const [first] = await opened.engine.execute<{ id: number; at: Date; data: { b: number } }>(sql);
      if (first === undefined) throw new Error("no row");
      first.id = 99;
      first.at.setTime(0);
      first.data.b = 99;
      expectSame(await opened.engine.execute(sql), await opened.bare(sql));
    });

    it.each([
      ["TimeZone", "UTC"],
      ["TimeZone", "Europe/Amsterdam"],
      ["TimeZone", "America/New_York"],
      ["TimeZone", "Asia/Kolkata"],
      ["TimeZone", "<+03>-03"],
      ["DateStyle", "German"],
      ["DateStyle", "SQL, DMY"],
      ["DateStyle", "Postgres, MDY"],
      ["IntervalStyle", "iso_8601"],
      ["extra_float_digits", "0"],
      ["extra_float_digits", "-3"],
      ["bytea_output", "escape"],
    ])("follow the session: %s = %s", async (setting, value) => {
      const opened = await openEngine(database, {
        pool: { options: `-c ${setting}=${value.replaceAll(/[ \\]/g, "\\$&")}` },
      });
      const types = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;
      const textual = await openEngine(database, {
        pool: { types, options: `-c ${setting}=${value.replaceAll(/[ \\]/g, "\\$&")}` },
      });
      for (const each of [opened, textual]) {
        expect(await each.bare(`SHOW ${setting}`)).toEqual([
          { [setting]: expect.stringContaining(value.split(",")[0] ?? "") },
        ]);
        await expectHitAsBare(each, `SELECT id, ${NAMES} FROM v ORDER BY id`);
      }
    });

    it("follow settings of the database", async () => {
      const [{ name } = { name: "" }] = await database.query<{ name: string }>("SELECT current_database() AS name");
      const settings = {
        TimeZone: "America/New_York",
        DateStyle: "German",
        extra_float_digits: "0",
        bytea_output: "escape",
      };
      for (const [setting, value] of Object.entries(settings)) {
        await database.query(`ALTER DATABASE ${name} SET "${setting}" = '${value}'`);
      }
      onTestFinished(async () => {
        await database.query(`ALTER DATABASE ${name} RESET ALL`);
      });
      const opened = await openEngine(database);
      expect(await opened.bare("SHOW TimeZone")).toEqual([{ TimeZone: "America/New_York" }]);
      await expectHitAsBare(opened, `SELECT id, ${NAMES} FROM v ORDER BY id`);
    });

    it("parameters: canonical values are bound, all others are the origin's to judge", async () => {
      const opened = await openEngine(database, { mode: "transparent" });
      const { engine, bare } = opened;
      const column = (type: string): string => COLUMNS.find((each) => each.type === type)?.name ?? "";
      const odd: readonly unknown[] = [
        null,
        undefined,
        0,
        1,
        -0,
        -1,
        1.5,
        2147483648,
        9007199254740993n,
        2n ** 63n,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        1e21,
        1e-7,
        "",
        " ",
        "0",
        "1",
        " 1",
        "1 ",
        "+1",
        "01",
        "-0",
        "1.0",
        "1e0",
        "0x1",
        "1_000",
        "abc",
        "ab",
        "ab   ",
        "null",
        "NaN",
        "infinity",
        true,
        false,
        "t",
        "true",
        "TRUE",
        "yes",
        "on",
        "sad",
        "SAD",
        "it's ok",
        new Date(0),
        new Date(Date.UTC(2024, 1, 29, 12, 34, 56, 789)),
        new Date(Number.NaN),
        "2024-02-29",
        "2024-2-29",
        "20240229",
        "29 feb 2024",
        "today",
        "epoch",
        "-infinity",
        "2024-02-29 12:34:56.789012",
        "2024-02-29T12:34:56.789012Z",
        "2024-02-29 12:34:56.789012+00",
        "2024-02-29 13:34:56.789012+01",
        "0044-03-15 BC",
        "12024-01-01",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        "{a0eebc999c0b4ef8bb6d6bb9bd380a11}",
        Buffer.from("ab"),
        new Uint8Array([97, 98]),
        [1, 2],
        ["a"],
        [],
        [null],
        { a: 1 },
        { toPostgres: () => "1" },
        new Map(),
        "a\0b",
        "\ud800",
        "ä€😀 ß İ",
        Symbol.iterator,
        () => 1,
        Object(1),
        Object("ab"),
        /x/,
      ];
      const statements = [
        ...[
          "smallint",
          "integer",
          "bigint",
          "boolean",
          "text",
          "char(5)",
          "uuid",
          "date",
          "timestamp",
          "timestamptz",
          "numeric(10,2)",
          "numeric",
          "double precision",
          "mood",
        ].map((type) => `SELECT id FROM v WHERE ${column(type)} = $1 ORDER BY id`),
        ...["integer", "varchar(10)", "timestamptz", "numeric(10,2)"].map(
          (type) => `SELECT id FROM v WHERE ${column(type)} >= $1 ORDER BY id`,
        ),
        ...["bigint", "text", "mood"].map((type) => `SELECT id FROM v WHERE ${column(type)} = ANY($1) ORDER BY id`),
        `SELECT id FROM v WHERE ${column("text")} LIKE $1 ORDER BY id`,
        "SELECT id FROM v ORDER BY id LIMIT $1",
        "SELECT id FROM v ORDER BY id OFFSET $1",
        "SELECT id FROM v WHERE id = $1::int",
        "SELECT id FROM v WHERE $1 IS NULL",
      ];
      const differences: unknown[] = [];
      for (const sql of statements) {
        const compare = async (value: unknown): Promise<void> => {
          const [ours, theirs] = await Promise.all([
            settled(() => engine.execute(sql, [value])),
            settled(() => bare(sql, [value])),
          ]);
          if (!isDeepStrictEqual(ours, theirs)) differences.push({ sql, value, ours, theirs });
        };
        await compare(odd[0]);
        await Promise.all(odd.map(compare));
      }
      expect(differences).toEqual([]);
      expect(engine.stats().hits).toBeGreaterThan(statements.length * 5);
      expect(opened.faults).toEqual([]);
    }, 120_000);

    it("parameters: a wrong number of them is the origin's error", async () => {
      const { engine, bare } = await openEngine(database);
      const cases: readonly (readonly [string, readonly unknown[] | undefined])[] = [
        ["SELECT id FROM v WHERE id = $1", undefined],
        ["SELECT id FROM v WHERE id = $1", []],
        ["SELECT id FROM v WHERE id = $1", [1, 2]],
        ["SELECT id FROM v WHERE id = $1 OR id = $3", [1, 2, 3]],
        ["SELECT id FROM v WHERE id = $1 OR id = $2", [1]],
        ["SELECT id FROM v WHERE id = 1", [1]],
        ["SELECT id FROM v WHERE id = 1", []],
      ];
      for (const round of [1, 2]) {
        for (const [sql, params] of cases) {
          const ours = await settled(() => engine.execute(sql, params));
          expect({ round, sql, params, answer: ours }).toStrictEqual({
            round,
            sql,
            params,
            answer: await settled(() => bare(sql, params)),
          });
        }
      }
    });

    it("parameters: one that no plan can bind is a bypass with its reason, and the origin's answer", async () => {
      const { engine } = await openEngine(database);
      await engine.execute("SELECT id FROM v WHERE id = $1", [1]);
      const counts = await counted(engine, async () => {
        expect(await engine.execute("SELECT id FROM v WHERE id = $1", [" 1 "])).toEqual([{ id: 1 }]);
      });
      expect(counts).toEqual(BYPASS);
      expect(engine.stats().bypassesByReason).toEqual({ parameter: 1 });
    });
  },
  { setup: SETUP },
);
