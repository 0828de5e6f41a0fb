import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import type { Expression, Frame, FrameBound, Window } from "../../parse/ast.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import { planSortKeys, printSortKeys } from "../ordering.ts";
import { planOperand, planTerm } from "../plan-expression.ts";
import { throughForms } from "../relations.ts";
import type { Facts, Term } from "../term.ts";
import { integerValue } from "./constants.ts";
import { computed } from "./expressions.ts";

type Call = Extract<Expression, { kind: "call" }>;

/** What stands after OVER. Partitions are by equality, the order is the origin's; both engines then count alike. */
export function overClause(analysis: Analysis, window: Window): string | Bypass {
  const partition: string[] = [];
  for (const expression of window.partitionBy) {
    const term = planTerm(analysis, expression);
    const equality = isBypass(term) ? term : term.equality();
    if (typeof equality !== "string") return equality;
    partition.push(equality);
  }
  const keys = planSortKeys(analysis, window.orderBy);
  if (isBypass(keys)) return keys;
  const frame = frameClause(analysis, window.frame);
  if (typeof frame !== "string") return frame;
  if (analysis.scope !== null) analysis.scope.windows += 1;
  const parts = [
    partition.length > 0 ? `PARTITION BY ${partition.join(", ")}` : "",
    keys.length > 0 ? `ORDER BY ${printSortKeys(analysis, keys)}` : "",
    frame,
  ];
  return ` OVER (${parts.filter((part) => part !== "").join(" ")})`;
}

function frameClause(analysis: Analysis, frame: Frame | null): string | Bypass {
  if (frame === null) return "";
  const bounds: string[] = [];
  for (const bound of [frame.start, frame.end]) {
    const sql = frameBound(analysis, frame.unit, bound);
    if (typeof sql !== "string") return sql;
    bounds.push(sql);
  }
  const exclude = frame.exclude === null ? "" : ` EXCLUDE ${frame.exclude.toUpperCase()}`;
  return `${frame.unit.toUpperCase()} BETWEEN ${bounds.join(" AND ")}${exclude}`;
}

function frameBound(analysis: Analysis, unit: Frame["unit"], bound: FrameBound): string | Bypass {
  if (bound.kind !== "preceding" && bound.kind !== "following") return bound.kind.toUpperCase();
  if (unit === "range") return bypass("window-function", "a frame by distance");
  const rows = literalCount(analysis, bound.offset);
  if (rows === null) return bypass("window-function", "a frame whose size is no plain number");
  return `${rows} ${bound.kind.toUpperCase()}`;
}

/** A literal of the text that is a count; its value becomes part of the plan. */
function literalCount(analysis: Analysis, expression: Expression): number | null {
  const operand = planOperand(analysis, expression);
  if (isBypass(operand) || operand.kind !== "constant" || operand.type !== "integer") return null;
  const value = integerValue(operand);
  if (value === null || value < 0n || value > 2_147_483_647n) return null;
  analysis.pin(operand);
  return Number(value);
}

/** Functions that only windows have. `null`: the name is none of them. */
export function windowFunction(analysis: Analysis, name: string, call: Call, over: string): Term | Bypass | null {
  switch (name) {
    case "row_number":
    case "rank":
    case "dense_rank":
      return counted(analysis, call, `${name}()${over}`);
    case "percent_rank":
    case "cume_dist":
      return computed({ type: analysis.builtin("float8"), sql: `${name}()${over}`, neverNull: () => true });
    case "ntile":
      return ntile(analysis, call, over);
    case "lag":
    case "lead":
      return neighbour(analysis, name, call, over);
    case "first_value":
    case "last_value":
      return otherRow(analysis, name, call, over, null);
    case "nth_value": {
      const [, position] = call.operands;
      const count = position === undefined ? null : literalCount(analysis, position);
      if (count === null || count === 0) return bypass("window-function", "nth_value() of no plain number");
      return otherRow(analysis, name, call, over, String(count));
    }
  }
  return null;
}

function counted(analysis: Analysis, call: Call, sql: string): Term | Bypass {
  if (call.operands.length > 0) return bypass("window-function", `${call.name.join(".")}() with arguments`);
  const rows = analysis.rowBound();
  const interval = (facts: Facts): { low: bigint; high: bigint } => ({ low: 0n, high: rows(facts) });
  return computed({ type: analysis.builtin("int8"), sql, interval, neverNull: () => true });
}

function ntile(analysis: Analysis, call: Call, over: string): Term | Bypass {
  const [buckets] = call.operands;
  const count = buckets === undefined ? null : literalCount(analysis, buckets);
  if (count === null || count === 0) return bypass("window-function", "ntile() of no plain number");
  const type: ColumnType = analysis.builtin("int4");
  return computed({ type, sql: `ntile(${count})${over}`, interval: () => ({ low: 0n, high: BigInt(count) }) });
}

function neighbour(analysis: Analysis, name: string, call: Call, over: string): Term | Bypass {
  const [, offset, otherwise] = call.operands;
  if (otherwise !== undefined) return bypass("window-function", `${name}() with a default`);
  const count = offset === undefined ? 1 : literalCount(analysis, offset);
  if (count === null) return bypass("window-function", `${name}() with a distance that is no plain number`);
  return otherRow(analysis, name, call, over, String(count));
}

/** A value of another row: each of its forms is taken from there. */
function otherRow(analysis: Analysis, name: string, call: Call, over: string, argument: string | null): Term | Bypass {
  const [expression] = call.operands;
  if (expression === undefined || call.filter !== null) return bypass("window-function", `${name}()`);
  const operand = planOperand(analysis, expression);
  if (isBypass(operand)) return operand;
  if (!isTerm(operand)) return bypass("window-function", `${name}() of a constant`);
  const more = argument === null ? "" : `, ${argument}`;
  return throughForms(
    operand,
    (sql) => `${name}(${sql}${more})${over}`,
    () => false,
  );
}
