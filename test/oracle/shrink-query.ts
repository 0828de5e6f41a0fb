import type { Expression, Query } from "./single-table.ts";
import { children, withChildren } from "./tree.ts";

/** Queries that are a little smaller than this one, the boldest cuts first. */
export function* smallerQueries(query: Query): Generator<Query> {
  if (query.where !== null) yield { ...query, where: null };
  if (query.having !== null) yield { ...query, having: null };
  if (query.limit !== null || query.offset !== null) yield { ...query, limit: null, offset: null };
  if (query.limit !== null) yield { ...query, limit: null };
  if (query.offset !== null) yield { ...query, offset: null };
  if (query.orderBy.length > 0) yield { ...query, orderBy: [] };
  if (query.distinct) yield { ...query, distinct: false };
  if (query.groupBy.length > 0) yield { ...query, groupBy: [] };
  if (query.from.alias !== null) yield unqualified(query);
  for (const targets of without(query.targets)) if (targets.length > 0) yield { ...query, targets };
  for (const groupBy of without(query.groupBy)) yield { ...query, groupBy };
  for (const orderBy of without(query.orderBy)) yield { ...query, orderBy };
  yield* smallerClauses(query);
}

function* smallerClauses(query: Query): Generator<Query> {
  for (const [index, target] of query.targets.entries()) {
    if (target.kind === "star") continue;
    if (target.alias !== null) yield { ...query, targets: query.targets.with(index, { ...target, alias: null }) };
    for (const expression of smaller(target.expression)) {
      yield { ...query, targets: query.targets.with(index, { ...target, expression }) };
    }
  }
  if (query.where !== null) for (const where of smaller(query.where)) yield { ...query, where };
  if (query.having !== null) for (const having of smaller(query.having)) yield { ...query, having };
  for (const [index, key] of query.groupBy.entries()) {
    for (const expression of smaller(key)) yield { ...query, groupBy: query.groupBy.with(index, expression) };
  }
  for (const [index, item] of query.orderBy.entries()) {
    if (item.nulls !== null) yield { ...query, orderBy: query.orderBy.with(index, { ...item, nulls: null }) };
    if (item.descending) yield { ...query, orderBy: query.orderBy.with(index, { ...item, descending: false }) };
    for (const expression of smaller(item.expression)) {
      yield { ...query, orderBy: query.orderBy.with(index, { ...item, expression }) };
    }
  }
}

/** The query without an alias of its table. */
function unqualified(query: Query): Query {
  const bare = (expression: Expression): Expression =>
    expression.kind === "column"
      ? { ...expression, path: expression.path.slice(-1) }
      : withChildren(expression, children(expression).map(bare));
  return {
    ...query,
    from: { ...query.from, alias: null },
    targets: query.targets.map((target) =>
      target.kind === "star" ? { ...target, path: [] } : { ...target, expression: bare(target.expression) },
    ),
    where: query.where === null ? null : bare(query.where),
    groupBy: query.groupBy.map(bare),
    having: query.having === null ? null : bare(query.having),
    orderBy: query.orderBy.map((item) => ({ ...item, expression: bare(item.expression) })),
  };
}

/** Smaller expressions in the place of this one: an operand alone, one operand or branch less, a smaller operand. */
function* smaller(expression: Expression): Generator<Expression> {
  const operands = children(expression);
  yield* operands;
  yield* shorter(expression);
  for (const [index, operand] of operands.entries()) {
    for (const replacement of smaller(operand)) yield withChildren(expression, operands.with(index, replacement));
  }
}

function* shorter(expression: Expression): Generator<Expression> {
  switch (expression.kind) {
    case "and":
    case "or":
      if (expression.operands.length > 2)
        for (const operands of without(expression.operands)) yield { ...expression, operands };
      return;
    case "coalesce":
      if (expression.operands.length > 1)
        for (const operands of without(expression.operands)) yield { ...expression, operands };
      return;
    case "in":
      if (expression.list.length > 1) for (const list of without(expression.list)) yield { ...expression, list };
      return;
    case "case":
      if (expression.otherwise !== null) yield { ...expression, otherwise: null };
      if (expression.branches.length > 1)
        for (const branches of without(expression.branches)) yield { ...expression, branches };
      return;
    case "call":
      if (expression.filter !== null) yield { ...expression, filter: null };
      if (expression.distinct) yield { ...expression, distinct: false };
      return;
    case "isNull":
    case "isTruth":
    case "isDistinct":
    case "anyOf":
    case "between":
    case "like":
      if (expression.negated) yield { ...expression, negated: false };
      return;
    default:
      return;
  }
}

/** The list without one element, for each element. */
export function* without<T>(items: readonly T[]): Generator<T[]> {
  for (let index = 0; index < items.length; index++) yield items.toSpliced(index, 1);
}
