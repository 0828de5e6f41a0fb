import type { ColumnType } from "../catalog.ts";

/**
 * How a column is kept. One column can be kept in several encodings at once, each as a physical column of the store,
 * loaded only when a plan needs it.
 *
 * - `value`: what comparisons and fast decoding use; named as the column itself, unless that looks like another encoding.
 * - `text`: the text that the origin would send on the wire, where it cannot be rebuilt from `value`; `name:text`.
 * - `rank`: the position of the value among the table's distinct values in the origin's own order; `name:rank`.
 * - `key`: a BLOB whose byte order is the origin's order (arbitrary-precision numbers); `name:key`.
 */
export type Encoding = "value" | "text" | "rank" | "key";

export interface EncodedColumn {
  readonly column: string;
  readonly encoding: Encoding;
}

/** A column of the origin may be called `name:rank`. */
const ENCODED = /:(?:value|text|rank|key)$/i;

/** The physical name in the store: no two columns and encodings share one. */
export function physicalName(column: string, encoding: Encoding): string {
  return encoding === "value" && !ENCODED.test(column) ? column : `${column}:${encoding}`;
}

/** Decimal digits that a scaled 64-bit integer holds for sure: 10^18 < 2^63. */
const SCALED_DIGITS = 18;

/** `numeric(p,s)` values that are kept as integers times 10^s; the scale, or `null` for any other type. */
export function scaleOf({ kind, precision }: Pick<ColumnType, "kind" | "precision">): number | null {
  if (kind !== "numeric" || precision === null) return null;
  const [digits, scale] = precision;
  return digits <= SCALED_DIGITS && scale >= 0 && scale <= digits ? scale : null;
}

/** What was seen in one physical column while it was loaded: the facts that proofs rest on. */
export interface ColumnFacts {
  /** Extremes over the numeric values (BigInt where beyond 2^53), `null` when there was none. Ranks have none. */
  readonly min: number | bigint | null;
  readonly max: number | bigint | null;
  readonly hasNull: boolean;
  /** NaN was seen. It is kept as the text 'NaN', which SQLite sorts above all numbers, as Postgres does. */
  readonly hasNaN: boolean;
  readonly hasNegativeZero: boolean;
}
