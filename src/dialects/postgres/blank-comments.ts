import type { Token } from "../../parse/token.ts";

/**
 * Blanks the gaps between tokens that hold a comment, byte for byte, so that places in the text stay what they are.
 *
 * The parser that we have reads comments as tokens of their own and so misses `NOT /* … *\/ IN` and
 * `NULLS /* … *\/ LAST`, where the grammar looks one token ahead; the server sees them as one. Without tokens the text
 * stays as it is: such a statement then does not parse.
 */
export function blankComments(sql: string, tokens: readonly Token[]): string {
  if (tokens.length === 0 || (!sql.includes("--") && !sql.includes("/*"))) return sql;
  let text = "";
  let end = 0;
  for (const token of tokens) {
    text += blank(sql.slice(end, token.start)) + sql.slice(token.start, token.end);
    end = token.end;
  }
  return text + blank(sql.slice(end));
}

function blank(gap: string): string {
  return gap.includes("--") || gap.includes("/*") ? " ".repeat(Buffer.byteLength(gap)) : gap;
}
