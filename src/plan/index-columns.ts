import type { Column } from "../catalog.ts";
import type { Expression, Query } from "../parse/ast.ts";
import { type Encoding, physicalName } from "../store/column-set.ts";
import { type Analysis, isBypass } from "./analysis.ts";

/**
 * The index that would serve a query best: the columns that its top-level conditions compare for equality, then one that
 * is ranged over or sorted by first. A hint, never needed for a right answer.
 */
export function indexColumns(analysis: Analysis, query: Query): readonly string[] {
  const equal = new Set<string>();
  const ranged = new Set<string>();
  for (const condition of conjuncts(query.where)) {
    switch (condition.kind) {
      case "comparison":
        if (condition.operator === "=") addCompared(analysis, equal, condition.left, condition.right, COMPARED);
        else if (condition.operator !== "<>") addCompared(analysis, ranged, condition.left, condition.right, ORDERED);
        break;
      case "in":
        if (!condition.negated) addColumn(analysis, equal, condition.operand);
        break;
      case "anyOf":
        if (!condition.negated) addColumn(analysis, equal, condition.operand);
        break;
      case "between":
        if (!condition.negated) addColumn(analysis, ranged, condition.operand, ORDERED);
        break;
    }
  }
  const [sortItem] = query.orderBy;
  const sorted = new Set<string>();
  if (sortItem !== undefined && query.groupBy.length === 0 && (query.limit !== null || equal.size > 0)) {
    addColumn(analysis, sorted, sortItem.expression, ORDERED);
  }
  const tail = [...sorted, ...ranged].find((column) => !equal.has(column));
  return [...equal].sort().concat(tail === undefined ? [] : [tail]);
}

/** Columns that a condition at the top of WHERE compares with one constant by `=`: nothing but equality counts. */
export function fixedColumns(analysis: Analysis, where: Expression | null): readonly string[] {
  const fixed = new Set<string>();
  for (const condition of conjuncts(where)) {
    if (condition.kind === "comparison" && condition.operator === "=") {
      addCompared(analysis, fixed, condition.left, condition.right, COMPARED);
    }
  }
  return [...fixed];
}

/** Comparisons that WHERE joins with AND at its top, as an index would show them: a BETWEEN is two. */
export function countConditions(where: Expression | null): number {
  let count = 0;
  for (const condition of conjuncts(where)) count += condition.kind === "between" && !condition.negated ? 2 : 1;
  return count;
}

function conjuncts(expression: Expression | null): readonly Expression[] {
  if (expression === null) return [];
  return expression.kind === "and" ? expression.operands.flatMap(conjuncts) : [expression];
}

function addCompared(
  analysis: Analysis,
  into: Set<string>,
  left: Expression,
  right: Expression,
  preference: readonly Encoding[],
): void {
  if (isConstant(right)) addColumn(analysis, into, left, preference);
  else if (isConstant(left)) addColumn(analysis, into, right, preference);
}

function isConstant(expression: Expression): boolean {
  return expression.kind === "cast"
    ? isConstant(expression.operand)
    : expression.kind === "literal" || expression.kind === "parameter";
}

const COMPARED: readonly Encoding[] = ["key", "value", "rank"];
const ORDERED: readonly Encoding[] = ["key", "rank", "value"];

/** The physical column that the query already uses for this column, preferring the one that orders. */
function addColumn(
  analysis: Analysis,
  into: Set<string>,
  expression: Expression,
  preference: readonly Encoding[] = COMPARED,
): void {
  if (expression.kind !== "column") return;
  const column = analysis.findColumn(expression.path);
  if (isBypass(column)) return;
  const name = usedColumn(analysis, column, preference);
  if (name !== null) into.add(name);
}

function usedColumn(analysis: Analysis, column: Column, preference: readonly Encoding[]): string | null {
  for (const encoding of preference) {
    if (analysis.columns.some((used) => used.column === column.name && used.encoding === encoding)) {
      return physicalName(column.name, encoding);
    }
  }
  return null;
}
