import type { StoreValue } from "../../../store/contract.ts";
import { type ArrayItem, isItems, readArray } from "../array-text.ts";
import { floatText } from "../float-text.ts";
import { type WireText, wireTextOf } from "../wire-text.ts";
import { jsonbNumber, jsonbObject } from "./jsonb.ts";

/** Writes one tree from the values of a row. */
export type Encoder = (values: readonly StoreValue[]) => string;
/** Writes a key; `constant` if it is the same for each row. */
type KeyEncoder = Encoder & { readonly constant?: string };
/** The key and the written value of an object of one entry. */
export type EntryEncoder = (values: readonly StoreValue[]) => readonly [key: string, value: string];

export interface CompiledShape {
  readonly encode: Encoder;
  readonly entry: EntryEncoder;
  /** It is one value, no array or object. */
  readonly isValue: boolean;
}

/** A codec, `{ a: items }`, `{ o: entries }`, or `{ r: entries }` for a row; a key that is constant is `{ k: text }`. */
type Node = string | { readonly a: readonly Node[] } | { readonly o: Entries } | { readonly r: Entries };
type Entries = readonly (readonly [Key, Node])[];
type Key = string | { readonly k: string };

/** Compiles the text of a shape. The values belong to its codecs in the order of the text. `binary`: jsonb. */
export function compileShape(text: string, binary: boolean): CompiledShape {
  const node = JSON.parse(text) as Node;
  const compiler = new Compiler(binary);
  if (typeof node === "object" && "o" in node && node.o.length === 1) {
    const [[key, value] = ["0", "0"] as const] = node.o;
    const keyOf = compiler.key(key);
    const encode = compiler.encoder(value);
    const entry: EntryEncoder = (values) => [keyOf(values), encode(values)];
    return { encode: compiler.object([[keyOf, encode]], false), entry, isValue: false };
  }
  const entry: EntryEncoder = () => {
    throw new TypeError("not an object of one entry");
  };
  return { encode: compiler.encoder(node), entry, isValue: typeof node === "string" };
}

class Compiler {
  readonly #binary: boolean;
  #next = 0;

  constructor(binary: boolean) {
    this.#binary = binary;
  }

  encoder(node: Node): Encoder {
    if (typeof node === "string") return this.#value(node);
    if ("a" in node) {
      const items = node.a.map((item) => this.encoder(item));
      return (values) => `[${items.map((item) => item(values)).join(", ")}]`;
    }
    const entries = "o" in node ? node.o : node.r;
    return this.object(
      entries.map(([key, value]) => [this.key(key), this.encoder(value)] as const),
      "r" in node,
    );
  }

  key(key: Key): KeyEncoder {
    if (typeof key === "object") return Object.assign(() => key.k, { constant: key.k });
    const index = this.#next++;
    const text = keyText(key);
    return (values) => {
      const value = values[index] ?? null;
      if (value === null) throw new RangeError("a key is NULL");
      return text(value);
    };
  }

  object(entries: readonly (readonly [KeyEncoder, Encoder])[], compact: boolean): Encoder {
    if (this.#binary) return (values) => jsonbObject(entries.map(([key, value]) => [key(values), value(values)]));
    const colon = compact ? ":" : " : ";
    const comma = compact ? "," : ", ";
    // A constant key is written once.
    const members = entries.map(([key, value], index) => {
      const before = index === 0 ? "{" : comma;
      const start = key.constant === undefined ? null : before + JSON.stringify(key.constant) + colon;
      return { start, before, key, value };
    });
    return (values) => {
      let text = members.length === 0 ? "{" : "";
      for (const { start, before, key, value } of members) {
        text += (start ?? before + JSON.stringify(key(values)) + colon) + value(values);
      }
      return `${text}}`;
    };
  }

  #value(codec: string): Encoder {
    if (codec === "0") return () => "null";
    const index = this.#next++;
    const write = valueWriter(codec, this.#binary);
    return (values) => {
      const value = values[index] ?? null;
      return value === null ? "null" : write(value);
    };
  }
}

/** Times in JSON are ISO with a T, whatever the session's DateStyle; the session's zone is UTC where they are computed. */
const ISO = { timeZone: "UTC", dateStyle: "ISO, MDY", extraFloatDigits: 1 };

function wireText(
  kind: Parameters<typeof wireTextOf>[0]["kind"],
  modifier = -1,
  scale: number | null = null,
): WireText {
  const precision = scale === null ? null : ([18, scale] as const);
  const text = wireTextOf({ kind, modifier, precision }, ISO);
  if (text === null) throw new TypeError(`${kind} has no text of its own`);
  return text;
}

/** The text of a value, as a key shows it. */
function keyText(codec: string): WireText {
  const size = Number(codec.slice(1));
  switch (codec[0]) {
    case "b":
      return (value) => (Number(value) === 0 ? "false" : "true");
    case "f":
      return wireText("float8");
    case "p":
      return wireText("char", size + 4);
    case "d":
      return wireText("date");
    case "t":
    case "z": {
      const text = wireText("timestamp");
      return (value) => isoTime(text(value), codec === "z" ? "+00:00" : "");
    }
    case "Z":
      return (value) => zonedTime(String(value));
    case "m":
      return codec.length === 1 ? String : wireText("numeric", -1, size);
    default:
      return String;
  }
}

function valueWriter(codec: string, binary: boolean): WireText {
  const text = keyText(codec);
  switch (codec[0]) {
    case "n":
    case "j":
    case "J":
      return text;
    case "b":
      return text;
    case "B":
      return (value) => (value === "t" ? "true" : "false");
    case "T":
      return (value) => JSON.stringify(isoTime(String(value), ""));
    case "a": {
      const write = valueWriter(codec.slice(1), binary);
      return (value) => itemsJson(readArray(String(value)).items, write, binary ? ", " : ",");
    }
    case "f":
      return (value) => numberText(typeof value === "number" ? floatText(value) : String(value), binary);
    case "m":
    case "w":
      return (value) => numberText(text(value), binary);
    default:
      return (value) => JSON.stringify(text(value));
  }
}

function itemsJson(items: readonly ArrayItem[], write: WireText, comma: string): string {
  const written = items.map((item) => {
    if (isItems(item)) return itemsJson(item, write, comma);
    return item === null ? "null" : write(item);
  });
  return `[${written.join(comma)}]`;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/;

/** NaN and the infinities are no numbers of JSON: they are quoted. */
function numberText(text: string, binary: boolean): string {
  if (!NUMBER.test(text)) return JSON.stringify(text);
  return binary ? jsonbNumber(text) : text;
}

/** `2024-01-01 12:00:00` as `2024-01-01T12:00:00+00:00`; the era stands last. */
function isoTime(text: string, zone: string): string {
  if (text.endsWith("infinity")) return text;
  const withT = text.replace(" ", "T");
  return withT.endsWith(" BC") ? `${withT.slice(0, -3)}${zone} BC` : withT + zone;
}

/** The wire text of a timestamptz in ISO style: its offset gets minutes. */
function zonedTime(text: string): string {
  if (text.endsWith("infinity")) return text;
  return text.replace(" ", "T").replace(/([+-]\d\d)( BC)?$/, "$1:00$2");
}
