import type { A_Expr } from "libpg-query";
import type { ComparisonOperator, Expression } from "../../parse/ast.ts";
import { LIKE_OPERATORS, type LowerExpression } from "./lower-syntax.ts";
import type { Lowering } from "./lowering.ts";

const COMPARISONS: ReadonlyMap<string, ComparisonOperator> = new Map(
  (["=", "<>", "<", "<=", ">", ">="] as const).map((operator) => [operator, operator]),
);

/**
 * `x op ANY (array)` and `x op ALL (array)`. Over `ARRAY[…]` it is what it says: one condition for each item, joined by OR
 * or AND. Over other arrays only `= ANY` and `<> ALL` have a node.
 */
export function lowerQuantified(node: A_Expr, name: string, lowering: Lowering, lower: LowerExpression): Expression {
  const all = node.kind === "AEXPR_OP_ALL";
  const operand = lower(node.lexpr, lowering);
  const array = lower(node.rexpr, lowering);
  const items = listed(array);
  const refuse = (): Expression => lowering.refuse("unsupported-operator", `${name} ${all ? "ALL" : "ANY"} (…)`);
  const membership = name === (all ? "<>" : "=");
  if (items === null || items.length === 0) {
    return membership ? { kind: "anyOf", operand, array, negated: all } : refuse();
  }
  if (membership) return { kind: "in", operand, list: items, negated: all };
  const conditions: Expression[] = [];
  for (const item of items) {
    const condition = conditionOf(name, operand, item);
    if (condition === null) return refuse();
    conditions.push(condition);
  }
  const [only] = conditions;
  return only !== undefined && conditions.length === 1 ? only : { kind: all ? "and" : "or", operands: conditions };
}

/** The items of `ARRAY[…]`, or of `ARRAY[…]::type[]`: then each is cast (transformArrayExpr in parse_expr.c). */
function listed(array: Expression): readonly Expression[] | null {
  if (array.kind === "array") return array.items;
  if (array.kind !== "cast" || !array.type.array || array.operand.kind !== "array") return null;
  const type = { ...array.type, array: false };
  return array.operand.items.map((operand) => ({ kind: "cast", operand, type }));
}

function conditionOf(name: string, operand: Expression, item: Expression): Expression | null {
  const like = LIKE_OPERATORS.get(name);
  if (like !== undefined) return { kind: "like", operand, pattern: item, ...like };
  const operator = COMPARISONS.get(name);
  return operator === undefined ? null : { kind: "comparison", operator, left: operand, right: item };
}
