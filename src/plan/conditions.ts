import type { Expression } from "../parse/ast.ts";
import type { Relation, Scope } from "./scope.ts";
import type { Term } from "./term.ts";

/** What an expression joins with AND at its top. */
export function conjuncts(expression: Expression | null): readonly Expression[] {
  if (expression === null) return [];
  return expression.kind === "and" ? expression.operands.flatMap(conjuncts) : [expression];
}

/** A column of one of the relations of a query. */
interface FoundColumn {
  readonly relation: Relation;
  readonly term: Term;
}

/** What one side of a comparison is to a query: a column of its own, a value that is the same for all its rows, or more. */
export type Side = FoundColumn | "fixed" | "computed";

export function sideOf(expression: Expression, scope: Scope): Side {
  if (isConstant(expression)) return "fixed";
  if (expression.kind !== "column") return dependsOn(expression, scope) ? "computed" : "fixed";
  const term = scope.column(expression.path);
  // what this query does not have belongs to one around it
  if (term === null) return "fixed";
  if (term.kind !== "term") return "computed";
  const relation = scope.relationOf(term);
  return relation === undefined ? "computed" : { relation, term };
}

/** True if an expression's value may differ from row to row of the query; of what a query inside it reads nothing is known. */
function dependsOn(tree: unknown, scope: Scope): boolean {
  if (typeof tree !== "object" || tree === null) return false;
  if ("body" in tree) return true;
  if ("kind" in tree && tree.kind === "column" && "path" in tree && Array.isArray(tree.path)) {
    return scope.column(tree.path.map(String)) !== null;
  }
  return Object.values(tree).some((part) => dependsOn(part, scope));
}

function isConstant(expression: Expression): boolean {
  switch (expression.kind) {
    case "cast":
    case "negate":
      return isConstant(expression.operand);
    case "arithmetic":
      return isConstant(expression.left) && isConstant(expression.right);
    default:
      return expression.kind === "literal" || expression.kind === "parameter";
  }
}
