import type { Expression } from "../parse/ast.ts";
import { conjuncts, sideOf } from "./conditions.ts";
import type { Relation, Scope } from "./scope.ts";

/**
 * True if conditions that hold for every row of a query leave one row at most: each table has a unique key whose columns
 * are equal to constants, to values from around the query, or to columns of tables that are already down to one row.
 */
export function findsOneRow(scope: Scope, conditions: readonly Expression[]): boolean {
  // A query that is read in place, row by row, adds no rows; but what it yields is not known before the row is.
  const relations = scope.namespace.relations.filter(({ inPlace }) => !inPlace);
  const equalities = conditions.flatMap(conjuncts).flatMap((condition) => {
    if (condition.kind !== "comparison" || condition.operator !== "=") return [];
    return [{ left: sideOf(condition.left, scope), right: sideOf(condition.right, scope) }];
  });
  const single = new Set<Relation>(relations.filter((relation) => relation.single()));
  for (let before = -1; before < single.size; ) {
    before = single.size;
    for (const relation of relations) {
      const fixed = new Set<string>();
      for (const { left, right } of equalities) {
        for (const [side, other] of [
          [left, right],
          [right, left],
        ] as const) {
          if (typeof side === "string" || side.relation !== relation) continue;
          const known = other === "fixed" || (typeof other !== "string" && single.has(other.relation));
          if (known && side.term.column !== null) fixed.add(side.term.column.column.name);
        }
      }
      const uniqueKeys = relation.table?.uniqueKeys ?? [];
      if (uniqueKeys.some((key) => key.every((column) => fixed.has(column)))) single.add(relation);
    }
  }
  return single.size === relations.length;
}
