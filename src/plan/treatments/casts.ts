import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { scaleOf } from "../../store/column-set.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import { contains, type Interval, rangeOfType } from "../interval.ts";
import type { Constant, Facts, Operand, Term } from "../term.ts";
import { provenTerm, withinLimits } from "./arithmetic.ts";
import { isIntegerKind, isTextKind } from "./columns.ts";
import { constantTerm, untypedConstantTerm } from "./constants.ts";
import {
  boundsOf,
  decimalConstant,
  decimalOperand,
  decimalTerm,
  inheritZero,
  integerScale,
  isExactNumber,
  isVariable,
  scaledType,
} from "./decimals.ts";
import { computed } from "./expressions.ts";
import { castFromText } from "./text-input.ts";
import { charLength, wireSql } from "./wire.ts";

/** Casts whose result is the origin's for every value in the loaded rows. */
export function cast(analysis: Analysis, operand: Operand, type: ColumnType): Term | Bypass {
  if (operand.kind === "null") return nullTerm(analysis, type);
  const term = isTerm(operand) ? operand : constantOperand(analysis, operand, type);
  if (isBypass(term)) return term;
  const result = castTerm(analysis, term, type);
  if (!isBypass(result)) inheritZero(result, term);
  return result;
}

function castTerm(analysis: Analysis, term: Term, type: ColumnType): Term | Bypass {
  const from = term.type;
  if (from.oid === type.oid && type.modifier === -1 && type.kind !== "char") return term;
  if (isTextKind(type.kind)) return castToText(analysis, term, type);
  if (type.kind === "numeric" && isExactNumber(term)) return castToNumeric(analysis, term, type);
  if (isIntegerKind(type.kind) && isExactNumber(term)) return castToInteger(analysis, term, type);
  const read = castFromText(analysis, term, type);
  if (read !== null) return read;
  const value = term.value();
  if (typeof value !== "string") return value;
  const { neverNull } = term;
  if (type.kind === "bool" && from.kind === "int4") return computed({ type, sql: `(${value} <> 0)`, neverNull });
  if (type.kind === "int4" && from.kind === "bool") {
    // `7 IS TRUE` is true in SQLite: after IS a bare TRUE asks for truth, not for 1.
    return computed({ type, sql: `(+${value})`, neverNull, interval: () => ({ low: 0n, high: 1n }) });
  }
  if (type.kind === "float8" && isExactNumber(term)) return castToFloat(term, value, type);
  if (type.kind === "numeric" && type.modifier === -1 && from.kind === "float8") {
    return decimalTerm(analysis, { sql: `pg_float8_numeric(${value})`, neverNull });
  }
  const isInstant = from.kind === "timestamptz" && !analysis.surroundings.needsText(from);
  if (type.kind === "date" && (from.kind === "timestamp" || isInstant)) {
    return computed({ type, sql: `pg_timestamp_date(${value})`, neverNull });
  }
  if (type.name === "json" && from.name === "jsonb") {
    const refusal = bypass("unsupported-type", "values of type json cannot be compared");
    return computed({ type, sql: value, neverNull, equality: refusal, order: refusal });
  }
  return bypass("unsupported-operator", `a cast from ${from.name} to ${type.name}`);
}

function nullTerm(analysis: Analysis, type: ColumnType): Term {
  if (type.kind === "numeric" && scaleOf(type) === null) return decimalTerm(analysis, { sql: "NULL" });
  return computed({ type, sql: "NULL", interval: () => ({ low: 0n, high: 0n }) });
}

/** A constant that the cast does not simply give another type from the start. */
function constantOperand(analysis: Analysis, constant: Constant, type: ColumnType): Term | Bypass {
  if (constant.type !== "unknown") return untypedConstantTerm(analysis, constant);
  if (isTextKind(type.kind)) return constantTerm(analysis, constant, analysis.builtin("text"));
  if (type.kind === "numeric") return decimalConstant(analysis, constant);
  return bypass("unsupported-operator", `a cast of this constant to ${type.name}`);
}

function castToText(analysis: Analysis, term: Term, type: ColumnType): Term | Bypass {
  const from = term.type;
  const text = textSql(analysis, term);
  if (typeof text !== "string") return text;
  const collation = isTextKind(from.kind) ? from.collation : type.collation;
  const { neverNull, canonical } = term;
  if (type.kind === "char") {
    if (type.modifier <= 4) return bypass("unsupported-type", `a cast to ${type.name}`);
    return computed({ type: { ...type, collation }, sql: `rtrim(substr(${text}, 1, ${charLength(type)}))`, neverNull });
  }
  // The modifier of varchar is its length and the 4 bytes of a varlena header, too.
  const sql = type.modifier === -1 ? text : `substr(${text}, 1, ${type.modifier - 4})`;
  return computed({ type: { ...type, collation }, sql, neverNull, canonical });
}

