import { type Bypass, bypass } from "../outcome.ts";
import type { Expression, Query, Select, Target } from "../parse/ast.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import { type Block, type BlockColumn, type Item, printItem } from "./block.ts";
import { hintIndexes } from "./index-hints.ts";
import { nameOfTarget } from "./names.ts";
import { type OrderedColumns, planOrderBy, planRowCount, printLimits, printSortKeys } from "./ordering.ts";
import type { SortKey } from "./plan.ts";
import { planOperand, planTruth, termOf } from "./plan-expression.ts";
import { type PlannedFrom, planFrom } from "./plan-from.ts";
import { ANYTHING } from "./relations.ts";
import { NOTHING, Scope } from "./scope.ts";
import { findsOneRow } from "./single-row.ts";
import type { Facts, Term } from "./term.ts";

/** A SELECT, all of whose clauses are planned. */
interface PlannedSelect {
  readonly columns: readonly SelectColumn[];
  readonly from: PlannedFrom | null;
  readonly scope: Scope;
  readonly where: string | null;
  readonly groupBy: readonly string[];
  readonly having: string | null;
  readonly orderBy: readonly SortKey[];
  readonly limit: string | null;
  readonly offset: string | null;
}

interface SelectColumn extends BlockColumn {
  /** It calls an aggregate function. */
  readonly aggregated: boolean;
}

/** What is wanted of a SELECT. */
interface SelectResult {
  /** The origin's own names of the columns, where it was asked for them. */
  readonly names: readonly string[] | null;
  /** All its rows, in both engines. */
  readonly readInFull: boolean;
}

export function planSelect(
  analysis: Analysis,
  query: Query,
  select: Select,
  outer: Scope | null,
  result: SelectResult,
): Block | Bypass {
  const from = select.from === null ? null : planFrom(analysis, select.from, outer);
  if (isBypass(from)) return from;
  const scope = new Scope(outer, from?.namespace ?? NOTHING);
  const clauses = analysis.within(scope, () => planClauses(analysis, query, select, scope, result));
  if (isBypass(clauses)) return clauses;
  const planned: PlannedSelect = { ...clauses, from, scope };
  const conditions = [...(from?.conditions ?? []), ...(select.where === null ? [] : [select.where])];
  hintIndexes(analysis, { query, select, scope, from });
  if (Array.isArray(select.distinct)) return distinctOn(analysis, planned, clauses.distinctOn);
  const isAggregate = scope.aggregates > 0 && planned.groupBy.length === 0;
  const whole = query.limit === null && query.offset === null;
  return {
    columns: planned.columns,
    compared: clauses.distinct,
    print: (items) => printSelect(analysis, planned, items, select.distinct === true),
    rowBound: (facts) => (isAggregate ? 1n : scope.rowBound(facts)),
    oneRow: isAggregate && planned.having === null && whole,
    atMostOneRow: () => isAggregate || isOneAtMost(analysis, query.limit) || findsOneRow(scope, conditions),
    select: {
      scope,
      where: planned.where,
      whereInputs: clauses.whereInputs,
      limit: planned.limit,
      offset: planned.offset,
    },
  };
}

/** `LIMIT 1`, whatever the data; its value is then part of the plan. */
export function isOneAtMost(analysis: Analysis, limit: Expression | null): boolean {
  if (limit?.kind !== "literal" || (limit.text !== "1" && limit.text !== "0")) return false;
  analysis.pinned.add(limit.slot);
  return true;
}

type Clauses = Omit<PlannedSelect, "from" | "scope"> & {
  readonly whereInputs: number;
  /** What DISTINCT compares rows by. */
  readonly distinct: readonly string[];
  /** What DISTINCT ON compares them by. */
  readonly distinctOn: readonly string[];
};

