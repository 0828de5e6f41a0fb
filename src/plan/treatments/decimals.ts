import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import type { ArithmeticOperator } from "../../parse/ast.ts";
import { quoteText } from "../../quoting.ts";
import { scaleOf } from "../../store/column-set.ts";
import type { Analysis } from "../analysis.ts";
import { combine, type Interval } from "../interval.ts";
import type { Constant, Facts, Term } from "../term.ts";
import { isIntegerKind } from "./columns.ts";
import { computed } from "./expressions.ts";

/** Whole numbers between which the value of a number lies, as far as the loaded data proves it. */
export type Bounds = (facts: Facts) => Interval | null;

const UNBOUNDED: Bounds = () => null;

/** Bounds of terms that are kept as text, where there is no interval of integers. */
const BOUNDS = new WeakMap<Term, Bounds>();
/** Terms that are never zero: `NULLIF(x, 0)`. */
const NONZERO = new WeakSet<Term>();

/** `count(*)` of the query's rows or groups. */
const ROW_COUNTS = new WeakSet<Term>();
/** What is NULL where that count is zero: other aggregates, and what is computed from them. */
const NULL_OVER_NOTHING = new WeakSet<Term>();

export function markRowCount(term: Term): void {
  ROW_COUNTS.add(term);
}

export function markNullOverNothing(term: Term): void {
  NULL_OVER_NOTHING.add(term);
}

/**
 * A cast to a wider number is NULL and zero where its operand is. One that rounds may become zero, but of a row count
 * nothing is rounded away.
 */
export function inheritZero(term: Term, operand: Term): void {
  inherit(term, [operand]);
  if (ROW_COUNTS.has(operand)) ROW_COUNTS.add(term);
}

/** Other terms than columns whose value differs from row to row. */
const VARIABLE = new WeakSet<Term>();

export function markVariable(term: Term): void {
  VARIABLE.add(term);
}

/** False for what the origin may compute before it looks at rows: a constant operation raises even where there are none. */
export function isVariable(term: Term): boolean {
  return term.column !== null || VARIABLE.has(term);
}

/** An operation is NULL where an operand is, and is then not computed; it is constant if all operands are. */
export function inherit(term: Term, operands: readonly Term[]): void {
  if (operands.some((operand) => NULL_OVER_NOTHING.has(operand))) NULL_OVER_NOTHING.add(term);
  if (operands.some(isVariable)) VARIABLE.add(term);
}

/** True if the quotient is never computed with a divisor of zero, whatever the data. */
export function dividesSafely(dividend: Term, divisor: Term): boolean {
  return NONZERO.has(divisor) || (ROW_COUNTS.has(divisor) && NULL_OVER_NOTHING.has(dividend));
}

/** Digits after the point of terms that are kept as text, where all values have the same number of them. */
const SCALES = new WeakMap<Term, number>();

/** Digits after the point, if all values of the number have the same number of them. */
export function fixedScale(term: Term): number | null {
  return integerScale(term) ?? SCALES.get(term) ?? null;
}

/** `numeric` whose values are known to have exactly `scale` decimals. */
export function scaledType(analysis: Analysis, scale: number): ColumnType {
  return { ...analysis.builtin("numeric"), precision: [18, scale] };
}

export function markNonzero(term: Term): void {
  NONZERO.add(term);
}

/** True for a number whose type is an integer or a numeric, of whatever form. */
export function isExactNumber(term: Term): boolean {
  return isIntegerKind(term.type.kind) || term.type.kind === "numeric";
}

/** Digits after the point of a number that is kept as an integer; `null` for one that is kept as text. */
export function integerScale(term: Term): number | null {
  return isIntegerKind(term.type.kind) ? 0 : scaleOf(term.type);
}

/** A decimal as the SQLite functions take it: the integer and its scale, or the text and -1. */
export function decimalOperand(term: Term): string | Bypass {
  const value = term.value();
  return typeof value === "string" ? `${value}, ${integerScale(term) ?? -1}` : value;
}

export interface Decimal {
  readonly sql: string;
  readonly neverNull?: (facts: Facts) => boolean;
  readonly bounds?: Bounds;
  /** Digits after the point, where they do not depend on the value. */
  readonly scale?: number | null;
}

/** A numeric that SQLite holds as the text that the origin would send. It is compared by its key. */
export function decimalTerm(analysis: Analysis, { sql, neverNull, bounds, scale = null }: Decimal): Term {
  const key = `pg_numeric_key(${sql})`;
  const term = computed({
    type: analysis.builtin("numeric"),
    sql,
    equality: key,
    order: key,
    ...(neverNull !== undefined && { neverNull }),
    canonical: () => (scale === null ? bypass("unsupported-type", "equal decimals may differ in scale") : null),
  });
  if (bounds !== undefined) BOUNDS.set(term, bounds);
  if (scale !== null) SCALES.set(term, scale);
  return term;
}

/** The smallest range of whole numbers that holds the value of the term. */
export function boundsOf(term: Term): Bounds {
  const scale = integerScale(term);
  if (scale === null) return BOUNDS.get(term) ?? UNBOUNDED;
  return (facts) => {
    const range = term.interval(facts);
    return range === null ? null : unscaled(range, scale);
  };
}

