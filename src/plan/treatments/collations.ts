import type { Collation, ColumnType } from "../../catalog.ts";
import type { Analysis } from "../analysis.ts";

/**
 * The collation of an expression over texts, as assign_collations_walker() derives it (src/backend/parser/parse_collate.c)
 * for operands without COLLATE: another than the default wins over the default, two others are in conflict: `null`.
 */
export function mergeCollations(analysis: Analysis, types: readonly ColumnType[]): Collation | null {
  const usual = analysis.builtin("text").collation;
  let merged = usual;
  for (const { collation } of types) {
    if (collation === null) return null;
    if (collation === merged || collation.name === merged?.name || collation === usual) continue;
    if (merged !== usual) return null;
    merged = collation;
  }
  return merged;
}
