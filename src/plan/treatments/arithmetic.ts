import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import type { ArithmeticOperator } from "../../parse/ast.ts";
import { scaleOf } from "../../store/column-set.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import { combine, contains, INT64, type Interval, rangeOfType, SAFE, union } from "../interval.ts";
import type { Facts, Operand, Term } from "../term.ts";
import { isIntegerKind } from "./columns.ts";
import { constantTerm, untypedConstantTerm } from "./constants.ts";
import {
  boundsOf,
  decimalArithmetic,
  decimalConstant,
  decimalOperand,
  decimalTerm,
  dividesSafely,
  inherit,
  integerScale,
  isExactNumber,
  isVariable,
  OPERATION,
  requireNonzero,
  scaledType,
} from "./decimals.ts";
import { computed } from "./expressions.ts";

const WIDTHS = ["int2", "int4", "int8"] as const;

/**
 * Arithmetic of integers and decimals. The origin raises on overflow and on division by zero, even for rows that a LIMIT
 * would drop, so every operation that can carries the proof, from the extremes seen at load, that it does not. Decimals
 * of few digits are computed as integers, all others as text.
 */
export function arithmetic(
  analysis: Analysis,
  operator: ArithmeticOperator,
  leftOperand: Operand,
  rightOperand: Operand,
): Term | Bypass {
  const left = numberTerm(analysis, leftOperand, rightOperand);
  if (isBypass(left)) return left;
  const right = numberTerm(analysis, rightOperand, leftOperand);
  if (isBypass(right)) return right;
  if (isIntegerKind(left.type.kind) && isIntegerKind(right.type.kind)) {
    const type = analysis.builtin(wider(left.type, right.type));
    return proven(analysis, operator, left, right, type, 0, 0);
  }
  if (!isExactNumber(left) || !isExactNumber(right)) {
    return bypass("unsupported-operator", `${left.type.name} ${operator} ${right.type.name}`);
  }
  const leftScale = integerScale(left);
  const rightScale = integerScale(right);
  if (leftScale === null || rightScale === null || operator === "/") {
    return decimalArithmetic(analysis, operator, left, right);
  }
  const scale = operator === "*" ? leftScale + rightScale : Math.max(leftScale, rightScale);
  if (scale > 18) return decimalArithmetic(analysis, operator, left, right);
  // Unlike an overflow of the integers that the decimals are kept as, it is an error of the origin, too.
  if (operator === "%") requireNonzero(analysis, left, right);
  const type = scaledType(analysis, scale);
  return operator === "*"
    ? proven(analysis, operator, left, right, type, 0, 0)
    : proven(analysis, operator, left, right, type, scale - leftScale, scale - rightScale);
}

export function negate(analysis: Analysis, operand: Operand): Term | Bypass {
  const term = numberTerm(analysis, operand);
  if (isBypass(term)) return term;
  if (!isExactNumber(term)) return bypass("unsupported-operator", `- ${term.type.name}`);
  if (integerScale(term) === null) return negateText(analysis, term);
  const interval = (facts: Facts): Interval | null => {
    const range = term.interval(facts);
    return range === null ? null : { low: -range.high, high: -range.low };
  };
  const limits = isIntegerKind(term.type.kind) ? rangeOfType(term.type.kind) : INT64;
  const value = term.equality();
  if (typeof value !== "string") return value;
  const checked = `pg_integer_subtract(0, ${value}, ${withinLimits(limits)})`;
  const type = stripModifier(analysis, term.type);
  return provenTerm(analysis, type, `(- ${value})`, interval, limits, term.neverNull, checked, [term]);
}

function negateText(analysis: Analysis, term: Term): Term | Bypass {
  const operand = decimalOperand(term);
  if (typeof operand !== "string") return operand;
  const bounds = boundsOf(term);
  const result = decimalTerm(analysis, {
    sql: `pg_numeric_negate(${operand})`,
    neverNull: term.neverNull,
    bounds: (facts) => {
      const range = bounds(facts);
      return range === null ? null : { low: -range.high, high: -range.low };
    },
  });
  inherit(result, [term]);
  return result;
}

function stripModifier(analysis: Analysis, type: ColumnType): ColumnType {
  return isIntegerKind(type.kind) ? type : scaledType(analysis, scaleOf(type) ?? 0);
}

