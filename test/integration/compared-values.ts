/** A table of generated values of all kinds, and the check that the cache answers over it exactly what the origin does. */
import type pg from "pg";
import { expect } from "vitest";
import { counted, HIT, type OpenedEngine, openEngine, type SharedDatabase } from "../support/engine.ts";
import { seeded } from "./postgres/random.ts";

export const SETUP = [
  "CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'Happy')",
  `CREATE TABLE n (id int PRIMARY KEY, i2 int2, i4 int4, i8 int8, p numeric(10,2), q numeric(8,3) NOT NULL, x numeric,
    w numeric(30,5), f float8, t text, k text NOT NULL, v varchar(20), c char(5), b bool, d date, ts timestamp,
    tz timestamptz, u uuid, m mood, j json, jb jsonb, by bytea, iv interval, ia int[], r real)`,
];

/** Whole numbers and picks from one seed. */
export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seeded(seed);
  }

  integer(low: number, high: number): number {
    return low + Math.floor(this.#next() * (high - low + 1));
  }

  pick(items: readonly string[]): string {
    return items[this.integer(0, items.length - 1)] ?? "";
  }
}

const TEXTS = [
  "",
  " ",
  "a",
  "NULL",
  "null",
  "a,b",
  'q"uote',
  "back\\slash",
  "{}",
  "ä€😀",
  "tab\tnew\nline",
  "\u0001\u001f\u007f",
  "O'Neil",
];
const DOCUMENTS = [
  '{"b":1, "a":[1.0, null]}',
  "null",
  '"text"',
  "[]",
  ' {"a":1,"bb":2,"a":3} ',
  "12345678901234567890.10",
  "true",
];

function digits(random: Random, length: number): string {
  return Array.from({ length }, () => String(random.integer(0, 9))).join("");
}

function decimal(random: Random, whole: number, scale: number): string {
  const number = `${random.integer(0, 1) === 0 ? "-" : ""}${digits(random, random.integer(1, whole))}`;
  return scale === 0 ? number : `${number}.${digits(random, scale)}`;
}

/** The row as PostgreSQL reads it from text; every column but `id`, `q` and `k` may be NULL. */
function row(random: Random, id: number): (string | null)[] {
  const maybe = (value: string): string | null => (random.integer(0, 9) === 0 ? null : value);
  const text = (): string => random.pick(TEXTS) + (random.integer(0, 2) === 0 ? random.pick(TEXTS) : "");
  const year = random.integer(1, 2500);
  const day = `${String(year).padStart(4, "0")}-${String(random.integer(1, 12)).padStart(2, "0")}-${String(random.integer(1, 28)).padStart(2, "0")}`;
  const time = `${random.integer(0, 23)}:${random.integer(0, 59)}:${random.integer(0, 59)}.${digits(random, random.integer(1, 6))}`;
  const float =
    random.integer(0, 3) === 0
      ? random.integer(-1e6, 1e6) / 4
      : (random.integer(-1e9, 1e9) / 7) * 10 ** random.integer(-30, 30);
  return [
    String(id),
    maybe(String(random.integer(-100, 100))),
    maybe(String(random.integer(-1_000_000, 1_000_000))),
    maybe(String(random.integer(-9_000_000_000_000, 9_000_000_000_000))),
    maybe(decimal(random, 6, 2)),
    `${random.integer(1, 9999)}.${digits(random, 3)}`,
    maybe(decimal(random, random.integer(1, 20), random.integer(0, 12))),
    maybe(decimal(random, 22, 5)),
    maybe(String(float)),
    maybe(text()),
    `${text()}${id % 97}`,
    maybe(text().slice(0, 20)),
    maybe(random.pick(["", "ab", "abcde", "é", " x"])),
    maybe(random.pick(["t", "f"])),
    maybe(random.integer(0, 9) === 0 ? `${day} BC` : day),
    maybe(random.integer(0, 9) === 0 ? `${day} ${time} BC` : `${day} ${time}`),
    maybe(`${day} ${time}+00`),
    maybe(`00000000-0000-0000-0000-${digits(random, 12)}`),
    maybe(random.pick(["sad", "it's ok", "Happy"])),
    maybe(random.pick(DOCUMENTS)),
    maybe(random.pick(DOCUMENTS)),
    maybe(`\\x${digits(random, 6)}`),
    maybe(`${random.integer(0, 30)} days ${random.integer(0, 99)}:00:01.5`),
    maybe(random.pick(["{}", "{1,NULL,3}", "{{1,2},{3,4}}"])),
    maybe(String(random.integer(-1000, 1000) / 8)),
  ];
}

/** Fills `n`. */
export async function fill(database: SharedDatabase, rows: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const lines = Array.from({ length: rows }, (_, index) => row(random, index + 1));
  const columns = lines[0]?.map((_, column) => lines.map((line) => line[column] ?? null)) ?? [];
  const types =
    "int int2 int4 int8 numeric numeric numeric numeric float8 text text varchar text bool date timestamp timestamptz uuid mood json jsonb bytea interval text real".split(
      " ",
    );
  const arrays = types.map((_, index) => `$${index + 1}::text[]`);
  const names = types.map((_, index) => `c${index}`);
  const casts = types.map((type, index) => (index === 23 ? `c${index}::int[]` : `c${index}::${type}`));
  await database.query(
    `INSERT INTO n SELECT ${casts.join(", ")} FROM unnest(${arrays.join(", ")}) AS s(${names.join(", ")})`,
    columns,
  );
}

/** A pool that leaves everything as the text that the server sends. */
export const WIRE: pg.PoolConfig = {
  types: { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig,
};

export function openWire(database: SharedDatabase, options: string | undefined = undefined): Promise<OpenedEngine> {
  return openEngine(database, { mode: "strict", pool: { ...WIRE, ...(options !== undefined && { options }) } });
}

/** Each statement is answered from the cache, and its texts are those of the origin. */
export async function expectExact(
  { engine, bare }: OpenedEngine,
  statements: readonly string[],
  params?: readonly unknown[],
): Promise<void> {
  for (const sql of statements) {
    try {
      await engine.execute(sql, params);
    } catch (error) {
      throw new Error(`${sql}: ${error instanceof Error ? error.message : String(error)}`);
    }
    let ours: unknown[] = [];
    const counts = await counted(engine, async () => {
      ours = await engine.execute(sql, params);
    });
    expect({ sql, counts }).toEqual({ sql, counts: HIT });
    const theirs = await bare(sql, params);
    expect({ sql, rows: ours.length }).toEqual({ sql, rows: theirs.length });
    for (const [index, row] of theirs.entries()) expect({ sql, row: ours[index] }).toStrictEqual({ sql, row });
  }
}

/** `SELECT id, <expression> FROM n` for each, all rows. */
export function ofEachRow(expressions: readonly string[]): string[] {
  return expressions.map((expression) => `SELECT id, ${expression} AS value FROM n ORDER BY id`);
}
