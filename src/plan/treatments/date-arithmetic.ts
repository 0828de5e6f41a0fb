import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import type { Expression } from "../../parse/ast.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import { combine, type Interval } from "../interval.ts";
import type { Facts, Operand, Term } from "../term.ts";
import { integerArgument } from "./arguments.ts";
import { type Comparator, FLIPPED } from "./comparators.ts";
import { computed } from "./expressions.ts";
import { type IntervalConstant, readInterval } from "./intervals.ts";
import {
  DAY,
  dayOf,
  daysOf,
  finiteTerm,
  isTemporal,
  isTemporalKind,
  provenFinite,
  refuseZone,
  scale,
  shown,
  temporal,
} from "./temporal.ts";

type Arithmetic = Extract<Expression, { kind: "arithmetic" }>;
type Ranged = (facts: Facts) => Interval | null;

/** Timestamps that are midnights: SQLite text of their days, to be compared with dates. */
const midnights = new WeakMap<Term, string>();
/** Differences of two times, which are intervals: their microseconds. */
const differences = new WeakMap<Term, { readonly sql: string; readonly interval: Ranged }>();

/** The microseconds that an interval term stands for, where it is the difference of two times. */
export function differenceOf(term: Term): { readonly sql: string; readonly interval: Ranged } | null {
  return differences.get(term) ?? null;
}

/** `time ± interval`; `null` if neither side is a constant interval. */
export function shiftedByInterval(
  analysis: Analysis,
  { operator, left, right }: Arithmetic,
  plan: (expression: Expression) => Operand | Bypass,
): Term | Bypass | null {
  if (operator !== "+" && operator !== "-") return null;
  let interval = readInterval(analysis, right);
  let other = left;
  if (interval === null && operator === "+") {
    interval = readInterval(analysis, left);
    other = right;
  }
  if (interval === null || "kind" in interval) return interval;
  const operand = plan(other);
  if (isBypass(operand)) return operand;
  if (!isTemporal(operand)) return bypass("type-mismatch", "an interval beside something that is no date or time");
  const term = finiteTerm(analysis, operand);
  return isBypass(term) ? term : shift(analysis, term, operator === "-" ? negated(interval) : interval);
}

function negated({ months, days, microseconds }: IntervalConstant): IntervalConstant {
  return { months: -months, days: -days, microseconds: -microseconds };
}

/** timestamp_pl_interval(): the months first, where a month is too short its last day, then the days, then the time. */
function shift(analysis: Analysis, term: Term, interval: IntervalConstant): Term | Bypass {
  const { kind } = term.type;
  const value = term.value();
  if (typeof value !== "string") return value;
  const { months, days, microseconds } = interval;
  if (kind === "timestamptz" && (months !== 0 || days !== 0)) {
    const refusal = refuseZone(analysis, "adding days or months");
    if (refusal !== null) return refusal;
  }
  if (kind !== "date") {
    const shifted = months === 0 ? value : `pg_add_months(${value}, ${months})`;
    const sql = plusConstant(shifted, BigInt(days) * DAY + BigInt(microseconds));
    const range: Ranged = (facts) => shiftedRange(term.interval(facts), interval, DAY);
    return temporal(analysis, kind === "timestamptz" ? kind : "timestamp", sql, range, term.neverNull);
  }
  const day = plusConstant(months === 0 ? value : `pg_add_months_to_date(${value}, ${months})`, BigInt(days));
  const dayRange: Ranged = (facts) => shiftedRange(term.interval(facts), { ...interval, microseconds: 0 }, 1n);
  const range: Ranged = (facts) => {
    const range = scale(dayRange(facts), DAY);
    return range === null ? null : plusBoth(range, BigInt(microseconds));
  };
  const sql = plusConstant(`(${day} * ${DAY})`, BigInt(microseconds));
  const result = temporal(analysis, "timestamp", sql, range, term.neverNull);
  if (microseconds === 0) midnights.set(result, day);
  return result;
}

function plusConstant(sql: string, constant: bigint): string {
  if (constant === 0n) return sql;
  return constant < 0n ? `(${sql} - ${-constant})` : `(${sql} + ${constant})`;
}

function plusBoth({ low, high }: Interval, amount: bigint): Interval {
  return { low: low + amount, high: high + amount };
}

