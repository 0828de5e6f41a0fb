/** The items of an array: texts, NULL, or arrays of one dimension less. */
export type ArrayItem = string | null | readonly ArrayItem[];

/** An array as its text says: the bounds of its dimensions stand before the items only where one is not 1. */
export interface ArrayValue {
  readonly items: readonly ArrayItem[];
  /** Lower bound of the first dimension. */
  readonly low: number;
  /** Number of items in each dimension; none of the empty array. */
  readonly lengths: readonly number[];
}

/** MAXDIM of src/include/utils/array.h. */
const MAXIMUM_DIMENSIONS = 6;
/** `array_isspace` of src/backend/utils/adt/arrayfuncs.c. */
const BLANK = " \t\n\r\v\f";
/** What `array_out` quotes: nothing at all, blanks, its own signs, and the word NULL. */
const QUOTED = /^$|[ \t\n\r\v\f"\\{},]|^null$/i;

/** An item as `array_out` writes it. */
export function itemText(text: string | null): string {
  if (text === null) return "NULL";
  return QUOTED.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
}

/** The text of an array with lower bounds of 1. */
export function arrayText(items: readonly ArrayItem[]): string {
  return `{${items.map((item) => (isItems(item) ? arrayText(item) : itemText(item))).join(",")}}`;
}

export function isItems(item: ArrayItem): item is readonly ArrayItem[] {
  return typeof item === "object" && item !== null;
}

/** All items that are no arrays, in order. */
export function leavesOf(items: readonly ArrayItem[]): (string | null)[] {
  return items.flatMap((item) => (isItems(item) ? leavesOf(item) : [item]));
}

/**
 * Reads the text of an array of a type whose items are divided by commas. Raises for spellings that servers do not agree
 * about (an empty array inside an array, signs behind a closing quote), and for what is no array.
 */
export function readArray(text: string): ArrayValue {
  const bounds = /^(?:\[(-?\d{1,9}):-?\d{1,9}\](?:\[-?\d{1,9}:-?\d{1,9}\])*=)?/.exec(text);
  const reader = new Reader(text, bounds?.[0].length ?? 0);
  const items = reader.whole();
  return { items, low: Number(bounds?.[1] ?? 1), lengths: lengthsOf(items) };
}

function lengthsOf(items: readonly ArrayItem[]): readonly number[] {
  if (items.length === 0) return [];
  const lengths: number[] = [];
  for (let level = items; ; ) {
    lengths.push(level.length);
    const [first] = level;
    if (first === undefined || !isItems(first)) break;
    level = first;
  }
  if (lengths.length > MAXIMUM_DIMENSIONS || !isRegular(items, lengths)) throw new RangeError("a ragged array");
  return lengths;
}

function isRegular(items: readonly ArrayItem[], [length, ...inner]: readonly number[]): boolean {
  if (items.length !== length || length === 0) return false;
  return items.every((item) => (inner.length === 0 ? !isItems(item) : isItems(item) && isRegular(item, inner)));
}

class Reader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  whole(): readonly ArrayItem[] {
    if (this.#text[this.#at] !== "{") throw new SyntaxError("no array");
    const items = this.#items(0);
    if (this.#at !== this.#text.length) throw new SyntaxError("more than one array");
    return items;
  }

  #items(depth: number): readonly ArrayItem[] {
    if (depth >= MAXIMUM_DIMENSIONS) throw new RangeError("too many dimensions");
    this.#at++;
    this.#skipBlanks();
    const items: ArrayItem[] = [];
    if (this.#text[this.#at] === "}") {
      this.#at++;
      return items;
    }
    for (;;) {
      this.#skipBlanks();
      const first = this.#text[this.#at];
      if (first === "{") items.push(this.#items(depth + 1));
      else items.push(first === '"' ? this.#quoted() : this.#plain());
      this.#skipBlanks();
      const sign = this.#text[this.#at++];
      if (sign === "}") return items;
      if (sign !== ",") throw new SyntaxError("an array breaks off");
    }
  }

  #quoted(): string {
    const found = this.#match(/"(?:[^"\\]|\\.)*"/sy);
    if (found === "") throw new SyntaxError("a quote is not closed");
    return found.slice(1, -1).replaceAll(/\\(.)/gs, "$1");
  }

  #plain(): string | null {
    const found = this.#match(/[^{},"\\]+/y);
    const text = trimmed(found);
    if (text === "") throw new SyntaxError("an item is missing");
    return text.toLowerCase() === "null" ? null : text;
  }

  #skipBlanks(): void {
    while (this.#at < this.#text.length && BLANK.includes(this.#text[this.#at] ?? "")) this.#at++;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
}

/** `trim()` would take away more than the server does. */
function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && BLANK.includes(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}
