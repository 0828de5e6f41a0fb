import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ColumnType, TypeKind } from "../../../src/catalog.ts";
import { createBinders } from "../../../src/dialects/postgres/parameters.ts";
import { driverDateText } from "../../../src/dialects/postgres/type-parsers.ts";
import { createDatabase, servers, type TestDatabase } from "../../support/postgres.ts";
import { pick, seeded } from "./random.ts";

const OIDS: Readonly<Partial<Record<TypeKind, number>>> = { numeric: 1700 };

function typeOf(kind: TypeKind, more: Partial<ColumnType> = {}): ColumnType {
  const oid = OIDS[kind] ?? 0;
  return { kind, oid, name: kind, modifier: -1, precision: null, labels: [], collation: null, ...more };
}

type Next = () => number;

function digits(next: Next, count: number): string {
  let text = "";
  for (let index = 0; index < count; index++) text += Math.floor(next() * 10);
  return text;
}

/** One of the rare things with the given probability, else nothing. */
function rarely(next: Next, probability: number, things: readonly [string, ...string[]]): string {
  return next() < probability ? pick(next, things) : "";
}

/** Texts of numbers, most of them right, some as a careless caller would write them. */
function numberText(next: Next): string {
  const sign = next() < 0.4 ? "-" : rarely(next, 0.05, ["+", " ", "--"]);
  const integer = pick(next, [
    String(Number(digits(next, 1 + Math.floor(next() * 4)))),
    String(Number(digits(next, 1 + Math.floor(next() * 15)))),
    digits(next, 1 + Math.floor(next() * 22)),
    pick(next, ["0", "00", "", "32767", "32768", "2147483647", "2147483648", "2147483649"]),
    pick(next, ["9223372036854775807", "9223372036854775808", "9223372036854775809", "9007199254740993"]),
  ]);
  const fraction = rarely(next, 0.4, [".", ".", ".0", ".5", `.${digits(next, 1 + Math.floor(next() * 8))}`]);
  const exponent = rarely(next, 0.2, ["e5", "E-3", "e+2", "e400", "e-400", "e", "e-320", "_0", "x1"]);
  return sign + integer + fraction + exponent + rarely(next, 0.05, [" ", "NaN"]);
}

/** Texts of times in and around the ISO forms. */
function timeText(next: Next): string {
  const year =
    rarely(next, 0.2, [digits(next, 4), "0000", "0001", "9999", "10000", "99", "-2020"]) ||
    String(1600 + Math.floor(next() * 800));
  const two = (limit: number): string => String(Math.floor(next() * limit)).padStart(next() < 0.02 ? 1 : 2, "0");
  const date = `${year}-${two(14)}-${pick(next, [two(33), two(29), "28", "29", "30", "31"])}`;
  if (next() < 0.2) return date + rarely(next, 0.2, [" BC", " ", "Z", "T"]);
  const fraction = rarely(next, 0.6, [`.${digits(next, 1 + Math.floor(next() * 8))}`, `.${digits(next, 3)}`, "."]);
  const seconds = next() < 0.8 ? `:${two(61)}${fraction}` : "";
  const zone =
    rarely(next, 0.1, ["+15:59", "-14:00", " UTC", "z", "+5", "+00:00:30", "-24", "+0530"]) ||
    rarely(next, 0.7, ["Z", "+00", "+02", "-05:30", "+00:00", "-11"]);
  const separator = next() < 0.95 ? pick(next, ["T", " "]) : pick(next, ["t", "  "]);
  return `${date}${separator}${two(25)}:${two(61)}${seconds}${zone}${rarely(next, 0.05, [" BC", "\n", " "])}`;
}

const special = [
  "",
  " ",
  "infinity",
  "-infinity",
  "Infinity",
  "inf",
  "NaN",
  "nan",
  "now",
  "today",
  "epoch",
  "yesterday",
];
special.push("t", "f", "true", "false", "T", "yes", "1", "0", "on", "-0", "1e3", "0x10", "1_000", "January 1, 2020");

function date(next: Next): Date {
  const years = pick(next, [100, 1000, 20_000]);
  return new Date(Math.floor((next() - 0.5) * years * 366 * 86_400_000));
}

