import type { QualifiedName } from "../../parse/ast.ts";
import type { Dialect } from "../dialect.ts";
import { loadParser, parse } from "./parse.ts";
import { registerFunctions, SQL_FUNCTIONS } from "./sql-functions.ts";
import { tokenize } from "./tokenize.ts";

/** PostgreSQL 14 and newer. */
export const postgres: Dialect = {
  name: "postgres",
  ready: loadParser,
  tokenize,
  tableName,
  functions: { register: registerFunctions, module: SQL_FUNCTIONS },
  parse,
};

/** Unquoted names are folded to lower case; beyond ASCII the server's own folding depends on its encoding. */
function tableName(text: string): QualifiedName | null {
  const tokens = tokenize(text);
  if (tokens === null || tokens.length % 2 === 0 || tokens.length > 3) return null;
  const path: string[] = [];
  for (const [index, token] of tokens.entries()) {
    if (index % 2 === 1) {
      if (token.value !== ".") return null;
    } else if (token.kind === "quoted") {
      path.push(token.value.slice(1, -1).replaceAll('""', '"'));
    } else if (token.kind === "word") {
      path.push(token.value.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()));
    } else {
      return null;
    }
  }
  return path;
}
