import type { ColumnType } from "../../catalog.ts";
import type { Binder, ValueBinders } from "../../execute/bind.ts";
import { scaleOf } from "../../store/column-set.ts";
import type { StoreValue } from "../../store/contract.ts";
import { arrayBinder, literalItems } from "./array-input.ts";
import { jsonbText } from "./functions-in-sqlite/jsonb.ts";
import { OID } from "./kinds.ts";
import { numericKey } from "./numeric-key.ts";
import { instantMicroseconds, readTime, shownMicroseconds } from "./time-input.ts";
import { ARRAY_ITEMS } from "./type-system.ts";

/** What the text of a time depends on. */
export interface BindSession {
  /** The session's time zone is UTC. */
  utc(): boolean;
  /** How `pg` writes a Date: in the zone of this process, or in UTC if its `parseInputDatesAsUTC` says so. */
  dateText(date: Date): string;
}

/** The binders of an origin. Each takes a value as the caller gave it to `pg`, or the text of a constant. */
export function createBinders(session: BindSession): ValueBinders {
  return {
    value: (type) => valueBinder(type, session),
    scaled: (scale, integer) => {
      const bind = scaledBinder(scale, { between: "half" });
      if (integer === null) return bind;
      const check = valueBinder(integer, session);
      return (value) => (check(value) === undefined ? undefined : bind(value));
    },
    key: () => bindNumericKey,
    items: literalItems,
  };
}

type BoundType = Pick<ColumnType, "kind" | "oid" | "precision" | "labels">;

const INT2_MAX = 32_767;
const INT4_MAX = 2_147_483_647;
const INT8_MAX = 9_223_372_036_854_775_807n;
const INT8_MIN = -9_223_372_036_854_775_808n;

const INTEGER = /^-?(?:0|[1-9]\d{0,18})$/;
/** `.5` and `5.` are as good as `0.5` and `5`, for the input functions of numeric and float8 too. */
const DECIMAL = /^(-?)(?=\.?\d)(\d*)(?:\.(\d*))?$/;
const FLOAT = /^-?(?=\.?\d)\d*(?:\.\d*)?(?:[eE][+-]?\d{1,4})?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Binds for a type's `value` encoding. Only the spelling is taken that the type itself has: the input functions of the
 * origin take many more, and raise for others.
 */
function valueBinder(type: BoundType, session: BindSession): Binder {
  switch (type.kind) {
    case "int2":
      return smallIntegerBinder(INT2_MAX);
    case "int4":
      return smallIntegerBinder(INT4_MAX);
    case "int8":
      return bindInt8;
    case "bool":
      return bindBool;
    case "float8":
      return bindFloat8;
    case "text":
      return bindText;
    case "char":
      return bindChar;
    case "uuid":
      return bindUuid;
    case "date":
      return (value) => bindDate(value, session);
    case "timestamp":
      return (value) => bindTimestamp(value, session);
    case "timestamptz":
      return (value) => bindTimestamptz(value, session);
    case "numeric": {
      const scale = scaleOf(type);
      return scale === null ? bindNumericText : scaledBinder(scale, { between: "refuse" });
    }
    case "enum":
      return labelBinder(new Map(type.labels.map((label) => [label, label])));
    case "json":
      return type.oid === OID.jsonb ? bindJsonb : bindNothing;
    case "wire": {
      const item = ARRAY_ITEMS.get(type.oid);
      if (item === undefined || !BOUND_ITEMS.has(item.kind)) return bindNothing;
      return arrayBinder(valueBinder({ ...item, precision: null, labels: [] }, session), item.kind === "bool");
    }
    default:
      return type.kind satisfies never;
  }
}

/** Types of items whose value that is bound is their text, or a truth. */
const BOUND_ITEMS: ReadonlySet<string> = new Set(["int2", "int4", "int8", "bool", "text", "uuid"]);

