import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import { civilOf, daysOf, monthLength, two } from "../calendar.ts";
import { dayOfYear, isoWeek, isoWeekStart, weekday } from "../calendar-fields.ts";
import { timeText } from "../time-text.ts";

/**
 * Functions over days since 1970 and microseconds since 1970, as src/backend/utils/adt/timestamp.c and formatting.c
 * define them. Strict: NULL of NULL. The plan has proven the values finite, except for `pg_days` and `pg_timestamp_date`.
 */
export function registerDateFunctions(target: FunctionTarget): void {
  const strict = (name: string, apply: (...values: Exclude<StoreValue, null>[]) => StoreValue): void => {
    target.function(name, { deterministic: true, varargs: true, useBigIntArguments: true }, (...values) =>
      values.some((value) => value === null) ? null : apply(...(values as Exclude<StoreValue, null>[])),
    );
  };
  strict("pg_add_months_to_date", (day, months) => BigInt(addMonths(Number(day), Number(months))));
  strict("pg_add_months", (moment, months) => {
    const [day, time] = split(moment);
    return BigInt(addMonths(day, Number(months))) * DAY + time;
  });
  strict("pg_days", pointInDays);
  strict("pg_timestamp_date", dayOf);
  strict("pg_day_field", (field, day) => BigInt(dayField(String(field), Number(day))));
  strict("pg_trunc_day", (unit, day) => BigInt(truncated(String(unit), Number(day))));
  strict("pg_difference_text", (microseconds) => differenceText(BigInt(microseconds as bigint)));
  strict("pg_to_char", (day, time, format) => timeText(Number(day), Number(time), String(format)));
}

const DAY = 86_400_000_000n;
const INT8_MAX = 9_223_372_036_854_775_807n;
const INT8_MIN = -9_223_372_036_854_775_808n;
const DATE_INFINITY = 2_147_483_647n;
const DATE_NEGATIVE_INFINITY = -2_147_483_648n;

function split(moment: StoreValue | undefined): [day: number, time: bigint] {
  if (typeof moment !== "bigint") throw new TypeError("not a time");
  const day = moment / DAY - (moment % DAY < 0n ? 1n : 0n);
  return [Number(day), moment - day * DAY];
}

/** The cast of a time to a date. */
function dayOf(moment: StoreValue | undefined): bigint {
  if (moment === INT8_MAX) return DATE_INFINITY;
  if (moment === INT8_MIN) return DATE_NEGATIVE_INFINITY;
  return BigInt(split(moment)[0]);
}

/** A time among days: the day itself at midnight, half a day more at any other time. */
function pointInDays(moment: StoreValue | undefined): StoreValue {
  if (moment === INT8_MAX) return DATE_INFINITY;
  if (moment === INT8_MIN) return DATE_NEGATIVE_INFINITY;
  const [day, time] = split(moment);
  return time === 0n ? BigInt(day) : day + 0.5;
}

function addMonths(day: number, months: number): number {
  const civil = civilOf(day);
  const count = civil.year * 12 + (civil.month - 1) + months;
  const year = Math.floor(count / 12);
  const month = count - year * 12 + 1;
  return daysOf(year, month, Math.min(civil.day, monthLength(year, month)));
}

/** Years are counted 2 BC, 1 BC, 1: there is no year 0. */
function shownYear(year: number): number {
  return year > 0 ? year : year - 1;
}

function dayField(field: string, day: number): number {
  const { year, month, day: dayOfMonth } = civilOf(day);
  switch (field) {
    case "year":
      return shownYear(year);
    case "isoyear":
      return shownYear(isoWeek(day).year);
    case "decade":
      return Math.floor(year / 10);
    case "century":
      return year > 0 ? Math.floor((year + 99) / 100) : -Math.floor((99 - (year - 1)) / 100);
    case "millennium":
      return year > 0 ? Math.floor((year + 999) / 1000) : -Math.floor((999 - (year - 1)) / 1000);
    case "quarter":
      return Math.floor((month - 1) / 3) + 1;
    case "month":
      return month;
    case "week":
      return isoWeek(day).week;
    case "day":
      return dayOfMonth;
    case "doy":
      return dayOfYear(day);
    case "dow":
      return weekday(day);
    case "isodow":
      return weekday(day) || 7;
    default:
      throw new RangeError(`no field ${field}`);
  }
}

function truncated(unit: string, day: number): number {
  const { year, month } = civilOf(day);
  switch (unit) {
    case "week": {
      const { year: isoYear, week } = isoWeek(day);
      return isoWeekStart(isoYear) + (week - 1) * 7;
    }
    case "month":
      return daysOf(year, month, 1);
    case "quarter":
      return daysOf(year, month - ((month - 1) % 3), 1);
    case "year":
      return daysOf(year, 1, 1);
    case "decade":
      return daysOf(Math.floor(year / 10) * 10, 1, 1);
    default:
      throw new RangeError(`no unit ${unit}`);
  }
}

/** interval_out() of interval_justify_hours(): days and the rest of the time, each with its own sign. */
function differenceText(microseconds: bigint): string {
  const days = microseconds / DAY;
  const rest = microseconds % DAY;
  const parts: string[] = [];
  if (days !== 0n) parts.push(`${days} day${days === 1n ? "" : "s"}`);
  if (rest !== 0n || days === 0n) {
    const positive = rest < 0n ? -rest : rest;
    const seconds = Number(positive / 1_000_000n);
    const fraction = String(positive % 1_000_000n)
      .padStart(6, "0")
      .replace(/0+$/, "");
    const sign = rest < 0n ? "-" : days < 0n ? "+" : "";
    const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    parts.push(`${sign}${time}${fraction === "" ? "" : `.${fraction}`}`);
  }
  return parts.join(" ");
}
