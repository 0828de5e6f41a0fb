import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Origin } from "../../../src/dialects/dialect.ts";
import { openOrigin } from "../../../src/dialects/postgres/connect.ts";
import { floatText } from "../../../src/dialects/postgres/float-text.ts";
import { wireTextOf } from "../../../src/dialects/postgres/wire-text.ts";
import { createDatabase, servers, type TestDatabase } from "../../support/postgres.ts";
import { collect, requireTable } from "./collect.ts";
import { seeded } from "./random.ts";

const bits = new DataView(new ArrayBuffer(8));

function anyDouble(next: () => number): number {
  const roll = next();
  if (roll < 0.3) {
    bits.setUint32(0, Math.floor(next() * 2 ** 32));
    bits.setUint32(4, Math.floor(next() * 2 ** 32));
    return bits.getFloat64(0);
  }
  // Where borders between doubles are short decimals: sums of few powers of two and of ten, beyond 2^53.
  if (roll < 0.6) return (next() < 0.5 ? -1 : 1) * Math.floor(next() * 1e6) * 2 ** Math.floor(next() * 120);
  if (roll < 0.8) return Math.floor(next() * 1e5) * 10 ** Math.floor(next() * 40);
  if (roll < 0.9) return 2 ** Math.floor(next() * 2098 - 1074);
  return Math.round(next() * 1e7) / 10 ** Math.floor(next() * 12);
}

const nastyDoubles = [
  0, -0, 1, -1, 1e15, 1e14, 123456789012345, 1234567890123456, 1e-4, 1e-5, 9.5e-5, 1e20, 1e21, 1e22,
];
nastyDoubles.push(
  1e23,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 54,
  2 ** 63,
  5e-324,
  1.7976931348623157e308,
  2.2250738585072014e-308,
);
nastyDoubles.push(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 54 + 4, 2 ** 60 + 2 ** 8);

/** The texts of the wire, by a connection of its own. */
async function wireRows(connectionString: string, text: string): Promise<pg.QueryArrayResult<(string | null)[]>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await client.query<(string | null)[]>({ text, rowMode: "array", types: { getTypeParser: () => String } });
  } finally {
    await client.end();
  }
}