/** The text of a jsonb as the origin prints it. `pg` sends an object as JSON, but an array as an array of SQL. */
function bindJsonb(value: unknown): StoreValue | undefined {
  if (value === null || value === undefined) return null;
  const isPlain = typeof value !== "object" || Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain || typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value === "object" && "toPostgres" in value) return undefined;
  try {
    return jsonbText(typeof value === "object" ? JSON.stringify(value) : String(value));
  } catch {
    return undefined;
  }
}

function bindNothing(value: unknown): StoreValue | undefined {
  return value === null || value === undefined ? null : undefined;
}

/** int2 and int4. A number's text is what `pg` sends, so 2.5 and 1e21 are no integers, and -0 is 0. */
function smallIntegerBinder(max: number): Binder {
  const min = -max - 1;
  return (value) => {
    if (typeof value === "number") {
      return Number.isInteger(value) && value >= min && value <= max ? value + 0 : undefined;
    }
    if (value === null || value === undefined) return null;
    if (typeof value !== "string" && typeof value !== "bigint") return undefined;
    const text = String(value);
    if (text.length > 11 || !INTEGER.test(text)) return undefined;
    const number = Number(text) + 0;
    return number >= min && number <= max ? number : undefined;
  };
}

function bindInt8(value: unknown): StoreValue | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value + 0;
  if (value === null || value === undefined) return null;
  if (typeof value !== "number" && typeof value !== "string" && typeof value !== "bigint") return undefined;
  const text = String(value);
  if (!INTEGER.test(text)) return undefined;
  const number = Number(text) + 0;
  if (Number.isSafeInteger(number)) return number;
  const exact = BigInt(text);
  return exact >= INT8_MIN && exact <= INT8_MAX ? exact : undefined;
}

function bindBool(value: unknown): StoreValue | undefined {
  switch (value) {
    case true:
    case "t":
    case "true":
      return 1;
    case false:
    case "f":
    case "false":
      return 0;
    case null:
    case undefined:
      return null;
    default:
      return undefined;
  }
}

function bindFloat8(value: unknown): StoreValue | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : undefined;
  if (value === null || value === undefined) return null;
  if (typeof value !== "string" && typeof value !== "bigint") return undefined;
  const text = String(value);
  // Longer ones than any double needs are not worth knowing how strtod takes them.
  if (text.length > 400 || !FLOAT.test(text)) return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) return undefined;
  // The origin raises where a number is too small to be told from zero.
  if (number === 0 && /[1-9]/.test(text.split(/e/i)[0] ?? "")) return undefined;
  return number;
}

/** What `pg` sends for a value that is a text or has only one; `undefined` for objects. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") {
    // The origin refuses NUL; a lone surrogate becomes U+FFFD on the way.
    return value.isWellFormed() && !value.includes("\0") ? value : undefined;
  }
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

function bindText(value: unknown): StoreValue | undefined {
  return value === null || value === undefined ? null : textOf(value);
}

function bindChar(value: unknown): StoreValue | undefined {
  if (value === null || value === undefined) return null;
  return textOf(value)?.replace(/ +$/, "");
}

function bindUuid(value: unknown): StoreValue | undefined {
  if (typeof value === "string") return UUID.test(value) ? value.toLowerCase() : undefined;
  return bindNothing(value);
}

function labelBinder(values: ReadonlyMap<string, StoreValue>): Binder {
  return (value) => (typeof value === "string" ? values.get(value) : bindNothing(value));
}

/** The text of a time parameter; `undefined` if it is none, `null` for NULL. */
function timeText(value: unknown, session: BindSession): string | null | undefined {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return null;
  // An invalid Date has no text that could be read.
  return value instanceof Date && !Number.isNaN(value.getTime()) ? session.dateText(value) : undefined;
}

const DATE_INFINITY = 2_147_483_647;
const DATE_NEGATIVE_INFINITY = -2_147_483_648;