function unscaled(range: Interval, scale: number): Interval {
  const one = 10n ** BigInt(scale);
  const low = range.low / one - (range.low % one < 0n ? 1n : 0n);
  return { low, high: range.high / one + (range.high % one > 0n ? 1n : 0n) };
}

/** Proves that a divisor is never zero in the loaded rows. */
export function requireNonzero(analysis: Analysis, dividend: Term, divisor: Term): void {
  // The function raises as the origin does, and the origin then answers.
  if (dividesSafely(dividend, divisor)) return;
  if (analysis.computesSameRows && (isVariable(dividend) || isVariable(divisor))) return;
  const bounds = integerScale(divisor) === null ? boundsOf(divisor) : divisor.interval;
  analysis.proofs.push((facts) => {
    const range = bounds(facts);
    return range !== null && (range.low > 0n || range.high < 0n)
      ? null
      : bypass("may-raise", "a division by zero is possible with the values loaded");
  });
}

/** How our own functions of integers and of numerics call an operation: `pg_integer_add`, `pg_numeric_add`. */
export const OPERATION: Readonly<Record<ArithmeticOperator, string>> = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "%": "remainder",
};

/** `numeric` arithmetic of any scale. It raises for nothing but a division by zero. */
export function decimalArithmetic(
  analysis: Analysis,
  operator: ArithmeticOperator,
  left: Term,
  right: Term,
): Term | Bypass {
  const a = decimalOperand(left);
  if (typeof a !== "string") return a;
  const b = decimalOperand(right);
  if (typeof b !== "string") return b;
  if (operator === "/" || operator === "%") requireNonzero(analysis, left, right);
  const result = decimalTerm(analysis, {
    sql: `pg_numeric_${OPERATION[operator]}(${a}, ${b})`,
    neverNull: (facts) => left.neverNull(facts) && right.neverNull(facts),
    bounds: combinedBounds(operator, left, right),
  });
  inherit(result, [left, right]);
  return result;
}

function combinedBounds(operator: ArithmeticOperator, left: Term, right: Term): Bounds {
  const a = boundsOf(left);
  const b = boundsOf(right);
  const divisorScale = integerScale(right);
  return (facts) => {
    const x = a(facts);
    const y = b(facts);
    if (x === null) return null;
    const largest = x.high > -x.low ? x.high : -x.low;
    // A remainder is no larger than its dividend.
    if (operator === "%") return { low: x.low < 0n ? -largest : 0n, high: x.high > 0n ? largest : 0n };
    if (operator === "/") {
      // A divisor of s decimals is 10^-s or more.
      if (divisorScale === null) return null;
      const size = largest * 10n ** BigInt(divisorScale) + 1n;
      return { low: -size, high: size };
    }
    return y === null ? null : combine(operator, x, y);
  };
}

/** A constant that is kept as an integer. */
function scaledTerm(analysis: Analysis, digits: bigint, scale: number): Term {
  return computed({
    type: scaledType(analysis, scale),
    sql: `CAST(${digits} AS INTEGER)`,
    interval: () => ({ low: digits, high: digits }),
    neverNull: () => true,
    wide: () => !Number.isSafeInteger(Number(digits)),
  });
}

const LARGEST_SCALED = 10n ** 18n;

/** A numeric constant, or an untyped one that has to be a number: `1.10`, `'1.10'::numeric`. Its value is part of the plan. */
export function decimalConstant(analysis: Analysis, constant: Constant): Term | Bypass {
  if (constant.text === null) {
    const { type } = constant;
    if (typeof type === "string" || type.kind !== "numeric") return bypass("type-mismatch", "a parameter as a number");
    return decimalTerm(analysis, {
      sql: analysis.input(constant.source, { kind: "value", type: analysis.builtin("numeric") }),
    });
  }
  analysis.pin(constant);
  const match = /^(-?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(constant.text);
  if (match === null) return bypass("unsupported-type", `the constant ${constant.text}`);
  const fraction = match[3] ?? "";
  const magnitude = BigInt(`${match[2] ?? ""}${fraction}`);
  const exponent = Number(match[4] ?? 0);
  const scale = Math.max(0, fraction.length - exponent);
  const shifted = magnitude * 10n ** BigInt(Math.max(0, exponent - fraction.length));
  const digits = match[1] === "-" ? -shifted : shifted;
  if (scale <= 18 && shifted < LARGEST_SCALED) return scaledTerm(analysis, digits, scale);
  const text = String(shifted).padStart(scale + 1, "0");
  const point = text.length - scale;
  const shown = scale === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`;
  const high = shifted / 10n ** BigInt(scale) + 1n;
  return decimalTerm(analysis, {
    sql: quoteText(digits < 0n ? `-${shown}` : shown),
    neverNull: () => true,
    bounds: () => (digits < 0n ? { low: -high, high: 0n } : { low: digits === 0n ? 0n : high - 1n, high }),
    scale,
  });
}
