import type { ComparisonOperator } from "../../parse/ast.ts";

/** `IS` and `IS NOT` are SQLite's NULL-safe equality: the origin's IS NOT DISTINCT FROM and IS DISTINCT FROM. */
export type Comparator = ComparisonOperator | "IS" | "IS NOT";

/** What stands between the operands when they change places. */
export const FLIPPED: Readonly<Record<Comparator, Comparator>> = {
  "=": "=",
  "<>": "<>",
  IS: "IS",
  "IS NOT": "IS NOT",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};