/** The time of day and the offset of a longer text do not count (`date_in`). */
function bindDate(value: unknown, session: BindSession): StoreValue | undefined {
  const text = timeText(value, session);
  if (text === null || text === undefined) return text;
  if (text === "infinity") return DATE_INFINITY;
  if (text === "-infinity") return DATE_NEGATIVE_INFINITY;
  return readTime(text)?.days;
}

/** The offset of the text does not count (`timestamp_in`). */
function bindTimestamp(value: unknown, session: BindSession): StoreValue | undefined {
  const text = timeText(value, session);
  if (text === null || text === undefined) return text;
  if (text === "infinity") return INT8_MAX;
  if (text === "-infinity") return INT8_MIN;
  const time = readTime(text);
  return time === null ? undefined : shownMicroseconds(time);
}

function bindTimestamptz(value: unknown, session: BindSession): StoreValue | undefined {
  const text = timeText(value, session);
  if (text === null || text === undefined) return text;
  if (text === "infinity") return INT8_MAX;
  if (text === "-infinity") return INT8_MIN;
  const time = readTime(text);
  if (time === null) return undefined;
  if (time.offset !== null) return instantMicroseconds(time, time.offset);
  return session.utc() ? shownMicroseconds(time) : undefined;
}

/** The decimal text that `pg` sends; `undefined` if it is not plain digits, `null` for NULL. */
function decimalOf(value: unknown): RegExpExecArray | null | undefined {
  if (value === null || value === undefined) return null;
  if (typeof value !== "number" && typeof value !== "string" && typeof value !== "bigint") return undefined;
  const text = String(value);
  // NUMERIC_MAX_… limits are far beyond; so are texts that anyone compares with.
  return text.length > 1000 ? undefined : (DECIMAL.exec(text) ?? undefined);
}

/** Up to here a half between two integers is a double that SQLite compares exactly with an integer. */
const HALVES = 2_251_799_813_685_248n;

interface ScaledOptions {
  /** What a number becomes that lies between two integers: `half` the half between them, which compares as it does. */
  readonly between: "half" | "refuse";
}

/** Binds a number times 10^scale. */
function scaledBinder(scale: number, { between }: ScaledOptions): Binder {
  const factor = 10 ** scale;
  const safe = Number.MAX_SAFE_INTEGER / factor;
  return (value) => {
    if (typeof value === "number" && Number.isInteger(value) && value <= safe && value >= -safe) {
      return value * factor + 0;
    }
    const match = decimalOf(value);
    if (match === null || match === undefined) return match;
    const fraction = match[3] ?? "";
    const kept = fraction.slice(0, scale).padEnd(scale, "0");
    const isBetween = /[1-9]/.test(fraction.slice(scale));
    const magnitude = BigInt(`${match[2] ?? ""}${kept}`);
    const negative = match[1] === "-";
    if (isBetween) {
      if (between === "refuse" || magnitude >= HALVES) return undefined;
      return negative ? -Number(magnitude) - 0.5 : Number(magnitude) + 0.5;
    }
    const scaled = negative ? -magnitude : magnitude;
    if (scaled < INT8_MIN || scaled > INT8_MAX) return undefined;
    const small = Number(scaled);
    return Number.isSafeInteger(small) ? small + 0 : scaled;
  };
}

/** Binds the memcmp key of an arbitrary-precision number. */
function bindNumericKey(value: unknown): StoreValue | undefined {
  const match = decimalOf(value);
  if (match === null || match === undefined) return match;
  return numericKey(`${match[1]}${match[2] || "0"}.${match[3] ?? ""}`) ?? undefined;
}

/** The text that the origin would send for the number: no zeros in front, no sign before zero, the scale as given. */
function bindNumericText(value: unknown): StoreValue | undefined {
  const match = decimalOf(value);
  if (match === null || match === undefined) return match;
  const integer = (match[2] ?? "").replace(/^0+/, "") || "0";
  const text = match[3] ? `${integer}.${match[3]}` : integer;
  return match[1] === "-" && /[1-9]/.test(text) ? `-${text}` : text;
}
