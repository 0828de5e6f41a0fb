import { type Bypass, bypass } from "../outcome.ts";
import type { ComparisonOperator, Expression } from "../parse/ast.ts";
import type { Analysis } from "./analysis.ts";
import { planTruth } from "./plan-expression.ts";

type RowComparison = Extract<Expression, { kind: "comparison" }>;

/**
 * `(a, b) < (c, d)`, pair by pair, from the left: the first pair that is not equal decides. For = and <> each pair counts
 * (https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON).
 */
export function planRowComparison(analysis: Analysis, { operator, left, right }: RowComparison): string | Bypass {
  const expanded = expandRows(operator, left, right);
  return "reason" in expanded ? expanded : planTruth(analysis, expanded);
}

/** `(a, b) IN ((1, 2), (3, 4))`. */
export function planRowIn(
  analysis: Analysis,
  { operand, list, negated }: Extract<Expression, { kind: "in" }>,
): string | Bypass {
  const operands: Expression[] = [];
  for (const item of list) {
    const equal = expandRows("=", operand, item);
    if ("reason" in equal) return equal;
    operands.push(equal);
  }
  const [first, ...more] = operands;
  if (first === undefined) return bypass("unsupported-syntax", "IN over an empty list");
  const any: Expression = more.length === 0 ? first : { kind: "or", operands };
  return planTruth(analysis, negated ? { kind: "not", operand: any } : any);
}

function expandRows(operator: ComparisonOperator, left: Expression, right: Expression): Expression | Bypass {
  if (left.kind !== "row" || right.kind !== "row" || left.items.length !== right.items.length) {
    return bypass("unsupported-syntax", "a row compared with something else");
  }
  const pairs = left.items.flatMap((item, index) => {
    const other = right.items[index];
    return other === undefined ? [] : [{ left: item, right: other }];
  });
  if (operator === "=")
    return junction(
      "and",
      pairs.map((pair) => ({ kind: "comparison", operator: "=", ...pair })),
    );
  if (operator === "<>")
    return junction(
      "or",
      pairs.map((pair) => ({ kind: "comparison", operator: "<>", ...pair })),
    );
  const strict = operator === "<" || operator === "<=" ? "<" : ">";
  return pairs.reduceRight<Expression>(
    (rest, pair, index) => {
      const isLast = index === pairs.length - 1;
      if (isLast) return { kind: "comparison", operator, ...pair };
      const decided: Expression = { kind: "comparison", operator: strict, ...pair };
      const tied: Expression = { kind: "and", operands: [{ kind: "comparison", operator: "=", ...pair }, rest] };
      return { kind: "or", operands: [decided, tied] };
    },
    { kind: "boolean", value: true },
  );
}

function junction(kind: "and" | "or", operands: readonly Expression[]): Expression {
  const [only] = operands;
  return operands.length === 1 && only !== undefined ? only : { kind, operands };
}
