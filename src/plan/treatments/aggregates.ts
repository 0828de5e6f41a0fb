import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Interval } from "../interval.ts";
import type { Facts, Operand, Output, Term } from "../term.ts";
import { scaledType } from "./arithmetic.ts";
import { isIntegerKind, isTextKind, scaleOf } from "./columns.ts";
import { computed } from "./expressions.ts";

/** One aggregate call with its operand planned and its FILTER printed (`""` when there is none). */
export interface AggregateCall {
  readonly name: "count" | "min" | "max" | "sum";
  readonly operand: Operand | "*";
  readonly distinct: boolean;
  readonly filter: string;
}

export function aggregate(analysis: Analysis, call: AggregateCall): Term | Bypass {
  if (call.name === "count") return count(analysis, call);
  if (call.operand === "*" || !isTerm(call.operand)) {
    return bypass("unsupported-function", `${call.name}() over something that is not a column or expression`);
  }
  return call.name === "sum" ? sum(analysis, call, call.operand) : extreme(analysis, call, call.operand);
}

function count(analysis: Analysis, call: AggregateCall): Term | Bypass {
  const sql = countSql(call);
  if (typeof sql !== "string") return sql;
  const rows = analysis.rowBound();
  const interval = (facts: Facts): Interval => ({ low: 0n, high: rows(facts) });
  return computed({ type: analysis.builtin("int8"), sql, interval, neverNull: () => true });
}

function countSql(call: AggregateCall): string | Bypass {
  if (call.operand === "*") return `count(*)${call.filter}`;
  if (!isTerm(call.operand)) {
    // The origin counts a constant for each row; NULL never.
    if (call.operand.kind === "constant" && call.operand.type === "integer" && !call.distinct)
      return `count(*)${call.filter}`;
    return bypass("unsupported-function", "count() over a constant");
  }
  if (call.distinct) {
    const value = call.operand.equality();
    return typeof value === "string" ? `count(DISTINCT ${value})${call.filter}` : value;
  }
  const value = call.operand.value();
  return typeof value === "string" ? `count(${value})${call.filter}` : value;
}

/**
 * sum(int2|int4) is int8, sum(int8) and sum(numeric) are numeric. SQLite's integer sum raises on overflow, even a
 * transient one; the statement then goes to the origin. Sums of float8 depend on the order of rows: refused.
 */
function sum(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  const { type } = operand;
  const scale = isIntegerKind(type.kind) ? 0 : scaleOf(type);
  if (scale === null) return bypass("unsupported-type", `sum() over ${type.name}`);
  const value = operand.equality();
  if (typeof value !== "string") return value;
  const rows = analysis.rowBound();
  const sql = `sum(${call.distinct ? "DISTINCT " : ""}${value})${call.filter}`;
  if (type.kind === "numeric") {
    analysis.proofs.push((facts) =>
      operand.interval(facts) === null
        ? bypass("unsupported-type", "sum() over decimals that hold NaN or are not bounded")
        : null,
    );
  }
  const result = type.kind === "int2" || type.kind === "int4" ? analysis.builtin("int8") : scaledType(analysis, scale);
  return computed({
    type: result,
    sql,
    wide: () => true,
    interval: (facts) => {
      const range = operand.interval(facts);
      const times = rows(facts);
      if (range === null) return null;
      return { low: range.low < 0n ? range.low * times : 0n, high: range.high > 0n ? range.high * times : 0n };
    },
  });
}

/** min() and max(): over the form that sorts as the origin does, decoded back to the value. */
function extreme(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  const { type } = operand;
  if (type.kind === "bool" || type.kind === "uuid" || type.kind === "json" || type.kind === "wire") {
    return bypass("unsupported-function", `${call.name}() over ${type.name}`);
  }
  const ordered = operand.order();
  if (typeof ordered !== "string") return ordered;
  const output = extremeOutput(analysis, operand);
  if (isBypass(output)) return output;
  analysis.proofs.push(operand.canonical);
  const sql = `${call.name}(${ordered})${call.filter}`;
  const isPosition = output.kind === "position" || output.kind === "ordinal";
  const positionOnly = bypass("collation", `a computation with ${call.name}() of a text or enum`);
  return computed({
    type: plainType(analysis, type),
    sql,
    output,
    order: sql,
    ...(isPosition ? { value: positionOnly, equality: positionOnly } : {}),
    wide: operand.wide,
    interval: operand.interval,
  });
}

/** min/max of a varchar column are text; of any other type the type itself, without modifier. */
function plainType(analysis: Analysis, type: ColumnType): ColumnType {
  return type.kind === "text" ? { ...analysis.builtin("text"), collation: type.collation } : type;
}

function extremeOutput(analysis: Analysis, operand: Term): Output | Bypass {
  const { type, column } = operand;
  if (type.kind === "enum") {
    return column === null
      ? bypass("unsupported-type", "the extremes of a computed enum value")
      : { kind: "ordinal", type };
  }
  if (isTextKind(type.kind) && type.collation?.bytewise !== true) {
    if (column === null) return bypass("collation", "the extremes of a computed text");
    analysis.useDictionary(column);
    return { kind: "position", type: plainType(analysis, type), column };
  }
  if (analysis.surroundings.needsText(type)) {
    return bypass("unsupported-type", `the text of an extreme ${type.name} depends on the settings of the session`);
  }
  const scale = scaleOf(type);
  if (type.kind === "numeric") {
    return scale === null
      ? bypass("unsupported-type", `equal values of ${type.name} may differ in scale`)
      : { kind: "scaled", type, scale };
  }
  return { kind: "value", type: plainType(analysis, type) };
}
