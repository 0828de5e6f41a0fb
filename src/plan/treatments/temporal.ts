import type { ColumnType, TypeKind } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isTerm } from "../analysis.ts";
import { contains, type Interval, SAFE } from "../interval.ts";
import type { Facts, Operand, Term } from "../term.ts";
import { computed } from "./expressions.ts";

export const DAY = 86_400_000_000n;

/** Days and microseconds that are finite, that can be shown, and from which years can be taken and added. */
const DAYS: Interval = { low: -2_000_000n, high: 60_000_000n };
const MICROSECONDS: Interval = { low: DAYS.low * DAY, high: DAYS.high * DAY };

/** What texts of dates stand for: the years 1 to 9999. */
const WRITTEN_DAYS: Interval = { low: -719_162n, high: 2_932_896n };
const WRITTEN_MICROSECONDS: Interval = { low: (WRITTEN_DAYS.low - 1n) * DAY, high: (WRITTEN_DAYS.high + 2n) * DAY };
type TemporalKind = "date" | "timestamp" | "timestamptz";

export function isTemporalKind(kind: TypeKind): kind is TemporalKind {
  return kind === "date" || kind === "timestamp" || kind === "timestamptz";
}

/** True for a date or time, column, expression or constant. */
export function isTemporal(operand: Operand): boolean {
  const type = temporalType(operand);
  return type !== null && isTemporalKind(type.kind);
}

function temporalType(operand: Operand): ColumnType | null {
  if (operand.kind === "null") return null;
  return typeof operand.type === "string" ? null : operand.type;
}

/**
 * An operand as a term of dates or times that is finite for sure: a constant by how it is bound, anything else by what
 * was loaded. `type` is that of a constant without one.
 */
export function finiteTerm(analysis: Analysis, operand: Operand, type: ColumnType | null = null): Term | Bypass {
  if (isTerm(operand)) {
    if (!isTemporalKind(operand.type.kind))
      return bypass("type-mismatch", `${operand.type.name} beside a date or time`);
    const limits = limitsOf(operand.type.kind);
    proveWithin(analysis, operand, limits);
    return operand;
  }
  const given = operand.kind === "null" ? null : operand.type === "unknown" ? type : temporalType(operand);
  if (operand.kind === "null" || given === null || !isTemporalKind(given.kind)) {
    return bypass("type-mismatch", "a constant beside a date or time");
  }
  const range = given.kind === "date" ? WRITTEN_DAYS : WRITTEN_MICROSECONDS;
  const input = analysis.input(operand.source, { kind: "bounded", type: given, ...range });
  return temporal(analysis, given.kind, `CAST(${input} AS INTEGER)`, () => range);
}

function limitsOf(kind: TemporalKind): Interval {
  return kind === "date" ? DAYS : MICROSECONDS;
}

function proveWithin(analysis: Analysis, term: Term, limits: Interval): void {
  analysis.proofs.push((facts) => {
    const range = term.interval(facts);
    return range !== null && contains(limits, range)
      ? null
      : bypass("may-raise", `a ${term.type.name} that is infinite or far away is computed with`);
  });
}

/** A computed date or time, proven to be within the range of its type. */
export function temporal(
  analysis: Analysis,
  kind: TemporalKind,
  sql: string,
  interval: (facts: Facts) => Interval | null,
  neverNull: (facts: Facts) => boolean = () => false,
): Term {
  const type = analysis.builtin(kind);
  const term = computed({
    type,
    sql,
    interval,
    neverNull,
    wide: (facts) => {
      const range = interval(facts);
      return range === null || !contains(SAFE, range);
    },
  });
  proveWithin(analysis, term, limitsOf(kind));
  return shown(analysis, term);
}

/** A computed date or time has a text only under settings that make it one of the value alone. */
export function shown(analysis: Analysis, term: Term): Term {
  const { type } = term;
  if (!analysis.surroundings.needsText(type)) return term;
  const refusal = bypass("unsupported-type", `the text of a computed ${type.name} depends on the session's settings`);
  return { ...term, output: () => refusal };
}

/** True for microseconds that are proven to be finite. */
export function provenFinite(range: Interval | null): boolean {
  return range !== null && contains(MICROSECONDS, range);
}

/** Why what depends on the session's time zone is not computed here. */
export function refuseZone(analysis: Analysis, what: string): Bypass | null {
  return analysis.surroundings.types.session.utc
    ? null
    : bypass("unsupported-function", `${what} follows the session's time zone, which is not UTC`);
}

/** SQLite text of the day that a moment is on: a division that rounds down. */
export function dayOf(microseconds: string): string {
  return `(${microseconds} / ${DAY} - (${microseconds} % ${DAY} < 0))`;
}

/** SQLite text of the microseconds since midnight. */
export function timeOfDay(microseconds: string): string {
  return `((${microseconds} % ${DAY} + ${DAY}) % ${DAY})`;
}

export function scale(range: Interval | null, factor: bigint): Interval | null {
  return range === null ? null : { low: range.low * factor, high: range.high * factor };
}

/** Days of a range of microseconds. */
export function daysOf(range: Interval | null): Interval | null {
  return range === null ? null : { low: floorDays(range.low), high: floorDays(range.high) };
}

function floorDays(microseconds: bigint): bigint {
  return microseconds / DAY - (microseconds % DAY < 0n ? 1n : 0n);
}
