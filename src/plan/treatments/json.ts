import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { quoteText } from "../../quoting.ts";
import { scaleOf } from "../../store/column-set.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import { itemType } from "./arrays.ts";
import { untypedConstantTerm } from "./constants.ts";
import { computed } from "./expressions.ts";
import { charLength, storedText } from "./wire.ts";

/**
 * JSON that is built from values. A whole tree becomes one call, `pg_json(shape, …)`: the shape says how each argument is
 * written, in the order of the tree, so that nothing is put together twice.
 */
export type Shape =
  /** One value, written as `codec` says (see `shapeText`). */
  | { readonly kind: "value"; readonly codec: string; readonly sql: string | null }
  | { readonly kind: "array"; readonly items: readonly Shape[] }
  | {
      readonly kind: "object";
      readonly entries: readonly { readonly key: string | Shape; readonly value: Shape }[];
      /** A row: without blanks. */
      readonly compact: boolean;
    };

/** The shapes of terms that are nothing but built JSON: they become parts of the tree around them. */
const SHAPES = new WeakMap<Term, { readonly shape: Shape; readonly binary: boolean }>();

/** The text in which SQLite is told the shape, and the arguments that it takes. */
export function printShape(shape: Shape): { readonly text: string; readonly values: readonly string[] } {
  const values: string[] = [];
  const describe = (node: Shape): unknown => {
    if (node.kind === "array") return { a: node.items.map(describe) };
    if (node.kind === "object") {
      const entries = node.entries.map(({ key, value }) => [
        typeof key === "string" ? { k: key } : describe(key),
        describe(value),
      ]);
      return node.compact ? { r: entries } : { o: entries };
    }
    if (node.sql !== null) values.push(node.sql);
    return node.codec;
  };
  const text = quoteText(JSON.stringify(describe(shape)));
  return { text, values };
}

/** `json` or, `binary`, `jsonb`. */
function jsonType(analysis: Analysis, binary: boolean): ColumnType | Bypass {
  const name = binary ? "jsonb" : "json";
  const type = analysis.surroundings.types.byName({ name: [name], modifiers: [], array: false });
  return type ?? bypass("unsupported-type", `the type ${name}`);
}

/** A term of built JSON. */
export function jsonTerm(
  analysis: Analysis,
  sql: string,
  binary: boolean,
  neverNull: Term["neverNull"],
): Term | Bypass {
  const type = jsonType(analysis, binary);
  if (isBypass(type)) return type;
  const refusal = bypass("unsupported-type", `values of type ${type.name} cannot be compared exactly here`);
  return computed({ type, sql, equality: refusal, order: refusal, neverNull, canonical: () => refusal });
}

function built(analysis: Analysis, shape: Shape, binary: boolean, neverNull: Term["neverNull"]): Term | Bypass {
  const { text, values } = printShape(shape);
  const sql = `${binary ? "pg_jsonb" : "pg_json"}(${[text, ...values].join(", ")})`;
  const term = jsonTerm(analysis, sql, binary, neverNull);
  if (!isBypass(term)) SHAPES.set(term, { shape, binary });
  return term;
}

const FORMS: ReadonlyMap<string, { readonly build: "object" | "array" | "value"; readonly binary: boolean }> = new Map([
  ["json_build_object", { build: "object", binary: false }],
  ["jsonb_build_object", { build: "object", binary: true }],
  ["json_build_array", { build: "array", binary: false }],
  ["jsonb_build_array", { build: "array", binary: true }],
  ["to_json", { build: "value", binary: false }],
  ["to_jsonb", { build: "value", binary: true }],
  ["row_to_json", { build: "value", binary: false }],
]);

export const JSON_FUNCTIONS: ReadonlySet<string> = new Set(FORMS.keys());

export function jsonFunction(analysis: Analysis, name: string, operands: readonly Operand[]): Term | Bypass {
  const form = FORMS.get(name);
  const [first] = operands;
  if (form === undefined) return bypass("unsupported-function", `function ${name}()`);
  const { build, binary } = form;
  if (build === "value") {
    if (first === undefined || operands.length !== 1 || !isTerm(first) || (name === "row_to_json" && !isRow(first))) {
      return bypass("unsupported-function", `${name}() of this argument`);
    }
    const shape = shapeOf(analysis, first, binary);
    return isBypass(shape) ? shape : built(analysis, shape, binary, first.neverNull);
  }
  const shape = build === "array" ? arrayShape(analysis, operands, binary) : objectShape(analysis, operands, binary);
  return isBypass(shape) ? shape : built(analysis, shape, binary, () => true);
}