describe.each(servers())("wire text on $name", (server) => {
  let database: TestDatabase;
  let origin: Origin;

  beforeAll(async () => {
    database = await createDatabase(server);
    await database.query(`ALTER DATABASE ${database.name} SET TimeZone = 'UTC'`);
    origin = openOrigin(database.url);
    await origin.ready();
  });
  afterAll(async () => {
    await origin.close();
    await database.drop();
  });

  test("floats print as float8out prints them", async () => {
    const next = seeded(1);
    let wrong = 0;
    for (let round = 0; round < 6; round++) {
      const values = round === 0 ? [...nastyDoubles] : [];
      while (values.length < 50_000) values.push(anyDouble(next));
      const rows = await database.query<{ text: string[] }>(
        "SELECT array_agg(x::text ORDER BY o) AS text FROM unnest($1::float8[]) WITH ORDINALITY AS u(x, o)",
        [values.map((value) => (Object.is(value, -0) ? "-0" : String(value)))],
      );
      rows[0]?.text.forEach((text, index) => {
        if (floatText(values[index] ?? 0) === text) return;
        wrong++;
        if (wrong < 10) console.error(values[index], floatText(values[index] ?? 0), text);
      });
    }
    expect(wrong).toBe(0);
  });

  test("every value of the store prints as the server sends it", async () => {
    await database.query(`
      CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
      CREATE DOMAIN price AS numeric(12, 3);
      CREATE DOMAIN name AS char(5);
      CREATE TABLE w (
        id int PRIMARY KEY, i2 int2, i8 int8, b bool, f float8, d date, ts timestamp, tz timestamptz,
        n0 numeric(18, 0), n4 numeric(18, 4), n18 numeric(18, 18), n numeric, neg numeric(5, -2), big numeric(30, 5), dom price,
        c char(4), dc name, t text, v varchar(10), u uuid, m mood, j json, jb jsonb
      )`);
    await database.query(`
      INSERT INTO w
      SELECT i,
        (r1 * 65535 - 32768)::int2, (CASE WHEN i % 3 = 0 THEN (r1 - 0.5) * 1.8e19 WHEN i % 3 = 1 THEN (r1 - 0.5) * 2e16 ELSE r1 * 1000 END)::int8,
        r2 < 0.5, CASE i % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN 'Infinity' ELSE (r1 - 0.5) * 10 ^ (r2 * 600 - 300) END::float8,
        CASE i % 50 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN date '4714-11-24 BC' WHEN 3 THEN date '5874897-12-31' WHEN 4 THEN date '0001-01-01 BC' WHEN 5 THEN date '0001-01-01'
          ELSE date '4714-11-24 BC' + (CASE WHEN i % 2 = 0 THEN r1 * 2147483493 ELSE r1 * 4400000 END)::int END,
        CASE i % 50 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN timestamp '4714-11-24 00:00:00 BC' WHEN 3 THEN timestamp '294246-12-31 23:59:59.999999' WHEN 4 THEN timestamp '1969-12-31 23:59:59.999999'
          WHEN 5 THEN timestamp '0044-03-15 12:00:00.5 BC' ELSE timestamp '4714-11-24 00:00:00 BC' + make_interval(days => (CASE WHEN i % 2 = 0 THEN r1 * 100000000 ELSE r1 * 3000000 END)::int, secs => (r2 * 86400)::numeric(12, 6)::float8) END,
        CASE i % 50 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN timestamptz '4714-11-24 00:00:00+00 BC' WHEN 3 THEN timestamptz '294246-12-31 23:59:59.999999+00'
          ELSE timestamptz '4714-11-24 00:00:00+00 BC' + make_interval(days => (CASE WHEN i % 2 = 0 THEN r1 * 100000000 ELSE r1 * 3000000 END)::int, secs => (r2 * 86400)::numeric(12, 6)::float8) END,
        ((r1 - 0.5) * 10 ^ (r2 * 18))::numeric(18, 0),
        CASE WHEN i % 40 = 0 THEN 'NaN' WHEN i % 40 = 1 THEN 0 WHEN i % 40 = 2 THEN 99999999999999.9999 WHEN i % 40 = 3 THEN -99999999999999.9999 WHEN i % 40 = 4 THEN -0.0001 ELSE ((r1 - 0.5) * 10 ^ (r2 * 14))::numeric END::numeric(18, 4),
        (r1 * 0.9)::numeric(18, 18),
        CASE WHEN i % 40 = 0 THEN 'NaN' WHEN i % 40 = 1 THEN 'Infinity' WHEN i % 40 = 2 THEN '-Infinity' WHEN i % 40 = 3 THEN 1.10 WHEN i % 40 = 4 THEN 1e-200 ELSE ((r1 - 0.5) * 10 ^ (r2 * 60 - 30))::numeric END::numeric,
        (r1 * 99999)::numeric(5, -2), (r1 * 1e24)::numeric(30, 5), (r1 * 1e8)::numeric(12, 3),
        (array['', ' ', 'a', 'äö', '🙂🙂', 'ab  ', 'Ω', E'a\\n'])[1 + i % 8], (array['x', '🙂', 'abcde', ''])[1 + i % 4],
        CASE WHEN i % 97 = 0 THEN repeat('long 🙂 ', 20000) ELSE repeat('ü', i % 30) || i END, left(md5(i::text), i % 10), gen_random_uuid(),
        (array['sad', 'it''s ok', 'happy']::mood[])[1 + i % 3], ('{"b" : 1.0, "a":[1,  2], "é":"' || i || '", "a": null}')::json, ('{"b" : 1.0, "a":[1,  2], "é":"' || i || '", "a": null}')::jsonb
      FROM (SELECT i, random() AS r1, random() AS r2 FROM generate_series(1, 50000) AS i) AS s`);
    await database.query("INSERT INTO w (id) SELECT -i FROM generate_series(1, 50) AS i");
    const table = requireTable(await origin.catalog.table(["w"]));
    const { settings } = await origin.ready();
    const names = table.columns.map(({ name }) => name);
    const { rows, outcome } = await collect(
      origin,
      table,
      names.map((name) => [name, "value"]),
    );
    expect(outcome).toBe("streamed");
    const expected = await wireRows(database.url, "SELECT * FROM w");
    expect(rows).toHaveLength(expected.rows.length);
    const byId = new Map(expected.rows.map((row) => [row[0], row]));
    const texts = table.columns.map(({ type }) => wireTextOf(type, settings));
    const problems: string[] = [];
    for (const row of rows) {
      const right = byId.get(String(row[0]));
      row.forEach((value, column) => {
        const text = value === null ? null : texts[column]?.(value);
        if (text !== right?.[column] && problems.length < 20) {
          problems.push(
            `${names[column]}: ${String(value).slice(0, 100)} → ${text?.slice(0, 100)}, not ${right?.[column]?.slice(0, 100)}`,
          );
        }
        // As plans read integers beyond 2^53.
        if ((typeof value === "bigint" || typeof value === "number") && names[column] !== "f") {
          if (texts[column]?.(String(value)) !== text) problems.push(`${names[column]} from text ${value}`);
        }
      });
    }
    expect(problems).toEqual([]);
  });

  test("types without a kind are stored as the text that the server sends", async () => {
    await database.query(`
      CREATE TYPE pair AS (a int, b text);
      CREATE TYPE shade AS ENUM ('a,b', 'c"d');
      CREATE DOMAIN flag AS bool;
      CREATE DOMAIN flags AS bool[];
      CREATE EXTENSION IF NOT EXISTS citext;
      CREATE TABLE x (id int, ba bool[], ca char(4)[], ia int[], ta text[], ea shade[], na numeric[], fa float8[], ipn inet, cid cidr, mac macaddr,
        bi bit(3), vb varbit, pa pair, pas pair[], r int4range, mr int4multirange, tr tsrange, mo money, xm xml, by bytea, iv interval, ti time, tz timetz, f4 float4,
        ov oidvector, qc "char", na2 name, cit citext, tsv tsvector, tsq tsquery, po point, js jsonpath, reg regclass, fl flag, fls flags, lsn pg_lsn, bp bpchar, o oid)`);
    await database.query(`
      INSERT INTO x VALUES
      (1, '{t,f,NULL}', '{a,"b "}', '{1,NULL}', '{"a b",NULL,"NULL",""}', '{"a,b","c\\"d"}', '{1.10,NaN}', '{1e20,-0,NaN}', '192.168.1.5', '10.0.0.0/8', '08:00:2b:01:02:03',
       B'101', B'10101', (1, 'x "y"'), array[(1,'a')::pair,(NULL,NULL)::pair], '[1,5)', '{[1,3),[5,7)}', '[2020-01-01,2021-01-01)', 12.34, '<a>é</a>', '\\x00ff', '1 mon -2 days 03:04:05.6', '12:30:00.5', '12:30:00+02', 1.1,
       '1 2', 'x', 'nm', 'Hello', 'a b c', 'a & b', '(1,2)', '$.a[*]', 'pg_class', true, '{t}', '0/16B3748', 'ab   ', 42),
      (2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '192.168.1.0/24', NULL, NULL, NULL, '', (NULL, NULL), '{}', 'empty', '{}', NULL, -5, NULL, '', '0', '24:00:00', NULL, 'NaN', '', '', '', '', '', '', NULL, NULL, NULL, false, NULL, NULL, '', 0),
      (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`);
    const table = requireTable(await origin.catalog.table(["x"]));
    const names = table.columns.map(({ name }) => name);
    const { rows } = await collect(
      origin,
      table,
      names.map((name) => [name, "value"]),
    );
    const encoded = await collect(
      origin,
      table,
      names.map((name) => [name, "text"]),
    );
    const expected = await wireRows(database.url, "SELECT * FROM x");
    expect(encoded.rows).toEqual(expected.rows);
    const wireColumns = table.columns.map(({ type }) => type.kind === "wire");
    for (const [position, row] of rows.entries()) {
      row.forEach((value, column) => {
        if (wireColumns[column])
          expect([names[column], value]).toEqual([names[column], expected.rows[position]?.[column]]);
      });
    }
    // What the server reports for a domain is its base type.
    expect(expected.fields.map((field) => field.dataTypeID)).toEqual(table.columns.map(({ type }) => type.oid));
    expect(expected.fields.map((field) => field.dataTypeModifier)).toEqual(
      table.columns.map(({ type }) => type.modifier),
    );
  });
});