function planClauses(
  analysis: Analysis,
  query: Query,
  select: Select,
  scope: Scope,
  { names, readInFull }: SelectResult,
): Clauses | Bypass {
  const { pinsLiterals, comparesExpressions, computesSameRows, computesEachRow } = analysis;
  try {
    analysis.computesSameRows = false;
    // A query that stands where its own query compares expressions is part of what is compared.
    analysis.pinsLiterals = pinsLiterals && comparesExpressions;
    const whole = query.limit === null && query.offset === null;
    analysis.computesEachRow = names !== null && whole && select.from?.kind === "table" && isStraight(select.where);
    const where = select.where === null ? null : planTruth(analysis, select.where);
    analysis.computesEachRow = false;
    if (isBypass(where)) return where;
    const whereInputs = analysis.inputs.length;
    const limit = planRowCount(analysis, query.limit, -1);
    if (isBypass(limit)) return limit;
    const offset = planRowCount(analysis, query.offset, 0);
    if (isBypass(offset)) return offset;
    analysis.pinsLiterals = true;
    scope.grouped = select.groupBy.length > 0;
    analysis.comparesExpressions = comparesExpressions || select.groupBy.length > 0 || select.distinct !== false;
    analysis.computesSameRows = readInFull && limit === null && offset === null && select.distinct === false;
    const columns = planTargets(analysis, select.targets, scope, names);
    analysis.computesSameRows = false;
    if (isBypass(columns)) return columns;
    const groupBy = planGroupBy(analysis, select.groupBy, scope, columns);
    if (isBypass(groupBy)) return groupBy;
    const having = select.having === null ? null : planTruth(analysis, select.having);
    if (isBypass(having)) return having;
    const ordered: OrderedColumns = { columns, expressions: true };
    const orderBy = planOrderBy(analysis, query.orderBy, ordered);
    if (isBypass(orderBy)) return orderBy;
    if (having !== null && groupBy.length === 0 && scope.aggregates === 0) {
      return bypass("unsupported-syntax", "HAVING in a query without groups");
    }
    const distinct = select.distinct === true ? comparedColumns(analysis, columns) : [];
    if (isBypass(distinct)) return distinct;
    const distinctOn = Array.isArray(select.distinct) ? planDistinctOn(analysis, select.distinct, ordered) : [];
    if (isBypass(distinctOn)) return distinctOn;
    return { columns, where, whereInputs, groupBy, having, orderBy, limit, offset, distinct, distinctOn };
  } finally {
    analysis.pinsLiterals = pinsLiterals;
    analysis.comparesExpressions = comparesExpressions;
    analysis.computesSameRows = computesSameRows;
    analysis.computesEachRow = computesEachRow;
  }
}

function planTargets(
  analysis: Analysis,
  targets: readonly Target[],
  scope: Scope,
  names: readonly string[] | null,
): readonly SelectColumn[] | Bypass {
  const columns: SelectColumn[] = [];
  for (const target of targets) {
    if (target.kind === "star") {
      const found = scope.star(target.path);
      if (found.length === 0) return bypass("unknown-column", `${[...target.path, "*"].join(".")}`);
      for (const { name, term } of found) {
        columns.push({ name: names?.[columns.length] ?? name, operand: term, term, aggregated: false });
      }
      continue;
    }
    const before = scope.aggregates;
    const operand = planOperand(analysis, target.expression);
    if (isBypass(operand)) return operand;
    const term = termOf(analysis, operand);
    if (isBypass(term)) return term;
    const name = names?.[columns.length] ?? nameOfTarget(target);
    columns.push({ name, operand, term, aggregated: scope.aggregates > before });
  }
  return columns;
}

/** Values by which rows are made one: equality must be SQLite's, and equal values must look equal. */
export function comparedColumns(analysis: Analysis, columns: readonly BlockColumn[]): readonly string[] | Bypass {
  const compared: string[] = [];
  for (const { term } of columns) {
    const equality = groupable(analysis, term);
    if (typeof equality !== "string") return equality;
    compared.push(equality);
  }
  return compared;
}

function groupable(analysis: Analysis, term: Term): string | Bypass {
  const equality = term.equality();
  if (typeof equality === "string") analysis.proofs.push(term.canonical);
  return equality;
}

