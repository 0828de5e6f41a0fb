import type pg from "pg";
import { canonical } from "./canonical.ts";

export interface RowsAnswer {
  readonly kind: "rows";
  /** Canonical text of each row, in order. */
  readonly rows: readonly string[];
  /** Rows are arrays, not objects. */
  readonly arrays: boolean;
  /** The rest of the driver's result: command, count and fields; `null` where the face shows rows only. */
  readonly anatomy: string | null;
}

/** What a face of the engine, or the driver, returned. */
export interface Executed {
  readonly rows: readonly unknown[];
  readonly arrays: boolean;
  readonly anatomy: string | null;
}

export interface ErrorAnswer {
  readonly kind: "error";
  /** Everything of the error that a program may look at. */
  readonly text: string;
  readonly code: string | null;
}

/** Strict mode: the engine declined. */
export interface RefusedAnswer {
  readonly kind: "refused";
  readonly reason: string;
}

export type Answer = RowsAnswer | ErrorAnswer | RefusedAnswer;

export function rowsAnswer({ rows, arrays, anatomy }: Executed): RowsAnswer {
  return { kind: "rows", rows: rows.map(canonical), arrays, anatomy };
}

/**
 * What a result of the driver says beside its rows. The modifier of a computed column is left out: PostgreSQL 18 gives a set
 * operation that of whichever branch its plan keeps, which Describe cannot know.
 */
export function anatomyOf({ command, rowCount, fields }: pg.QueryResult): string {
  const shown = fields.map(({ name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format }) =>
    [name, tableID, columnID, dataTypeID, dataTypeSize, tableID === 0 ? "" : dataTypeModifier, format].join(":"),
  );
  return `${command} ${rowCount} (${shown.join(", ")})`;
}

export function errorAnswer(error: unknown): ErrorAnswer | RefusedAnswer {
  if (!(error instanceof Error)) return { kind: "error", text: `thrown: ${canonical(error)}`, code: null };
  const fields = error as Error & { readonly [key in "code" | "detail" | "hint" | "position" | "reason"]?: unknown };
  if (error.name === "UnsupportedQueryError") return { kind: "refused", reason: String(fields.reason) };
  const code = fields.code === undefined ? null : String(fields.code);
  const parts = [error.name, code, error.message, fields.detail, fields.hint, fields.position];
  return { kind: "error", text: parts.map((part) => part ?? "").join(" | "), code };
}
