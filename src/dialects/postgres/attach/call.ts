import { type DriverClient, type DriverTypes, type QueryConfig, textOf } from "./driver.ts";

type Callback = (error: Error | null | undefined, result?: unknown) => void;

/** A call of `query`, whatever the arguments it came with. */
export interface Call {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly callback: Callback | null;
  readonly rowMode: unknown;
  /** Parsers of this call alone. */
  readonly types: DriverTypes | null;
}

const NO_VALUES: readonly unknown[] = [];

/**
 * Reads the arguments as the driver does (`normalizeQueryConfig` in pg/lib/utils.js, `Client#query`); `null` for a call
 * that only the driver can answer: an error of its own, a result in binary, a cursor.
 */
export function readCall(config: string | QueryConfig, values: unknown, callback: unknown): Call | null {
  let given = values || undefined;
  let done = callback || undefined;
  if (typeof given === "function") {
    done ??= given;
    given = undefined;
  }
  if (typeof config === "string") {
    return readable(given, done) ? makeCall(config, given, done, undefined, null) : null;
  }
  const { text, types, binary, rows, portal } = config;
  given ??= config.values || undefined;
  done ??= config.callback || undefined;
  if (typeof text !== "string" || text === "" || binary || rows || portal || !readable(given, done)) return null;
  if (!types) return makeCall(text, given, done, config.rowMode, null);
  return isTypes(types) ? makeCall(text, given, done, config.rowMode, types) : null;
}

function readable(values: unknown, callback: unknown): boolean {
  return (values === undefined || Array.isArray(values)) && (callback === undefined || typeof callback === "function");
}

function makeCall(text: string, values: unknown, callback: unknown, rowMode: unknown, types: DriverTypes | null): Call {
  return {
    text,
    values: (values as readonly unknown[] | undefined) ?? NO_VALUES,
    callback: (callback as Callback | undefined) ?? null,
    rowMode,
    types,
  };
}

function isTypes(types: unknown): types is DriverTypes {
  return typeof types === "object" && types !== null && "getTypeParser" in types;
}

/** True if the driver would refuse the call: a prepared statement of this name has another text. */
export function clashesByName(config: string | QueryConfig, client: DriverClient): boolean {
  if (typeof config === "string" || !config.name) return false;
  const known = client.connection.parsedStatements?.[String(config.name)];
  return known !== undefined && known !== textOf(config, client.connection);
}