describe.each(servers())("canonical parameters on $name", (server) => {
  let database: TestDatabase;
  let binders: ReturnType<typeof createBinders>;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createDatabase(server);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query("SET TimeZone = 'UTC'");
    // What the server makes of a text, as the exact text of the number that the store holds; NULL where it raises.
    await client.query(`
      CREATE FUNCTION given(source text, type text) RETURNS text LANGUAGE plpgsql AS $$
      DECLARE result text;
      BEGIN
        EXECUTE CASE type
          WHEN 'date' THEN 'SELECT CASE WHEN isfinite($1::date) THEN ($1::date - date ''1970-01-01'')::text ELSE ($1::date)::text END'
          WHEN 'timestamp' THEN 'SELECT CASE WHEN isfinite($1::timestamp) THEN trunc(extract(epoch FROM $1::timestamp) * 1000000)::text ELSE ($1::timestamp)::text END'
          WHEN 'timestamptz' THEN 'SELECT CASE WHEN isfinite($1::timestamptz) THEN trunc(extract(epoch FROM $1::timestamptz) * 1000000)::text ELSE ($1::timestamptz)::text END'
          WHEN 'bool' THEN 'SELECT ($1::bool)::int::text'
          ELSE format('SELECT ($1::%s)::text', type)
        END INTO result USING source;
        RETURN result;
      EXCEPTION WHEN others THEN RETURN NULL;
      END $$`);
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const session = { utc: () => true, dateText: driverDateText };
  binders = createBinders(session);

  /** The driver's own text of each value, as the server reads it. */
  async function asked(values: readonly unknown[], type: string): Promise<(string | null)[]> {
    const { rows } = await client.query<{ given: string | null }>({
      text: "SELECT given(s, $2) FROM unnest($1::text[]) WITH ORDINALITY AS u(s, o) ORDER BY o",
      values: [values, type],
    });
    return rows.map((row) => row.given);
  }

  const infinities: Readonly<Record<string, string>> = {
    "2147483647": "infinity",
    "-2147483648": "-infinity",
    "9223372036854775807": "infinity",
    "-9223372036854775808": "-infinity",
  };

  const cases: readonly (readonly [kind: TypeKind, make: (next: Next) => unknown, least: number])[] = [
    ["int2", numberText, 0.05],
    ["int4", numberText, 0.1],
    ["int8", numberText, 0.1],
    ["float8", numberText, 0.3],
    ["numeric", numberText, 0.3],
    ["bool", numberText, 0],
    ["date", timeText, 0.2],
    ["timestamp", timeText, 0.2],
    ["timestamptz", timeText, 0.2],
    ["date", date, 0.3],
    ["timestamp", date, 0.3],
    ["timestamptz", date, 0.3],
    ["uuid", numberText, 0],
    ["int4", (next) => Math.floor((next() - 0.5) * 2 ** pick(next, [4, 32, 33, 60])) / pick(next, [1, 1, 2]), 0.3],
    ["int8", (next) => Math.floor((next() - 0.5) * 2 ** pick(next, [4, 53, 60, 70])), 0.3],
    ["float8", (next) => (next() - 0.5) * 10 ** Math.floor(next() * 400 - 200), 0.9],
    ["numeric", (next) => Math.round((next() - 0.5) * 1e9) / 10 ** pick(next, [0, 1, 5, 9]), 0.5],
    ["int8", (next) => BigInt(Math.floor((next() - 0.5) * 2 ** 53)) * BigInt(Math.floor(next() * 3000)), 0.3],
  ];

  test.each(cases)("%s: what is bound is what the server reads", async (kind, make, least) => {
    const next = seeded(kind.length + 7);
    const bind = binders.value(typeOf(kind));
    const values: unknown[] = [...special];
    while (values.length < 20_000) values.push(make(next));
    const right = await asked(values, kind);
    const problems: string[] = [];
    let bound = 0;
    values.forEach((value, index) => {
      const store = bind(value);
      if (store === undefined) return;
      bound++;
      let text = String(store);
      if (kind === "date" || kind === "timestamp" || kind === "timestamptz") text = infinities[text] ?? text;
      const server = right[index];
      const same = kind === "float8" ? server !== null && Object.is(Number(server), store) : text === server;
      if (!same) problems.push(`${typeof value} ${String(value)}: bound ${text}, the server reads ${server}`);
    });
    expect(problems.slice(0, 20)).toEqual([]);
    expect(bound / values.length).toBeGreaterThanOrEqual(least);
  });

  test("scaled numbers compare as the server compares them", async () => {
    const next = seeded(99);
    const stored = [-1234, -101, -100, -1, 0, 1, 99, 100, 101, 12345, 899999999];
    for (const scale of [0, 2, 4]) {
      const bind = binders.scaled(scale, null);
      const values: unknown[] = [];
      while (values.length < 4000) {
        const near = pick(next, [...stored] as unknown as [number, ...number[]]) / 10 ** scale;
        values.push(next() < 0.5 ? numberText(next) : String(near + pick(next, [0, 0.001, -0.001, 0.000001, 1])));
      }
      const { rows } = await client.query<{ less: boolean[] | null; equal: boolean[] | null }>({
        text: `SELECT array_agg(x::numeric / 10::numeric ^ ${scale} < given(s, 'numeric')::numeric ORDER BY p) AS less,
                      array_agg(x::numeric / 10::numeric ^ ${scale} = given(s, 'numeric')::numeric ORDER BY p) AS equal
               FROM unnest($1::text[]) WITH ORDINALITY AS u(s, o), unnest($2::int8[]) WITH ORDINALITY AS v(x, p) GROUP BY o ORDER BY o`,
        values: [values, stored],
      });
      const problems: string[] = [];
      values.forEach((value, index) => {
        const limit = bind(value);
        if (limit === undefined || limit === null) return;
        stored.forEach((number, position) => {
          const less = typeof limit === "bigint" ? BigInt(number) < limit : number < Number(limit);
          const equal = typeof limit === "bigint" ? BigInt(number) === limit : number === limit;
          const { less: rightLess, equal: rightEqual } = rows[index] ?? { less: null, equal: null };
          if (less !== rightLess?.[position] || equal !== rightEqual?.[position]) {
            problems.push(`${number} and ${String(value)} at ${scale}: bound ${limit}`);
          }
        });
      });
      expect(problems.slice(0, 20)).toEqual([]);
    }
  });
});
