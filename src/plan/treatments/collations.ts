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
    if (isSameCollation(collation, merged) || isSameCollation(collation, usual)) continue;
    if (!isSameCollation(merged, usual)) return null;
    merged = collation;
  }
  return merged;
}

/** Two that have one locale, and so one name, can be two: a conflict is possible only with one that a column declares. */
export function isSameCollation(a: Collation | null, b: Collation | null): boolean {
  return a?.name === b?.name && a?.ofDatabase === b?.ofDatabase;
}
