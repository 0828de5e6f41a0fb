import { printQuery, quoteIdentifier } from "./print.ts";
import type { TableSpec } from "./schema.ts";
import type { Expression, OrderItem, Query, Target } from "./single-table.ts";
import { type Case, type Check, RANK_COLUMN, type Statement } from "./statement.ts";

/** Prints a case and works out what SQL leaves open in its answer. */
export function toStatement(generated: Case, table: TableSpec): Statement {
  const { query, params, style } = generated;
  const careful = query.limit !== null || query.offset !== null;
  const { sql, params: used } = printQuery(query, params, style, { careful });
  return { sql, params: paramsOf(used), check: checkOf(query, params, table) };
}

function checkOf(query: Query, params: readonly unknown[], table: TableSpec): Check {
  const ordered = query.orderBy.length > 0;
  const limited = query.limit !== null || query.offset !== null;
  if (!ordered && !limited) return { ordered, limited, offset: 0, full: null };
  const { orderBy, ...rest } = query;
  const open: Query = { ...rest, orderBy: [], limit: null, offset: null };
  const resolved = orderBy.map((item): OrderItem => ({ ...item, expression: resolve(item.expression, query, table) }));
  const full = ordered
    ? printQuery(open, params, 0, {
        extraTarget: (item) => `dense_rank() OVER (ORDER BY ${resolved.map(item).join(", ")}) AS ${RANK_COLUMN}`,
      })
    : printQuery(open, params, 0);
  return {
    ordered,
    limited,
    offset: query.offset === null ? 0 : numberOf(query.offset, params),
    full: { sql: full.sql, params: paramsOf(full.params) },
  };
}

function paramsOf(params: readonly unknown[]): readonly unknown[] | null {
  return params.length === 0 ? null : params;
}

function numberOf(expression: Expression, params: readonly unknown[]): number | null {
  if (expression.kind === "null") return 0;
  if (expression.kind === "literal" && expression.type === "integer" && !expression.negated)
    return Number(expression.text);
  if (expression.kind !== "parameter") return null;
  const value = params[expression.number - 1];
  if (value === null || value === undefined) return 0;
  return /^\s*\d+\s*$/.test(String(value)) ? Number(value) : null;
}

/** What an ORDER BY item stands for: a position and an output name mean the select list's expression. */
function resolve(expression: Expression, query: Query, table: TableSpec): Expression {
  const outputs = query.targets.flatMap((target) => outputsOf(target, table));
  if (expression.kind === "literal" && expression.type === "integer" && !expression.negated) {
    return outputs[Number(expression.text) - 1]?.expression ?? expression;
  }
  if (expression.kind !== "column" || expression.path.length !== 1) return expression;
  return outputs.find(({ name }) => name === expression.path[0])?.expression ?? expression;
}

interface Output {
  readonly name: string | null;
  readonly expression: Expression;
}

function outputsOf(target: Target, table: TableSpec): Output[] {
  if (target.kind === "expression") {
    return [{ name: target.alias ?? outputName(target.expression), expression: target.expression }];
  }
  return table.columns.map(({ name }) => ({ name, expression: { kind: "column", path: [...target.path, name] } }));
}

/** The names that the origin gives to columns without an alias, as far as an ORDER BY could mean them. */
function outputName(expression: Expression): string | null {
  switch (expression.kind) {
    case "column":
      return expression.path.at(-1) ?? null;
    case "call":
      return expression.name.at(-1) ?? null;
    case "coalesce":
      return "coalesce";
    case "nullIf":
      return "nullif";
    case "collate":
      return outputName(expression.operand);
    case "cast":
      return outputName(expression.operand) ?? expression.type.name.at(-1) ?? null;
    case "case":
      return (expression.otherwise === null ? null : outputName(expression.otherwise)) ?? "case";
    default:
      return null;
  }
}

/** The quoted name of the table as `invalidate` takes it. */
export function invalidationName(table: TableSpec): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}
