import type { Table } from "../catalog.ts";
import type { FieldDescription } from "../dialects/dialect.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { Expression, OrderItem, Query, Target } from "../parse/ast.ts";
import { Analysis, isBypass, type Surroundings } from "./analysis.ts";
import { countConditions, fixedColumns, indexColumns } from "./index-columns.ts";
import type { Plan, Result, SortKey } from "./plan.ts";
import { planOperand, planTerm, planTruth } from "./plan-expression.ts";
import type { Term } from "./term.ts";

/** What planning one statement starts from: its tree and what the origin says of it. */
export interface PlanRequest {
  readonly query: Query;
  readonly surroundings: Surroundings;
  /** The origin's own names and types of the result columns; ours must agree. */
  readonly fields: readonly FieldDescription[];
  /** Literals that the syntax tree already consumed (type modifiers). */
  readonly pinned: readonly number[];
}

interface PlannedTarget {
  /** As the origin names it: what ORDER BY and GROUP BY can refer to. */
  readonly name: string;
  readonly term: Term;
}

/**
 * Turns a query into a plan, or says why it cannot be answered exactly. The origin has already described the statement,
 * so it is known to be legal SQL: nothing here re-checks what the origin checks, only what SQLite does differently.
 */
export function planQuery(request: PlanRequest): Plan | Bypass {
  const { query, surroundings, fields } = request;
  const twins = columnsAlike(surroundings.table);
  if (twins !== null) return twins;
  const analysis = new Analysis(surroundings, query.from.alias ?? query.from.name.at(-1) ?? "");
  for (const slot of request.pinned) analysis.pinned.add(slot);

  const where = query.where === null ? null : planTruth(analysis, query.where);
  if (isBypassOf(where)) return where;
  const whereInputs = analysis.inputs.length;
  const limit = planRowCount(analysis, query.limit, -1);
  if (isBypassOf(limit)) return limit;
  const offset = planRowCount(analysis, query.offset, 0);
  if (isBypassOf(offset)) return offset;
  analysis.pinsLiterals = true;
  const targets = planTargets(analysis, query.targets, fields);
  if (isBypass(targets)) return targets;
  const results = planResults(analysis, targets, fields, query.distinct);
  if (isBypass(results)) return results;
  const groupBy = planGroupBy(analysis, query.groupBy, targets);
  if (isBypass(groupBy)) return groupBy;
  if (query.having !== null && groupBy.length === 0 && !analysis.aggregates) {
    return bypass("unsupported-syntax", "HAVING in a query without groups");
  }
  const having = query.having === null ? null : planTruth(analysis, query.having);
  if (isBypassOf(having)) return having;
  const orderBy = planOrderBy(analysis, query.orderBy, targets);
  if (isBypass(orderBy)) return orderBy;

  return Object.freeze<Plan>({
    kind: "plan",
    table: surroundings.table,
    wildcard: query.targets.some((target) => target.kind === "star"),
    columns: analysis.columns,
    dictionaries: analysis.dictionaries,
    inputs: analysis.inputs,
    proofs: analysis.proofs,
    results,
    distinct: query.distinct,
    where,
    whereInputs,
    conditions: countConditions(query.where),
    fixedColumns: fixedColumns(analysis, query.where),
    aggregates: analysis.aggregates,
    groupBy,
    having,
    orderBy,
    limit,
    offset,
    indexColumns: indexColumns(analysis, query),
    pinned: [...analysis.pinned].sort((a, b) => a - b),
  });
}

/** SQLite does not tell names apart that differ only in the case of letters, and takes TRUE for a column of that name. */
function columnsAlike(table: Table): Bypass | null {
  const folded = new Set(table.columns.map((column) => column.name.toLowerCase()));
  if (folded.has("true") || folded.has("false")) return bypass("generated-name", "a column named true or false");
  return folded.size === table.columns.length
    ? null
    : bypass("generated-name", `${table.name} has columns whose names differ only in upper and lower case`);
}

function isBypassOf(value: string | Bypass | null): value is Bypass {
  return value !== null && typeof value !== "string";
}

function planTargets(
  analysis: Analysis,
  targets: readonly Target[],
  fields: readonly FieldDescription[],
): PlannedTarget[] | Bypass {
  const planned: PlannedTarget[] = [];
  for (const target of targets) {
    const expanded = target.kind === "star" ? expandStar(analysis, target.path) : [target];
    if (isBypass(expanded)) return expanded;
    for (const { expression } of expanded) {
      const term = planTerm(analysis, expression);
      if (isBypass(term)) return term;
      planned.push({ name: fields[planned.length]?.name ?? "", term });
    }
  }
  return planned;
}

function expandStar(analysis: Analysis, path: readonly string[]): Extract<Target, { kind: "expression" }>[] | Bypass {
  const { table } = analysis.surroundings;
  const first = table.columns[0];
  if (first === undefined) return bypass("unsupported-syntax", `${table.name} has no columns`);
  const reachable = analysis.findColumn([...path, first.name]);
  if (isBypass(reachable)) return reachable;
  return table.columns.map((column) => ({
    kind: "expression",
    expression: { kind: "column", path: [...path, column.name] },
    alias: null,
  }));
}

