import { quoteIdentifier } from "../print.ts";
import { tableName } from "../schema.ts";
import type { Grammar } from "./grammar.ts";
import { type Node, node } from "./node.ts";

/** A recursive CTE that ends: over numbers, or over a table that refers to itself. */
export function makeRecursive(g: Grammar): Node {
  const trees = g.schema.tables.filter(({ name, foreignKeys = [] }) => foreignKeys.some((key) => key.table === name));
  if (trees.length === 0 || g.shape.chance(0.4)) {
    const most = g.values.int(0, 12);
    const text = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most}) SELECT i FROM n`;
    return node("recursive cte", "query", text);
  }
  const table = g.shape.pick(trees);
  const key = table.foreignKeys?.find((candidate) => candidate.table === table.name);
  const [child, parent] = [quoteIdentifier(key?.columns[0] ?? ""), quoteIdentifier(key?.references[0] ?? "")];
  const from = tableName(table);
  return node(
    "recursive cte",
    "query",
    `WITH RECURSIVE up AS (SELECT ${parent} AS k FROM ${from} WHERE ${child} IS NULL UNION SELECT t.${parent} FROM ${from} t JOIN up ON t.${child} = up.k) `,
    "SELECT k FROM up",
  );
}
