import { Random } from "../../oracle/random.ts";
import type { WorkloadQuery } from "../queries.ts";
import { nestedQuery } from "./nested.ts";
import { JOINED } from "./tables.ts";

/**
 * Queries in the manner of SQLite's sqllogictest (its select, compound, join, random/aggregates, random/groupby and
 * index suites), made anew: the suites' own texts are not in here. Windows and nested joins are not in those.
 */
export function makeQueries(seed: number, count: number, kind: string): readonly WorkloadQuery[] {
  const make = KINDS[kind];
  if (make === undefined) throw new Error(`There is no kind ${kind}; there are ${KINDS_OF_QUERIES.join(", ")}`);
  const random = new Random(seed);
  return random.times(count, (index) => ({ name: `${kind}-${index + 1}`, sql: make(random), params: null }));
}

const KINDS: Readonly<Record<string, (random: Random) => string>> = {
  select: selectQuery,
  compound: compoundQuery,
  join: joinQuery,
  aggregate: aggregateQuery,
  group: groupQuery,
  index: indexQuery,
  window: windowQuery,
  nested: nestedQuery,
};

export const KINDS_OF_QUERIES: readonly string[] = Object.keys(KINDS);

const T1_ITEMS = [
  "a+b*2+c*3+d*4+e*5",
  "a+b*2+c*3",
  "(a+b+c+d+e)/5",
  "abs(a)",
  "abs(b-c)",
  "a-b",
  "c-d",
  "d-e",
  "c",
  "CASE WHEN a<b-3 THEN 111 WHEN a<=b THEN 222 WHEN a<b+3 THEN 333 ELSE 444 END",
  "CASE a+1 WHEN b THEN 111 WHEN c THEN 222 WHEN d THEN 333 WHEN e THEN 444 ELSE 555 END",
  "CASE WHEN c>(SELECT avg(c) FROM t1) THEN a*2 ELSE b*10 END",
  "(SELECT count(*) FROM t1 AS x WHERE x.b<t1.b)",
  "(SELECT count(*) FROM t1 AS x WHERE x.c>t1.c AND x.d<t1.d)",
] as const;

const T1_CONDITIONS = [
  "a>b",
  "b>c",
  "c>d",
  "d>e",
  "(e>a AND e<b)",
  "(e>c OR e<d)",
  "(a>b-2 AND a<b+2)",
  "(c<=d-2 OR c>=d+2)",
  "c BETWEEN b-2 AND d+2",
  "d NOT BETWEEN 110 AND 150",
  "b IS NOT NULL",
  "coalesce(a,b,c,d,e)<>0",
  "a IN (SELECT b FROM t1)",
  "e NOT IN (SELECT c FROM t1 WHERE c IS NOT NULL)",
  "EXISTS(SELECT 1 FROM t1 AS x WHERE x.b<t1.b)",
  "NOT EXISTS(SELECT 1 FROM t1 AS x WHERE x.d=t1.c)",
] as const;

function some<T>(random: Random, items: readonly T[], low: number, high: number): readonly T[] {
  return random.shuffle(items).slice(0, random.int(low, high));
}

