import type { Origin } from "./origin.ts";
import { quoteIdentifier, quoteString } from "./print.ts";
import type { Random } from "./random.ts";
import { type TableSpec, tableName } from "./schema.ts";
import { randomValue } from "./values.ts";

/** Changes a row of the table past the cache. Returns what was run, or `null` if the origin did not want it. */
export async function changeRows(random: Random, origin: Origin, table: TableSpec): Promise<string | null> {
  const sql = changeStatement(random, table);
  try {
    await origin.change(sql);
    return sql;
  } catch {
    return null;
  }
}

function changeStatement(random: Random, table: TableSpec): string {
  const name = tableName(table);
  const some = `ctid IN (SELECT ctid FROM ${name} LIMIT ${random.int(1, 3)} OFFSET ${random.int(0, 20)})`;
  const open = table.columns.filter((column) => !table.primaryKey.includes(column.name));
  switch (random.pick(["insert", "update", "delete"] as const)) {
    case "delete":
      return `DELETE FROM ${name} WHERE ${some}`;
    case "update": {
      if (open.length === 0) return `DELETE FROM ${name} WHERE ${some}`;
      const column = random.pick(open);
      const value = quoteString(randomValue(random, column.type, "nasty"));
      return `UPDATE ${name} SET ${quoteIdentifier(column.name)} = ${value} WHERE ${some}`;
    }
    case "insert": {
      const values = table.columns.map(({ type, profile }) => quoteString(randomValue(random, type, profile)));
      return `INSERT INTO ${name} VALUES (${values.join(",")}) ON CONFLICT DO NOTHING`;
    }
  }
}
