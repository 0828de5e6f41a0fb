import { type Bypass, bypass } from "../outcome.ts";
import type { Expression, OrderItem } from "../parse/ast.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import type { BlockColumn } from "./block.ts";
import type { SortKey } from "./plan.ts";
import { planOperand, planTerm } from "./plan-expression.ts";
import { bareName, columnAtPosition } from "./plan-select.ts";
import type { Term } from "./term.ts";

/** What ORDER BY can refer to. */
export interface OrderedColumns {
  readonly columns: readonly BlockColumn[];
  /** Expressions over FROM, not only columns of the result. */
  readonly expressions: boolean;
}

export function planOrderBy(
  analysis: Analysis,
  items: readonly OrderItem[],
  ordered: OrderedColumns,
  form: (analysis: Analysis, term: Term) => string | Bypass = orderForm,
): SortKey[] | Bypass {
  const keys: SortKey[] = [];
  for (const item of items) {
    const term = orderTerm(analysis, item.expression, ordered);
    if (isBypass(term)) return term;
    const sql = form(analysis, term);
    if (typeof sql !== "string") return sql;
    keys.push(sortKey(item, term, sql));
  }
  return keys;
}

function orderForm(_: Analysis, term: Term): string | Bypass {
  return term.order();
}

function sortKey(item: OrderItem, term: Term, sql: string): SortKey {
  const nullsFirst = item.nulls === null ? item.descending : item.nulls === "first";
  return { sql, descending: item.descending, nullsFirst, neverNull: (facts) => term.neverNull(facts) };
}

/** The order of the rows that an aggregate or a window sees: expressions only, no positions and no names of results. */
export function planSortKeys(analysis: Analysis, items: readonly OrderItem[]): SortKey[] | Bypass {
  const keys: SortKey[] = [];
  for (const item of items) {
    const term = planTerm(analysis, item.expression);
    if (isBypass(term)) return term;
    const sql = term.order();
    if (typeof sql !== "string") return sql;
    keys.push(sortKey(item, term, sql));
  }
  return keys;
}

/** ORDER BY: a position, else an output name, else an expression over FROM. */
function orderTerm(
  analysis: Analysis,
  expression: Expression,
  { columns, expressions }: OrderedColumns,
): Term | Bypass {
  const positioned = columnAtPosition(analysis, expression, columns);
  if (positioned !== null) return positioned;
  const name = bareName(expression);
  const named = name === null ? undefined : columns.find((column) => column.name === name);
  if (named !== undefined) return named.term;
  return expressions ? planTerm(analysis, expression) : bypass("unsupported-syntax", "ORDER BY an expression");
}

/** SQLite's default order of NULLs is the opposite of the origin's; saying nothing, where there are none, keeps indexes usable. */
export function printSortKeys(analysis: Analysis, keys: readonly SortKey[]): string {
  return keys
    .map((key) => {
      const direction = key.descending ? " DESC" : "";
      const nulls = ` NULLS ${key.nullsFirst ? "FIRST" : "LAST"}`;
      return `${key.sql}${direction}${analysis.defer((facts) => (key.neverNull(facts) ? "" : nulls))}`;
    })
    .join(", ");
}

/**
 * The last clauses of a query; SQLite has no OFFSET without a LIMIT. A bare parameter as LIMIT has SQLite 3.53 look at its
 * value when it plans (computeLimitRegisters in src/select.c), and so prepare the statement anew each time one is bound.
 */
export function printLimits(limit: string | null, offset: string | null): readonly string[] {
  if (limit === null && offset === null) return [];
  const rows = limit === null ? "LIMIT -1" : `LIMIT (${limit} + 0)`;
  return offset === null ? [rows] : [rows, `OFFSET ${offset}`];
}

/** LIMIT and OFFSET: a literal or parameter; NULL means none. */
export function planRowCount(
  analysis: Analysis,
  expression: Expression | null,
  ifNull: number,
): string | Bypass | null {
  if (expression === null || expression.kind === "null") return null;
  const operand = planOperand(analysis, expression);
  if (isBypass(operand)) return operand;
  if (operand.kind !== "constant") return bypass("unsupported-syntax", "LIMIT or OFFSET that is no constant");
  const { type } = operand;
  const fits = type === "integer" || type === "unknown" || (typeof type !== "string" && type.kind === "int8");
  if (!fits) return bypass("type-mismatch", "LIMIT or OFFSET that is no integer");
  return analysis.input(operand.source, { kind: "rowCount", ifNull });
}
