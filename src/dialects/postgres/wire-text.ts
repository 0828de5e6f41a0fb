import type { ColumnType } from "../../catalog.ts";
import type { Output } from "../../plan/term.ts";
import { scaleOf } from "../../store/column-set.ts";
import type { StoreValue } from "../../store/contract.ts";
import type { SessionSettings } from "../dialect.ts";
import { dateText, two } from "./calendar.ts";
import { floatText } from "./float-text.ts";

/** Never called with NULL. Integers may come as their decimal text: that is how plans read those beyond 2^53. */
export type WireText = (value: Exclude<StoreValue, null>) => string;

/**
 * How the text that the server sends is rebuilt from the `value` encoding; `null` when it cannot be, and the encoding
 * `text` has to be loaded: times in other styles or zones than ISO in UTC, floats with `extra_float_digits` below 1,
 * char of no declared length (it keeps its blanks).
 */
export function wireTextOf(
  type: Pick<ColumnType, "kind" | "modifier" | "precision">,
  settings: Pick<SessionSettings, "timeZone" | "dateStyle" | "extraFloatDigits">,
): WireText | null {
  switch (type.kind) {
    case "int2":
    case "int4":
    case "int8":
    case "text":
    case "uuid":
    case "enum":
    case "json":
    case "wire":
      return String;
    case "bool":
      return boolText;
    case "float8":
      return settings.extraFloatDigits > 0 ? float8Text : null;
    case "char":
      // bpchar's modifier is its length and the 4 bytes of a varlena header.
      return type.modifier > 4 ? charText(type.modifier - 4) : null;
    case "numeric": {
      const scale = scaleOf(type);
      return scale === null ? String : scaledText(scale);
    }
    case "date":
      return isIso(settings) ? dateWireText : null;
    case "timestamp":
      return isIso(settings) ? timestampText("") : null;
    case "timestamptz":
      return isIso(settings) && isUtc(settings.timeZone) ? timestampText("+00") : null;
    default:
      return type.kind satisfies never;
  }
}

type TextSettings = Parameters<typeof wireTextOf>[1];

/** The text that the server sends for a result column of a plan. */
export function outputText(output: Output, settings: TextSettings): WireText {
  switch (output.kind) {
    case "text":
      return String;
    case "scaled":
      return scaledText(output.scale);
    case "ordinal": {
      const { labels } = output.type;
      return (value) => {
        const label = labels[Number(value)];
        if (label === undefined) throw new RangeError(`no label number ${value} in ${output.type.name}`);
        return label;
      };
    }
    case "value":
    case "position": {
      const text = wireTextOf(output.type, settings);
      if (text === null) throw new TypeError(`the text of ${output.type.name} has to be loaded`);
      return text;
    }
    default:
      return output satisfies never;
  }
}

function isIso(settings: Pick<SessionSettings, "dateStyle">): boolean {
  return settings.dateStyle.startsWith("ISO");
}

const UTC_NAMES = /^(?:Etc\/)?(?:UTC|UCT|Universal|Zulu|GMT|Greenwich)$/i;

/** True for the names of the zone that has been 0 minutes off, without changes, for ever. */
export function isUtc(timeZone: string): boolean {
  return UTC_NAMES.test(timeZone);
}

function boolText(value: Exclude<StoreValue, null>): string {
  return Number(value) === 0 ? "f" : "t";
}

function float8Text(value: Exclude<StoreValue, null>): string {
  return typeof value === "number" ? floatText(value) : String(value);
}

function charText(length: number): WireText {
  return (value) => {
    const text = String(value);
    // The length counts code points.
    let missing = length - text.length;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0xd800 && unit < 0xdc00) missing++;
    }
    return missing > 0 ? text + " ".repeat(missing) : text;
  };
}

/** An integer as a decimal with `scale` digits after the point; `NaN` stays. */
function scaledText(scale: number): WireText {
  if (scale === 0) return String;
  const one = 10 ** scale;
  return (value) => {
    const text = String(value);
    if (typeof value === "number" && value >= one) return `${text.slice(0, -scale)}.${text.slice(-scale)}`;
    if (text === "NaN") return text;
    const negative = text.startsWith("-");
    const digits = (negative ? text.slice(1) : text).padStart(scale + 1, "0");
    const point = digits.length - scale;
    return `${negative ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)}`;
  };
}

const INFINITY_DAYS = 2_147_483_647;
const NEGATIVE_INFINITY_DAYS = -2_147_483_648;

function dateWireText(value: Exclude<StoreValue, null>): string {
  const days = Number(value);
  if (days === INFINITY_DAYS) return "infinity";
  if (days === NEGATIVE_INFINITY_DAYS) return "-infinity";
  const { text, era } = dateText(days);
  return text + era;
}

const DAY_MICROSECONDS = 86_400_000_000;
const INT8_MAX = "9223372036854775807";
const INT8_MIN = "-9223372036854775808";

function timestampText(zone: "" | "+00"): WireText {
  return (value) => {
    let microseconds = typeof value === "number" ? value : Number(value);
    let days = 0;
    if (!Number.isSafeInteger(microseconds)) {
      const text = String(value);
      if (text === INT8_MAX) return "infinity";
      if (text === INT8_MIN) return "-infinity";
      const exact = BigInt(text);
      days = Number(exact / BigInt(DAY_MICROSECONDS));
      microseconds = Number(exact % BigInt(DAY_MICROSECONDS));
    }
    const more = Math.floor(microseconds / DAY_MICROSECONDS);
    const ofDay = microseconds - more * DAY_MICROSECONDS;
    const { text, era } = dateText(days + more);
    const seconds = Math.floor(ofDay / 1_000_000);
    const fraction = ofDay - seconds * 1_000_000;
    const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    return `${text} ${time}${fraction === 0 ? "" : fractionText(fraction)}${zone}${era}`;
  };
}

/** Six digits without zeros at the end (AppendTimestampSeconds in src/backend/utils/adt/datetime.c). */
function fractionText(microseconds: number): string {
  return `.${String(microseconds).padStart(6, "0").replace(/0+$/, "")}`;
}
