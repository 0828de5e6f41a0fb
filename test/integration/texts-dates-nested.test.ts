import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import { describeOnServers, openEngine } from "../support/engine.ts";
import { nastyTexts } from "../support/nasty-texts.ts";
import type { TestCollation } from "../support/postgres.ts";

const STATEMENTS = 400;

/** Functions of texts, integers, dates and times inside one another, the same for a seed. */
class Generator {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(count: number): number {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (this.#state >> 8) % count;
  }

  #oneOf(choices: readonly (string | (() => string))[]): string {
    const choice = choices[this.below(choices.length)] ?? "";
    return typeof choice === "string" ? choice : choice();
  }

  #literal(): string {
    return this.#oneOf(["''", "'a'", "'A'", "'ä'", "'İ'", "'%'", "'ab'", "' '", "'😀'", "','", "'x_'"]);
  }

  text(depth: number): string {
    if (depth <= 0) return this.#oneOf(["t", "c", "v", () => this.#literal()]);
    const inner = (): string => this.text(depth - 1);
    const number = (): string => this.integer(depth - 1);
    const literal = (): string => this.#literal();
    return this.#oneOf([
      () => `lower(${inner()})`,
      () => `upper(${inner()})`,
      () => `initcap(${inner()})`,
      () => `substring(${inner()}, ${number()}, ${this.#oneOf(["0", "2", "5", "n", "s"])})`,
      () => `left(${inner()}, ${number()})`,
      () => `right(${inner()}, ${number()})`,
      () => `trim(${inner()})`,
      () => `replace(${inner()}, ${inner()}, ${literal()})`,
      () => `translate(${inner()}, ${literal()}, ${literal()})`,
      () => `reverse(${inner()})`,
      () => `lpad(${inner()}, ${this.#oneOf(["3", "n", "0"])}, ${inner()})`,
      () => `split_part(${inner()}, ${literal()}, ${this.#oneOf(["1", "2", "-1", "n", "s"])})`,
      () => `(${inner()} || ${inner()})`,
      () => `concat(${inner()}, ${number()}, ${inner()})`,
      () => `concat_ws(${literal()}, ${inner()}, ${inner()})`,
      () => `coalesce(${inner()}, ${inner()})`,
      () => `CASE WHEN ${this.condition(depth - 1)} THEN ${inner()} ELSE ${inner()} END`,
      () => `nullif(${inner()}, ${inner()})`,
      () => `md5(${inner()})`,
      () =>
        `to_char(${this.time(depth - 1)}, ${this.#oneOf(["'YYYY-MM-DD'", "'HH24:MI:SS.US'", "'FMDay'", "'IYYY-IW'"])})`,
    ]);
  }

  integer(depth: number): string {
    if (depth <= 0) return this.#oneOf(["n", "s", "1", "2", "-1"]);
    const text = (): string => this.text(depth - 1);
    return this.#oneOf([
      () => `length(${text()})`,
      () => `strpos(${text()}, ${text()})`,
      () => `ascii(${text()})`,
      () => `octet_length(${text()})`,
      () => `(${this.date(depth - 1)} - ${this.date(depth - 1)})`,
      "n",
    ]);
  }

  date(depth: number): string {
    if (depth <= 0) return this.#oneOf(["d", "e", "date '2020-02-29'"]);
    return this.#oneOf([
      () => `(${this.date(depth - 1)} + ${this.#oneOf(["n", "s", "40"])})`,
      () => `(${this.time(depth - 1)})::date`,
      () => `coalesce(${this.date(depth - 1)}, ${this.date(depth - 1)})`,
      "d",
    ]);
  }

  time(depth: number): string {
    if (depth <= 0) return this.#oneOf(["m", "z", "timestamp '2001-02-03 04:05:06.7'"]);
    const interval = (): string =>
      this.#oneOf(["interval '1 month'", "interval '90' day", "interval '-1 year'", "'1 day 02:03'::interval"]);
    return this.#oneOf([
      () => `(${this.time(depth - 1)} + ${interval()})`,
      () => `(${this.date(depth - 1)} - ${interval()})`,
      () => `date_trunc('${this.#oneOf(["month", "week", "hour", "quarter", "day"])}', ${this.time(depth - 1)})`,
      () => `(${this.date(depth - 1)})::timestamp`,
      "m",
      "z",
    ]);
  }

  condition(depth: number): string {
    const text = (): string => this.text(depth);
    return this.#oneOf([
      () => `${text()} = ${text()}`,
      () => `${text()} LIKE ${this.#oneOf(["'%a%'", "'_b%'", "'%' || c || '%'", "lower('A%')"])}`,
      () => `${text()} ILIKE ${this.#oneOf(["'%A%'", "'%i_'", "v || '%'"])}`,
      () => `${this.date(depth)} ${this.#oneOf(["<", "=", ">="])} ${this.time(depth)}`,
      () => `${this.time(depth)} ${this.#oneOf(["<", ">", "<>"])} ${this.time(depth)}`,
      () => `extract(${this.#oneOf(["year", "month", "dow", "epoch"])} FROM ${this.time(depth)}) > 6`,
      () => `${this.integer(depth)} > ${this.integer(depth)}`,
      () => `${text()} ~ '^a'`,
      "b",
    ]);
  }

  statement(): string {
    const depth = 1 + this.below(3);
    const kinds = [this.text, this.text, this.integer, this.date, this.time, this.condition];
    const expression = kinds[this.below(kinds.length)]?.call(this, depth) ?? "id";
    return this.#oneOf([
      `SELECT id, ${expression} AS x FROM x ORDER BY id`,
      `SELECT ${expression} AS x, count(*) AS n FROM x GROUP BY 1 ORDER BY count(*), min(id)`,
      `SELECT id, y FROM (SELECT id, ${expression} AS y FROM x) AS q WHERE y IS NOT NULL ORDER BY id LIMIT 50`,
      () => `SELECT id FROM x WHERE ${this.condition(depth)} ORDER BY id`,
    ]);
  }
}

