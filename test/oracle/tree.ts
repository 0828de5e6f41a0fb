import type { Expression, Query } from "./single-table.ts";

/** The direct operands of an expression, in the order that `withChildren` takes them. */
export function children(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "literal":
    case "null":
    case "boolean":
    case "column":
    case "parameter":
      return [];
    case "cast":
    case "collate":
    case "negate":
    case "not":
    case "isNull":
    case "isTruth":
      return [expression.operand];
    case "comparison":
    case "arithmetic":
    case "concat":
    case "isDistinct":
    case "nullIf":
      return [expression.left, expression.right];
    case "and":
    case "or":
    case "coalesce":
      return expression.operands;
    case "in":
      return [expression.operand, ...expression.list];
    case "anyOf":
      return [expression.operand, expression.array];
    case "between":
      return [expression.operand, expression.low, expression.high];
    case "like":
      return [expression.operand, expression.pattern];
    case "case":
      return [
        ...(expression.operand === null ? [] : [expression.operand]),
        ...expression.branches.flatMap(({ when, then }) => [when, then]),
        ...(expression.otherwise === null ? [] : [expression.otherwise]),
      ];
    case "call":
      return [...expression.operands, ...(expression.filter === null ? [] : [expression.filter])];
  }
}

/** The same expression over other operands; `operands` has the length of `children(expression)`. */
export function withChildren(expression: Expression, operands: readonly Expression[]): Expression {
  const rest = [...operands];
  const next = (): Expression => rest.shift() ?? { kind: "null" };
  switch (expression.kind) {
    case "literal":
    case "null":
    case "boolean":
    case "column":
    case "parameter":
      return expression;
    case "cast":
    case "collate":
    case "negate":
    case "not":
    case "isNull":
    case "isTruth":
      return { ...expression, operand: next() };
    case "comparison":
    case "arithmetic":
    case "concat":
    case "isDistinct":
    case "nullIf":
      return { ...expression, left: next(), right: next() };
    case "and":
    case "or":
    case "coalesce":
      return { ...expression, operands: rest };
    case "in":
      return { ...expression, operand: next(), list: rest };
    case "anyOf":
      return { ...expression, operand: next(), array: next() };
    case "between":
      return { ...expression, operand: next(), low: next(), high: next() };
    case "like":
      return { ...expression, operand: next(), pattern: next() };
    case "case":
      return {
        ...expression,
        operand: expression.operand === null ? null : next(),
        // biome-ignore lint/suspicious/noThenProperty: the syntax tree calls it so
        branches: expression.branches.map(() => ({ when: next(), then: next() })),
        otherwise: expression.otherwise === null ? null : next(),
      };
    case "call":
      return {
        ...expression,
        operands: expression.operands.map(() => next()),
        filter: expression.filter === null ? null : next(),
      };
  }
}

/** Every expression that stands directly in a clause of the query. */
export function roots(query: Query): Expression[] {
  return [
    ...query.targets.flatMap((target) => (target.kind === "expression" ? [target.expression] : [])),
    ...(query.where === null ? [] : [query.where]),
    ...query.groupBy,
    ...(query.having === null ? [] : [query.having]),
    ...query.orderBy.map(({ expression }) => expression),
    ...(query.limit === null ? [] : [query.limit]),
    ...(query.offset === null ? [] : [query.offset]),
  ];
}

export function* walk(expression: Expression): Generator<Expression> {
  yield expression;
  for (const child of children(expression)) yield* walk(child);
}