function planResults(
  analysis: Analysis,
  targets: readonly PlannedTarget[],
  fields: readonly FieldDescription[],
  distinct: boolean,
): Result[] | Bypass {
  if (fields.length !== targets.length) {
    return bypass("describe-mismatch", `the origin describes ${fields.length} columns, not ${targets.length}`);
  }
  const results: Result[] = [];
  for (const [index, target] of targets.entries()) {
    const field = fields[index];
    const { term } = target;
    if (field === undefined || field.typeId !== term.type.oid) {
      return bypass(
        "describe-mismatch",
        `the origin gives column ${index + 1} type ${field?.typeId}, not ${term.type.oid}`,
      );
    }
    if (field.name === "__proto__") return bypass("generated-name", "a column named __proto__");
    const output = term.output();
    if (isBypass(output)) return output;
    if (distinct) {
      const refusal = requireGroupable(analysis, term);
      if (refusal !== null) return refusal;
    }
    results.push({ name: field.name, sql: output.sql, output: output.output, wide: term.wide });
  }
  return results;
}

/** A value by which rows are made one: equality must be SQLite's, and equal values must look equal. */
function requireGroupable(analysis: Analysis, term: Term): Bypass | null {
  const equality = term.equality();
  if (typeof equality !== "string") return equality;
  analysis.proofs.push(term.canonical);
  return null;
}

function planGroupBy(
  analysis: Analysis,
  expressions: readonly Expression[],
  targets: readonly PlannedTarget[],
): string[] | Bypass {
  const printed: string[] = [];
  for (const expression of expressions) {
    const term = groupTerm(analysis, expression, targets);
    if (isBypass(term)) return term;
    const refusal = requireGroupable(analysis, term);
    if (refusal !== null) return refusal;
    const equality = term.equality();
    if (typeof equality !== "string") return equality;
    printed.push(equality);
  }
  return printed;
}

/** GROUP BY: a position, else a column of the table, else an output name (SQL99 before SQL92, as the origin resolves it). */
function groupTerm(analysis: Analysis, expression: Expression, targets: readonly PlannedTarget[]): Term | Bypass {
  const positioned = targetAtPosition(analysis, expression, targets);
  if (positioned !== null) return positioned;
  const name = bareName(expression);
  if (name !== null && isBypass(analysis.findColumn([name]))) {
    const named = targets.find((target) => target.name === name);
    if (named !== undefined) return named.term;
  }
  return planTerm(analysis, expression);
}

/** ORDER BY: a position, else an output name, else an expression over the table's columns. */
function orderTerm(analysis: Analysis, expression: Expression, targets: readonly PlannedTarget[]): Term | Bypass {
  const positioned = targetAtPosition(analysis, expression, targets);
  if (positioned !== null) return positioned;
  const name = bareName(expression);
  const named = name === null ? undefined : targets.find((target) => target.name === name);
  return named?.term ?? planTerm(analysis, expression);
}

function targetAtPosition(
  analysis: Analysis,
  expression: Expression,
  targets: readonly PlannedTarget[],
): Term | Bypass | null {
  if (expression.kind !== "literal" || expression.type !== "integer") return null;
  analysis.pinned.add(expression.slot);
  return targets[Number(expression.text) - 1]?.term ?? bypass("unsupported-syntax", `position ${expression.text}`);
}

function bareName(expression: Expression): string | null {
  return expression.kind === "column" && expression.path.length === 1 ? (expression.path[0] ?? null) : null;
}

function planOrderBy(
  analysis: Analysis,
  items: readonly OrderItem[],
  targets: readonly PlannedTarget[],
): SortKey[] | Bypass {
  const keys: SortKey[] = [];
  for (const item of items) {
    const term = orderTerm(analysis, item.expression, targets);
    if (isBypass(term)) return term;
    const sql = term.order();
    if (typeof sql !== "string") return sql;
    keys.push({
      sql,
      descending: item.descending,
      nullsFirst: item.nulls === null ? item.descending : item.nulls === "first",
      neverNull: neverNull(term),
    });
  }
  return keys;
}

function neverNull(term: Term): SortKey["neverNull"] {
  return term.column?.nullable === false ? () => true : term.neverNull;
}

/** LIMIT and OFFSET: a literal or parameter; NULL means none. */
function planRowCount(analysis: Analysis, expression: Expression | null, ifNull: number): string | Bypass | null {
  if (expression === null || expression.kind === "null") return null;
  const operand = planOperand(analysis, expression);
  if (isBypass(operand)) return operand;
  if (operand.kind !== "constant") return bypass("unsupported-syntax", "LIMIT or OFFSET that is no constant");
  const { type } = operand;
  const fits = type === "integer" || type === "unknown" || (typeof type !== "string" && type.kind === "int8");
  if (!fits) return bypass("type-mismatch", "LIMIT or OFFSET that is no integer");
  return analysis.input(operand.source, { kind: "rowCount", ifNull });
}