const CREATE = `CREATE TABLE x (id int PRIMARY KEY, t text, c text COLLATE "C", v varchar(40), n int, s smallint, b boolean,
  d date, e date, m timestamp, z timestamptz)`;

const FILL = `INSERT INTO x
  SELECT i, CASE WHEN i % 17 <> 3 THEN t END, CASE WHEN i % 19 <> 3 THEN c END, t, CASE WHEN i % 7 <> 0 THEN i % 12 + 1 END,
    (i % 21) - 10, i % 3 = 0, CASE WHEN i % 11 <> 0 THEN date '2000-02-29' + ((i * 7919) % 40000 - 20000)::int END,
    date '1999-12-28' + (i % 40)::int, timestamp '1970-01-01' + ((i * 7919.123457) % 60000 - 30000) * interval '1 day',
    timestamptz '2020-01-01 00:00:00+00' + (i * 12345.678) * interval '1 second'
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r(t, c, i)`;

for (const collation of ["en_US", "C", "tr_TR"] as const satisfies TestCollation[]) {
  describeOnServers(
    `nested functions of texts and dates under ${collation}`,
    (database) => {
      it("answer or raise as the origin", async (context) => {
        if (!database.server.collations.includes(collation)) return context.skip();
        await database.query(CREATE);
        await database.query(FILL, [nastyTexts(300, 3), nastyTexts(300, 4).reverse()]);
        const opened = await openEngine(database, { mode: "transparent", pool: { options: "-c TimeZone=UTC" } });
        const generator = new Generator(collation.length * 7919);
        const wrong: string[] = [];
        for (let count = 0; count < STATEMENTS; count++) {
          const sql = generator.statement();
          const [actual, expected] = await Promise.allSettled([opened.engine.execute(sql), opened.bare(sql)]);
          const answers = [actual, expected].map((one) => ("value" in one ? one.value : String(one.reason)));
          if (!isDeepStrictEqual(answers[0], answers[1])) wrong.push(sql);
        }
        expect(wrong).toEqual([]);
        const { hits, misses } = opened.engine.stats();
        expect(hits + misses).toBeGreaterThan(STATEMENTS / 2);
      }, 120_000);
    },
    { collation },
  );
}
