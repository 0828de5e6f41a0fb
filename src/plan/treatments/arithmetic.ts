import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import type { ArithmeticOperator } from "../../parse/ast.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import { combine, contains, INT64, type Interval, rangeOfType } from "../interval.ts";
import type { Facts, Operand, Term } from "../term.ts";
import { isIntegerKind, scaleOf } from "./columns.ts";
import { untypedConstantTerm } from "./constants.ts";
import { computed } from "./expressions.ts";

const WIDTHS = ["int2", "int4", "int8"] as const;
const SAFE: Interval = { low: BigInt(Number.MIN_SAFE_INTEGER), high: BigInt(Number.MAX_SAFE_INTEGER) };

/**
 * Integer and fixed-scale decimal arithmetic. The origin raises on overflow and on division by zero, even for rows that
 * a LIMIT would drop, so every operation carries the proof, from the extremes seen at load, that it cannot.
 */
export function arithmetic(
  analysis: Analysis,
  operator: ArithmeticOperator,
  leftOperand: Operand,
  rightOperand: Operand,
): Term | Bypass {
  const left = numberTerm(analysis, leftOperand);
  if (isBypass(left)) return left;
  const right = numberTerm(analysis, rightOperand);
  if (isBypass(right)) return right;
  if (isIntegerKind(left.type.kind) && isIntegerKind(right.type.kind)) {
    const type = analysis.builtin(wider(left.type, right.type));
    return proven(analysis, operator, left, right, type, 0, 0);
  }
  const leftScale = numberScale(left.type);
  const rightScale = numberScale(right.type);
  if (leftScale === null || rightScale === null || operator === "/" || operator === "%") {
    return bypass("unsupported-operator", `${left.type.name} ${operator} ${right.type.name}`);
  }
  const scale = operator === "*" ? leftScale + rightScale : Math.max(leftScale, rightScale);
  if (scale > 18) return bypass("unsupported-type", "a product of more than 18 decimals");
  const type = scaledType(analysis, scale);
  return operator === "*"
    ? proven(analysis, operator, left, right, type, 0, 0)
    : proven(analysis, operator, left, right, type, scale - leftScale, scale - rightScale);
}

/** `numeric` whose values are known to have exactly `scale` decimals. */
export function scaledType(analysis: Analysis, scale: number): ColumnType {
  return { ...analysis.builtin("numeric"), precision: [18, scale] };
}

export function negate(analysis: Analysis, operand: Operand): Term | Bypass {
  const term = numberTerm(analysis, operand);
  if (isBypass(term)) return term;
  if (numberScale(term.type) === null) return bypass("unsupported-operator", `- ${term.type.name}`);
  const interval = (facts: Facts): Interval | null => {
    const range = term.interval(facts);
    return range === null ? null : { low: -range.high, high: -range.low };
  };
  const limits = isIntegerKind(term.type.kind) ? rangeOfType(term.type.kind) : INT64;
  const value = term.equality();
  if (typeof value !== "string") return value;
  return provenTerm(analysis, stripModifier(analysis, term.type), `(- ${value})`, interval, limits, term.neverNull);
}

function stripModifier(analysis: Analysis, type: ColumnType): ColumnType {
  return isIntegerKind(type.kind) ? type : scaledType(analysis, scaleOf(type) ?? 0);
}

function numberTerm(analysis: Analysis, operand: Operand): Term | Bypass {
  if (isTerm(operand)) return operand;
  if (operand.kind === "null") return bypass("unsupported-operator", "arithmetic on NULL");
  if (operand.type !== "integer")
    return bypass("may-raise", "arithmetic on a value that is not known before execution");
  return untypedConstantTerm(analysis, operand);
}

function numberScale(type: ColumnType): number | null {
  return isIntegerKind(type.kind) ? 0 : scaleOf(type);
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
    return x === null || y === null ? null : combine(operator, x, y);
  };
  const limits = isIntegerKind(type.kind) ? rangeOfType(type.kind) : INT64;
  const sql = `(${shiftedSql(a, leftShift)} ${operator} ${shiftedSql(b, rightShift)})`;
  return provenTerm(analysis, type, sql, interval, limits, (facts) => left.neverNull(facts) && right.neverNull(facts));
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

function provenTerm(
  analysis: Analysis,
  type: ColumnType,
  sql: string,
  interval: (facts: Facts) => Interval | null,
  limits: Interval,
  neverNull: (facts: Facts) => boolean,
): Term {
  analysis.proofs.push((facts) => {
    const range = interval(facts);
    return range !== null && contains(limits, range)
      ? null
      : bypass("may-raise", `${sql} could leave the range of ${type.name} or divide by zero with the values loaded`);
  });
  return computed({
    type,
    sql,
    interval,
    neverNull,
    wide: (facts) => {
      const range = interval(facts);
      return range === null || !contains(SAFE, range);
    },
  });
}
