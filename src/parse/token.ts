/**
 * A token of a statement, as far as the fingerprint needs it. White space and comments are not tokens.
 * `start`/`end` are UTF-16 indices into the text.
 */
export interface Token {
  readonly kind: "integer" | "decimal" | "string" | "parameter" | "word" | "quoted" | "symbol";
  readonly start: number;
  readonly end: number;
  /** For literals the value (strings unescaped); otherwise the text as written. */
  readonly value: string;
}
