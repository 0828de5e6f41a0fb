import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { scaleOf } from "../../store/column-set.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Interval } from "../interval.ts";
import type { Facts, Operand, Output, Term } from "../term.ts";
import { collectArray, collectText } from "./collecting.ts";
import { isIntegerKind, isTextKind } from "./columns.ts";
import { untypedConstantTerm } from "./constants.ts";
import {
  boundsOf,
  decimalTerm,
  fixedScale,
  integerScale,
  markNullOverNothing,
  markRowCount,
  markVariable,
  scaledType,
} from "./decimals.ts";
import { computed } from "./expressions.ts";
import { isUnscaledNumeric } from "./wire.ts";

/** One entry of ORDER BY among the arguments of an aggregate. */
export interface AggregateOrder {
  readonly term: Term;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** One aggregate call with its operands planned and its FILTER printed (`""` when there is none). */
export interface AggregateCall {
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly star: boolean;
  readonly distinct: boolean;
  readonly filter: string;
  readonly orderBy: readonly AggregateOrder[];
  /** `filter` ends with OVER: only functions of SQLite itself can then be called. */
  readonly window: boolean;
}

type Treatment = (analysis: Analysis, call: AggregateCall, operand: Term) => Term | Bypass;

const VARIANCES = ["variance", "var_samp", "var_pop", "stddev", "stddev_samp", "stddev_pop"] as const;

/** Aggregates of one value, by name. */
const TREATMENTS: ReadonlyMap<string, Treatment> = new Map<string, Treatment>([
  ["sum", sum],
  ["avg", average],
  ["min", extreme],
  ["max", extreme],
  ["bool_and", truth],
  ["every", truth],
  ["bool_or", truth],
  ["array_agg", collectArray],
  ...VARIANCES.map((name) => [name, variance] as const),
]);

export const AGGREGATES: ReadonlySet<string> = new Set(["count", "string_agg", ...TREATMENTS.keys()]);

/** Those that can have a window. */
export const WINDOW_AGGREGATES: ReadonlySet<string> = new Set(
  [...AGGREGATES].filter((name) => name !== "array_agg" && name !== "string_agg"),
);

export function aggregate(analysis: Analysis, call: AggregateCall): Term | Bypass {
  if (call.name === "count") return count(analysis, call);
  if (call.name === "string_agg") return collectText(analysis, call);
  const [argument, ...more] = call.operands;
  const treatment = TREATMENTS.get(call.name);
  if (argument === undefined || more.length > 0 || argument.kind === "null" || treatment === undefined) {
    return bypass("unsupported-function", `${call.name}() of these arguments`);
  }
  if (!isTerm(argument) && argument.type === "unknown") {
    return bypass("unsupported-function", `${call.name}() of an untyped constant`);
  }
  const operand = isTerm(argument) ? argument : untypedConstantTerm(analysis, argument);
  const term = isBypass(operand) ? operand : treatment(analysis, call, operand);
  if (!isBypass(term)) markVariable(term);
  if (!isBypass(term) && call.filter === "") markNullOverNothing(term);
  return term;
}

function count(analysis: Analysis, call: AggregateCall): Term | Bypass {
  const sql = countSql(call);
  if (typeof sql !== "string") return sql;
  const rows = analysis.rowBound();
  const ofAllRows = call.star && call.filter === "";
  const low = ofAllRows && analysis.scope?.grouped === true ? 1n : 0n;
  const interval = (facts: Facts): Interval => ({ low, high: rows(facts) > low ? rows(facts) : low });
  const term = computed({ type: analysis.builtin("int8"), sql, interval, neverNull: () => true });
  markVariable(term);
  if (ofAllRows) markRowCount(term);
  return term;
}

function countSql(call: AggregateCall): string | Bypass {
  if (call.star) return `count(*)${call.filter}`;
  const [operand] = call.operands;
  if (operand === undefined || call.operands.length !== 1) {
    return bypass("unsupported-function", `count() with ${call.operands.length} arguments`);
  }
  if (!isTerm(operand)) {
    // The origin counts a constant for each row; NULL never. One of a written type has to be a value of that type.
    const counts = operand.kind === "constant" && operand.text !== null && typeof operand.type === "string";
    return counts && !call.distinct
      ? `count(*)${call.filter}`
      : bypass("unsupported-function", "count() over a constant");
  }
  if (call.distinct) {
    const value = operand.equality();
    return typeof value === "string" ? `count(DISTINCT ${value})${call.filter}` : value;
  }
  const value = operand.value();
  return typeof value === "string" ? `count(${value})${call.filter}` : value;
}

/**
 * sum(int2|int4) is int8, sum(int8) and sum(numeric) are numeric. SQLite's integer sum raises on overflow, even a
 * transient one; the statement then goes to the origin. Sums of float8 depend on the order of rows: refused.
 */
function sum(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  const { type } = operand;
  if (isUnscaledNumeric(type)) return overTexts(analysis, call, operand);
  const scale = isIntegerKind(type.kind) ? 0 : scaleOf(type);
  if (scale === null) return bypass("unsupported-type", `sum() over ${type.name}`);
  const value = operand.equality();
  if (typeof value !== "string") return value;
  const rows = analysis.rowBound();
  const sql = `sum(${call.distinct ? "DISTINCT " : ""}${value})${call.filter}`;
  requireNumbers(analysis, call, operand);
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

/** A decimal kept as an integer may be the text NaN, which SQLite would take for 0. */
function requireNumbers(analysis: Analysis, { name }: AggregateCall, operand: Term): void {
  if (operand.type.kind !== "numeric") return;
  analysis.proofs.push((facts) =>
    operand.interval(facts) === null
      ? bypass("unsupported-type", `${name}() over decimals that hold NaN or are not bounded`)
      : null,
  );
}

/** sum() and avg() of decimals that are kept as texts. Which of two equal ones DISTINCT keeps decides about the scale. */
function overTexts(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  if (call.window) return bypass("window-function", `${call.name}() OVER decimals of any scale`);
  const value = operand.value();
  if (typeof value !== "string") return value;
  if (call.distinct) analysis.proofs.push(operand.canonical);
  const sql = `pg_numeric_${call.name}(${call.distinct ? "DISTINCT " : ""}${value})${call.filter}`;
  return decimalTerm(analysis, { sql, ...(call.name === "avg" && { bounds: boundsOf(operand) }) });
}

/** avg() of integers and decimals: the quotient of SQLite's own sum and count, in the scale that the origin chooses. */
function average(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  const { type } = operand;
  if (isUnscaledNumeric(type)) return overTexts(analysis, call, operand);
  const scale = integerScale(operand);
  if (scale === null) return bypass("unsupported-type", `avg() over ${type.name}`);
  const value = operand.equality();
  if (typeof value !== "string") return value;
  requireNumbers(analysis, call, operand);
  const over = `${call.distinct ? "DISTINCT " : ""}${value})${call.filter}`;
  const sql = `pg_numeric_mean(sum(${over}, ${scale}, count(${over})`;
  return decimalTerm(analysis, { sql, bounds: boundsOf(operand) });
}

/** Variance and standard deviation of integers, from sums that raise where they leave 64 bits. */
function variance(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  const value = operand.equality();
  if (typeof value !== "string") return value;
  if (!isIntegerKind(operand.type.kind) || call.distinct) {
    return bypass("unsupported-type", `${call.name}() over ${operand.type.name}`);
  }
  const form = call.name === "variance" ? "var_samp" : call.name === "stddev" ? "stddev_samp" : call.name;
  const { filter } = call;
  const parts = [`count(${value})${filter}`, `sum(${value})${filter}`, `sum(${value} * ${value})${filter}`];
  return decimalTerm(analysis, { sql: `pg_numeric_variance(${parts.join(", ")}, '${form}')` });
}

/** bool_and(), every() and bool_or(): the least and the greatest truth. */
function truth(_: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  const value = operand.value();
  if (typeof value !== "string") return value;
  const { type } = operand;
  if (type.kind !== "bool") return bypass("type-mismatch", `${call.name}() over ${type.name}`);
  return computed({ type, sql: `${call.name === "bool_or" ? "max" : "min"}(${value})${call.filter}` });
}

/** min() and max(): over the form that sorts as the origin does, decoded back to the value. */
function extreme(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  const { type } = operand;
  if (type.kind === "bool" || type.kind === "uuid" || type.kind === "json" || type.kind === "wire") {
    return bypass("unsupported-function", `${call.name}() over ${type.name}`);
  }
  if (isUnscaledNumeric(type)) return extremeText(analysis, call, operand);
  const ordered = operand.order();
  if (typeof ordered !== "string") return ordered;
  const output = extremeOutput(analysis, operand);
  if (isBypass(output)) return output;
  analysis.proofs.push(operand.canonical);
  const sql = `${call.name}(${ordered})${call.filter}`;
  const result = computed({
    type: plainType(analysis, type),
    sql,
    output,
    order: sql,
    wide: operand.wide,
    interval: operand.interval,
  });
  if (output.kind !== "position" && output.kind !== "ordinal") return result;
  // The rank is what is sorted and shown; what is computed with is the value that has it.
  const value = (): string | Bypass => {
    if (call.window) return bypass("window-function", `a computation with ${call.name}() OVER of a text or enum`);
    const own = operand.value();
    return typeof own === "string" ? `pg_text_${call.name}(${ordered}, ${own})${call.filter}` : own;
  };
  return { ...result, value, equality: value };
}

/** Of equal decimals of different scale the origin shows one that only it knows: the function then raises. */
function extremeText(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  if (call.window) return bypass("window-function", `${call.name}() OVER decimals of any scale`);
  const value = operand.value();
  if (typeof value !== "string") return value;
  const sql = `pg_numeric_${call.name}(${value})${call.filter}`;
  return decimalTerm(analysis, { sql, bounds: boundsOf(operand), scale: fixedScale(operand) });
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
