import { beforeAll, expect, it } from "vitest";
import { describeOnServers, type OpenedEngine, openEngine, type SharedDatabase } from "../support/engine.ts";
import { expectExact, Random, WIRE } from "./compared-values.ts";

const TABLE = `CREATE TABLE n (id int PRIMARY KEY, ti text[], vi varchar(9)[], ii int[], li int8[], si int2[], bi bool[],
  fi float8[], ni numeric[], ui uuid[], di date[], tsi timestamp[], tzi timestamptz[], ji json[], jbi jsonb[],
  ci char(4)[], k text, i int, jb jsonb, jb2 jsonb, j json)`;

const ITEMS = [
  "a",
  "b",
  "",
  " ",
  "NULL",
  "null",
  "a,b",
  'q"uote',
  "back\\slash",
  "{}",
  "{",
  "ä€😀",
  "tab\tnew\nline",
  "\u0001\u007f",
  "O'Neil",
  "\v",
  "$1",
];
const UUIDS = ["00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
const NUMBERS = [
  "0",
  "1",
  "-1",
  "1.0",
  "1.00",
  "0.10",
  "1e3",
  "-0.0",
  "12345678901234567890.12345",
  "1e-7",
  "100",
  "2",
];
const KEYS = ["a", "b", "aa", "", "ä", 'q"', "0", "1", "\\", "a b", "NULL"];
const STRINGS = [
  ...ITEMS.map((item) => JSON.stringify(item)),
  '"\\u00e4"',
  '"\\/"',
  '"\\ud83d\\ude00"',
  '"1"',
  '"true"',
];
const SPACES = ["", " ", "\n\t"];

/** A JSON text, not in the form of jsonb. */
function json(random: Random, depth: number): string {
  const blank = (): string => random.pick(SPACES);
  const kind = random.integer(0, depth > 3 ? 4 : 8);
  if (kind === 0) return random.pick(["true", "false", "null"]);
  if (kind <= 2) return random.pick(NUMBERS);
  if (kind <= 4) return random.pick(STRINGS);
  const parts = Array.from({ length: random.integer(0, 4) }, () => {
    const value = `${blank()}${json(random, depth + 1)}${blank()}`;
    return kind >= 7 ? value : `${blank()}${JSON.stringify(random.pick(KEYS))}${blank()}:${value}`;
  });
  return `${blank()}${kind >= 7 ? "[" : "{"}${parts.join(",")}${blank()}${kind >= 7 ? "]" : "}"}${blank()}`;
}

/** The literal of an array of up to three dimensions, now and then with lower bounds. */
function array(random: Random, items: readonly string[]): string {
  const dimensions = random.integer(0, 9) < 7 ? 1 : random.integer(2, 3);
  const lengths = Array.from({ length: dimensions }, () => random.integer(1, 3));
  if (random.integer(0, 6) === 0) return "{}";
  const level = ([length = 0, ...inner]: readonly number[]): string => {
    const parts = Array.from({ length }, () => {
      if (inner.length > 0) return level(inner);
      return random.integer(0, 8) === 0 ? "NULL" : `"${random.pick(items).replaceAll(/["\\]/g, "\\$&")}"`;
    });
    return `{${parts.join(",")}}`;
  };
  const bounds = lengths.map((length) => {
    const low = random.integer(-1, 2);
    return `[${low}:${low + length - 1}]`;
  });
  return `${random.integer(0, 5) === 0 ? `${bounds.join("")}=` : ""}${level(lengths)}`;
}

const COLUMNS: readonly (readonly [name: string, type: string, make: (random: Random) => string])[] = [
  ["ti", "text[]", (random) => array(random, ITEMS)],
  ["vi", "varchar[]", (random) => array(random, ["a", "b", "", "c d"])],
  ["ii", "int[]", (random) => array(random, ["0", "1", "2", "-3", "2147483647"])],
  ["li", "int8[]", (random) => array(random, ["0", "1", "9007199254740993", "-9223372036854775808"])],
  ["si", "int2[]", (random) => array(random, ["0", "1", "2", "-3"])],
  ["bi", "bool[]", (random) => array(random, ["t", "f"])],
  ["fi", "float8[]", (random) => array(random, ["0", "-0", "NaN", "Infinity", "0.1", "1e30", "1e-7", "-123456789.25"])],
  ["ni", "numeric[]", (random) => array(random, NUMBERS.concat("NaN"))],
  ["ui", "uuid[]", (random) => array(random, UUIDS)],
  ["di", "date[]", (random) => array(random, ["2024-02-29", "0044-03-15 BC", "infinity", "12000-01-01"])],
  ["tsi", "timestamp[]", (random) => array(random, ["2024-02-29 10:00:00.5", "0044-03-15 00:00:00 BC", "-infinity"])],
  ["tzi", "timestamptz[]", (random) => array(random, ["2024-02-29 10:00:00.5+02", "1850-01-01", "infinity"])],
  ["ji", "json[]", (random) => array(random, ['{"a" : 1}', "null", '"x"', "[ 1 ]", "1.0"])],
  ["jbi", "jsonb[]", (random) => array(random, ['{"b" : 1, "a":2}', "null", '"x"', "[ 1 ]", "1.0"])],
  ["ci", "char(4)[]", (random) => array(random, ["ab", "", "abcd"])],
  ["k", "text", (random) => random.pick(random.integer(0, 1) === 0 ? KEYS : ITEMS)],
  ["i", "int", (random) => String(random.integer(-3, 3))],
  ["jb", "jsonb", (random) => json(random, 0)],
  ["jb2", "jsonb", (random) => json(random, random.integer(1, 4))],
  ["j", "json", (random) => json(random, 0)],
];

async function fill(database: SharedDatabase, rows: number): Promise<void> {
  const random = new Random(11);
  const values = COLUMNS.map(([, , make]) =>
    Array.from({ length: rows }, () => (random.integer(0, 9) === 0 ? null : make(random))),
  );
  const names = COLUMNS.map(([name]) => name);
  const sources = COLUMNS.map((_, index) => `$${index + 1}::text[]`);
  const casts = COLUMNS.map(([name, type]) => `s.${name}::${type}`);
  await database.query(
    `INSERT INTO n SELECT s.id, ${casts.join(", ")} FROM unnest(${sources.join(", ")}) WITH ORDINALITY AS s(${names.join(", ")}, id)`,
    values,
  );
}

function ofEach(expressions: readonly string[]): string[] {
  return expressions.map((expression) => `SELECT id, ${expression} AS value FROM n ORDER BY id`);
}

function openTexts(database: SharedDatabase, options?: string): Promise<OpenedEngine> {
  return openEngine(database, { mode: "transparent", pool: { ...WIRE, ...(options !== undefined && { options }) } });
}

/** The answer is the origin's, its error included; says whether it came from the cache. */
async function answersAlike(
  { engine, bare }: OpenedEngine,
  sql: string,
  params?: readonly unknown[],
): Promise<boolean> {
  const settled = async (ask: Promise<unknown>): Promise<unknown> =>
    ask.then(
      (rows) => ({ rows }),
      (error: unknown) => ({ error: Reflect.get(Object(error), "code") }),
    );
  await engine.execute(sql, params).catch(() => undefined);
  const before = engine.stats().hits;
  const ours = await settled(engine.execute(sql, params));
  expect({ sql, params, ours }).toEqual({ sql, params, ours: await settled(bare(sql, params)) });
  return engine.stats().hits > before;
}

const ARRAYS = "ti vi ii li si bi fi ni ui di tsi tzi ji jbi ci".split(" ");
const COMPARED = "ti vi ii li si bi ui di tsi tzi".split(" ");

describeOnServers(
  "arrays and documents",
  (database) => {
    beforeAll(() => fill(database, 1500));

    it("shows arrays in JSON", { timeout: 120_000 }, async () => {
      const opened = await openTexts(database, "-c TimeZone=Asia/Kolkata");
      await expectExact(
        opened,
        ofEach([
          ...ARRAYS.flatMap((column) => [`to_json(${column})`, `json_build_object('a', ${column})`]),
          ...ARRAYS.filter((column) => column !== "ji").flatMap((column) => [`to_jsonb(${column})`]),
          `jsonb_build_array(${ARRAYS.filter((column) => column !== "ji").join(", ")})`,
          "row_to_json(n)",
          "to_json(ARRAY[k, NULL, 'x'])",
          "ARRAY[k, NULL, 'x']",
          "ARRAY[i, 1]",
        ]),
      );
      await expectExact(opened, ["SELECT json_agg(ti ORDER BY id) AS a, jsonb_agg(ii ORDER BY id) AS b FROM n"]);
    });

    it("relates arrays", { timeout: 120_000 }, async () => {
      const opened = await openTexts(database);
      const pairs = COMPARED.flatMap((column) =>
        ["@>", "<@", "&&", "=", "<>", "IS DISTINCT FROM"]
          .filter((operator) => column !== "ii" || /=|<>|IS/.test(operator))
          .map(
            (operator) => `SELECT a.id, b.id AS other FROM n AS a JOIN n AS b ON a.${column} ${operator} b.${column}
             AND a.id % 40 = 0 AND b.id < 90 ORDER BY 1, 2`,
          ),
      );
      await expectExact(opened, pairs);
      await expectExact(
        opened,
        ofEach([
          ...COMPARED.map((column) => `cardinality(${column})`),
          ...ARRAYS.flatMap((column) => [
            `array_length(${column}, 1)`,
            `array_length(${column}, 2)`,
            `array_ndims(${column})`,
          ]),
          ...ARRAYS.flatMap((column) => [`array_to_string(${column}, ', ')`, `array_to_string(${column}, k, '*')`]),
          "k = ANY(ti)",
          "k <> ALL(ti)",
          "i = ANY(ii)",
          "i = ANY(li)",
          "i <> ALL(si)",
          "'a' = ANY(vi)",
          "k = ANY(ARRAY['a', 'b', NULL])",
          "i = ANY(ARRAY[1, 2])",
          "i <> ALL(ARRAY[1, 2])",
          "i > ANY(ARRAY[1, 2])",
          "i > ALL(ARRAY[1, 2])",
          "i = ANY('{1,2}'::int[])",
          "i = ANY('{}'::int[])",
          "i <> ALL('{}'::int[])",
          "ti @> ARRAY['a']",
          "ti <@ ARRAY['a', 'b', '']::text[]",
          'ti && \'{a,"NULL"," "}\'',
          "ti = '{}'",
          "ti = ARRAY[]::text[]",
          "ti <> '{a}'",
          "k ILIKE ANY (ARRAY['A%', 'null'])",
          "k NOT LIKE ALL (ARRAY['A%', 'n%'])",
          "i BETWEEN SYMMETRIC 2 AND -1",
          "i NOT BETWEEN SYMMETRIC 2 AND -1",
          "+ i",
        ]),
      );
    });

    it("binds arrays", { timeout: 120_000 }, async () => {
      const opened = await openTexts(database);
      const texts: unknown[] = [
        ["a"],
        ["a", "b"],
        [],
        ['q"uote', "back\\slash"],
        ["NULL"],
        "{}",
        '{a,"b"}',
        [""],
        null,
      ];
      const wheres = ["ti @> $1", "ti <@ $1", "ti && $1", "ti = $1", "ti <> $1", "NOT ti && $1"];
      for (const where of wheres) {
        for (const value of texts) {
          const sql = `SELECT id FROM n WHERE ${where} ORDER BY id`;
          expect([sql, value, await answersAlike(opened, sql, [value])]).toEqual([sql, value, true]);
        }
        for (const value of [
          ["a", null],
          "{a,b",
          "x",
          "{{a},{b}}",
          [["a"], ["b"]],
          [1, true],
          [["a"], []],
          "{a,}",
          "[2:3]={a,b}",
        ]) {
          await answersAlike(opened, `SELECT id FROM n WHERE ${where} ORDER BY id`, [value]);
        }
      }
      for (const value of [[1], [1, 2], ["1"], [1.5], ["01"], "{1,2}", "{1, 2}", "{1,2.0}", [9_007_199_254_740_993n]]) {
        await answersAlike(opened, "SELECT id FROM n WHERE ii @> $1 ORDER BY id", [value]);
        await answersAlike(opened, "SELECT id FROM n WHERE li && $1 ORDER BY id", [value]);
        await answersAlike(opened, "SELECT id FROM n WHERE i = ANY($1) ORDER BY id", [value]);
        await answersAlike(opened, "SELECT id FROM n WHERE i = ANY($1::int8[]) ORDER BY id", [value]);
      }
      for (const value of [...ITEMS, null, 1]) {
        expect(await answersAlike(opened, "SELECT id FROM n WHERE $1 = ANY(ti) ORDER BY id", [value])).toBe(true);
        expect(await answersAlike(opened, "SELECT id FROM n WHERE $1 <> ALL(ti) ORDER BY id", [value])).toBe(true);
      }
      for (const value of [1, 2, null]) {
        expect(await answersAlike(opened, "SELECT id FROM n WHERE 1 = $1 ORDER BY id", [value])).toBe(true);
        expect(await answersAlike(opened, "SELECT id FROM n WHERE $1::text IS NULL ORDER BY id", [value])).toBe(true);
      }
    });

    it("looks into documents", { timeout: 120_000 }, async () => {
      const opened = await openTexts(database);
      const keys = KEYS.map((key) => `'${key}'`);
      await expectExact(
        opened,
        ofEach(
          ["jb", "j"].flatMap((column) => [
            ...[...keys, "0", "1", "-1", "7", "k", "i"].flatMap((key) => [
              `${column} -> ${key}`,
              `${column} ->> ${key}`,
            ]),
            `${column} #> '{}'`,
            `${column} #>> '{}'`,
            ...["a", "a,b", "0", "-1,a", "b,0,aa", '"",""', "a,NULL", "x y", '"q\\""']
              .flatMap((path) => [`${column} #> '{${path}}'`, `${column} #>> '{${path}}'`])
              .filter((sql) => !sql.includes("NULL")),
            `${column} #> ARRAY[k, '0']`,
            `${column} #>> ARRAY['a']::text[]`,
            `${column} -> 'a' ->> 'b'`,
            `${column === "jb" ? "jsonb" : "json"}_typeof(${column})`,
            `${column === "jb" ? "jsonb" : "json"}_extract_path(${column}, 'a', k)`,
            `${column === "jb" ? "jsonb" : "json"}_extract_path_text(${column}, 'a')`,
          ]),
        ),
      );
      await expectExact(
        opened,
        ofEach([
          ...keys.map((key) => `jb ? ${key}`),
          "jb ? k",
          "jb ?| ARRAY[k, 'a']",
          "jb ?& ARRAY['a', k]",
          "jb ?| '{}'",
          "jb ?& '{}'",
          "jb @> jb2",
          "jb <@ jb2",
          "jb @> '{}'",
          "jb @> '[]'",
          "jb @> '1'",
          "jb @> '[1.00]'",
          "jb @> '{\"a\": 1}'",
          "jb = jb2",
          "jb <> jb2",
          "jb IS DISTINCT FROM jb2",
          "jb -> 'a' = jb2",
          "jb -> 'a' = '1'",
        ]),
      );
      await expectExact(opened, [
        "SELECT a.id, b.id AS other FROM n AS a JOIN n AS b ON a.jb @> b.jb2 AND b.id < 6 ORDER BY 1, 2",
        "SELECT a.id, b.id AS other FROM n AS a JOIN n AS b ON a.jb = b.jb2 AND b.id < 6 ORDER BY 1, 2",
      ]);
      expect(await answersAlike(opened, "SELECT id FROM n WHERE jb->>'a' = $1 ORDER BY id", ["1"])).toBe(true);
      for (const value of [{ a: 1 }, {}, '{"a":1.0}', "1", "[1, 2]", '"a"', "null", '{"a":{}}', 1, true, null]) {
        for (const where of ["jb @> $1", "jb <@ $1", "jb = $1", "jb -> 'a' = $1", "jb #> '{a}' @> $1"]) {
          const sql = `SELECT id FROM n WHERE ${where} ORDER BY id`;
          expect([sql, value, await answersAlike(opened, sql, [value])]).toEqual([sql, value, true]);
        }
      }
      for (const value of ["{", "", ["a"], [1, 2], "{'a':1}", new Date(0), "1 2", '"\\u0000"', "01", " 1 "]) {
        await answersAlike(opened, "SELECT id FROM n WHERE jb @> $1 ORDER BY id", [value]);
        await answersAlike(opened, "SELECT id FROM n WHERE jb = $1 ORDER BY id", [value]);
      }
      for (const value of ["1", "0", "1.5", "-1e2", '"a"', "true", "null"]) {
        await answersAlike(opened, "SELECT id FROM n WHERE jb -> 'a' > $1 ORDER BY id", [value]);
        await answersAlike(opened, "SELECT id FROM n WHERE jb <= $1 AND jsonb_typeof(jb) = 'number' ORDER BY id", [
          value,
        ]);
      }
    });

    it("casts what it finds, and raises where the origin does", { timeout: 120_000 }, async () => {
      const opened = await openTexts(database);
      for (const [from, type] of ["int", "bigint", "smallint", "numeric", "float8", "boolean"].flatMap((type) =>
        ["jb ->> 'a'", "j ->> 'b'", "jb #>> '{}'", "k"].map((from) => [from, type] as const),
      )) {
        await answersAlike(opened, `SELECT id, (${from})::${type} AS v FROM n ORDER BY id`);
        await answersAlike(opened, `SELECT id, (${from})::${type} AS v FROM n WHERE id % 9 = 0 ORDER BY id`);
        await answersAlike(opened, `SELECT id, (${from})::${type} AS v FROM n ORDER BY id LIMIT 3`);
        await answersAlike(opened, `SELECT id FROM n WHERE (${from})::${type} IS NULL AND id > 3 ORDER BY id`);
        await answersAlike(opened, `SELECT id FROM n WHERE (${from})::${type} IS NULL ORDER BY id`);
      }
      await database.query("CREATE TABLE nothing (id int, t text, d json)");
      for (const sql of [
        "SELECT 'x'::text::int AS v FROM nothing",
        "SELECT t::int AS v FROM nothing",
        `SELECT '{"a":"\\u0000"}'::json ->> 'a' AS v FROM nothing`,
        "SELECT json_array_length('{}'::json) AS v FROM nothing",
        "SELECT array_position(ARRAY[ARRAY[1]], 1) AS v FROM nothing",
        "SELECT id FROM nothing WHERE 'x'::text::int > id",
      ]) {
        await answersAlike(opened, sql);
      }
      await database.query(
        "CREATE TABLE c AS SELECT g AS id, jsonb_build_object('level', CASE WHEN g % 5 = 0 THEN NULL ELSE g % 50 END, 'f', g / 8.0, 't', g % 2 = 0) AS d FROM generate_series(1, 2000) AS g",
      );
      for (const sql of [
        "SELECT id, (d->>'level')::int + 1 AS v FROM c ORDER BY id",
        "SELECT id, (d->>'level')::int AS v, (d->>'f')::numeric AS n, (d->>'f')::float8 AS f, (d->>'t')::boolean AS b FROM c ORDER BY id",
        "SELECT id FROM c WHERE (d->>'level')::int > 7 ORDER BY id",
        "SELECT id FROM c WHERE CAST(d#>>'{f}' AS double precision) > 2.5 ORDER BY id",
        "SELECT id FROM c WHERE (d->>'f')::numeric = 2.5 ORDER BY id",
        "SELECT id FROM c WHERE NOT (d->>'t')::boolean ORDER BY id",
      ]) {
        const hit = await answersAlike(opened, sql);
        if (!sql.includes("+ 1")) expect([sql, hit]).toEqual([sql, true]);
      }
    });

    it("joins a table with the rows that a lateral query finds", { timeout: 120_000 }, async () => {
      await database.query("CREATE TABLE p (id int PRIMARY KEY, g int)");
      await database.query("CREATE TABLE e (id int PRIMARY KEY, p int, at int, t text)");
      await database.query("INSERT INTO p SELECT g, g % 7 FROM generate_series(1, 200) AS g");
      await database.query(
        "INSERT INTO e SELECT g, nullif(g * 7919 % 230, 5), g * 104729 % 1000, 't' || g FROM generate_series(1, 3000) AS g",
      );
      const opened = await openTexts(database);
      for (const join of ["JOIN", "LEFT JOIN", "CROSS JOIN"]) {
        const on = join === "CROSS JOIN" ? "" : "ON true";
        await expectExact(
          opened,
          [
            "WHERE e.p = p.id ORDER BY e.at DESC, e.id LIMIT 3",
            "WHERE e.p = p.id AND e.at > 200 ORDER BY e.at, e.id LIMIT 2 OFFSET 1",
            "WHERE e.p = p.id ORDER BY e.id LIMIT 1",
            "WHERE e.p = p.id ORDER BY e.id LIMIT 0",
            "WHERE e.p < p.g ORDER BY e.id DESC LIMIT 4",
            "ORDER BY e.id + p.id LIMIT 2",
          ].map(
            (rest) =>
              `SELECT p.id, l.id AS other, l.t FROM p ${join} LATERAL (SELECT e.id, t, at FROM e ${rest}) AS l ${on} ORDER BY 1, 2`,
          ),
        );
      }
      for (const limit of [0, 1, 5, null]) {
        const sql =
          "SELECT p.id, l.* FROM p JOIN LATERAL (SELECT * FROM e WHERE e.p = p.id ORDER BY at, id LIMIT $1) AS l ON true ORDER BY 1, 2";
        await expectExact(opened, [sql.replace("p.id, l.*", "p.id AS first, l.id, l.at")], [limit]);
      }
    });
  },
  { setup: [TABLE] },
);
