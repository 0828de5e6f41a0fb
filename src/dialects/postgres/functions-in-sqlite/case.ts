import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import type { CaseTable } from "../case-table.ts";

/** A table ready for use. */
interface Casing {
  readonly lower: ReadonlyMap<string, string>;
  readonly upper: ReadonlyMap<string, string>;
  /** ASCII letters are mapped as everywhere but in Turkish: texts of nothing else need no look-ups. */
  readonly plainAscii: boolean;
  isAlphanumeric(code: number): boolean;
}

const ASCII = /^[\0-\x7f]*$/;

/** lower(), upper() and initcap() by a table of the origin, whose key is the last argument, or for ASCII texts alone. */
export function registerCaseFunctions(target: FunctionTarget, resources: ReadonlyMap<string, unknown>): void {
  const casings = new Map<unknown, Casing>();
  const casingOf = (key: StoreValue | undefined): Casing => {
    const table = resources.get(String(key));
    if (table === undefined) throw new RangeError(`${key} is not there`);
    let casing = casings.get(table);
    if (casing === undefined) {
      casing = createCasing(table as CaseTable);
      casings.set(table, casing);
    }
    return casing;
  };
  const define = (name: string, apply: (text: string, key: StoreValue | undefined) => string): void => {
    target.function(name, { deterministic: true }, (text: StoreValue, key: StoreValue) => {
      return text === null ? null : apply(textOf(text), key);
    });
  };
  define("pg_lower", (text, key) => {
    const { lower, plainAscii } = casingOf(key);
    return plainAscii && ASCII.test(text) ? text.toLowerCase() : mapped(text, lower);
  });
  define("pg_upper", (text, key) => {
    const { upper, plainAscii } = casingOf(key);
    return plainAscii && ASCII.test(text) ? text.toUpperCase() : mapped(text, upper);
  });
  define("pg_initcap", (text, key) => capitalized(text, casingOf(key)));
  target.function("pg_ascii", { deterministic: true }, (text: StoreValue) => {
    if (text === null || ASCII.test(textOf(text))) return text;
    throw new RangeError("a character beyond ASCII");
  });
}

function textOf(value: StoreValue): string {
  if (typeof value === "string") return value;
  throw new TypeError("not a text");
}

function createCasing({ lower, upper, alphanumeric }: CaseTable): Casing {
  const lowers = pairs(lower);
  const uppers = pairs(upper);
  const firsts = alphanumeric.map(([first]) => first);
  return {
    lower: lowers,
    upper: uppers,
    plainAscii: Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).every(
      (character) =>
        (lowers.get(character) ?? character) === character.toLowerCase() &&
        (uppers.get(character) ?? character) === character.toUpperCase(),
    ),
    isAlphanumeric: (code) => {
      let low = 0;
      let high = firsts.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((firsts[middle] ?? 0) <= code) low = middle + 1;
        else high = middle;
      }
      return code <= (alphanumeric[low - 1]?.[1] ?? -1);
    },
  };
}

function pairs([from, to]: readonly [string, string]): Map<string, string> {
  const targets = [...to];
  return new Map([...from].map((character, index) => [character, targets[index] ?? ""]));
}

function mapped(text: string, map: ReadonlyMap<string, string>): string {
  let result = "";
  for (const character of text) result += map.get(character) ?? character;
  return result;
}

/** str_initcap(): a letter or digit after something else is made large, all other characters small. */
function capitalized(text: string, { lower, upper, isAlphanumeric }: Casing): string {
  let result = "";
  let inWord = false;
  for (const character of text) {
    const changed = (inWord ? lower : upper).get(character) ?? character;
    result += changed;
    inWord = isAlphanumeric(changed.codePointAt(0) ?? 0);
  }
  return result;
}
