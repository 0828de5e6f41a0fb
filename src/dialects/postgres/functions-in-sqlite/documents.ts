import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import { leavesOf, readArray } from "../array-text.ts";
import { Document, shownText, stringOf } from "./document-reader.ts";
import { compareScalars, contains, documentKey } from "./document-relations.ts";

/** Escapes that a text cannot hold, once pairs of surrogates are taken out: the origin raises for them where it reads json. */
const UNREADABLE = /\\u(?:0000|[dD][89a-fA-F])/;
const PAIRS = /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}/g;
/** What `strtol` takes for a number, though it is not how one would write it. */
const ODD_INDEX = /^[ \t\n\r\v\f]*[+-]?\d/;
const INDEX = /^(?:0|-?[1-9]\d{0,8})$/;

/** `json` is read before anything is looked for in it. */
function read(text: StoreValue, binary: boolean): Document {
  const written = String(text);
  if (!binary && UNREADABLE.test(written) && UNREADABLE.test(written.replaceAll(PAIRS, "")))
    throw new RangeError("an escape that the origin refuses");
  return new Document(written);
}

/** `jsonb -> text`, `jsonb -> integer`. A jsonb that is a scalar is kept as an array of one item. */
function part(document: Document, key: string | number, binary: boolean): string | null {
  if (typeof key === "string") return document.member(key);
  const { kind } = document;
  if (binary && kind !== "object" && kind !== "array") return key === 0 || key === -1 ? document.text : null;
  return document.item(key);
}

/**
 * `#>`: names in objects, positions in arrays. Behind equal keys of json the last value counts that the whole path leads to.
 * A position from the end is turned into one from the start at the first array that is met (get_array_start in
 * jsonfuncs.c): where another would be met, it raises.
 */
function at(document: Document, path: readonly string[]): string | null {
  const [step, ...rest] = path;
  if (step === undefined) return document.text;
  switch (document.kind) {
    case "object": {
      const members = document.members(step);
      if (members.length > 1 && rest.some((later) => later.startsWith("-"))) {
        throw new RangeError("a position from the end behind equal keys");
      }
      let found: string | null = null;
      for (const value of members) found = at(new Document(value), rest) ?? found;
      return found;
    }
    case "array": {
      if (!INDEX.test(step)) {
        if (ODD_INDEX.test(step)) throw new RangeError("a position in an unusual form");
        return null;
      }
      const item = document.item(Number(step));
      return item === null ? null : at(new Document(item), rest);
    }
    default:
      return null;
  }
}

/** `json #> '{}'`: what stands around an array or object is cut off, before a scalar it stays (get_scalar in jsonfuncs.c). */
function whole({ text, kind }: Document, shown: boolean): string | null {
  const ended = text.replace(/[ \t\n\r]+$/, "");
  const bare = ended.replace(/^[ \t\n\r]+/, "");
  if (shown && (kind === "string" || kind === "null")) return shownText(bare);
  return kind === "object" || kind === "array" ? bare : ended;
}

function keyOf(key: StoreValue): string | number {
  return typeof key === "bigint" ? Number(key) : typeof key === "number" ? key : String(key);
}

function has(document: Document, key: string): boolean {
  switch (document.kind) {
    case "object":
      return document.member(key) !== null;
    case "array":
      return document.items().some((item) => item.startsWith('"') && stringOf(item) === key);
    case "string":
      return stringOf(document.text) === key;
    default:
      return false;
  }
}

/** Operators over the texts of json and jsonb. */
export function registerDocuments(target: FunctionTarget): void {
  const options = { deterministic: true };
  for (const binary of [false, true]) {
    const type = binary ? "jsonb" : "json";
    for (const shown of [false, true]) {
      const show = (value: string | null): string | null => (value === null || !shown ? value : shownText(value));
      const suffix = shown ? "_text" : "";
      target.function(`pg_${type}_part${suffix}`, options, (text, key) =>
        text === null || key === null ? null : show(part(read(text, binary), keyOf(key), binary)),
      );
      target.function(`pg_${type}_at${suffix}`, options, (text, path) => {
        if (text === null || path === null) return null;
        const written = leavesOf(readArray(String(path)).items);
        const steps = written.filter((step) => step !== null);
        if (steps.length < written.length) return null;
        const document = read(text, binary);
        return steps.length === 0 && !binary ? whole(document, shown) : show(at(document, steps));
      });
    }
    target.function(`pg_${type}_array_length`, options, (text) => {
      if (text === null) return null;
      const document = read(text, binary);
      if (document.kind !== "array") throw new RangeError("the length of what is no array");
      return document.items().length;
    });
  }
  target.function("pg_json_kind", options, (text) => (text === null ? null : new Document(String(text)).kind));
  target.function("pg_jsonb_key", options, (text) => (text === null ? null : documentKey(String(text))));
  target.function("pg_jsonb_contains", options, (whole, wanted) =>
    whole === null || wanted === null ? null : Number(contains(String(whole), String(wanted))),
  );
  target.function("pg_jsonb_compare", options, (a, b) =>
    a === null || b === null ? null : compareScalars(String(a), String(b)),
  );
  target.function("pg_jsonb_has", options, (text, key) =>
    text === null || key === null ? null : Number(has(new Document(String(text)), String(key))),
  );
  const several = (name: string, holds: (document: Document, keys: readonly string[]) => boolean): void => {
    target.function(name, options, (text, keys) => {
      if (text === null || keys === null) return null;
      const wanted = leavesOf(readArray(String(keys)).items).filter((key) => key !== null);
      return Number(holds(new Document(String(text)), wanted));
    });
  };
  several("pg_jsonb_has_any", (document, keys) => keys.some((key) => has(document, key)));
  several("pg_jsonb_has_all", (document, keys) => keys.every((key) => has(document, key)));
}