function shiftedRange(range: Interval | null, interval: IntervalConstant, day: bigint): Interval | null {
  if (range === null) return null;
  const { months, days, microseconds } = interval;
  const fixed = BigInt(days) * day + BigInt(microseconds);
  // A month is 28 to 31 days long; the last day of a month may be up to 3 days before the one asked for.
  const [least, most] = months < 0 ? [31n, 28n] : [28n, 31n];
  return {
    low: range.low + fixed + (BigInt(months) * least - 3n) * day,
    high: range.high + fixed + BigInt(months) * most * day,
  };
}

/** `date ± integer`, `date - date`, `time - time`. */
export function temporalArithmetic(
  analysis: Analysis,
  operator: Arithmetic["operator"],
  left: Operand,
  right: Operand,
): Term | Bypass {
  const refusal = bypass("unsupported-operator", `${operator} beside a date or time`);
  if (operator !== "+" && operator !== "-") return refusal;
  if (operator === "-" && (isTemporal(left) || isUntyped(left)) && (isTemporal(right) || isUntyped(right))) {
    return difference(analysis, left, right);
  }
  if (isTemporal(left) && !isTemporal(right)) return daysAway(analysis, operator, left, right);
  return operator === "+" && !isTemporal(left) ? daysAway(analysis, operator, right, left) : refusal;
}

function isUntyped(operand: Operand): boolean {
  return operand.kind === "constant" && operand.type === "unknown";
}

/** Days that are added or taken away as an integer. */
const COUNTS: Interval = { low: -1_000_000n, high: 1_000_000n };

function daysAway(analysis: Analysis, operator: "+" | "-", left: Operand, right: Operand): Term | Bypass {
  const date = finiteTerm(analysis, left);
  if (isBypass(date)) return date;
  if (date.type.kind !== "date" || isUntyped(right)) {
    return bypass("unsupported-operator", `${date.type.name} ${operator} a value that is no interval`);
  }
  const count = integerArgument(analysis, right, COUNTS, "a number of days");
  if (isBypass(count)) return count;
  const a = date.value();
  const b = count.value();
  if (typeof a !== "string") return a;
  if (typeof b !== "string") return b;
  const range: Ranged = (facts) => combined(operator, date.interval(facts), count.interval(facts));
  const neverNull = (facts: Facts): boolean => date.neverNull(facts) && count.neverNull(facts);
  return temporal(analysis, "date", `(${a} ${operator} ${b})`, range, neverNull);
}

function combined(operator: "+" | "-", a: Interval | null, b: Interval | null): Interval | null {
  return a === null || b === null ? null : combine(operator, a, b);
}

/** Two dates differ by a number of days, times by an interval, which is only shown. A text takes the other's type. */
function difference(analysis: Analysis, left: Operand, right: Operand): Term | Bypass {
  const usual = [left, right].map(typeOf).find((type) => type !== null) ?? null;
  const a = finiteTerm(analysis, left, usual);
  if (isBypass(a)) return a;
  const b = finiteTerm(analysis, right, usual);
  if (isBypass(b)) return b;
  const neverNull = (facts: Facts): boolean => a.neverNull(facts) && b.neverNull(facts);
  if (a.type.kind === "date" && b.type.kind === "date") {
    const x = a.value();
    const y = b.value();
    if (typeof x !== "string") return x;
    if (typeof y !== "string") return y;
    const interval: Ranged = (facts) => combined("-", a.interval(facts), b.interval(facts));
    return computed({ type: analysis.builtin("int4"), sql: `(${x} - ${y})`, interval, neverNull });
  }
  const x = momentOf(analysis, a, b);
  if (isBypass(x)) return x;
  const y = momentOf(analysis, b, a);
  if (isBypass(y)) return y;
  const sql = `(${x.sql} - ${y.sql})`;
  const interval: Ranged = (facts) => combined("-", x.interval(facts), y.interval(facts));
  const term = intervalTerm(analysis, `pg_difference_text(${sql})`);
  if (!isBypass(term)) differences.set(term, { sql, interval });
  return term;
}

function typeOf(operand: Operand): ColumnType | null {
  return operand.kind === "null" || typeof operand.type === "string" ? null : operand.type;
}

/** An interval, of which only the text is known. */
function intervalTerm(analysis: Analysis, sql: string): Term | Bypass {
  if (!analysis.surroundings.types.session.plainIntervals) {
    return bypass("unsupported-type", "the text of an interval follows IntervalStyle, which is not postgres");
  }
  const type = {
    kind: "wire",
    oid: 1186,
    name: "interval",
    modifier: -1,
    precision: null,
    labels: [],
    collation: null,
  } as const;
  const refusal = bypass("unsupported-type", "a computation with a computed interval");
  return computed({ type, sql, output: { kind: "text", type }, equality: refusal, order: refusal });
}