/** What casting to text shows: what the origin would send, but `true` and `false`, and a char(n) without its blanks. */
export function textSql(analysis: Analysis, term: Term): string | Bypass {
  const { type } = term;
  if (type.kind === "char" && type.modifier > 4) return term.value();
  if (type.kind === "wire" && !isShownAsSent(analysis, type)) {
    return bypass("unsupported-operator", `a cast from ${type.name} to text`);
  }
  const value = type.kind === "bool" ? term.value() : wireSql(analysis, term);
  if (typeof value !== "string" || type.kind !== "bool") return value;
  return `(CASE ${value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)`;
}

/**
 * Types whose cast to text is their output function (pg_cast.dat has none for them): bytea, float4, path, point, box,
 * polygon, line, lseg, circle, macaddr, money, time, interval, timetz, bit, varbit, and arrays.
 */
const SHOWN_AS_SENT: ReadonlySet<number> = new Set([
  17, 600, 601, 602, 603, 604, 628, 700, 718, 790, 829, 1083, 1186, 1266, 1560, 1562,
]);

function isShownAsSent(analysis: Analysis, type: ColumnType): boolean {
  return SHOWN_AS_SENT.has(type.oid) || analysis.surroundings.types.elementOf(type.oid) !== null;
}

function castToInteger(analysis: Analysis, term: Term, type: ColumnType): Term | Bypass {
  const limits = rangeOfType(type.kind);
  const bounds = boundsOf(term);
  if (isIntegerKind(term.type.kind)) {
    const value = term.value();
    if (typeof value !== "string") return value;
    if (!contains(limits, rangeOfType(term.type.kind))) {
      const checked = `pg_integer_add(${value}, 0, ${withinLimits(limits)})`;
      return provenTerm(analysis, type, value, term.interval, limits, term.neverNull, checked, [term]);
    }
    const { neverNull, interval, wide, canonical } = term;
    return computed({ type, sql: value, neverNull, interval, wide, canonical });
  }
  const operand = decimalOperand(term);
  if (typeof operand !== "string") return operand;
  const whole = `pg_numeric_scaled(${operand}, 0)`;
  const checked = `pg_integer_add(${whole}, 0, ${withinLimits(limits)})`;
  return provenTerm(analysis, type, whole, bounds, limits, term.neverNull, checked, [term]);
}

function castToNumeric(analysis: Analysis, term: Term, type: ColumnType): Term | Bypass {
  const scale = integerScale(term);
  if (type.precision === null) {
    if (scale === null) return term;
    const value = term.value();
    if (typeof value !== "string") return value;
    const { neverNull, interval, wide, canonical } = term;
    return computed({ type: scaledType(analysis, scale), sql: value, neverNull, interval, wide, canonical });
  }
  const [precision, places] = type.precision;
  const operand = decimalOperand(term);
  if (typeof operand !== "string") return operand;
  if (places < 0 || places > precision) return bypass("unsupported-type", `a cast to ${type.name}`);
  const bounds = boundsOf(term);
  const largest = 10n ** BigInt(precision - places) - 1n;
  const limits = { low: -largest, high: largest };
  const isWithin = (facts: Facts): boolean => {
    const range = bounds(facts);
    return range !== null && contains(limits, range);
  };
  const checks = analysis.computesSameRows && isVariable(term);
  if (!checks) {
    // Whole numbers between which the value lies have to be numbers of the type: rounding then leaves it there.
    analysis.proofs.push((facts) =>
      isWithin(facts)
        ? null
        : bypass("may-raise", `a value could be too large for ${type.name} with the values loaded`),
    );
  }
  const wider = { low: limits.low - 1n, high: limits.high + 1n };
  const range = (facts: Facts): Interval | null => (isWithin(facts) ? bounds(facts) : wider);
  const isScaled = scaleOf(type) !== null;
  const unchanged = scale === places && isScaled ? term.value() : null;
  const proven =
    typeof unchanged === "string" ? unchanged : `pg_numeric_${isScaled ? "scaled" : "round"}(${operand}, ${places})`;
  const checked = `pg_numeric_fit(${operand}, ${places}, ${precision}, ${isScaled ? 1 : 0})`;
  const sql = checks ? analysis.defer((facts) => (isWithin(facts) ? proven : checked)) : proven;
  const { neverNull } = term;
  if (!isScaled) return decimalTerm(analysis, { sql, neverNull, bounds: range, scale: places });
  const one = 10n ** BigInt(places);
  return computed({
    type,
    sql,
    neverNull,
    interval: (facts) => {
      if (scale === places && isWithin(facts)) return term.interval(facts);
      const whole = range(facts);
      return whole === null ? null : { low: whole.low * one, high: whole.high * one };
    },
    wide: () => precision > 15,
  });
}

function castToFloat(term: Term, value: string, type: ColumnType): Term | Bypass {
  const { neverNull } = term;
  if (isIntegerKind(term.type.kind)) return computed({ type, sql: `CAST(${value} AS REAL)`, neverNull });
  const operand = decimalOperand(term);
  return typeof operand === "string" ? computed({ type, sql: `pg_numeric_float8(${operand})`, neverNull }) : operand;
}