function where(conditions: readonly string[], connective: string): string {
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(` ${connective} `)}`;
}

function positions(random: Random, count: number): string {
  return random.shuffle(Array.from({ length: count }, (_, index) => index + 1)).join(",");
}

function selectQuery(random: Random): string {
  const items = some(random, T1_ITEMS, 1, 6);
  const conditions = where(some(random, T1_CONDITIONS, 0, 3), random.pick(["AND", "OR"]));
  return `SELECT ${items.join(", ")} FROM t1${conditions} ORDER BY ${positions(random, items.length)}`;
}

function compoundQuery(random: Random): string {
  const items = random.int(1, 2);
  const part = () => {
    const conditions = where(some(random, T1_CONDITIONS, 1, 2), "AND");
    return random.chance(0.7)
      ? `SELECT ${random.shuffle(["a", "b", "c", "d", "e"]).slice(0, items).join(", ")} FROM t1${conditions}`
      : `SELECT ${["col0", "col1"].slice(0, items).join(", ")} FROM ${random.pick(["tab0", "tab1"])}`;
  };
  const operator = () => random.pick(["UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL"]);
  const parts = random.times(random.int(1, 4), () => ` ${operator()} ${part()}`).join("");
  return `${part()}${parts} ORDER BY ${positions(random, items)}`;
}

function joinQuery(random: Random): string {
  const tables = some(
    random,
    Array.from({ length: JOINED }, (_, index) => index + 1),
    2,
    8,
  );
  const column = (table: number) => `${random.pick(["a", "b", "c"])}${table}`;
  // A key on one side, so that a row meets one row and not ten.
  const links = tables.slice(1).map((table, index) => `a${table}=${column(random.pick(tables.slice(0, index + 1)))}`);
  const first = tables[0] ?? 1;
  const conditions = random.shuffle([...links, `${column(first)}=${random.int(1, 10)}`]);
  const names = tables.map((table) => `x${table}`).join(",");
  const from = tables.map((table) => `j${table}`);
  if (random.chance(0.5))
    return `SELECT ${names} FROM ${random.shuffle(from).join(",")} WHERE ${conditions.join(" AND ")}`;
  const kind = random.pick(["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
  const joins = links
    .map((link, index) => ` ${index === 0 ? kind : "LEFT JOIN"} ${from[index + 1]} ON ${link}`)
    .join("");
  return `SELECT ${names} FROM ${from[0]}${joins}`;
}

/** As of the suite's random expressions: signs that pile up, aggregates among constants. */
function aggregateTerm(random: Random): string {
  const column = `col${random.int(0, 2)}`;
  const sign = random.pick(["", "- ", "+ ", "- - ", "+ - "]);
  const term = random.pick([
    () => "COUNT ( * )",
    () => `COUNT ( ${random.pick(["", "DISTINCT ", "ALL "])}${column} )`,
    () => `MIN ( ${random.pick(["", "DISTINCT ", "ALL "])}${column} )`,
    () => `MAX ( ${random.pick(["", "- "])}${column} )`,
    () => `SUM ( ${random.pick(["", "DISTINCT ", "ALL "])}${column} )`,
    () => `AVG ( ${random.pick(["", "DISTINCT "])}${column} )`,
    () => `SUM ( ${column} * ${column} )`,
    () => String(random.int(0, 99)),
    () => `COALESCE ( ${random.int(0, 99)}, COUNT ( * ) )`,
    () => `NULLIF ( ${random.int(0, 9)}, MIN ( ${column} ) )`,
    () => `CAST ( MAX ( ${column} ) AS INTEGER )`,
    () => `CASE WHEN NULL IS NULL THEN COUNT ( * ) ELSE ${random.int(0, 9)} END`,
  ])();
  return `${sign}${term}`;
}

function aggregateQuery(random: Random): string {
  const item = (index: number) =>
    `${random.times(random.int(1, 3), () => aggregateTerm(random)).join(random.pick([" + ", " * ", " - ", " / "]))} AS r${index}`;
  const table = random.pick(["tab0", "tab1", "tab0 AS cor0", "tab0 CROSS JOIN tab1 AS cor1"]);
  const items = random.times(random.int(1, 3), item).join(", ");
  // Both tables have the columns: one of them is meant.
  const qualified = table.includes("CROSS") ? items.replaceAll(/\bcol(?=\d)/g, "cor1.col") : items;
  const condition = table.includes("CROSS")
    ? ""
    : random.pick(["", "", " WHERE col0 > 10", " WHERE NOT col1 IS NULL", " WHERE ( NULL ) IN ( col0 )"]);
  return `SELECT ${random.pick(["", "ALL ", "DISTINCT "])}${qualified} FROM ${table}${condition}`;
}

function groupQuery(random: Random): string {
  const columns = some(random, ["col0", "col1", "col2"], 1, 2);
  const grouped = random.pick(columns);
  const item = (index: number) =>
    `${random.pick([
      () => `${random.pick(["- ", "+ ", ""])}${grouped}`,
      () => `${grouped} * ${random.int(-9, 9)}`,
      () => `${grouped} + ${random.pick(columns)}`,
      () => aggregateTerm(random),
      () => `${random.int(1, 9)} + COUNT ( * )`,
    ])()} AS r${index}`;
  const having = random.pick([
    "",
    "",
    ` HAVING NOT ( NULL ) IS NULL`,
    ` HAVING ${grouped} IS NOT NULL`,
    ` HAVING COUNT ( * ) > 1`,
    ` HAVING SUM ( ${grouped} ) BETWEEN 5 AND 80`,
    ` HAVING ${grouped} NOT IN ( ${random.int(0, 99)}, ${grouped} + 1 )`,
  ]);
  const items = random.times(random.int(1, 3), item).join(", ");
  return `SELECT ${random.pick(["", "DISTINCT "])}${items} FROM ${random.pick(["tab0", "tab1"])} GROUP BY ${columns.join(", ")}${having}`;
}

/** Conditions that nest, over indexed columns and others. */
function condition(random: Random, depth: number): string {
  if (depth > 0 && random.chance(0.6)) {
    const parts = random.times(random.int(2, 3), () => condition(random, depth - 1));
    return `(${parts.join(random.pick([" AND ", " OR "]))})`;
  }
  const integer = random.pick(["col0", "col3"]);
  const float = random.pick(["col1", "col4"]);
  const text = random.pick(["col2", "col5"]);
  const whole = () => random.int(0, 1000);
  const fraction = () => (random.int(0, 100_000) / 100).toFixed(2);
  const comparison = random.pick(["<", "<=", ">", ">=", "=", "<>"]);
  return random.pick([
    () => `${integer} ${comparison} ${whole()}`,
    () => `${float} ${comparison} ${fraction()}`,
    () => `${integer} BETWEEN ${whole()} AND ${whole()}`,
    () => `${float} BETWEEN ${random.int(0, 500)}.5 AND 900.25`,
    () => `${integer} IN (${random.times(4, whole).join(", ")})`,
    () => `${float} IS NULL`,
    () => `${text} LIKE '%${random.pick([..."abcXYZ"])}%'`,
    () => `${text} ${comparison} '${random.pick(["b", "jz", "Z", ""])}'`,
    () => `NOT ${integer} > ${whole()}`,
    () => `${integer} IN (SELECT ${random.pick(["col0", "col3"])} FROM wide WHERE ${condition(random, 0)})`,
    () => `EXISTS (SELECT 1 FROM wide AS w WHERE w.col0 = wide.${integer} AND w.pk <> wide.pk)`,
  ])();
}

function indexQuery(random: Random): string {
  const order = random.pick([
    "",
    " ORDER BY pk",
    " ORDER BY 1, pk",
    " ORDER BY col3 DESC, pk",
    " ORDER BY col2 NULLS FIRST, pk",
  ]);
  const limit =
    order === "" ? "" : random.pick(["", "", ` LIMIT ${random.int(1, 20)}`, ` LIMIT 5 OFFSET ${random.int(0, 20)}`]);
  const item = random.pick(["pk", "col0", "col1", "col2", "col0 + col3", "- col0", "col2 || col5"]);
  return `SELECT ${item}, pk FROM wide WHERE ${condition(random, 3)}${order}${limit}`;
}

function windowQuery(random: Random): string {
  const call = random.pick([
    "row_number()",
    "rank()",
    "dense_rank()",
    "count(*)",
    "sum(col0)",
    "min(col3)",
    "max(col2)",
    "lag(col0)",
    "lead(col3, 2)",
    "first_value(col0)",
    "last_value(col5)",
    "ntile(4)",
    "nth_value(col0, 2)",
  ]);
  const partition = random.pick(["", "PARTITION BY col5 ", "PARTITION BY col0 > 500 "]);
  const frame = random.pick(["", "", "", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", " ROWS UNBOUNDED PRECEDING"]);
  const order = random.pick([
    "ORDER BY pk",
    "ORDER BY col3, pk",
    "ORDER BY col2 DESC, pk",
    "ORDER BY col1 NULLS FIRST, pk",
  ]);
  return `SELECT pk, ${call} OVER (${partition}${order}${frame}) AS w FROM wide WHERE ${condition(random, 1)} ORDER BY pk`;
}
