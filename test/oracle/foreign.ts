import { quoteIdentifier } from "./print.ts";
import type { Random } from "./random.ts";
import { type TableSpec, tableName } from "./schema.ts";

/** Reads outside of the language: they must reach the origin, and come back unchanged. None leaves rows in open order. */
export function randomForeignStatement(random: Random, table: TableSpec): string {
  const from = tableName(table);
  const column = quoteIdentifier(random.pick(table.columns).name);
  return random.pick([
    `SELECT a.${column} FROM ${from} a JOIN ${from} b ON a.ctid = b.ctid`,
    `SELECT ${column} FROM ${from} WHERE EXISTS (SELECT 1)`,
    `SELECT count(*) FROM (SELECT ${column} FROM ${from}) s`,
    `WITH c AS (SELECT ${column} AS v FROM ${from}) SELECT v FROM c`,
    `SELECT ${column} FROM ${from} UNION ALL SELECT ${column} FROM ${from}`,
    `SELECT count(*) OVER () FROM ${from}`,
    `SELECT ctid, ${column} FROM ${from}`,
    `SELECT tableoid::regclass, xmin IS NULL FROM ${from}`,
    `SELECT ${column} FROM ONLY ${from}`,
    `SELECT count(*) FROM ${from} GROUP BY GROUPING SETS (())`,
    `SELECT ${column} FROM ${from} TABLESAMPLE SYSTEM (100)`,
    `SELECT (${column}) IS DOCUMENT FROM ${from}`,
    `SELECT ${column} FROM ${from} FETCH FIRST 0 ROWS ONLY`,
    `SELECT ${column} FROM ${from} LIMIT ALL`,
    `SELECT ALL ${column} FROM ${from}`,
    `TABLE ${from}`,
    `SELECT t FROM ${from} t`,
    `SELECT ${column} FROM ${from} t(x)`,
    `SELECT x FROM ${from} t(x)`,
    `SELECT FROM ${from}`,
    `SELECT ${column} FROM ${from} WHERE $1`,
    `SELEC ${column} FROM ${from}`,
    `SELECT ${column} FROM ${from} WHERE`,
    `SELECT no_such_column FROM ${from}`,
    `SELECT ${column} FROM no_such_table`,
    `SELECT ${column}::no_such_type FROM ${from}`,
    `SELECT no_such_function(${column}) FROM ${from}`,
    "SELECT 1",
    "SELECT relname FROM pg_class WHERE relname = 'pg_class'",
    "",
    "-- nothing",
    `EXPLAIN (COSTS OFF) SELECT ${column} FROM ${from}`,
    "SHOW server_encoding",
    "VALUES (1, 'a'), (2, NULL)",
  ]);
}