function arrayShape(analysis: Analysis, operands: readonly Operand[], binary: boolean): Shape | Bypass {
  const items: Shape[] = [];
  for (const operand of operands) {
    const item = shapeOf(analysis, operand, binary);
    if (isBypass(item)) return item;
    items.push(item);
  }
  return { kind: "array", items };
}

function objectShape(analysis: Analysis, operands: readonly Operand[], binary: boolean): Shape | Bypass {
  const entries: { key: string | Shape; value: Shape }[] = [];
  for (let index = 0; index + 1 < operands.length; index += 2) {
    const [name, operand] = operands.slice(index, index + 2);
    if (name === undefined || operand === undefined) break;
    const key = keyShape(analysis, name);
    if (isBypassOf(key)) return key;
    const value = shapeOf(analysis, operand, binary);
    if (isBypass(value)) return value;
    entries.push({ key, value });
  }
  return { kind: "object", entries, compact: false };
}

function isBypassOf(value: string | Shape | Bypass): value is Bypass {
  return typeof value !== "string" && value.kind === "bypass";
}

/** A key is the text of its value. The origin raises where it is NULL. */
export function keyShape(analysis: Analysis, operand: Operand): string | Shape | Bypass {
  if (operand.kind === "constant" && operand.type === "unknown" && operand.text !== null) {
    analysis.pin(operand);
    return operand.text;
  }
  if (!isTerm(operand)) return bypass("unsupported-function", "a key that is no text and no column");
  if (operand.type.kind === "json" || operand.type.kind === "wire") {
    return bypass("unsupported-type", `a key of type ${operand.type.name}`);
  }
  analysis.proofs.push((facts) => (operand.neverNull(facts) ? null : bypass("may-raise", "a key could be NULL")));
  return shapeOf(analysis, operand, false);
}

/** How a value is written. */
export function shapeOf(analysis: Analysis, operand: Operand, binary: boolean): Shape | Bypass {
  if (operand.kind === "null") return { kind: "value", codec: "0", sql: null };
  const term = isTerm(operand) ? operand : untypedConstantTerm(analysis, operand);
  if (isBypass(term)) return term;
  const known = SHAPES.get(term);
  // What jsonb has sorted and what it has dropped cannot be had back; json as it was written is no jsonb yet.
  if (known !== undefined && !(known.binary && !binary)) {
    return binary && holdsVerbatim(known.shape) ? bypass("may-raise", "a value of json in jsonb") : known.shape;
  }
  const argument = valueShape(analysis, term, binary);
  if (isBypass(argument)) return argument;
  const [codec, sql] = argument;
  return typeof sql === "string" ? { kind: "value", codec, sql } : sql;
}

/** A json column is shown as it was written, which jsonb would read and might refuse. */
function holdsVerbatim(shape: Shape): boolean {
  switch (shape.kind) {
    case "value":
      return shape.codec.endsWith("J");
    case "array":
      return shape.items.some(holdsVerbatim);
    case "object":
      return shape.entries.some(({ value }) => holdsVerbatim(value));
  }
}

/**
 * The codec of a value and its argument: `n` a number as it is, `b` a truth, `f` a double, `s` a text, `p` a text padded to
 * a length, `d` a date, `t` and `z` a timestamp without and with time zone, `Z` the text of one, `m` a decimal (of a
 * scale), `w` a number's text that may be no number, `j` jsonb and `J` json, `0` null.
 */