/** An operand of arithmetic as a term; an untyped constant takes the type of the other operand. */
export function numberTerm(analysis: Analysis, operand: Operand, other: Operand | null = null): Term | Bypass {
  if (isTerm(operand)) return operand;
  if (operand.kind === "null") return bypass("unsupported-operator", "arithmetic on NULL");
  const { type } = operand;
  if (type === "integer" || type === "decimal") return untypedConstantTerm(analysis, operand);
  const beside = other !== null && isTerm(other) ? other.type : null;
  if (type === "unknown") {
    if (beside?.kind === "numeric") return decimalConstant(analysis, operand);
    if (beside !== null && isIntegerKind(beside.kind)) return constantTerm(analysis, operand, beside);
  } else if (type.kind === "numeric") {
    return decimalConstant(analysis, operand);
  } else if (isIntegerKind(type.kind)) {
    if (operand.text !== null) return constantTerm(analysis, operand, type);
    if (beside?.kind === "numeric") {
      const value = analysis.input(operand.source, { kind: "value", type });
      return decimalTerm(analysis, { sql: `pg_numeric_text(CAST(${value} AS INTEGER), 0)`, scale: 0 });
    }
    if (analysis.computesSameRows) return constantTerm(analysis, operand, type);
  }
  return bypass("may-raise", "arithmetic on a value that is not known before execution");
}

function wider(a: ColumnType, b: ColumnType): "int2" | "int4" | "int8" {
  return WIDTHS.findLast((kind) => kind === a.kind || kind === b.kind) ?? "int8";
}

function proven(
  analysis: Analysis,
  operator: ArithmeticOperator,
  left: Term,
  right: Term,
  type: ColumnType,
  leftShift: number,
  rightShift: number,
): Term | Bypass {
  const a = left.equality();
  const b = right.equality();
  if (typeof a !== "string") return a;
  if (typeof b !== "string") return b;
  const interval = (facts: Facts): Interval | null => {
    const x = shifted(left.interval(facts), leftShift);
    const y = shifted(right.interval(facts), rightShift);
    if (x === null || y === null) return null;
    return dividesSafely(left, right) ? combineNonzero(operator, x, y) : combine(operator, x, y);
  };
  const limits = isIntegerKind(type.kind) ? rangeOfType(type.kind) : INT64;
  const sql = `(${shiftedSql(a, leftShift)} ${operator} ${shiftedSql(b, rightShift)})`;
  const neverNull = (facts: Facts): boolean => left.neverNull(facts) && right.neverNull(facts);
  const operands = `${shiftedSql(a, leftShift)}, ${shiftedSql(b, rightShift)}`;
  const checked = `pg_integer_${OPERATION[operator]}(${operands}, ${withinLimits(limits)})`;
  return provenTerm(analysis, type, sql, interval, limits, neverNull, checked, [left, right]);
}

/** The range of an operation whose right side is in `y` but never 0. */
function combineNonzero(operator: ArithmeticOperator, x: Interval, y: Interval): Interval | null {
  if (operator !== "/" && operator !== "%") return combine(operator, x, y);
  const below = y.low < 0n ? combine(operator, x, { low: y.low, high: y.high < 0n ? y.high : -1n }) : null;
  const above = y.high > 0n ? combine(operator, x, { low: y.low > 0n ? y.low : 1n, high: y.high }) : null;
  if (below === null || above === null) return below ?? above ?? { low: 0n, high: 0n };
  return union(below, above);
}

function shifted(range: Interval | null, digits: number): Interval | null {
  if (range === null || digits === 0) return range;
  const factor = 10n ** BigInt(digits);
  const result = { low: range.low * factor, high: range.high * factor };
  return contains(INT64, result) ? result : null;
}

function shiftedSql(sql: string, digits: number): string {
  return digits === 0 ? sql : `(${sql} * 1${"0".repeat(digits)})`;
}

export function withinLimits(limits: Interval): string {
  // Of the smallest 64-bit integer SQLite reads the digits as a REAL.
  return limits.low === INT64.low ? "NULL, NULL" : `${limits.low}, ${limits.high}`;
}

/**
 * A number that SQLite computes natively where the loaded data proves that it stays within the limits. Where that is not
 * proven: by `checked`, which raises, if the origin raises too for the same rows, or if the limits are only those of
 * the integers that decimals are kept as.
 */
export function provenTerm(
  analysis: Analysis,
  type: ColumnType,
  sql: string,
  interval: (facts: Facts) => Interval | null,
  limits: Interval,
  neverNull: (facts: Facts) => boolean,
  checked: string,
  operands: readonly Term[],
): Term {
  const isProven = (facts: Facts): boolean => {
    const range = interval(facts);
    return range !== null && contains(limits, range);
  };
  const checks = !isIntegerKind(type.kind) || (analysis.computesSameRows && operands.some(isVariable));
  if (!checks) {
    analysis.proofs.push((facts) =>
      isProven(facts)
        ? null
        : bypass("may-raise", `${sql} could leave the range of ${type.name} or divide by zero with the values loaded`),
    );
  }
  const range = (facts: Facts): Interval | null => (isProven(facts) ? interval(facts) : limits);
  const term = computed({
    type,
    sql: checks ? analysis.defer((facts) => (isProven(facts) ? sql : checked)) : sql,
    interval: range,
    neverNull,
    wide: (facts) => !contains(SAFE, range(facts) ?? INT64),
  });
  inherit(term, operands);
  return term;
}
