import { canonical } from "./canonical.ts";

export interface RowsAnswer {
  readonly kind: "rows";
  /** Canonical text of each row, in order. */
  readonly rows: readonly string[];
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

export function rowsAnswer(rows: readonly unknown[]): RowsAnswer {
  return { kind: "rows", rows: rows.map(canonical) };
}

export function errorAnswer(error: unknown): ErrorAnswer | RefusedAnswer {
  if (!(error instanceof Error)) return { kind: "error", text: `thrown: ${canonical(error)}`, code: null };
  const fields = error as Error & { readonly [key in "code" | "detail" | "hint" | "position" | "reason"]?: unknown };
  if (error.name === "UnsupportedQueryError") return { kind: "refused", reason: String(fields.reason) };
  const code = fields.code === undefined ? null : String(fields.code);
  const parts = [error.name, code, error.message, fields.detail, fields.hint, fields.position];
  return { kind: "error", text: parts.map((part) => part ?? "").join(" | "), code };
}