function valueShape(
  analysis: Analysis,
  term: Term,
  binary: boolean,
): readonly [codec: string, sql: string | Bypass] | Bypass {
  const { type } = term;
  const { needsText } = analysis.surroundings;
  switch (type.kind) {
    case "int2":
    case "int4":
      return ["n", term.value()];
    case "int8":
      return ["n", asText(term.value())];
    case "bool":
      return ["b", term.value()];
    case "float8":
      return needsText(type) ? ["w", storedText(term)] : ["f", term.value()];
    case "text":
    case "uuid":
    case "enum":
      return ["s", term.value()];
    case "char":
      return [`p${charLength(type)}`, term.value()];
    case "date":
      return ["d", term.value()];
    case "timestamp":
      return ["t", asText(term.value())];
    case "timestamptz":
      if (!needsText(type)) return ["z", asText(term.value())];
      // In ISO style the text of any zone holds what JSON shows.
      if (needsText(analysis.builtin("date"))) return bypass("unsupported-type", "a time in JSON in this DateStyle");
      return ["Z", storedText(term)];
    case "numeric": {
      const scale = scaleOf(type);
      return scale === null ? ["m", term.value()] : [`m${scale}`, asText(term.value())];
    }
    case "json":
      if (type.name === "jsonb") return ["j", term.value()];
      return binary ? bypass("may-raise", "a value of json in jsonb") : ["J", term.value()];
    case "wire":
      if (type.oid === 700) return ["w", term.value()];
      if (itemType(analysis, type) !== null) return itemsShape(analysis, term, binary);
      return SHOWN_AS_TEXT.has(type.oid) ? ["s", term.value()] : bypass("unsupported-type", `${type.name} in JSON`);
  }
}

/** An array: `a` and the codec of its items, which are read from its text. `B` is a truth and `T` a timestamp in it. */
function itemsShape(
  analysis: Analysis,
  term: Term,
  binary: boolean,
): readonly [codec: string, sql: string | Bypass] | Bypass {
  const { types } = analysis.surroundings;
  const item = types.elementOf(term.type.oid);
  const codec = item === null ? undefined : ITEM_CODECS[item.kind];
  const isJson = item?.kind === "json" && item.name === "json";
  const isTime = codec === "T" || codec === "Z" || item?.kind === "date";
  if (codec === undefined || (isJson && binary) || (isTime && !types.session.isoDates)) {
    return bypass("unsupported-type", `${term.type.name} in JSON`);
  }
  return [`a${isJson ? "J" : codec}`, term.value()];
}

const ITEM_CODECS: Partial<Record<ColumnType["kind"], string>> = {
  int2: "n",
  int4: "n",
  int8: "n",
  bool: "B",
  float8: "w",
  numeric: "w",
  text: "s",
  char: "s",
  uuid: "s",
  date: "s",
  timestamp: "T",
  timestamptz: "Z",
  json: "j",
};

function asText(value: string | Bypass): string | Bypass {
  return typeof value === "string" ? `CAST(${value} AS TEXT)` : value;
}

/**
 * Types that JSON shows as the text of their output function (JSONTYPE_OTHER of src/backend/utils/adt/json.c): bytea,
 * name, oid, xml, geometric types, inet, cidr, macaddr, money, bpchar, time, interval, timetz, bits, tsvector, ranges.
 */
const SHOWN_AS_TEXT: ReadonlySet<number> = new Set([
  17, 19, 26, 142, 600, 601, 602, 603, 604, 628, 650, 718, 774, 790, 829, 869, 1042, 1083, 1186, 1266, 1560, 1562, 3614,
  3904, 3906, 3908, 3910, 3912, 3926,
]);

/**
 * A whole row where JSON is built: an object by the names of its columns, without blanks. As a value of its own it is not
 * modelled.
 */
export function rowTerm(
  analysis: Analysis,
  columns: readonly { readonly name: string; readonly term: Term }[],
): Term | Bypass {
  const entries: { key: string; value: Shape }[] = [];
  for (const { name, term } of columns) {
    const value = shapeOf(analysis, term, false);
    if (isBypass(value)) return value;
    entries.push({ key: name, value });
  }
  const row = bypass("unsupported-syntax", "a whole row as a value");
  const type: ColumnType = { ...ROW_TYPE, kind: "wire" };
  const term = computed({ type, sql: "NULL", value: row, equality: row, order: row, neverNull: () => true });
  SHAPES.set(term, { shape: { kind: "object", entries, compact: true }, binary: false });
  return term;
}

const ROW_TYPE = { oid: 2249, name: "record", modifier: -1, precision: null, labels: [], collation: null };

export function isRow(term: Term): boolean {
  return term.type.oid === ROW_TYPE.oid;
}
