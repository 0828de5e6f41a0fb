import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Origin } from "../../../src/dialects/dialect.ts";
import { openOrigin } from "../../../src/dialects/postgres/connect.ts";
import { numericKey } from "../../../src/dialects/postgres/numeric-key.ts";
import {
  collationAvailable,
  createDatabase,
  servers,
  type TestCollation,
  type TestDatabase,
} from "../../support/postgres.ts";
import { collect, requireColumn, requireTable } from "./collect.ts";
import { pick, seeded } from "./random.ts";

describe.each(servers())("loads from $name", (server) => {
  let database: TestDatabase;
  let origin: Origin;

  const table = async (name: string) => {
    origin.forgetCatalog();
    return requireTable(await origin.catalog.table([name]));
  };

  beforeAll(async () => {
    database = await createDatabase(server);
    origin = openOrigin(database.url);
    await origin.ready();
  });
  afterAll(async () => {
    await origin.close();
    await database.drop();
  });

  test("an empty table, facts of a full one", async () => {
    await database.query("CREATE TABLE f (id int8, f float8, n numeric(10,2), d date, t timestamptz, s text, b bool)");
    const columns = ["id", "f", "n", "d", "t", "s", "b"].map((name) => [name, "value"] as const);
    const empty = await collect(origin, await table("f"), columns);
    expect(empty.rows).toEqual([]);
    expect(empty.facts[0]).toEqual({ min: null, max: null, hasNull: false, hasNaN: false, hasNegativeZero: false });
    await database.query(`INSERT INTO f VALUES
      (9223372036854775807, 'NaN', 'NaN', '1970-01-01', '1970-01-01 00:00+00', 'a', true),
      (-5, '-0', 12.34, '1999-12-31', '-infinity', NULL, true),
      (7, 1.5, -99.99, 'infinity', '2500-01-01 00:00+00', '', true)`);
    const { facts, rows } = await collect(origin, await table("f"), columns);
    expect(rows).toEqual([
      [9223372036854775807n, "NaN", "NaN", 0, 0, "a", 1],
      [-5, -0, 1234, 10956, -9223372036854775808n, null, 1],
      [7, 1.5, -9999, 2147483647, 16725225600000000n, "", 1],
    ]);
    expect(facts).toEqual([
      { min: -5, max: 9223372036854775807n, hasNull: false, hasNaN: false, hasNegativeZero: false },
      { min: -0, max: 1.5, hasNull: false, hasNaN: true, hasNegativeZero: true },
      { min: -9999, max: 1234, hasNull: false, hasNaN: true, hasNegativeZero: false },
      { min: 0, max: 2147483647, hasNull: false, hasNaN: false, hasNegativeZero: false },
      { min: -9223372036854775808n, max: 16725225600000000n, hasNull: false, hasNaN: false, hasNegativeZero: false },
      { min: null, max: null, hasNull: true, hasNaN: false, hasNegativeZero: false },
      { min: 1, max: 1, hasNull: false, hasNaN: false, hasNegativeZero: false },
    ]);
  });

  test("partitions, dropped columns, materialized views and odd names", async () => {
    await database.query(`
      CREATE TABLE p (k int, gone int, v text) PARTITION BY LIST (k); ALTER TABLE p DROP COLUMN gone;
      CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 (v text, k int);
      ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
      INSERT INTO p VALUES (1, 'one'), (2, 'two');
      CREATE MATERIALIZED VIEW "m "" v" AS SELECT k AS "k "" k", v FROM p`);
    const parts = await collect(origin, await table("p"), [
      ["v", "value"],
      ["k", "value"],
    ]);
    expect(parts.rows.sort()).toEqual([
      ["one", 1],
      ["two", 2],
    ]);
    const view = await collect(origin, await table('m " v'), [['k " k', "value"]]);
    expect(view.rows.sort()).toEqual([[1], [2]]);
  });

  test("keys of arbitrary-precision numbers sort as the server sorts them", async () => {
    const next = seeded(5);
    const values = [
      "NaN",
      "Infinity",
      "-Infinity",
      "0",
      "0.000",
      "-0.1",
      "1.0",
      "1.00",
      "1",
      "10000",
      "9999",
      "1e-30",
      "-1e-30",
    ];
    while (values.length < 3000) {
      const digits = (count: number): string => Array.from({ length: count }, () => Math.floor(next() * 10)).join("");
      const text = pick(next, [
        digits(3),
        digits(1 + Math.floor(next() * 30)),
        "0",
        `1${"0".repeat(Math.floor(next() * 12))}`,
      ]);
      values.push(
        `${next() < 0.5 ? "-" : ""}${text}${next() < 0.5 ? "" : `.${pick(next, [digits(2), digits(1 + Math.floor(next() * 20)), "0000", "0001"])}`}`,
      );
    }
    await database.query("CREATE TABLE n (id int, v numeric)");
    await database.query("INSERT INTO n SELECT o, x FROM unnest($1::numeric[]) WITH ORDINALITY AS u(x, o)", [values]);
    const { rows } = await collect(origin, await table("n"), [
      ["v", "value"],
      ["v", "key"],
      ["id", "value"],
    ]);
    rows.sort((a, b) => Number(a[2]) - Number(b[2]));
    const ranks = await database.query<{ rank: string }>(
      "SELECT dense_rank() OVER (ORDER BY v) AS rank FROM n ORDER BY id",
    );
    const sorted = rows.map((row, index) => ({
      key: row[1] as Uint8Array,
      rank: Number(ranks[index]?.rank),
      text: String(row[0]),
    }));
    for (const { key, text } of sorted) expect([text, numericKey(text)]).toEqual([text, key]);
    sorted.sort((a, b) => Buffer.compare(a.key, b.key));
    for (let index = 1; index < sorted.length; index++) {
      const [a, b] = [sorted[index - 1], sorted[index]];
      if (a === undefined || b === undefined) continue;
      expect([a.text, b.text, Buffer.compare(a.key, b.key) === 0]).toEqual([a.text, b.text, a.rank === b.rank]);
      expect([a.text, b.text, a.rank <= b.rank]).toEqual([a.text, b.text, true]);
    }
  });

  test("a definition that changed before the load: nothing is opened", async () => {
    await database.query("CREATE TABLE c (a int); INSERT INTO c VALUES (1)");
    const before = await table("c");
    await database.query("ALTER TABLE c ADD COLUMN b int");
    expect(await collect(origin, before, [["a", "value"]])).toMatchObject({ outcome: "changed", opened: false });
    // And the name that led to it means another table now.
    const other = await table("c");
    await database.query(
      "ALTER TABLE c RENAME TO d; CREATE TABLE c (a int); ALTER TABLE c RENAME TO e; ALTER TABLE d RENAME TO c",
    );
    expect(await collect(origin, other, [["a", "value"]])).toMatchObject({ outcome: "changed", opened: false });
  });

  test.each([
    ["rewritten", "ALTER TABLE r ALTER COLUMN a TYPE bigint"],
    ["truncated", "TRUNCATE r"],
    ["renamed", "ALTER TABLE r RENAME TO r_away"],
    ["dropped", "DROP TABLE r"],
    ["its column dropped", "ALTER TABLE r DROP COLUMN a"],
    ["a label renamed", "ALTER TYPE r_mood RENAME VALUE 'x' TO 'y'"],
  ])("a definition that changes after the snapshot was taken: %s", async (_name, sql) => {
    await database.query(
      "DROP TABLE IF EXISTS r, r_away; DROP TYPE IF EXISTS r_mood; CREATE TYPE r_mood AS ENUM ('x')",
    );
    await database.query("CREATE TABLE r (a int, m r_mood); INSERT INTO r VALUES (1, 'x')");
    const loaded = await collect(
      origin,
      await table("r"),
      [
        ["a", "value"],
        ["m", "value"],
      ],
      [],
      {
        onOpen: async () => {
          await database.query(sql);
        },
      },
    );
    expect(loaded).toMatchObject({ outcome: "changed", opened: true, aborted: true });
  });

  test("all streams are of one snapshot", async () => {
    await database.query("CREATE TABLE snap (v text); INSERT INTO snap VALUES ('b'), ('a')");
    const { rows, dictionaries } = await collect(
      origin,
      await table("snap"),
      [
        ["v", "rank"],
        ["v", "value"],
      ],
      ["v"],
      {
        onOpen: async () => {
          await database.query("INSERT INTO snap VALUES ('c')");
        },
      },
    );
    expect(dictionaries).toEqual([["a", "b"]]);
    expect(rows).toEqual([
      [1, "b"],
      [0, "a"],
    ]);
  });

  test("a connection that dies in the middle: the server's error, the sink aborted, the next load works", async () => {
    await database.query(
      "CREATE TABLE long (v text); INSERT INTO long SELECT repeat('x', 1000) FROM generate_series(1, 20000)",
    );
    const long = await table("long");
    let chunks = 0;
    let aborted = false;
    const failed = origin.load(
      [{ table: long, columns: [{ column: requireColumn(long, "v"), encoding: "value" }], dictionaries: [] }],
      async () => ({
        write: async () => {
          if (++chunks === 3) {
            await database.query(
              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sqlmem' AND query LIKE 'COPY%' AND datname = current_database()",
            );
          }
        },
        endStream: async () => {},
        finish: async () => ({ kind: "loaded", tables: [] }),
        abort: async () => {
          aborted = true;
        },
      }),
    );
    await expect(failed).rejects.toThrow(/terminat|reset|EPIPE/i);
    expect(aborted).toBe(true);
    expect((await collect(origin, long, [["v", "value"]])).rows).toHaveLength(20_000);
  });

  test("a sink that fails: its error, and the next load works", async () => {
    const long = await table("long");
    const failed = collect(origin, long, [["v", "value"]], [], {
      onChunk: () => {
        throw new Error("no room");
      },
    });
    await expect(failed).rejects.toThrow("no room");
    expect((await collect(origin, long, [["v", "value"]])).rows).toHaveLength(20_000);
  });

  test("a sink that has seen too many rows ends the stream", async () => {
    const long = await table("long");
    let tooLarge = false;
    const outcome = await origin.load(
      [{ table: long, columns: [{ column: requireColumn(long, "v"), encoding: "value" }], dictionaries: [] }],
      async () => ({
        get tooLarge() {
          return tooLarge;
        },
        write: async () => {
          tooLarge = true;
        },
        endStream: async () => {},
        finish: async () => ({ kind: "too-large", id: "1", table: "long", detail: "" }),
        abort: async () => {},
      }),
    );
    expect(outcome).toBe("streamed");
  });

  test("an error of the server in the middle of the rows", async () => {
    await database.query(
      "CREATE FUNCTION broken(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF $1 = 3000 THEN RAISE ''broken at %'', $1; END IF; RETURN $1; END'",
    );
    await database.query(
      "CREATE TABLE lazy (a int); INSERT INTO lazy SELECT i FROM generate_series(1, 5000) AS i; REVOKE ALL ON lazy FROM PUBLIC",
    );
    const lazy = await table("lazy");
    await database.query(`CREATE ROLE sqlmem_nobody_${database.name}`);
    const limited = openOrigin({ connectionString: database.url, options: `-c role=sqlmem_nobody_${database.name}` });
    await limited.ready();
    await expect(collect(limited, lazy, [["a", "value"]])).rejects.toMatchObject({
      code: "42501",
      message: /permission denied/,
    });
    await limited.close();
    await database.query(`DROP ROLE sqlmem_nobody_${database.name}`);
  });

  test("a slow sink holds the server back, and nothing is lost", async () => {
    const { rows } = await collect(origin, await table("long"), [["v", "value"]], [], {
      onChunk: () => new Promise((resolve) => setTimeout(resolve, Math.random() < 0.1 ? 2 : 0)),
    });
    expect(rows).toHaveLength(20_000);
    expect(rows.every((row) => row[0] === "x".repeat(1000))).toBe(true);
  });

  test.each<TestCollation>(["C", "en_US", "icu", "de_DE", "tr_TR"])(
    "ranks follow the order of %s",
    async (collation) => {
      if (!collationAvailable(server, collation)) return;
      await using other = await createDatabase(server, { collation });
      const theirs = openOrigin(other.url);
      try {
        const next = seeded(11);
        const alphabet = [
          "a",
          "A",
          "b",
          "B",
          "ä",
          "Ä",
          "z",
          "é",
          "e\u0301",
          "ß",
          "ss",
          "ı",
          "İ",
          "i",
          "I",
          " ",
          "-",
          "_",
          "1",
          "10",
          "9",
          "🙂",
          "\uffff",
          "'",
          "ø",
        ] as const;
        const words = Array.from({ length: 3000 }, () =>
          Array.from({ length: Math.floor(next() * 6) }, () => pick(next, alphabet)).join(""),
        );
        await other.query(
          'CREATE TABLE w (id int, v text, c char(12), x text COLLATE "C", i varchar COLLATE "und-x-icu")',
        );
        await other.query("INSERT INTO w SELECT o, s, s, s, s FROM unnest($1::text[]) WITH ORDINALITY AS u(s, o)", [
          words,
        ]);
        await other.query("INSERT INTO w VALUES (0)");
        const loaded = requireTable(await theirs.catalog.table(["w"]));
        for (const name of ["v", "c", "x", "i"]) {
          const { rows, dictionaries } = await collect(
            theirs,
            loaded,
            [
              ["id", "value"],
              [name, "rank"],
              [name, "value"],
            ],
            [name],
          );
          const right = await other.query<{ id: number; rank: string; v: string | null }>(
            `SELECT id, CASE WHEN ${name} IS NOT NULL THEN dense_rank() OVER (ORDER BY ${name}) - 1 END AS rank FROM w ORDER BY id`,
          );
          const seen = rows.sort((a, b) => Number(a[0]) - Number(b[0])).map((row) => row[1]);
          expect(seen).toEqual(right.map((row) => (row.rank === null ? null : Number(row.rank))));
          const column = requireColumn(loaded, name);
          for (const value of ["", "a", "Ab", "ä", "ß ", "nowhere", "🙂"]) {
            const candidates = dictionaries[0] ?? [];
            const before = await theirs.sortsBefore(column, candidates, value);
            const [{ count } = { count: "" }] = await other.query<{ count: string }>(
              `SELECT count(DISTINCT ${name}) FROM w WHERE ${name} < $1`,
              [value],
            );
            expect(before.filter(Boolean)).toHaveLength(Number(count));
            // A prefix: the order is the dictionary's.
            expect(before.lastIndexOf(true)).toBe(Number(count) - 1);
          }
        }
      } finally {
        await theirs.close();
      }
    },
  );

  test("enums by declaration", async () => {
    await database.query(
      "CREATE TYPE size AS ENUM ('small', 'large'); ALTER TYPE size ADD VALUE 'medium' BEFORE 'large'",
    );
    await database.query(
      "CREATE TABLE sizes (s size); INSERT INTO sizes VALUES ('large'), ('medium'), (NULL), ('small')",
    );
    const { rows } = await collect(origin, await table("sizes"), [
      ["s", "rank"],
      ["s", "value"],
    ]);
    expect(rows).toEqual([
      [2, "large"],
      [1, "medium"],
      [null, null],
      [0, "small"],
    ]);
  });

  test("several tables in one load", async () => {
    await database.query(
      "CREATE TABLE one (a int); CREATE TABLE two (a text); INSERT INTO one VALUES (1); INSERT INTO two VALUES ('x')",
    );
    const tables = [await table("one"), await table("two")];
    const streams: number[] = [];
    let bytes = 0;
    const outcome = await origin.load(
      tables.map((each) => ({
        table: each,
        columns: [{ column: requireColumn(each, "a"), encoding: "value" as const }],
        dictionaries: [],
      })),
      async () => ({
        write: async (chunk) => {
          bytes += chunk.length;
        },
        endStream: async () => {
          streams.push(bytes);
        },
        finish: async () => ({ kind: "loaded", tables: [] }),
        abort: async () => {},
      }),
    );
    expect(outcome).toBe("streamed");
    expect(streams).toHaveLength(2);
  });

  test("the pool's own clients are not taken", async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const mine = openOrigin(pool);
    await mine.ready();
    const held = await pool.connect();
    const found = requireTable(await mine.catalog.table(["sizes"]));
    expect((await collect(mine, found, [["s", "value"]])).rows).toHaveLength(4);
    held.release();
    await mine.close();
    // Still the caller's to use and to end.
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});
