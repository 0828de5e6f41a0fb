/** Recorded statements, and how their values stand in JSON. */

/** A value of a parameter: dates, bytes and bigints are tagged, everything else is itself. */
export type RecordedValue =
  | string
  | number
  | boolean
  | null
  | readonly RecordedValue[]
  | { readonly $date: string }
  | { readonly $bytes: string }
  | { readonly $bigint: string }
  | { readonly $json: unknown };

export interface RecordedStatement {
  readonly text: string;
  /** Of its first execution; absent if the library passed none. */
  readonly values?: readonly RecordedValue[];
  /** `array` where the library asked for it. */
  readonly rowMode?: "array";
  /** The library passed type parsers of its own with the statement. */
  readonly types?: true;
  /** Sent as a cursor or stream, not as a query. */
  readonly streamed?: true;
  readonly inTransaction: boolean;
  /** A read changes and locks nothing; `control` is BEGIN, SET and the like. */
  readonly kind: "read" | "write" | "control";
  /** The action of the program that sent it first; `connect` for what the library sends on its own at its start. */
  readonly from: string;
}

export interface Corpus {
  readonly program: string;
  readonly statements: readonly RecordedStatement[];
}

export function recordValue(value: unknown): RecordedValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(recordValue);
  return { $json: value };
}

export function restoreValue(value: RecordedValue): unknown {
  if (value === null || typeof value !== "object") return value;
  if (isList(value)) return value.map(restoreValue);
  if ("$date" in value) return new Date(value.$date);
  if ("$bytes" in value) return Buffer.from(value.$bytes, "base64");
  if ("$bigint" in value) return BigInt(value.$bigint);
  return value.$json;
}

function isList(value: RecordedValue): value is readonly RecordedValue[] {
  return Array.isArray(value);
}
