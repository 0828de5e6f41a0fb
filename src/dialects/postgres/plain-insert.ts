import type { QualifiedName } from "../../parse/ast.ts";
import type { Statement } from "../../parse/statement.ts";
import type { Token } from "../../parse/token.ts";
import { effectOf } from "./function-effects.ts";

/** Postgres cuts longer names off. */
const LONGEST_NAME = 63;

/**
 * Reads an INSERT off its tokens alone, for texts so long that the grammar would hold up the event loop (about 0.4 s
 * for half a megabyte of VALUES). Without WITH and without a second statement an INSERT changes its own table only, and
 * whatever stands before a bracket may be a function. `null`: anything else, to be read by the grammar.
 *
 * A text that only looks like an INSERT is named a write as well; the origin then raises its own error.
 */
export function plainInsert(tokens: readonly Token[]): Extract<Statement, { kind: "write" }> | null {
  if (!isWord(tokens[0], "insert") || !isWord(tokens[1], "into")) return null;
  const parts = tokens[3]?.value === "." ? [nameOf(tokens[2]), nameOf(tokens[4])] : [nameOf(tokens[2])];
  const table = parts.filter(isKnown);
  if (table.length < parts.length || tokens[1 + parts.length * 2]?.value === ".") return null;
  const functions = new Map<string, QualifiedName>();
  for (const [index, token] of tokens.entries()) {
    if (token.value === ";" && token.kind === "symbol" && index < tokens.length - 1) return null;
    if (isWord(token, "with")) return null;
    if (token.value !== "(" || token.kind !== "symbol" || isWord(tokens[index - 1], "values")) continue;
    const name = nameBefore(tokens, index);
    if (name.length > 0) functions.set(JSON.stringify(name), name);
  }
  functions.delete(JSON.stringify(table));
  const called = [...functions.values()];
  const all = called.some((name) => effectOf(name) === "writes-all");
  return { kind: "write", command: "INSERT", changes: all ? "all" : [table], changesSession: false, functions: called };
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "word" && token.value.length === word.length && token.value.toLowerCase() === word;
}

/** The dotted name that ends before a token. */
function nameBefore(tokens: readonly Token[], end: number): QualifiedName {
  const name: string[] = [];
  for (let index = end - 1; index >= 0; index -= 2) {
    const part = nameOf(tokens[index]);
    if (part === null) break;
    name.unshift(part);
    if (tokens[index - 1]?.value !== ".") break;
  }
  return name;
}

function isKnown(name: string | null): name is string {
  return name !== null && Buffer.byteLength(name) <= LONGEST_NAME;
}

/** A name as Postgres folds it in a UTF-8 database: only ASCII letters, only outside of quotes. */
function nameOf(token: Token | undefined): string | null {
  if (token?.kind === "quoted") return token.value.slice(1, -1).replaceAll('""', '"');
  if (token?.kind === "word") return token.value.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return null;
}
