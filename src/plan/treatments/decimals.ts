import { type Bypass, bypass } from "../../outcome.ts";
import type { ArithmeticOperator } from "../../parse/ast.ts";
import type { Analysis } from "../analysis.ts";
import { combine, type Interval } from "../interval.ts";
import type { Constant, Facts, Term } from "../term.ts";
import { isIntegerKind, scaleOf } from "./columns.ts";
import { computed } from "./expressions.ts";
import { quoteText } from "./wire.ts";

/** Whole numbers between which the value of a number lies, as far as the loaded data proves it. */
export type Bounds = (facts: Facts) => Interval | null;

const UNBOUNDED: Bounds = () => null;

/** Bounds of terms that are kept as text, where there is no interval of integers. */
const BOUNDS = new WeakMap<Term, Bounds>();
/** Terms that are never zero: `NULLIF(x, 0)`. */
const NONZERO = new WeakSet<Term>();

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
function requireNonzero(analysis: Analysis, divisor: Term): void {
  // The function raises as the origin does, and the origin then answers.
  if (NONZERO.has(divisor) || analysis.computesSameRows) return;
  const bounds = integerScale(divisor) === null ? boundsOf(divisor) : divisor.interval;
  analysis.proofs.push((facts) => {
    const range = bounds(facts);
    return range !== null && (range.low > 0n || range.high < 0n)
      ? null
      : bypass("may-raise", "a division by zero is possible with the values loaded");
  });
}

export function isNonzero(term: Term): boolean {
  return NONZERO.has(term);
}

const FUNCTIONS: Readonly<Record<ArithmeticOperator, string>> = {
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
  if (operator === "/" || operator === "%") requireNonzero(analysis, right);
  return decimalTerm(analysis, {
    sql: `pg_numeric_${FUNCTIONS[operator]}(${a}, ${b})`,
    neverNull: (facts) => left.neverNull(facts) && right.neverNull(facts),
    bounds: combinedBounds(operator, left, right),
  });
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

/** `numeric` whose values are known to have exactly `scale` decimals. */
function scaledTerm(analysis: Analysis, digits: bigint, scale: number): Term {
  return computed({
    type: { ...analysis.builtin("numeric"), precision: [18, scale] },
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
