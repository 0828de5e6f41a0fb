import { daysOf, monthLength } from "./calendar.ts";

const DATE = /^(\d{4})-(\d\d)-(\d\d)/;
const TIME = /^[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z| ?[+-]\d\d(?::?\d\d)?)?$/;

const DATE_LENGTH = 10;
const MINUTE_MICROSECONDS = 60_000_000;
const DAY_MICROSECONDS = 86_400_000_000;

/** A date, or a date with a time of day and perhaps an offset, in ISO form with a year of four digits. */
export interface TimeInput {
  /** Days since 1970-01-01. */
  readonly days: number;
  /** Microseconds since midnight. */
  readonly ofDay: number;
  /** Minutes east of UTC; `null` when the text has no offset. */
  readonly offset: number | null;
}

/**
 * Reads only forms that every DateStyle reads alike, as `DecodeDateTime` in src/backend/utils/adt/datetime.c does;
 * `null` for all others, also for those of them that the server would take.
 */
export function readTime(text: string): TimeInput | null {
  const date = DATE.exec(text);
  if (date === null) return null;
  const year = Number(date[1]);
  const month = Number(date[2]);
  const day = Number(date[3]);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > monthLength(year, month)) return null;
  const days = daysOf(year, month, day);
  if (text.length === DATE_LENGTH) return { days, ofDay: 0, offset: null };
  const time = TIME.exec(text.slice(DATE_LENGTH));
  if (time === null) return null;
  const hour = Number(time[1]);
  const minute = Number(time[2]);
  const second = Number(time[3] ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return null;
  const fraction = Number((time[4] ?? "").padEnd(6, "0"));
  const offset = readOffset(time[5]?.trimStart());
  if (offset === undefined) return null;
  return { days, ofDay: ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction, offset };
}

function readOffset(text: string | undefined): number | null | undefined {
  if (text === undefined) return null;
  if (text === "Z") return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = text.length > 3 ? Number(text.slice(-2)) : 0;
  // The server takes up to 15:59.
  if (hours > 14 || minutes > 59) return undefined;
  return (text[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
}

/** Microseconds since 1970 of what the text shows, offset ignored. */
export function shownMicroseconds(time: TimeInput): number | bigint {
  return microseconds(time.days, time.ofDay);
}

/** Microseconds since 1970 UTC, for a text with an offset. */
export function instantMicroseconds(time: TimeInput, offset: number): number | bigint {
  return microseconds(time.days, time.ofDay - offset * MINUTE_MICROSECONDS);
}

function microseconds(days: number, ofDay: number): number | bigint {
  const sum = days * DAY_MICROSECONDS + ofDay;
  return Number.isSafeInteger(sum) ? sum : BigInt(days) * BigInt(DAY_MICROSECONDS) + BigInt(ofDay);
}
