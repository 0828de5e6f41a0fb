import { createRequire } from "node:module";
import type { TypeParsers } from "../dialect.ts";
import { OID } from "./kinds.ts";

type Parser = (text: string) => unknown;
type Known = ReturnType<TypeParsers["known"]>;

/** What pg-types 2 registers for these types (lib/textParsers.js), by what it does with the text. */
const DEFAULT_BEHAVIOUR: ReadonlyMap<number, Exclude<Known, null>> = new Map<number, Exclude<Known, null>>([
  [OID.bool, "boolean"],
  // parseBigInteger: the text itself, whichever way its pattern goes.
  [OID.int8, "text"],
  [OID.int2, "integer"],
  [OID.int4, "integer"],
  [OID.float8, "float"],
  [OID.date, "localTime"],
  [OID.timestamp, "localTime"],
  [OID.timestamptz, "instant"],
]);

/**
 * The parsers that a lookup yields at the moment of each call, so that overrides count whenever they were made.
 *
 * A parser is known when it is the very function that pg-types registers for the type, or the one that it uses for
 * types without a parser. (JSON has none that could be recognised: pg-types binds JSON.parse anew each time. It loses
 * nothing, since its parser reads the text anyway.)
 */
export function createTypeParsers(lookup: (typeId: number) => Parser): TypeParsers {
  return {
    parser: lookup,
    known: (typeId) => behaviourOf(typeId, lookup(typeId)),
    behaviour: behaviourOf,
  };
}

function behaviourOf(typeId: number, parser: Parser): Known {
  const defaults = driverDefaults();
  if (defaults === null) return null;
  const behaviour = DEFAULT_BEHAVIOUR.get(typeId);
  if (behaviour !== undefined) return defaults.registered.get(typeId) === parser ? behaviour : null;
  return defaults.registered.has(typeId) || parser !== defaults.noParse ? null : "text";
}

interface DriverDefaults {
  readonly registered: ReadonlyMap<number, unknown>;
  /** `String(text)`, for every type that has no parser. */
  readonly noParse: unknown;
}

let loaded: DriverDefaults | null | undefined;

function driverDefaults(): DriverDefaults | null {
  if (loaded === undefined) loaded = readDriverDefaults();
  return loaded;
}

/** Looks into the pg-types of the `pg` that this package resolves; `null` if it is not built as expected. */
function readDriverDefaults(): DriverDefaults | null {
  try {
    const fromDriver = createRequire(createRequire(import.meta.url).resolve("pg"));
    const parsers: unknown = fromDriver("pg-types/lib/textParsers");
    const types: unknown = fromDriver("pg-types");
    if (!hasInit(parsers) || !hasLookup(types)) return null;
    const registered = new Map<number, unknown>();
    parsers.init((typeId, parser) => registered.set(typeId, parser));
    // For a format that it does not know pg-types returns the parser of last resort, which nobody can override.
    return { registered, noParse: types.getTypeParser(0, "none") };
  } catch {
    return null;
  }
}

function hasInit(value: unknown): value is { init(register: (typeId: number, parser: unknown) => void): void } {
  return typeof value === "object" && value !== null && "init" in value && typeof value.init === "function";
}

function hasLookup(value: unknown): value is { getTypeParser(typeId: number, format: string): unknown } {
  return (
    typeof value === "object" && value !== null && "getTypeParser" in value && typeof value.getTypeParser === "function"
  );
}

/** The text that `pg` sends for a Date parameter, under its `defaults.parseInputDatesAsUTC`; `""` if it cannot be told. */
export function driverDateText(date: Date): string {
  const text = prepareValue()?.(date);
  return typeof text === "string" ? text : "";
}

let preparing: ((value: unknown) => unknown) | null | undefined;

function prepareValue(): ((value: unknown) => unknown) | null {
  if (preparing === undefined) {
    try {
      const utils: unknown = createRequire(import.meta.url)("pg/lib/utils");
      preparing = hasPrepareValue(utils) ? utils.prepareValue : null;
    } catch {
      preparing = null;
    }
  }
  return preparing;
}

function hasPrepareValue(value: unknown): value is { prepareValue(value: unknown): unknown } {
  return (
    typeof value === "object" && value !== null && "prepareValue" in value && typeof value.prepareValue === "function"
  );
}