function planGroupBy(
  analysis: Analysis,
  expressions: readonly Expression[],
  scope: Scope,
  columns: readonly BlockColumn[],
): readonly string[] | Bypass {
  const printed: string[] = [];
  for (const expression of expressions) {
    const term = groupTerm(analysis, expression, scope, columns);
    const equality = isBypass(term) ? term : groupable(analysis, term);
    if (typeof equality !== "string") return equality;
    printed.push(equality);
  }
  return printed;
}

/** GROUP BY: a position, else a column of FROM, else an output name (SQL99 before SQL92, as the origin resolves it). */
function groupTerm(
  analysis: Analysis,
  expression: Expression,
  scope: Scope,
  columns: readonly BlockColumn[],
): Term | Bypass {
  const positioned = columnAtPosition(analysis, expression, columns);
  if (positioned !== null) return positioned;
  const name = bareName(expression);
  if (name !== null && scope.column([name]) === null) {
    const named = columns.find((column) => column.name === name);
    if (named !== undefined) return named.term;
  }
  const operand = planOperand(analysis, expression);
  return isBypass(operand) ? operand : termOf(analysis, operand);
}

export function columnAtPosition(
  analysis: Analysis,
  expression: Expression,
  columns: readonly BlockColumn[],
): Term | Bypass | null {
  if (expression.kind !== "literal" || expression.type !== "integer") return null;
  analysis.pinned.add(expression.slot);
  return columns[Number(expression.text) - 1]?.term ?? bypass("unsupported-syntax", `position ${expression.text}`);
}

export function bareName(expression: Expression): string | null {
  return expression.kind === "column" && expression.path.length === 1 ? (expression.path[0] ?? null) : null;
}

function planDistinctOn(
  analysis: Analysis,
  expressions: readonly Expression[],
  ordered: OrderedColumns,
): readonly string[] | Bypass {
  const keys = planOrderBy(
    analysis,
    expressions.map((expression) => ({ expression, descending: false, nulls: null })),
    ordered,
    groupable,
  );
  return isBypass(keys) ? keys : keys.map(({ sql }) => sql);
}

function printSelect(analysis: Analysis, select: PlannedSelect, items: readonly Item[], distinct: boolean): string {
  if (!losesAggregates(select, items)) return printClauses(analysis, select, items, distinct);
  const inside = items.map(({ sql }, index) => ({ sql, as: `i${index}` }));
  const outside = items.map(({ as }, index) => printItem({ sql: `i${index}`, as }));
  return `SELECT ${outside.join(", ")} FROM (${printClauses(analysis, select, [...inside, ROW_COUNT], distinct)})`;
}

const ROW_COUNT: Item = { sql: "count(*)", as: "n" };

/**
 * True if what is selected might hold no aggregate, although the query has one: it would no longer be the one row that
 * aggregates make of all rows.
 */
function losesAggregates({ scope, groupBy, columns }: PlannedSelect, items: readonly Item[]): boolean {
  if (scope.aggregates === 0 || groupBy.length > 0) return false;
  return items.includes(ANYTHING) || !columns.every(({ aggregated }) => aggregated);
}

function printClauses(analysis: Analysis, select: PlannedSelect, items: readonly Item[], distinct: boolean): string {
  const { from, groupBy, having, orderBy, limit, offset, scope } = select;
  const selected = `SELECT ${distinct ? "DISTINCT " : ""}${items.map(printItem).join(", ")}`;
  const collects = distinct || groupBy.length > 0 || scope.aggregates > 0;
  const order = isInAnyOrder(select) && !collects ? " NOT INDEXED" : "";
  const source = from === null ? "" : ` FROM ${from.print()}${order}`;
  const clauses = [`${selected}${source}${analysis.defer((facts) => printWhere(select, facts))}`];
  if (groupBy.length > 0) clauses.push(`GROUP BY ${groupBy.join(", ")}`);
  if (having !== null) clauses.push(`HAVING ${having}`);
  if (orderBy.length > 0) clauses.push(`ORDER BY ${printSortKeys(analysis, sortedAnew(select))}`);
  return [...clauses, ...printLimits(limit, offset)].join(" ");
}

