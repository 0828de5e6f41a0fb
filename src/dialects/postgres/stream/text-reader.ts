import type { CreateTextReader, StoreValue } from "../../../store/contract.ts";
import { daysOf, monthLength } from "../calendar.ts";
import type { FieldCodec } from "../copy-field.ts";
import { numericKey } from "../numeric-key.ts";

/**
 * Reads the text that the server sends for a value to what the binary readers (`copy-numbers.ts`, `copy-texts.ts`) make
 * of the same value. Times are read in ISO form only, floats as they are printed with all their digits: the watch sees to
 * it that the session writes them so.
 */
export const createTextReader: CreateTextReader = (codec) => readerOf(codec as FieldCodec);

function readerOf(codec: FieldCodec): (text: string) => StoreValue {
  switch (codec.as) {
    case "int2":
    case "int4":
    case "int8":
      return readInteger;
    case "bool":
      return readBool;
    case "float8":
      return readFloat;
    case "text":
    case "jsonb":
    case "uuid":
      return (text) => text;
    case "char":
      return trimBlanks;
    case "date":
      return readDate;
    case "timestamp":
      return readTimestamp;
    case "numericKey":
      return (text) => numericKey(text) ?? malformed("numeric", text);
    case "scaled":
      return scaledReader(codec.scale);
    case "ordinal": {
      const ranks = new Map(codec.labels.map((label, index) => [label, index]));
      return (text) => ranks.get(text) ?? malformed("enum", text);
    }
    case "textRank":
    case "charRank":
      throw new TypeError(`The rank of ${codec.field} is not in its text`);
    default:
      return codec satisfies never;
  }
}

/** The text itself is a value of somebody's row: not for a message. */
function malformed(type: string, text: string): never {
  throw new Error(`A text of ${text.length} characters in the change stream that is no ${type} as it is expected`);
}

function narrow(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

const INTEGER = /^-?\d{1,19}$/;

function readInteger(text: string): number | bigint {
  if (!INTEGER.test(text)) return malformed("integer", text);
  return text.length < 16 ? Number(text) : narrow(BigInt(text));
}

function readBool(text: string): number {
  return text === "t" ? 1 : text === "f" ? 0 : malformed("bool", text);
}

const FLOAT = /^-?(?:\d+(?:\.\d+)?(?:e[+-]\d+)?|Infinity)$/;

function readFloat(text: string): number | string {
  if (text === "NaN") return "NaN";
  return FLOAT.test(text) ? Number(text) : malformed("float8", text);
}

/** What char(n) is padded with, and does not compare. */
function trimBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x20) end--;
  return end === text.length ? text : text.slice(0, end);
}

function scaledReader(scale: number): (text: string) => StoreValue {
  const pattern = scale === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${scale}}$`);
  return (text) => {
    if (text === "NaN") return "NaN";
    if (!pattern.test(text)) return malformed(`numeric of the scale ${scale}`, text);
    const digits = scale === 0 ? text : text.slice(0, -scale - 1) + text.slice(-scale);
    if (digits.length > 15) return narrow(BigInt(digits));
    // No zero of a numeric has a sign, but "-0.00" of nothing at all must not make one either.
    const value = Number(digits);
    return value === 0 ? 0 : value;
  };
}

const DATE = /^(\d{4,7})-(\d\d)-(\d\d)( BC)?$/;
const INT4_MAX = 2_147_483_647;
const INT4_MIN = -2_147_483_648;

/** Days since 1970; the infinities are the ends of int32. */
function readDate(text: string): number {
  if (text === "infinity") return INT4_MAX;
  if (text === "-infinity") return INT4_MIN;
  const match = DATE.exec(text);
  if (match === null) return malformed("date", text);
  return days(match[1], match[2], match[3], match[4] !== undefined) ?? malformed("date", text);
}

function days(
  yearText: string | undefined,
  monthText: string | undefined,
  dayText: string | undefined,
  beforeChrist: boolean,
): number | null {
  const shown = Number(yearText);
  const year = beforeChrist ? 1 - shown : shown;
  const month = Number(monthText);
  const day = Number(dayText);
  if (shown < 1 || month < 1 || month > 12 || day < 1 || day > monthLength(year, month)) return null;
  return daysOf(year, month, day);
}

/** The offset of a zone's local mean time has seconds. */
const TIMESTAMP =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/;
const INT8_MAX = 9_223_372_036_854_775_807n;
const INT8_MIN = -9_223_372_036_854_775_808n;
const DAY_MICROSECONDS = 86_400_000_000;

/** Microseconds since 1970, UTC where there is an offset; the infinities are the ends of int64. */
function readTimestamp(text: string): number | bigint {
  if (text === "infinity") return INT8_MAX;
  if (text === "-infinity") return INT8_MIN;
  const match = TIMESTAMP.exec(text);
  if (match === null) return malformed("timestamp", text);
  const day = days(match[1], match[2], match[3], match[12] !== undefined);
  if (day === null) return malformed("timestamp", text);
  const seconds = (Number(match[4]) * 60 + Number(match[5])) * 60 + Number(match[6]);
  const fraction = Number((match[7] ?? "").padEnd(6, "0"));
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * 60 + Number(match[11] ?? 0);
  const ofDay = (match[8] === "-" ? seconds + offset : seconds - offset) * 1_000_000 + fraction;
  const sum = day * DAY_MICROSECONDS + ofDay;
  if (Number.isSafeInteger(sum)) return sum;
  const exact = BigInt(day) * BigInt(DAY_MICROSECONDS) + BigInt(ofDay);
  if (exact >= INT8_MAX) throw new Error("A timestamp after the year 294246 cannot be kept");
  return narrow(exact);
}
