import type { ColumnFacts } from "../../store/column-set.ts";
import type { StoreValue } from "../../store/contract.ts";

/**
 * How the store worker reads one field of a COPY stream in binary format. `field` is the SQL of the field: columns with
 * the same one share it. Structured-cloneable.
 */
export type FieldCodec =
  | { readonly field: string; readonly as: PlainForm }
  | { readonly field: string; readonly as: "scaled"; readonly scale: number }
  | { readonly field: string; readonly as: "ordinal"; readonly labels: readonly string[] }
  | { readonly field: string; readonly as: "textRank" | "charRank"; readonly dictionary: number };

type PlainForm =
  | "int2"
  | "int4"
  | "int8"
  | "bool"
  | "float8"
  | "text"
  | "char"
  | "uuid"
  | "date"
  | "timestamp"
  | "numericKey"
  | "jsonb";

/** Reads the values of one column and keeps what was seen in them. */
export abstract class FieldReader {
  hasNull = false;
  /** `bytes` is the whole chunk; the field is `length` bytes from `at` on. */
  abstract read(bytes: Buffer, at: number, length: number): StoreValue;

  facts(): ColumnFacts {
    return { min: null, max: null, hasNull: this.hasNull, hasNaN: false, hasNegativeZero: false };
  }
}

export function wrongLength(type: string, length: number): Error {
  return new Error(`A ${type} of ${length} bytes in the COPY stream`);
}
