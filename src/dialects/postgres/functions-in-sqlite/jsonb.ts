import { decimalText, parseDecimal } from "./decimal.ts";

/** Deeper values than that are left to the origin. */
const MAXIMUM_DEPTH = 1000;

/** A number of jsonb is a numeric: without exponent, and with the zeros that it was written with. */
export function jsonbNumber(text: string): string {
  if (/^-?\d+$/.test(text) && text !== "-0") return text;
  const decimal = parseDecimal(text);
  if (decimal === null) throw new RangeError(`${text} is no number`);
  return decimalText(decimal);
}

/** The entries sorted as jsonb sorts them, by the length of the key in bytes, then by its bytes; the last of equal keys stays. */
export function jsonbObject(entries: readonly (readonly [key: string, value: string])[]): string {
  const last = new Map(entries);
  const sorted = [...last].map(([key, value]) => ({ key: Buffer.from(key), text: `${JSON.stringify(key)}: ${value}` }));
  sorted.sort((a, b) => a.key.length - b.key.length || a.key.compare(b.key));
  return `{${sorted.map(({ text }) => text).join(", ")}}`;
}

/** The text of a JSON value as jsonb prints it. Raises for what jsonb does not hold, and for what is no JSON. */
export function jsonbText(json: string): string {
  return new Reader(json).whole();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): string {
    const value = this.#value(0);
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw new SyntaxError("more than one JSON value");
    return value;
  }

  #value(depth: number): string {
    if (depth > MAXIMUM_DEPTH) throw new RangeError("JSON that is nested too deeply");
    this.#skipBlanks();
    const first = this.#text[this.#at];
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#array(depth);
    if (first === '"') return JSON.stringify(this.#string());
    const word = this.#match(/true|false|null/y);
    return word ?? jsonbNumber(this.#match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y) ?? "");
  }

  #object(depth: number): string {
    const entries: [string, string][] = [];
    this.#list("}", () => {
      this.#skipBlanks();
      const key = this.#string();
      this.#expect(":");
      entries.push([key, this.#value(depth + 1)]);
    });
    return jsonbObject(entries);
  }

  #array(depth: number): string {
    const items: string[] = [];
    this.#list("]", () => items.push(this.#value(depth + 1)));
    return `[${items.join(", ")}]`;
  }

  #list(end: string, read: () => void): void {
    this.#at++;
    this.#skipBlanks();
    if (this.#text[this.#at] === end) {
      this.#at++;
      return;
    }
    for (;;) {
      read();
      this.#skipBlanks();
      const sign = this.#text[this.#at++];
      if (sign === end) return;
      if (sign !== ",") throw new SyntaxError("JSON breaks off");
    }
  }

  #string(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has none of them in a string
    const text: unknown = JSON.parse(this.#match(/"(?:[^"\\\u0000-\u001f]|\\.)*"/y) ?? "");
    if (typeof text !== "string" || text.includes("\0") || !text.isWellFormed()) {
      throw new RangeError("a text that jsonb does not hold");
    }
    return text;
  }

  #expect(sign: string): void {
    this.#skipBlanks();
    if (this.#text[this.#at++] !== sign) throw new SyntaxError(`${sign} is missing`);
  }

  #skipBlanks(): void {
    this.#match(/[ \t\n\r]*/y);
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    this.#at += found?.length ?? 0;
    return found;
  }
}
