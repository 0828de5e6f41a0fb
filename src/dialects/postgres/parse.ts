import { loadModule, type Node, parseSync, type SelectStmt, SqlError } from "libpg-query";
import type { BypassReason } from "../../outcome.ts";
import type { QualifiedName } from "../../parse/ast.ts";
import type { Statement } from "../../parse/statement.ts";
import type { Token } from "../../parse/token.ts";
import { blankComments } from "./blank-comments.ts";
import { type Class, classify } from "./classify.ts";
import { effectOf } from "./function-effects.ts";
import { lowerQuery } from "./lower-query.ts";
import { Lowering } from "./lowering.ts";
import { plainInsert } from "./plain-insert.ts";
import type { Survey } from "./survey.ts";

/** UTF-16 units above which an INSERT is read off its tokens: the grammar takes about 1 ms for 1 KB. */
const LONG_TEXT = 16_384;

/** Loads the parser (WASM). Must have resolved before `parse` is called. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/**
 * Reads one text with Postgres' own grammar. `tokens` are those of the same text (empty when the tokenizer was not
 * sure: constants are then refused). Never throws, and never calls a read what may write: where the tree cannot be
 * had, the statement counts as a write that may change anything.
 */
export function parse(sql: string, tokens: readonly Token[]): Statement {
  // the parser would stop at NUL; the server rejects the message that holds one
  if (sql.includes("\0")) return { kind: "unparsable", message: "a text with a NUL character" };
  if (sql === "") return EMPTY;
  if (sql.length > LONG_TEXT) {
    const insert = plainInsert(tokens);
    if (insert !== null) return insert;
  }
  let statements: readonly { readonly stmt?: Node }[];
  try {
    statements = parseSync(blankComments(sql, tokens).toWellFormed()).stmts ?? [];
  } catch (error) {
    if (error instanceof SqlError) return { kind: "unparsable", message: error.message };
    return unreadable("a statement that the parser failed on");
  }
  const classes = statements.flatMap(({ stmt }) => (stmt === undefined ? [] : [{ stmt, class: classify(stmt) }]));
  const [only, ...more] = classes;
  if (only === undefined) return EMPTY;
  if (more.length > 0) return severalStatements(classes.map((each) => each.class));
  return oneStatement(only.stmt, only.class, sql, tokens);
}

/** `SELECT` of nothing, as a ping would send: the origin answers with no rows. */
const EMPTY = notASelect("not-a-select", "an empty statement", []);

function notASelect(reason: BypassReason, detail: string, functions: readonly QualifiedName[]): Statement {
  return { kind: "read", reason, detail, functions, joins: false, wildcard: false };
}

function unreadable(command: string): Statement {
  return { kind: "write", command, changes: "all", changesSession: false, functions: [] };
}

function oneStatement(stmt: Node, found: Class, sql: string, tokens: readonly Token[]): Statement {
  const { functions } = found.survey;
  switch (found.kind) {
    case "write":
      return {
        kind: "write",
        command: found.command,
        changes: found.changes,
        changesSession: changesSession(found.survey),
        functions,
      };
    case "session":
      return { kind: "session", command: found.command };
    case "other-read":
      return notASelect("not-a-select", found.command, functions);
    case "select":
      return "SelectStmt" in stmt
        ? selectStatement(stmt.SelectStmt, found.survey, sql, tokens)
        : unreadable("a statement of an unknown kind");
  }
}

function changesSession({ temporary, functions }: Survey): boolean {
  return temporary || functions.some((name) => name.at(-1) === "set_config");
}

function selectStatement(select: SelectStmt, found: Survey, sql: string, tokens: readonly Token[]): Statement {
  const { functions, joins, wildcard } = found;
  const structure = outsideOfLanguage(found);
  if (structure !== null) return { kind: "read", ...structure, functions, joins, wildcard };
  const lowering = new Lowering(sql, tokens);
  const query = lowerQuery(select, lowering);
  if (lowering.refusal !== null) {
    const { reason, detail } = lowering.refusal;
    return { kind: "read", reason, detail, functions, joins, wildcard };
  }
  return { kind: "query", query, functions, pinned: lowering.pinned };
}

interface Refusal {
  readonly reason: BypassReason;
  readonly detail: string;
}

/** The most structural thing that keeps a SELECT out of the language. */
function outsideOfLanguage(found: Survey): Refusal | null {
  if (found.constructs.has("grouping-sets")) return { reason: "grouping-sets", detail: "GROUPING SETS" };
  const changing = found.functions.find((name) => effectOf(name) === "volatile");
  const volatile = changing === undefined ? found.valueFunctions[0] : `${changing.join(".")}()`;
  if (volatile !== undefined) return { reason: "volatile-function", detail: volatile };
  return found.tables === 0 ? { reason: "no-table", detail: "SELECT without a table" } : null;
}

/** One text with several statements is never answered from the cache; what matters is what it may change. */
function severalStatements(classes: readonly Class[]): Statement {
  const functions = classes.flatMap((each) => each.survey.functions);
  const writes = classes.filter((each) => each.kind === "write");
  if (writes.length > 0) {
    const command = writes.map((each) => each.command).join("; ");
    const all = writes.some((each) => each.changes === "all");
    const changes: QualifiedName[] = writes.flatMap((each) => (each.changes === "all" ? [] : each.changes));
    const session = classes.some((each) => each.kind === "session" || changesSession(each.survey));
    return { kind: "write", command, changes: all ? "all" : changes, changesSession: session, functions };
  }
  const session = classes.filter((each) => each.kind === "session");
  if (session.length > 0) return { kind: "session", command: session.map((each) => each.command).join("; ") };
  return notASelect("several-statements", `${classes.length} statements`, functions);
}
