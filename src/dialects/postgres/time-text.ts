import { type FormatPart, readTimeFormat } from "../../parse/time-format.ts";
import { civilOf } from "./calendar.ts";
import { dayOfYear, isoWeek, weekday } from "./calendar-fields.ts";

const MONTHS = ["January", "February", "March", "April", "May", "June"].concat([
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
]);
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** Width to which names of months and days are filled. */
const NAME_WIDTH = 9;

/** One pattern: its text, and how wide it is unless FM stands before it (zeros in front of numbers, blanks after names). */
interface Shown {
  readonly text: string;
  readonly width: number;
}

const formats = new Map<string, readonly FormatPart[]>();
const MAX_FORMATS = 100;

/** to_char() of a day and the microseconds of it (DCH_to_char() in src/backend/utils/adt/formatting.c). */
export function timeText(day: number, time: number, format: string): string {
  let parts = formats.get(format);
  if (parts === undefined) {
    const read = readTimeFormat(format);
    if (read === null) throw new RangeError(`The format ${format} is not known here.`);
    parts = read;
    if (formats.size >= MAX_FORMATS) formats.clear();
    formats.set(format, parts);
  }
  let text = "";
  for (const part of parts) {
    if (part.kind === "plain") text += part.text;
    else text += part.fill ? filled(shown(part.name, day, time)) : shown(part.name, day, time).text;
  }
  return text;
}

function filled({ text, width }: Shown): string {
  return /^\d/.test(text) ? text.padStart(width, "0") : text.padEnd(width);
}

function shown(pattern: string, day: number, time: number): Shown {
  const { year, month, day: dayOfMonth } = civilOf(day);
  const seconds = Math.floor(time / 1_000_000);
  const hour = Math.floor(seconds / 3600);
  const number = (value: number, width: number): Shown => ({ text: String(value), width });
  switch (pattern.toUpperCase()) {
    case "YYYY":
      return number(year, 4);
    case "YY":
      return number(year % 100, 2);
    case "IYYY":
      return number(isoWeek(day).year, 4);
    case "MM":
      return number(month, 2);
    case "DD":
      return number(dayOfMonth, 2);
    case "DDD":
      return number(dayOfYear(day), 3);
    case "D":
      return number(weekday(day) + 1, 1);
    case "ID":
      return number(weekday(day) || 7, 1);
    case "IW":
      return number(isoWeek(day).week, 2);
    case "WW":
      return number(Math.floor((dayOfYear(day) - 1) / 7) + 1, 2);
    case "W":
      return number(Math.floor((dayOfMonth - 1) / 7) + 1, 1);
    case "Q":
      return number(Math.floor((month - 1) / 3) + 1, 1);
    case "HH24":
      return number(hour, 2);
    case "HH":
    case "HH12":
      return number(hour % 12 || 12, 2);
    case "MI":
      return number(Math.floor(seconds / 60) % 60, 2);
    case "SS":
      return number(seconds % 60, 2);
    case "MS":
      return { text: String(Math.floor((time % 1_000_000) / 1000)).padStart(3, "0"), width: 3 };
    case "US":
      return { text: String(time % 1_000_000).padStart(6, "0"), width: 6 };
    case "AM":
    case "PM":
      return { text: inCaseOf(hour < 12 ? "AM" : "PM", pattern), width: 2 };
    case "A.M.":
    case "P.M.":
      return { text: inCaseOf(hour < 12 ? "A.M." : "P.M.", pattern), width: 4 };
    case "MONTH":
      return { text: inCaseOf(MONTHS[month - 1] ?? "", pattern), width: NAME_WIDTH };
    case "MON":
      return { text: inCaseOf((MONTHS[month - 1] ?? "").slice(0, 3), pattern), width: 3 };
    case "DAY":
      return { text: inCaseOf(WEEKDAYS[weekday(day)] ?? "", pattern), width: NAME_WIDTH };
    case "DY":
      return { text: inCaseOf((WEEKDAYS[weekday(day)] ?? "").slice(0, 3), pattern), width: 3 };
    default:
      throw new RangeError(`no pattern ${pattern}`);
  }
}

/** As the pattern itself is written: all small, all large, or the first letter large. */
function inCaseOf(text: string, pattern: string): string {
  if (pattern === pattern.toLowerCase()) return text.toLowerCase();
  return pattern === pattern.toUpperCase() ? text.toUpperCase() : text;
}
