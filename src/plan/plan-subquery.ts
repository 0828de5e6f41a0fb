import { type Bypass, bypass } from "../outcome.ts";
import type { Expression, Query } from "../parse/ast.ts";
import { type Analysis, isBypass, isTerm } from "./analysis.ts";
import { type Block, printValues } from "./block.ts";
import { planOperand } from "./plan-expression.ts";
import { planQuery } from "./plan-query.ts";
import { ANYTHING, throughForms } from "./relations.ts";
import type { Operand, Term } from "./term.ts";
import { incomparable } from "./treatments/comparison.ts";
import { unify } from "./treatments/conditionals.ts";
import { isExactNumber } from "./treatments/decimals.ts";

/** A column of a one-row query as a value. */
export function queryTerm(block: Block, term: Term): Term {
  return throughForms(
    term,
    (sql) => `(${printValues(block, [sql])})`,
    (facts) => block.oneRow && term.neverNull(facts),
  );
}

function planInner(analysis: Analysis, query: Query): Block | Bypass {
  return planQuery(analysis, query, analysis.scope);
}

export function planExists(analysis: Analysis, query: Query): string | Bypass {
  const block = planInner(analysis, query);
  return isBypass(block) ? block : `EXISTS (${block.print([ANYTHING])})`;
}

/** The origin raises when a second row comes; SQLite takes the first. */
export function planScalarQuery(analysis: Analysis, query: Query): Term | Bypass {
  const block = planInner(analysis, query);
  if (isBypass(block)) return block;
  const [column] = block.columns;
  if (column === undefined || block.columns.length !== 1)
    return bypass("subquery", "a subquery of several columns as a value");
  if (!block.atMostOneRow()) return bypass("subquery", "a subquery as a value that may have more than one row");
  return queryTerm(block, column.term);
}

export function planInQuery(
  analysis: Analysis,
  { operand, query, negated }: Extract<Expression, { kind: "inQuery" }>,
): string | Bypass {
  const block = planInner(analysis, query);
  if (isBypass(block)) return block;
  const items = operand.kind === "row" ? operand.items : [operand];
  if (items.length !== block.columns.length) return bypass("subquery", "IN over another number of columns");
  const left: string[] = [];
  const right: string[] = [];
  for (const [index, item] of items.entries()) {
    const column = block.columns[index];
    const planned = planOperand(analysis, item);
    if (isBypass(planned)) return planned;
    if (column === undefined) continue;
    const pair = comparablePair(analysis, planned, column.operand);
    if (isBypass(pair)) return pair;
    const a = pair.left.equality();
    if (typeof a !== "string") return a;
    const b = pair.right.equality();
    if (typeof b !== "string") return b;
    left.push(a);
    right.push(b);
  }
  const tested = left.length === 1 ? left[0] : `(${left.join(", ")})`;
  return `(${tested} ${negated ? "NOT IN" : "IN"} (${printValues(block, right)}))`;
}

/** Both sides as terms that SQLite's equality compares as the origin's does. */
function comparablePair(
  analysis: Analysis,
  a: Operand,
  b: Operand,
): { readonly left: Term; readonly right: Term } | Bypass {
  if (isTerm(a) && isTerm(b)) {
    const refusal = incomparable(a.type, b.type);
    if (refusal === null) return { left: a, right: b };
    if (!isExactNumber(a) || !isExactNumber(b)) return refusal;
  }
  const unified = unify(analysis, [a, b]);
  if (isBypass(unified)) return unified;
  const [x, y] = unified.terms;
  if (x == null || y == null) return bypass("subquery", "IN with NULL");
  return { left: x, right: y };
}
