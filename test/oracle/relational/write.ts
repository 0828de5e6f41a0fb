import { quoteIdentifier, quoteString } from "../print.ts";
import type { Random } from "../random.ts";
import { type ColumnSpec, insertStatements, type Schema, type TableSpec, tableName } from "../schema.ts";
import { randomValue } from "../values.ts";

/** One statement that changes rows, in one of the forms that programs use. The origin may refuse it. */
export function randomWrite(random: Random, schema: Schema): string {
  const table = random.pick(schema.tables);
  const name = tableName(table);
  const some = `ctid IN (SELECT ctid FROM ${name} OFFSET ${random.int(0, 20)} LIMIT ${random.int(1, 3)})`;
  const kind = random.weighted({
    insert: 4,
    refill: 2,
    update: 4,
    delete: 2,
    upsert: 1,
    truncate: 0.2,
    cte: 0.6,
    from: 0.5,
  });
  const column = random.pick(table.columns);
  const set = `${quoteIdentifier(column.name)} = ${valueText(random, table, column)}`;
  const values = `(${table.columns.map((one) => valueText(random, table, one)).join(", ")})`;
  switch (kind) {
    case "insert":
      return `INSERT INTO ${name} VALUES ${values} ON CONFLICT DO NOTHING`;
    case "refill":
      return insertStatements(table)[0] ?? `INSERT INTO ${name} VALUES ${values}`;
    case "update":
      return `UPDATE ${name} SET ${set} WHERE ${some}`;
    case "delete":
      return `DELETE FROM ${name} WHERE ${some}`;
    case "upsert": {
      const key = table.primaryKey.map(quoteIdentifier).join(", ");
      return key === ""
        ? `UPDATE ${name} SET ${set}`
        : `INSERT INTO ${name} VALUES ${values} ON CONFLICT (${key}) DO UPDATE SET ${set}`;
    }
    case "truncate":
      return `TRUNCATE ${name} CASCADE`;
    case "cte":
      return `WITH gone AS (DELETE FROM ${name} WHERE ${some} RETURNING 1) SELECT count(*) FROM gone`;
    case "from": {
      const other = tableName(random.pick(schema.tables));
      return `UPDATE ${name} SET ${set} FROM (SELECT count(*) AS n FROM ${other}) AS o WHERE o.n > 0 AND ${name}.${some}`;
    }
  }
}

/** A new value, or one that the column holds, so that keys hit and references are kept. */
function valueText(random: Random, table: TableSpec, column: ColumnSpec): string {
  if (column.nullable && random.chance(0.15)) return "NULL";
  const row = table.rows.length > 0 && random.chance(0.5) ? random.pick(table.rows) : undefined;
  const known = row?.[table.columns.indexOf(column)];
  return quoteString(known ?? randomValue(random, column.type, column.profile));
}
