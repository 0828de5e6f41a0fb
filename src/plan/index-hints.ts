import type { Expression, Query, Select } from "../parse/ast.ts";
import { type Encoding, physicalName } from "../store/column-set.ts";
import type { Analysis } from "./analysis.ts";
import { conjuncts, type Side, sideOf } from "./conditions.ts";
import type { PlannedFrom } from "./plan-from.ts";
import type { Relation, Scope } from "./scope.ts";
import type { Term } from "./term.ts";

interface HintedQuery {
  readonly query: Query;
  readonly select: Select;
  readonly scope: Scope;
  readonly from: PlannedFrom | null;
}

/** Columns of one table by what conditions do with them. */
interface Usage {
  readonly equal: Set<string>;
  readonly ranged: Set<string>;
  readonly joined: Set<string>;
  readonly sorted: Set<string>;
}

/**
 * The indexes that would serve a query best. For each table: the columns that its conditions compare for equality, then
 * one that is ranged over or sorted by first; and each column that it is joined by.
 */
export function hintIndexes(analysis: Analysis, { query, select, scope, from }: HintedQuery): void {
  const usages = new Map<Relation, Usage>();
  const usageOf = (relation: Relation): Usage => {
    const usage = usages.get(relation) ?? { equal: new Set(), ranged: new Set(), joined: new Set(), sorted: new Set() };
    usages.set(relation, usage);
    return usage;
  };
  const add = (side: Side, use: keyof Usage): void => {
    if (typeof side === "string") return;
    const name = usedColumn(analysis, side.term, use === "ranged" || use === "sorted" ? ORDERED : COMPARED);
    if (name !== null) usageOf(side.relation)[use].add(name);
  };
  for (const [left, right] of from?.merged ?? []) {
    for (const term of [left, right]) {
      const relation = scope.relationOf(term);
      if (relation !== undefined) add({ relation, term }, "joined");
    }
  }
  for (const condition of [...(from?.joinConditions ?? []), select.where].flatMap(conjuncts)) {
    useCondition(condition, scope, add);
  }
  const [sortItem] = query.orderBy;
  if (sortItem !== undefined && select.groupBy.length === 0) {
    const side = sideOf(sortItem.expression, scope);
    const filters = typeof side !== "string" && (usages.get(side.relation)?.equal.size ?? 0) > 0;
    if (query.limit !== null || filters) add(side, "sorted");
  }
  for (const [{ table }, usage] of usages) {
    if (table === null) continue;
    for (const columns of indexesOf(usage)) analysis.indexes.push({ table, columns });
  }
}

function indexesOf({ equal, ranged, joined, sorted }: Usage): readonly (readonly string[])[] {
  const tail = [...sorted, ...ranged].find((column) => !equal.has(column));
  const filtering = [...equal].sort().concat(tail === undefined ? [] : [tail]);
  const joining = [...joined].filter((column) => filtering[0] !== column).map((column) => [column]);
  return filtering.length === 0 ? joining : [filtering, ...joining];
}

function useCondition(condition: Expression, scope: Scope, add: (side: Side, use: keyof Usage) => void): void {
  switch (condition.kind) {
    case "comparison": {
      const left = sideOf(condition.left, scope);
      const right = sideOf(condition.right, scope);
      const use = condition.operator === "=" ? "equal" : "ranged";
      if (condition.operator === "<>") return;
      if (right === "fixed") add(left, use);
      else if (left === "fixed") add(right, use);
      else if (use === "equal" && typeof left !== "string" && typeof right !== "string") {
        if (left.relation === right.relation) return;
        add(left, "joined");
        add(right, "joined");
      }
      return;
    }
    case "in":
    case "anyOf":
    case "inQuery":
      if (!condition.negated) add(sideOf(condition.operand, scope), "equal");
      return;
    case "between":
      if (!condition.negated) add(sideOf(condition.operand, scope), "ranged");
      return;
  }
}

/** Columns that a condition at the top of WHERE compares with one constant by `=`: nothing but equality counts. */
export function fixedColumns(analysis: Analysis, where: Expression | null, scope: Scope): readonly string[] {
  const fixed = new Set<string>();
  for (const condition of conjuncts(where)) {
    if (condition.kind !== "comparison" || condition.operator !== "=") continue;
    const left = sideOf(condition.left, scope);
    const right = sideOf(condition.right, scope);
    const side = right === "fixed" ? left : left === "fixed" ? right : "computed";
    const name = typeof side === "string" ? null : usedColumn(analysis, side.term, COMPARED);
    if (name !== null) fixed.add(name);
  }
  return [...fixed];
}

/** Comparisons that WHERE joins with AND at its top, as an index would show them: a BETWEEN is two. */
export function countConditions(where: Expression | null): number {
  let count = 0;
  for (const condition of conjuncts(where)) count += condition.kind === "between" && !condition.negated ? 2 : 1;
  return count;
}

const COMPARED: readonly Encoding[] = ["key", "value", "rank"];
const ORDERED: readonly Encoding[] = ["key", "rank", "value"];

/** The physical column that the query already uses for this column. */
function usedColumn(analysis: Analysis, { column }: Term, preference: readonly Encoding[]): string | null {
  if (column === null) return null;
  const encoding = preference.find((candidate) => analysis.uses(column.table, column.column, candidate));
  return encoding === undefined ? null : physicalName(column.column.name, encoding);
}
