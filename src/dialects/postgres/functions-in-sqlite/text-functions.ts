import { createHash } from "node:crypto";
import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";

/**
 * Functions over texts as src/backend/utils/adt/varlena.c and oracle_compat.c define them, for arguments that the plan
 * has proven legal. A character is a code point. All but `pg_concat_ws` are strict: NULL of NULL.
 */
export function registerTextFunctions(target: FunctionTarget): void {
  const strict = (name: string, apply: (...values: Exclude<StoreValue, null>[]) => StoreValue): void => {
    target.function(name, { deterministic: true, varargs: true }, (...values) =>
      values.some((value) => value === null) ? null : apply(...(values as Exclude<StoreValue, null>[])),
    );
  };
  strict("pg_left", (text, count) => left(characters(text), Number(count)));
  strict("pg_right", (text, count) => right(characters(text), Number(count)));
  strict("pg_reverse", (text) => characters(text).reverse().join(""));
  strict("pg_repeat", (text, count) => String(text).repeat(Math.max(0, Number(count))));
  strict("pg_lpad", (text, length, fill) => pad(characters(text), Number(length), characters(fill), "left"));
  strict("pg_rpad", (text, length, fill) => pad(characters(text), Number(length), characters(fill), "right"));
  strict("pg_translate", (text, from, to) => translate(String(text), characters(from), characters(to)));
  strict("pg_split_part", (text, delimiter, part) => splitPart(String(text), String(delimiter), Number(part)));
  strict("pg_md5", (text) => createHash("md5").update(String(text)).digest("hex"));
  strict("pg_ascii_code", (text) => BigInt(String(text).codePointAt(0) ?? 0));
  strict("pg_like", (text, pattern, escaping) => (matches(String(text), String(pattern), String(escaping)) ? 1n : 0n));
  target.function("pg_concat_ws", { deterministic: true, varargs: true }, (separator = null, ...values) =>
    separator === null ? null : values.filter((value) => value !== null).join(String(separator)),
  );
}

function characters(value: StoreValue | undefined): string[] {
  if (typeof value !== "string") throw new TypeError("not a text");
  return Array.from(value);
}

/** A negative count leaves out as many characters at the other end. */
function left(text: readonly string[], count: number): string {
  return text.slice(0, count < 0 ? Math.max(0, text.length + count) : count).join("");
}

function right(text: readonly string[], count: number): string {
  return text.slice(count < 0 ? -count : Math.max(0, text.length - count)).join("");
}

function pad(text: readonly string[], length: number, fill: readonly string[], side: "left" | "right"): string {
  const wanted = Math.max(0, length);
  const missing = wanted - text.length;
  if (missing <= 0) return text.slice(0, wanted).join("");
  if (fill.length === 0) return text.join("");
  let padding = "";
  for (let index = 0; index < missing; index++) padding += fill[index % fill.length];
  return side === "left" ? padding + text.join("") : text.join("") + padding;
}

/** Each character of `from` becomes the one at its place in `to`, or nothing; its first place counts. */
function translate(text: string, from: readonly string[], to: readonly string[]): string {
  const map = new Map<string, string>();
  for (const [index, character] of from.entries()) if (!map.has(character)) map.set(character, to[index] ?? "");
  let result = "";
  for (const character of text) result += map.get(character) ?? character;
  return result;
}

function splitPart(text: string, delimiter: string, part: number): string {
  if (text === "") return "";
  const parts = delimiter === "" ? [text] : text.split(delimiter);
  return (part > 0 ? parts[part - 1] : parts[parts.length + part]) ?? "";
}

/** What a pattern's element matches: any text, any one character, or one text. */
type Element = "%" | "_" | { readonly plain: string };

const patterns = new Map<string, readonly Element[]>();
const MAX_PATTERNS = 1000;

/** MatchText() of like_match.c. Of several `%` only the last can need another try. */
function matches(text: string, pattern: string, escaping: string): boolean {
  const elements = elementsOf(pattern, escaping);
  let at = 0;
  let element = 0;
  let retryElement = -1;
  let retryAt = 0;
  for (;;) {
    const current = elements[element];
    if (current === "%") {
      retryElement = ++element;
      retryAt = at;
      if (element === elements.length) return true;
      continue;
    }
    if (current === undefined && at === text.length) return true;
    const length = current === undefined ? -1 : matchLength(text, at, current);
    if (length >= 0) {
      at += length;
      element += 1;
      continue;
    }
    if (retryElement < 0 || retryAt >= text.length) return false;
    retryAt += characterLength(text, retryAt);
    at = retryAt;
    element = retryElement;
  }
}

/** -1: no match. */
function matchLength(text: string, at: number, element: Exclude<Element, "%">): number {
  if (element === "_") return at < text.length ? characterLength(text, at) : -1;
  return text.startsWith(element.plain, at) ? element.plain.length : -1;
}

function characterLength(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit < 0xdc00 ? 2 : 1;
}

function elementsOf(pattern: string, escaping: string): readonly Element[] {
  const key = `${escaping}\0${pattern}`;
  let elements = patterns.get(key);
  if (elements === undefined) {
    elements = readPattern(pattern, escaping);
    if (patterns.size >= MAX_PATTERNS) patterns.clear();
    patterns.set(key, elements);
  }
  return elements;
}

function readPattern(pattern: string, escaping: string): Element[] {
  const elements: Element[] = [];
  let plain = "";
  const endPlain = (): void => {
    if (plain !== "") elements.push({ plain });
    plain = "";
  };
  for (let index = 0; index < pattern.length; index++) {
    let character = pattern.charAt(index);
    if (character === escaping) {
      index += 1;
      if (index === pattern.length) throw new RangeError("LIKE pattern must not end with escape character");
      character = pattern.charAt(index);
    } else if (character === "%" || character === "_") {
      endPlain();
      if (character === "_" || elements.at(-1) !== "%") elements.push(character);
      continue;
    }
    plain += character;
  }
  endPlain();
  return elements;
}
