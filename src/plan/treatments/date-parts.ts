import { type Bypass, bypass, literalBypass } from "../../outcome.ts";
import { readTimeFormat } from "../../parse/time-format.ts";
import { quoteText } from "../../quoting.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Interval } from "../interval.ts";
import type { Facts, Operand, Term } from "../term.ts";
import { isTextConstant } from "./arguments.ts";
import { differenceOf } from "./date-arithmetic.ts";
import { scaledType } from "./decimals.ts";
import { computed } from "./expressions.ts";
import { DAY, dayOf, daysOf, finiteTerm, isTemporal, refuseZone, scale, temporal, timeOfDay } from "./temporal.ts";
import type { FunctionRule } from "./text-functions.ts";

type Ranged = (facts: Facts) => Interval | null;

/** A field as a decimal scaled by 10^`scale`, as SQLite text. */
interface Field {
  readonly scale: number;
  readonly sql: string;
  readonly interval: Ranged;
}

const SECOND = 1_000_000n;

/** Fields of the day, and the largest value that each can have; the smallest is -`most`. */
const DAY_FIELDS: ReadonlyMap<string, bigint> = new Map([
  ["year", 400_000n],
  ["isoyear", 400_000n],
  ["decade", 40_000n],
  ["century", 4_000n],
  ["millennium", 400n],
  ["quarter", 4n],
  ["month", 12n],
  ["week", 53n],
  ["day", 31n],
  ["doy", 366n],
  ["dow", 6n],
  ["isodow", 7n],
]);

/** Plurals and abbreviations that the origin reads, too (deltatktbl and datetktbl in datetime.c), as far as used. */
const FIELD_NAMES: ReadonlyMap<string, string> = new Map([
  ["years", "year"],
  ["months", "month"],
  ["days", "day"],
  ["hours", "hour"],
  ["minutes", "minute"],
  ["seconds", "second"],
  ["weeks", "week"],
]);

/** `EXTRACT(field FROM time)`: a numeric since version 14, with as many decimals as the field has. */
export function extract(analysis: Analysis, written: string, operand: Operand): Term | Bypass {
  const field = readField(analysis, written, operand);
  if ("kind" in field) return field;
  return computed({
    type: scaledType(analysis, field.scale),
    sql: field.sql,
    interval: field.interval,
    wide: (facts) => {
      const range = field.interval(facts);
      return (
        range === null || range.high > BigInt(Number.MAX_SAFE_INTEGER) || range.low < -BigInt(Number.MAX_SAFE_INTEGER)
      );
    },
    neverNull: (facts) => isTerm(operand) && operand.neverNull(facts),
  });
}

function readField(analysis: Analysis, written: string, operand: Operand): Field | Bypass {
  const name = FIELD_NAMES.get(written) ?? written;
  const unknown = literalBypass("unsupported-function", `the field ${written} of a date or time`);
  const difference = isTerm(operand) ? differenceOf(operand) : null;
  if (difference !== null) return name === "epoch" ? { scale: 6, ...difference } : unknown;
  if (!isTemporal(operand)) return bypass("unsupported-function", "extract() from something that is no date or time");
  const term = finiteTerm(analysis, operand);
  if (isBypass(term)) return term;
  const value = term.value();
  if (typeof value !== "string") return value;
  const isDate = term.type.kind === "date";
  if (term.type.kind === "timestamptz" && name !== "epoch") {
    const refusal = refuseZone(analysis, `the field ${written} of a time with time zone`);
    if (refusal !== null) return refusal;
  }
  const most = DAY_FIELDS.get(name);
  if (most !== undefined) {
    const sql = `pg_day_field('${name}', ${isDate ? value : dayOf(value)})`;
    return { scale: 0, sql, interval: () => ({ low: -most, high: most }) };
  }
  if (name === "epoch") {
    return isDate
      ? { scale: 0, sql: `(${value} * 86400)`, interval: (facts) => scale(term.interval(facts), 86_400n) }
      : { scale: 6, sql: value, interval: term.interval };
  }
  // Fields of the day's time raise for a date.
  if (isDate) return unknown;
  const time = timeOfDay(value);
  const upTo =
    (high: bigint): Ranged =>
    () => ({ low: 0n, high });
  switch (name) {
    case "hour":
      return { scale: 0, sql: `(${time} / 3600000000)`, interval: upTo(23n) };
    case "minute":
      return { scale: 0, sql: `(${time} / 60000000 % 60)`, interval: upTo(59n) };
    case "second":
      return { scale: 6, sql: `(${time} % 60000000)`, interval: upTo(60n * SECOND) };
    case "milliseconds":
      return { scale: 3, sql: `(${time} % 60000000)`, interval: upTo(60n * SECOND) };
    case "microseconds":
      return { scale: 0, sql: `(${time} % 60000000)`, interval: upTo(60n * SECOND) };
    default:
      return unknown;
  }
}

/** date_part() is a double: whole ones, and those that are a number of microseconds divided once. */
function datePart(analysis: Analysis, [field, operand]: readonly Operand[]): Term | Bypass {
  const name = literalText(analysis, field);
  if (name === null || operand === undefined) return bypass("unsupported-function", "date_part() of no constant field");
  // There is none for dates: they become timestamps.
  const moment = isTerm(operand) && operand.type.kind === "date" ? midnightOf(analysis, operand) : operand;
  if (isBypass(moment)) return moment;
  const found = readField(analysis, name.toLowerCase(), moment);
  if ("kind" in found) return found;
  const type = analysis.builtin("float8");
  if (analysis.surroundings.needsText(type) || (found.scale !== 0 && name.toLowerCase() !== "epoch")) {
    return literalBypass("unsupported-function", `date_part('${name}')`);
  }
  return computed({ type, sql: found.scale === 0 ? `CAST(${found.sql} AS REAL)` : `(${found.sql} / 1000000.0)` });
}