/** With a space before it, or empty. */
function printWhere({ from, where }: PlannedSelect, facts: Facts): string {
  const relations = from?.namespace.relations ?? [];
  const interrupt = facts.interrupt(relations.flatMap(({ table, alias }) => (table === null ? [] : [alias])));
  if (where === null) return interrupt === null ? "" : ` WHERE ${interrupt}`;
  return interrupt === null ? ` WHERE ${where}` : ` WHERE (${where}) AND ${interrupt}`;
}

/**
 * SQLite 3.53 takes the groups of an ordered query in FROM for sorted, in whatever direction that query sorts. With a plus
 * before it a key is no longer what was sorted there.
 */
function sortedAnew({ from, groupBy, orderBy }: PlannedSelect): readonly SortKey[] {
  const ordered = from?.namespace.relations.some(({ table }) => table === null) === true;
  return groupBy.length > 0 && ordered ? orderBy.map((key) => ({ ...key, sql: `+${key.sql}` })) : orderBy;
}

/**
 * Rows of a whole table that are asked for in no order come as they were loaded, which is mostly the origin's own order;
 * SQLite would prefer the order of any index that covers the columns.
 */
function isInAnyOrder({ from, where, orderBy }: PlannedSelect): boolean {
  const [relation, ...more] = from?.namespace.relations ?? [];
  return relation?.table != null && more.length === 0 && where === null && orderBy.length === 0;
}

/**
 * DISTINCT ON keeps the first row, in the order of ORDER BY, of those that are equal in its expressions: the one that
 * row_number() calls 1.
 */
function distinctOn(analysis: Analysis, select: PlannedSelect, keys: readonly string[]): Block {
  const { orderBy, limit, offset } = select;
  const alias = analysis.newAlias("q");
  const inner: PlannedSelect = { ...select, orderBy: [], limit: null, offset: null };
  return {
    columns: select.columns,
    compared: [],
    print: (items) => {
      const sort = orderBy.length > 0 ? ` ORDER BY ${printSortKeys(analysis, orderBy)}` : "";
      const inside: Item[] = [
        ...items.map(({ sql }, index) => ({ sql, as: `i${index}` })),
        ...orderBy.map(({ sql }, index) => ({ sql, as: `o${index}` })),
        { sql: `row_number() OVER (PARTITION BY ${keys.join(", ")}${sort})`, as: "n" },
      ];
      const outside = items.map(({ as }, index) => printItem({ sql: `${alias}.i${index}`, as }));
      const clauses = [
        `SELECT ${outside.join(", ")} FROM (${printSelect(analysis, inner, inside, false)}) AS ${alias} WHERE (${alias}.n = 1)`,
      ];
      if (orderBy.length > 0) {
        const outer = orderBy.map((key, index) => ({ ...key, sql: `${alias}.o${index}` }));
        clauses.push(`ORDER BY ${printSortKeys(analysis, outer)}`);
      }
      return [...clauses, ...printLimits(limit, offset)].join(" ");
    },
    rowBound: (facts) => select.scope.rowBound(facts),
    oneRow: false,
    atMostOneRow: () => false,
    select: null,
  };
}

/** A condition all of whose parts are computed for each row: nothing in it is left out, whatever the rest of it yields. */
function isStraight(expression: Expression | null): boolean {
  switch (expression?.kind) {
    case "column":
    case "literal":
    case "parameter":
      return true;
    case "cast":
    case "not":
    case "negate":
    case "isNull":
      return isStraight(expression.operand);
    case "comparison":
    case "arithmetic":
    case "concat":
    case "document":
      return isStraight(expression.left) && isStraight(expression.right);
    case "like":
      return isStraight(expression.operand) && isStraight(expression.pattern);
    case "array":
      return expression.items.every(isStraight);
    case "call":
      return expression.filter === null && expression.over === null && expression.operands.every(isStraight);
    default:
      return false;
  }
}
