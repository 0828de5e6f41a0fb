import { jsonbNumber } from "./jsonb.ts";

/** What stands at a place of a JSON text. */
export type Kind = "object" | "array" | "string" | "number" | "boolean" | "null";

/**
 * Cuts parts out of the text of a JSON value as it is written. The text is the origin's own: it is known to be JSON, so
 * that only its structure is followed.
 */
export class Document {
  readonly text: string;
  #at: number;

  constructor(text: string) {
    this.text = text;
    this.#at = 0;
  }

  get kind(): Kind {
    this.#at = 0;
    this.#skipBlanks();
    return kindOf(this.text[this.#at]);
  }

  /** Values of the top level: of an array in order, of an object each behind its key as it is written. */
  *#parts(): Generator<readonly [key: string | null, value: string]> {
    const isObject = this.kind === "object";
    if (!isObject && this.kind !== "array") return;
    this.#at = 0;
    this.#skipBlanks();
    this.#at++;
    this.#skipBlanks();
    const end = isObject ? "}" : "]";
    if (this.text[this.#at] === end) return;
    for (;;) {
      this.#skipBlanks();
      const key = isObject ? this.#token() : null;
      if (isObject) {
        this.#skipBlanks();
        this.#at++;
        this.#skipBlanks();
      }
      const value = this.#token();
      this.#skipBlanks();
      const sign = this.text[this.#at++];
      yield [key, value];
      if (sign === end) return;
      if (sign !== ",") throw new SyntaxError("JSON breaks off");
    }
  }

  items(): string[] {
    return [...this.#parts()].map(([, value]) => value);
  }

  /** Of equal keys the last one counts. */
  entries(): Map<string, string> {
    const entries = new Map<string, string>();
    for (const [key, value] of this.#parts()) entries.set(stringOf(key ?? '""'), value);
    return entries;
  }

  /** The values of a key of an object, as written: json keeps all that stand behind equal keys. */
  members(name: string): string[] {
    if (this.kind !== "object") return [];
    const written = JSON.stringify(name);
    const found: string[] = [];
    for (const [key, value] of this.#parts()) {
      if (key === written || (key?.includes("\\") === true && stringOf(key) === name)) found.push(value);
    }
    return found;
  }

  /** The last of them; `null` if there is none. */
  member(name: string): string | null {
    return this.members(name).at(-1) ?? null;
  }

  /** An item of an array, from the end for a negative index. */
  item(index: number): string | null {
    if (this.kind !== "array") return null;
    return this.items().at(index) ?? null;
  }

  /** One value, whatever it holds. */
  #token(): string {
    const start = this.#at;
    const first = this.text[start];
    if (first === '"') this.#string();
    else if (first === "{" || first === "[") this.#container();
    else this.#run(/[^\s,\]}]+/y);
    if (this.#at === start) throw new SyntaxError("a value is missing");
    return this.text.slice(start, this.#at);
  }

  #string(): void {
    this.#run(/"(?:[^"\\]|\\.)*"/sy);
  }

  #container(): void {
    for (let depth = 0; ; ) {
      this.#run(/[^"[\]{}]+/y);
      const sign = this.text[this.#at];
      if (sign === '"') {
        this.#string();
        continue;
      }
      if (sign === undefined) throw new SyntaxError("JSON breaks off");
      this.#at++;
      depth += sign === "{" || sign === "[" ? 1 : -1;
      if (depth === 0) return;
    }
  }

  #skipBlanks(): void {
    this.#run(/[ \t\n\r]+/y);
  }

  #run(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.text)?.[0].length ?? 0;
  }
}

function kindOf(first: string | undefined): Kind {
  switch (first) {
    case "{":
      return "object";
    case "[":
      return "array";
    case '"':
      return "string";
    case "t":
    case "f":
      return "boolean";
    case "n":
      return "null";
    case undefined:
      throw new SyntaxError("no JSON");
    default:
      return "number";
  }
}

/** The text that a JSON string stands for. */
export function stringOf(written: string): string {
  const text: unknown = JSON.parse(written);
  if (typeof text !== "string" || text.includes("\0") || !text.isWellFormed()) {
    throw new RangeError("a text that the origin does not hold");
  }
  return text;
}

/** A value as `->>` shows it: a string without quotes, the JSON null as NULL, all else as it is written. */
export function shownText(value: string): string | null {
  if (value.startsWith('"')) return stringOf(value);
  return value === "null" ? null : value;
}

/** A number without the zeros that do not count: equal numbers have one such text. */
export function numberKey(written: string): string {
  const text = jsonbNumber(written);
  const short = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return short === "-0" ? "0" : short;
}