interface Moment {
  readonly sql: string;
  readonly interval: Ranged;
}

/** Microseconds of a term beside another: a date is a midnight; times with and without zone meet in the session's zone. */
function momentOf(analysis: Analysis, term: Term, other: Term): Moment | Bypass {
  if ((term.type.kind === "timestamptz") !== (other.type.kind === "timestamptz")) {
    const refusal = refuseZone(analysis, "a time with time zone beside one without");
    if (refusal !== null) return refusal;
  }
  const value = term.value();
  if (typeof value !== "string") return value;
  if (term.type.kind !== "date") return { sql: value, interval: term.interval };
  return { sql: `(${value} * ${DAY})`, interval: (facts) => scale(term.interval(facts), DAY) };
}

/**
 * Comparison of two kinds of dates and times; `null` if that is not what it is. A date stays as it is, so that an index
 * of it can serve; the time becomes a number of days, a half more within the day.
 */
export function compareTemporal(
  analysis: Analysis,
  operator: Comparator,
  left: Operand,
  right: Operand,
): string | Bypass | null {
  const a = typeOf(left);
  const b = typeOf(right);
  if (a === null || b === null || !isTemporalKind(a.kind) || !isTemporalKind(b.kind)) return null;
  if (a.kind === b.kind && (isTerm(left) || isTerm(right))) return null;
  if (b.kind === "date" && a.kind !== "date") return compareTemporal(analysis, FLIPPED[operator], right, left);
  const first = isTerm(left) ? left : finiteTerm(analysis, left);
  if (isBypass(first)) return first;
  const second = isTerm(right) ? right : finiteTerm(analysis, right);
  if (isBypass(second)) return second;
  if ((a.kind === "timestamptz") !== (b.kind === "timestamptz")) {
    const refusal = refuseZone(analysis, "a time with time zone beside one without");
    if (refusal !== null) return refusal;
  }
  const x = first.order();
  if (typeof x !== "string") return x;
  const y = second.order();
  if (typeof y !== "string") return y;
  if (a.kind !== "date" || b.kind === "date") return `(${x} ${operator} ${y})`;
  return `(${x} ${operator} ${midnights.get(second) ?? `pg_days(${y})`})`;
}

/** Casts between dates and times; `null` for all others, and for those that are another's: infinite ones become dates. */
export function castTemporal(
  analysis: Analysis,
  operand: Operand,
  { kind, modifier }: ColumnType,
): Term | Bypass | null {
  const from = typeOf(operand);
  if (from === null || !isTemporalKind(from.kind) || from.kind === kind || modifier !== -1) return null;
  if (kind !== "date" && kind !== "timestamp" && kind !== "timestamptz") return null;
  if (from.kind === "timestamptz" || kind === "timestamptz") {
    const refusal = refuseZone(analysis, `a cast from ${from.name} to ${kind}`);
    if (refusal !== null) return refusal;
  }
  if (kind === "date" && isTerm(operand)) return dateOf(analysis, operand);
  const term = finiteTerm(analysis, operand);
  if (isBypass(term)) return term;
  if (kind === "date") return dateOf(analysis, term);
  const value = term.value();
  if (typeof value !== "string") return value;
  if (from.kind !== "date") return temporal(analysis, kind, value, term.interval, term.neverNull);
  const range: Ranged = (facts) => scale(term.interval(facts), DAY);
  const result = temporal(analysis, kind, `(${value} * ${DAY})`, range, term.neverNull);
  midnights.set(result, value);
  return result;
}

/** The day of a moment: divided where the loaded ones are finite, looked at one by one where they are not. */
function dateOf(analysis: Analysis, term: Term): Term | Bypass {
  const value = term.value();
  if (typeof value !== "string") return value;
  const days: Ranged = (facts) => (provenFinite(term.interval(facts)) ? daysOf(term.interval(facts)) : null);
  const sql =
    midnights.get(term) ??
    analysis.defer((facts) => (provenFinite(term.interval(facts)) ? dayOf(value) : `pg_timestamp_date(${value})`));
  return shown(analysis, computed({ type: analysis.builtin("date"), sql, interval: days, neverNull: term.neverNull }));
}