function midnightOf(analysis: Analysis, date: Term): Term | Bypass {
  const finite = finiteTerm(analysis, date);
  const value = isBypass(finite) ? finite : finite.value();
  if (typeof value !== "string") return value;
  return temporal(
    analysis,
    "timestamp",
    `(${value} * ${DAY})`,
    (facts) => scale(date.interval(facts), DAY),
    date.neverNull,
  );
}

/** A literal whose value becomes part of the plan. */
function literalText(analysis: Analysis, operand: Operand | undefined): string | null {
  if (operand?.kind !== "constant" || operand.text === null || !isTextConstant(operand)) return null;
  analysis.pin(operand);
  return operand.text;
}

const TIME_UNITS: ReadonlyMap<string, bigint> = new Map([
  ["microseconds", 1n],
  ["milliseconds", 1000n],
  ["second", SECOND],
  ["minute", 60n * SECOND],
  ["hour", 3600n * SECOND],
  ["day", DAY],
]);
const DAY_UNITS: ReadonlySet<string> = new Set(["week", "month", "quarter", "year", "decade"]);

/** date_trunc(unit, time). A date becomes a time with time zone (the preferred type), as the origin has it. */
function dateTrunc(analysis: Analysis, [field, operand, zone]: readonly Operand[]): Term | Bypass {
  const name = literalText(analysis, field)?.toLowerCase();
  if (name === undefined || operand === undefined || zone !== undefined || !isTemporal(operand)) {
    return bypass("unsupported-function", "date_trunc() with these arguments");
  }
  const unit = FIELD_NAMES.get(name) ?? name;
  const term = finiteTerm(analysis, operand);
  if (isBypass(term)) return term;
  const { kind } = term.type;
  const hasZone = kind !== "timestamp";
  const refusal = hasZone ? refuseZone(analysis, "date_trunc()") : null;
  if (refusal !== null) return refusal;
  const value = term.value();
  if (typeof value !== "string") return value;
  const result = hasZone ? "timestamptz" : "timestamp";
  const moments: Ranged = (facts) => (kind === "date" ? scale(term.interval(facts), DAY) : term.interval(facts));
  const range = (back: bigint): Ranged => {
    return (facts) => {
      const seen = moments(facts);
      return seen === null ? null : { low: seen.low - back, high: seen.high };
    };
  };
  const size = TIME_UNITS.get(unit);
  if (size !== undefined) {
    const moment = kind === "date" ? `(${value} * ${DAY})` : value;
    const sql = size === 1n || kind === "date" ? moment : `(${moment} - (${moment} % ${size} + ${size}) % ${size})`;
    return temporal(analysis, result, sql, range(DAY), term.neverNull);
  }
  if (!DAY_UNITS.has(unit)) return literalBypass("unsupported-function", `date_trunc('${name}')`);
  const sql = `(pg_trunc_day('${unit}', ${kind === "date" ? value : dayOf(value)}) * ${DAY})`;
  return temporal(analysis, result, sql, range(4000n * DAY), term.neverNull);
}

/** Years that to_char() writes as they are counted. */
const SHOWN: Interval = { low: -719_162n, high: 2_932_896n };

/** to_char(time, format) for formats of the patterns that are read here. */
function toChar(analysis: Analysis, [operand, pattern]: readonly Operand[]): Term | Bypass {
  const format = literalText(analysis, pattern);
  if (operand === undefined || !isTemporal(operand) || format === null) {
    return bypass("unsupported-function", "to_char() with these arguments");
  }
  if (readTimeFormat(format) === null)
    return literalBypass("unsupported-function", `to_char() with the format '${format}'`);
  const term = finiteTerm(analysis, operand);
  if (isBypass(term)) return term;
  const { kind } = term.type;
  if (kind !== "timestamp") {
    const refusal = refuseZone(analysis, "to_char()");
    if (refusal !== null) return refusal;
  }
  const value = term.value();
  if (typeof value !== "string") return value;
  analysis.proofs.push((facts) => {
    const days = kind === "date" ? term.interval(facts) : daysOf(term.interval(facts));
    const fits = days !== null && days.low >= SHOWN.low && days.high <= SHOWN.high;
    return fits ? null : bypass("unsupported-function", "to_char() of years beyond 1 to 9999");
  });
  const [day, time] = kind === "date" ? [value, "0"] : [dayOf(value), timeOfDay(value)];
  const sql = `pg_to_char(${day}, ${time}, ${quoteText(format)})`;
  return computed({ type: analysis.builtin("text"), sql, neverNull: term.neverNull });
}

/** `time AT TIME ZONE 'UTC'`: the same moment, shown or read there. */
function atTimeZone(analysis: Analysis, [zone, operand]: readonly Operand[]): Term | Bypass {
  const name = literalText(analysis, zone);
  if (name === null || operand === undefined || !/^(?:utc|etc\/utc)$/i.test(name) || !isTemporal(operand)) {
    return literalBypass("unsupported-function", "AT TIME ZONE of another zone than UTC");
  }
  const term = finiteTerm(analysis, operand);
  if (isBypass(term)) return term;
  if (term.type.kind === "date") return bypass("unsupported-function", "AT TIME ZONE of a date");
  const value = term.value();
  if (typeof value !== "string") return value;
  const kind = term.type.kind === "timestamptz" ? "timestamp" : "timestamptz";
  return temporal(analysis, kind, value, term.interval, term.neverNull);
}

/** Functions of dates and times, by name. */
export const DATE_FUNCTIONS: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  ["date_part", datePart],
  ["date_trunc", dateTrunc],
  ["to_char", toChar],
  ["timezone", atTimeZone],
]);
