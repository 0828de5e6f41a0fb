import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import { contains, type Interval, rangeOfType } from "../interval.ts";
import type { Facts, Operand, Term } from "../term.ts";
import { arithmetic, numberTerm, provenTerm, withinLimits } from "./arithmetic.ts";
import { isIntegerKind } from "./columns.ts";
import { integerValue } from "./constants.ts";
import { boundsOf, decimalOperand, decimalTerm, inherit, integerScale, scaledType } from "./decimals.ts";
import { computed } from "./expressions.ts";

type Rounding = "round" | "trunc" | "ceil" | "floor";

const ROUNDINGS: ReadonlyMap<string, Rounding> = new Map([
  ["round", "round"],
  ["trunc", "trunc"],
  ["ceil", "ceil"],
  ["ceiling", "ceil"],
  ["floor", "floor"],
]);

/** Names of the functions of one or two numbers that are computed here. */
export const NUMBER_FUNCTIONS: ReadonlySet<string> = new Set([...ROUNDINGS.keys(), "abs", "sign", "mod"]);

export function numberFunction(analysis: Analysis, name: string, operands: readonly Operand[]): Term | Bypass {
  const [first, second, ...rest] = operands;
  const refusal = bypass("unsupported-function", `${name}() of these arguments`);
  if (first === undefined || rest.length > 0) return refusal;
  if (name === "mod") return second === undefined ? refusal : arithmetic(analysis, "%", first, second);
  const operand = numberTerm(analysis, first);
  if (isBypass(operand)) return operand;
  const rounding = ROUNDINGS.get(name);
  if (second !== undefined) {
    const places = isTerm(second) || second.kind === "null" || second.type !== "integer" ? null : integerValue(second);
    if (places === null || second.kind !== "constant" || (rounding !== "round" && rounding !== "trunc")) return refusal;
    analysis.pin(second);
    if (places < -100n || places > 1000n) return refusal;
    return inherited(roundTo(analysis, rounding, operand, Number(places)), operand);
  }
  return inherited(functionOf(analysis, name, rounding, operand), operand);
}

function inherited(term: Term | Bypass, operand: Term): Term | Bypass {
  if (!isBypass(term)) inherit(term, [operand]);
  return term;
}

function functionOf(analysis: Analysis, name: string, rounding: Rounding | undefined, operand: Term): Term | Bypass {
  const refusal = bypass("unsupported-function", `${name}() of ${operand.type.name}`);
  const { kind } = operand.type;
  if (isIntegerKind(kind)) return integerFunction(analysis, name, operand);
  if (kind === "float8") return rounding === undefined ? refusal : floatRounding(rounding, operand);
  if (kind !== "numeric") return refusal;
  if (rounding !== undefined) return roundTo(analysis, rounding, operand, 0);
  return name === "abs" ? absoluteDecimal(analysis, operand) : signOfDecimal(analysis, operand);
}

/** `round(2)` and its like: the origin has them for float8 and numeric, and takes an integer for a float8. */
function integerFunction(analysis: Analysis, name: string, operand: Term): Term | Bypass {
  const value = operand.value();
  if (typeof value !== "string") return value;
  const { neverNull } = operand;
  if (name === "abs") {
    return absoluteInteger(analysis, operand.type, operand, value);
  }
  const type = analysis.builtin("float8");
  return computed({ type, sql: `CAST(${name === "sign" ? `sign(${value})` : value} AS REAL)`, neverNull });
}

function absolute(operand: Term): (facts: Facts) => Interval | null {
  return (facts) => {
    const range = operand.interval(facts);
    if (range === null) return null;
    const high = range.high > -range.low ? range.high : -range.low;
    // Of the smallest integer SQLite has no absolute value, nor has the origin.
    return { low: contains(range, { low: 0n, high: 0n }) ? 0n : range.low > 0n ? range.low : -range.high, high };
  };
}

function absoluteDecimal(analysis: Analysis, operand: Term): Term | Bypass {
  const value = operand.value();
  if (typeof value !== "string") return value;
  const scale = integerScale(operand);
  if (scale === null) {
    const bounds = boundsOf(operand);
    return decimalTerm(analysis, {
      sql: `pg_numeric_abs(${value}, -1)`,
      neverNull: operand.neverNull,
      bounds: (facts) => {
        const range = bounds(facts);
        return range === null ? null : { low: 0n, high: range.high > -range.low ? range.high : -range.low };
      },
    });
  }
  return absoluteInteger(analysis, scaledType(analysis, scale), operand, value);
}

function absoluteInteger(analysis: Analysis, type: ColumnType, operand: Term, value: string): Term {
  const limits = rangeOfType(type.kind);
  const checked = `pg_integer_abs(${value}, ${withinLimits(limits)})`;
  return provenTerm(analysis, type, `abs(${value})`, absolute(operand), limits, operand.neverNull, checked, [operand]);
}

function signOfDecimal(analysis: Analysis, operand: Term): Term | Bypass {
  const number = decimalOperand(operand);
  if (typeof number !== "string") return number;
  const bounds = (): Interval => ({ low: -1n, high: 1n });
  return decimalTerm(analysis, { sql: `pg_numeric_sign(${number})`, neverNull: operand.neverNull, bounds, scale: 0 });
}

function roundTo(analysis: Analysis, rounding: Rounding, operand: Term, places: number): Term | Bypass {
  if (!isIntegerKind(operand.type.kind) && operand.type.kind !== "numeric") {
    return bypass("unsupported-function", `${rounding}() of ${operand.type.name} and a number of places`);
  }
  const number = decimalOperand(operand);
  if (typeof number !== "string") return number;
  const count = rounding === "round" || rounding === "trunc" ? `, ${places}` : "";
  const bounds = boundsOf(operand);
  return decimalTerm(analysis, {
    sql: `pg_numeric_${rounding}(${number}${count})`,
    neverNull: operand.neverNull,
    // A rounding to tens and hundreds can leave the bounds.
    ...(places >= 0 && { bounds }),
    scale: Math.max(places, 0),
  });
}

/** Halves are rounded to even, and -0.4 to -0. */
function floatRounding(rounding: string, operand: Term): Term | Bypass {
  const value = operand.value();
  if (typeof value !== "string") return value;
  const type: ColumnType = operand.type;
  return computed({
    type,
    sql: `pg_float8_${rounding}(${value})`,
    neverNull: operand.neverNull,
    canonical: () => bypass("unsupported-type", "a rounded double may be -0, which equals 0 but is shown differently"),
  });
}
