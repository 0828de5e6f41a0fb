import type { Random } from "../../oracle/random.ts";
import { JOINED } from "./tables.ts";

/** One item of FROM: its text, and the columns of whole numbers that can be named beside it. */
interface Item {
  readonly sql: string;
  readonly columns: readonly string[];
}

const JOINS = ["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] as const;

/** Joins of tables, derived tables, lateral ones, joins in parentheses and WITH: who fills whose columns with NULL? */
export function nestedQuery(random: Random): string {
  const names = new Names();
  const common = random.chance(0.3) ? commonTable(random, names) : null;
  const from = joined(random, names, common, 3);
  const items = random.shuffle(from.columns).slice(0, 5);
  const where = random.chance(0.3) ? ` WHERE ${test(random, random.pick(from.columns))}` : "";
  const text = `${items.map((column, index) => `${shown(random, column)} AS r${index}`).join(", ")} FROM ${from.sql}${where}`;
  return `${common === null ? "" : `${common.sql} `}SELECT ${text}`;
}

/** Aliases that no other item of the statement has. */
class Names {
  #count = 0;

  next(): string {
    this.#count += 1;
    return `s${this.#count}`;
  }
}

function shown(random: Random, column: string): string {
  return random.pick([column, column, column, `coalesce(${column}, -1)`, `${column} IS NULL`]);
}

function test(random: Random, column: string): string {
  return random.pick([
    `${column} > ${random.int(1, 9)}`,
    `${column} IS NULL`,
    `${column} IS NOT NULL`,
    `${column} <> 5`,
  ]);
}

/** `depth` joins at most, each of whose sides may be a join itself. */
function joined(random: Random, names: Names, common: Item | null, depth: number): Item {
  if (depth === 0 || random.chance(0.15)) return leaf(random, names, common);
  const left = joined(random, names, common, depth - 1);
  if (random.chance(0.3)) return withLateral(random, names, left);
  const right = random.chance(0.25) ? inParentheses(joined(random, names, common, 1)) : leaf(random, names, common);
  const on = `${random.pick(left.columns)} = ${random.pick(right.columns)}`;
  return {
    sql: `${left.sql} ${random.pick(JOINS)} ${right.sql} ON ${on}`,
    columns: [...left.columns, ...right.columns],
  };
}

function inParentheses({ sql, columns }: Item): Item {
  return { sql: sql.includes(" JOIN ") ? `(${sql})` : sql, columns };
}

function columnsOf(table: number): readonly string[] {
  return [`a${table}`, `b${table}`, `c${table}`];
}

function leaf(random: Random, names: Names, common: Item | null): Item {
  const table = random.int(1, JOINED);
  const name = names.next();
  const [a = "", b = "", c = ""] = columnsOf(table);
  if (common !== null && random.chance(0.4)) return { sql: `w AS ${name}`, columns: [`${name}.k`, `${name}.v`] };
  return random.pick<() => Item>([
    () => ({ sql: `j${table} AS ${name}`, columns: [a, b, c].map((column) => `${name}.${column}`) }),
    () => ({
      sql: `(SELECT ${a} AS k, ${computed(random, [b, c])} AS v FROM j${table} WHERE ${test(random, b)}) AS ${name}`,
      columns: [`${name}.k`, `${name}.v`],
    }),
    () => ({
      sql: `(SELECT ${b} AS k, count(*) AS v FROM j${table} GROUP BY ${b}) AS ${name}`,
      columns: [`${name}.k`, `${name}.v`],
    }),
    () => ({
      sql: `(SELECT ${a} AS k FROM j${table} UNION ALL SELECT 7) AS ${name}`,
      columns: [`${name}.k`],
    }),
    () => ({ sql: `(VALUES (1, 5), (3, NULL), (8, 2)) AS ${name} (k, v)`, columns: [`${name}.k`, `${name}.v`] }),
  ])();
}

function computed(random: Random, columns: readonly string[]): string {
  const column = random.pick(columns);
  return random.pick([
    column,
    "5",
    `coalesce(${column}, 0)`,
    `${column} + 1`,
    `CASE WHEN ${column} > 4 THEN 1 ELSE 2 END`,
  ]);
}

function withLateral(random: Random, names: Names, left: Item): Item {
  const table = random.int(1, JOINED);
  const name = names.next();
  const [a = "", b = "", c = ""] = columnsOf(table);
  const outer = random.pick(left.columns);
  const query = random.pick([
    `SELECT count(*) AS v FROM j${table} WHERE ${a} < ${outer}`,
    `SELECT ${outer} AS v`,
    `SELECT max(${b}) AS v FROM j${table} WHERE ${c} = ${outer}`,
    `SELECT ${b} AS v FROM j${table} WHERE ${a} = ${outer}`,
    `SELECT ${random.pick(left.columns)} AS v FROM j${table} WHERE ${a} = ${outer}`,
    `SELECT ${b} AS v FROM j${table} WHERE ${a} > ${outer} ORDER BY ${a} LIMIT 1`,
    `SELECT 5 AS v FROM j${table} WHERE ${a} = ${outer} AND ${b} > 3`,
  ]);
  const kind = random.pick(["CROSS JOIN", "LEFT JOIN"]);
  const on = kind === "CROSS JOIN" ? "" : random.pick([" ON TRUE", " ON TRUE", ` ON ${name}.v > 2`]);
  return {
    sql: `${left.sql} ${kind} LATERAL (${query}) AS ${name}${on}`,
    columns: [...left.columns, `${name}.v`],
  };
}

function commonTable(random: Random, names: Names): Item {
  const { sql, columns } = joined(random, names, null, 1);
  const [first = "1", second = first] = random.shuffle(columns);
  return { sql: `WITH w AS (SELECT ${first} AS k, ${computed(random, [second])} AS v FROM ${sql})`, columns: [] };
}
