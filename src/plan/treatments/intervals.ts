import { type Bypass, bypass, literalBypass } from "../../outcome.ts";
import type { Expression } from "../../parse/ast.ts";
import type { Analysis } from "../analysis.ts";

/** A constant interval as the origin keeps it: the three parts are added one after another. */
export interface IntervalConstant {
  readonly months: number;
  readonly days: number;
  readonly microseconds: number;
}

const SECOND = 1_000_000;

/** Units by the names that every IntervalStyle reads (src/backend/utils/adt/datetime.c, deltatktbl). */
const UNITS: ReadonlyMap<string, IntervalConstant> = new Map(
  (
    [
      [["microsecond", "microseconds"], 0, 0, 1],
      [["millisecond", "milliseconds"], 0, 0, 1000],
      [["second", "seconds", "sec", "secs"], 0, 0, SECOND],
      [["minute", "minutes", "min", "mins"], 0, 0, 60 * SECOND],
      [["hour", "hours"], 0, 0, 3600 * SECOND],
      [["day", "days"], 0, 1, 0],
      [["week", "weeks"], 0, 7, 0],
      [["month", "months", "mon", "mons"], 1, 0, 0],
      [["year", "years"], 12, 0, 0],
      [["decade", "decades"], 120, 0, 0],
    ] as const
  ).flatMap(([names, months, days, microseconds]) =>
    names.map((name) => [name, { months, days, microseconds }] as const),
  ),
);

/** `interval '3' day`: the type modifier that the grammar makes of the field (INTERVAL_MASK in utils/timestamp.h). */
const FIELDS: ReadonlyMap<number, string> = new Map([
  [1 << 1, "month"],
  [1 << 2, "year"],
  [1 << 3, "day"],
  [1 << 10, "hour"],
  [1 << 11, "minute"],
  [1 << 12, "second"],
]);

/** Larger ones than anyone adds; sums of a few of them stay in every range. */
const MAX_COUNT = 1_000_000;

/**
 * The interval that an expression of constants is; `null` if it is no interval. Its literals become a part of the plan.
 */
export function readInterval(analysis: Analysis, expression: Expression): IntervalConstant | Bypass | null {
  switch (expression.kind) {
    case "cast":
      return readCast(analysis, expression);
    case "negate": {
      const interval = readInterval(analysis, expression.operand);
      return interval === null || "kind" in interval ? interval : times(interval, -1);
    }
    case "arithmetic": {
      if (expression.operator !== "*") return null;
      return (
        product(analysis, expression.left, expression.right) ?? product(analysis, expression.right, expression.left)
      );
    }
    default:
      return null;
  }
}

function product(analysis: Analysis, interval: Expression, factor: Expression): IntervalConstant | Bypass | null {
  if (factor.kind !== "literal" || factor.type !== "integer" || !/^\d{1,4}$/.test(factor.text)) return null;
  const found = readInterval(analysis, interval);
  if (found === null || "kind" in found) return found;
  analysis.pinned.add(factor.slot);
  return times(found, factor.negated ? -Number(factor.text) : Number(factor.text));
}

function readCast(
  analysis: Analysis,
  { operand, type }: Extract<Expression, { kind: "cast" }>,
): IntervalConstant | Bypass | null {
  const isInterval = type.name.at(-1) === "interval" && (type.name.length === 1 || type.name[0] === "pg_catalog");
  if (!isInterval || type.array) return null;
  const [mask, ...more] = type.modifiers;
  const field = mask === undefined ? null : FIELDS.get(mask);
  if (operand.kind !== "literal" || operand.type !== "string" || field === undefined || more.length > 0) {
    return bypass("unsupported-type", "an interval that is not a plain constant");
  }
  analysis.pinned.add(operand.slot);
  const interval = field === null ? readText(operand.text) : readCount(operand.text, field);
  return interval ?? literalBypass("non-canonical-literal", `the interval '${operand.text}'`);
}

/** With a field only a plain number is read: what other units mean there is the origin's own business. */
function readCount(text: string, unit: string): IntervalConstant | null {
  const size = UNITS.get(unit);
  if (size === undefined || !/^-?\d{1,7}$/.test(text)) return null;
  return bounded(times(size, Number(text)));
}

/** `1 day`, `2 hours 30 minutes`, `1 day 02:30:00`; of several parts none has a sign, which styles read differently. */
function readText(text: string): IntervalConstant | null {
  const single = /^-(\d{1,7}) ([a-z]+)$/.exec(text);
  if (single !== null) {
    const size = UNITS.get(single[2] ?? "");
    return size === undefined ? null : bounded(times(size, -Number(single[1])));
  }
  const match = /^((?:\d{1,7} [a-z]+(?: (?=.)|$))*)(?:(\d{1,3}):([0-5]\d)(?::([0-5]\d))?)?$/.exec(text);
  if (match === null || text === "") return null;
  let sum: IntervalConstant = { months: 0, days: 0, microseconds: 0 };
  const seen = new Set<IntervalConstant>();
  for (const [, count, unit] of (match[1] ?? "").matchAll(/(\d+) ([a-z]+)/g)) {
    const size = UNITS.get(unit ?? "");
    // The origin raises for the same unit twice.
    if (size === undefined || seen.has(size)) return null;
    seen.add(size);
    sum = plus(sum, times(size, Number(count)));
  }
  if (match[2] !== undefined) {
    if ([...seen].some((size) => size.microseconds !== 0)) return null;
    const seconds = (Number(match[2]) * 60 + Number(match[3])) * 60 + Number(match[4] ?? 0);
    sum = plus(sum, { months: 0, days: 0, microseconds: seconds * SECOND });
  }
  return bounded(sum);
}

function plus(a: IntervalConstant, b: IntervalConstant): IntervalConstant {
  return { months: a.months + b.months, days: a.days + b.days, microseconds: a.microseconds + b.microseconds };
}

function times({ months, days, microseconds }: IntervalConstant, factor: number): IntervalConstant {
  return { months: months * factor, days: days * factor, microseconds: microseconds * factor };
}

function bounded(interval: IntervalConstant): IntervalConstant | null {
  const { months, days, microseconds } = interval;
  const fits = Math.abs(months) <= MAX_COUNT / 100 && Math.abs(days) <= MAX_COUNT && Number.isSafeInteger(microseconds);
  return fits ? interval : null;
}
