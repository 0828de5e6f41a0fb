import type { Node } from "libpg-query";
import type { QualifiedName } from "../../parse/ast.ts";
import { effectOf } from "./function-effects.ts";
import { property, relationName, type Survey, survey } from "./survey.ts";

/** What one statement of a text does, before anything is lowered. */
export type Class =
  /** A SELECT (or VALUES) that nothing in its tree keeps from being a read. */
  | { readonly kind: "select"; readonly survey: Survey }
  /** Reads by another command: EXPLAIN, COPY … TO STDOUT. */
  | { readonly kind: "other-read"; readonly command: string; readonly survey: Survey }
  | {
      readonly kind: "write";
      readonly command: string;
      readonly changes: readonly QualifiedName[] | "all";
      readonly survey: Survey;
    }
  | { readonly kind: "session"; readonly command: string; readonly survey: Survey };

/** Reads a statement's kind off its tree. Closed: a command that is not known here is a write that may change all. */
export function classify(node: Node): Class {
  const found = survey(node);
  if ("SelectStmt" in node) return writeInside(found) ?? { kind: "select", survey: found };
  if ("ExplainStmt" in node) return classifyExplain(node.ExplainStmt.options, node.ExplainStmt.query, found);
  if ("CopyStmt" in node) return classifyCopy(node, found);
  const kind = Object.keys(node)[0] ?? "";
  const session = sessionCommand(node, kind);
  // PREPARE only stores its statement; DECLARE runs it, a row at a time
  if (session !== null) {
    const write = "DeclareCursorStmt" in node ? writeInside(found) : null;
    return write ?? { kind: "session", command: session, survey: found };
  }
  const inside = writeInside(found);
  const modification = found.modifications[0];
  if (/^(?:Insert|Update|Delete|Merge)Stmt$/.test(kind) && modification !== undefined && inside !== null) {
    return { ...inside, command: kind.replace("Stmt", "").toUpperCase() };
  }
  return { kind: "write", command: utilityCommand(node, kind), changes: utilityChanges(node, kind), survey: found };
}

type Write = Extract<Class, { kind: "write" }>;

/** The write that hides in a tree, if any: a modification, INTO, a row lock, a function with side effects. */
function writeInside(found: Survey): Write | null {
  const calls = found.functions.filter((name) => effectOf(name).startsWith("writes"));
  const [call] = calls;
  const [lock] = found.locks;
  const [modification] = found.modifications;
  let command: string;
  if (modification !== undefined) command = `WITH … ${modification.command}`;
  else if (found.selectInto) command = "SELECT INTO";
  else if (lock !== undefined) command = `SELECT … ${lock}`;
  else if (call !== undefined) command = `${call.join(".")}()`;
  else return null;
  const tables = found.modifications.map((each) => each.table);
  const all = found.selectInto || tables.includes(null) || calls.some((name) => effectOf(name) === "writes-all");
  return { kind: "write", command, changes: all ? "all" : distinct(tables), survey: found };
}

function distinct(names: readonly (QualifiedName | null)[]): QualifiedName[] {
  const byText = new Map<string, QualifiedName>();
  for (const name of names) if (name !== null) byText.set(JSON.stringify(name), name);
  return [...byText.values()];
}

/**
 * EXPLAIN runs its statement only with ANALYZE. The option's value is not looked at: `ANALYZE off` would need the
 * server's own reading of booleans, and a literal must not decide what a shape is.
 */
function classifyExplain(options: readonly Node[] | undefined, query: Node | undefined, found: Survey): Class {
  const names = (options ?? []).map((option) => property(property(option, "DefElem"), "defname"));
  if (names.includes("analyze") && query !== undefined) {
    const inner = classify(query);
    if (inner.kind === "write") return { ...inner, command: `EXPLAIN ANALYZE ${inner.command}` };
    return { kind: "other-read", command: "EXPLAIN ANALYZE", survey: found };
  }
  return { kind: "other-read", command: "EXPLAIN", survey: found };
}

function classifyCopy(node: Extract<Node, { CopyStmt: unknown }>, found: Survey): Class {
  const copy = node.CopyStmt;
  const table = relationName(copy.relation);
  if (copy.is_program === true) return { kind: "write", command: "COPY … PROGRAM", changes: "all", survey: found };
  if (copy.is_from === true) {
    return { kind: "write", command: "COPY … FROM", changes: table === null ? "all" : [table], survey: found };
  }
  const write = writeInside(found);
  if (write !== null) return { ...write, command: `COPY (${write.command}) TO` };
  // a file of the server's
  if (copy.filename !== undefined) return { kind: "write", command: "COPY … TO file", changes: [], survey: found };
  return { kind: "other-read", command: "COPY … TO STDOUT", survey: found };
}

const TRANSACTION_COMMANDS: ReadonlyMap<unknown, string> = new Map([
  ["TRANS_STMT_BEGIN", "BEGIN"],
  ["TRANS_STMT_START", "START TRANSACTION"],
  ["TRANS_STMT_COMMIT", "COMMIT"],
  ["TRANS_STMT_ROLLBACK", "ROLLBACK"],
  ["TRANS_STMT_SAVEPOINT", "SAVEPOINT"],
  ["TRANS_STMT_RELEASE", "RELEASE"],
  ["TRANS_STMT_ROLLBACK_TO", "ROLLBACK TO"],
  ["TRANS_STMT_PREPARE", "PREPARE TRANSACTION"],
  ["TRANS_STMT_ROLLBACK_PREPARED", "ROLLBACK PREPARED"],
]);

const SESSION_COMMANDS: ReadonlyMap<string, string> = new Map([
  ["VariableSetStmt", "SET"],
  ["VariableShowStmt", "SHOW"],
  ["ConstraintsSetStmt", "SET CONSTRAINTS"],
  ["ListenStmt", "LISTEN"],
  ["UnlistenStmt", "UNLISTEN"],
  ["PrepareStmt", "PREPARE"],
  ["DeallocateStmt", "DEALLOCATE"],
  ["DiscardStmt", "DISCARD"],
  ["DeclareCursorStmt", "DECLARE"],
  ["FetchStmt", "FETCH"],
  ["ClosePortalStmt", "CLOSE"],
]);

/** `COMMIT PREPARED` is not among them: it makes another session's writes visible, and nobody here saw them. */
function sessionCommand(node: Node, kind: string): string | null {
  if ("TransactionStmt" in node) {
    const command = TRANSACTION_COMMANDS.get(node.TransactionStmt.kind) ?? null;
    return command !== null && node.TransactionStmt.chain === true ? `${command} AND CHAIN` : command;
  }
  if ("VariableSetStmt" in node) {
    return String(node.VariableSetStmt.kind).startsWith("VAR_RESET") ? "RESET" : "SET";
  }
  return SESSION_COMMANDS.get(kind) ?? null;
}

const COMMAND_NAMES: ReadonlyMap<string, string> = new Map([
  ["CreateStmt", "CREATE TABLE"],
  ["CreateTableAsStmt", "CREATE TABLE AS"],
  ["IndexStmt", "CREATE INDEX"],
  ["ViewStmt", "CREATE VIEW"],
  ["RuleStmt", "CREATE RULE"],
  ["CreateTrigStmt", "CREATE TRIGGER"],
  ["CreateSeqStmt", "CREATE SEQUENCE"],
  ["AlterSeqStmt", "ALTER SEQUENCE"],
  ["CreatedbStmt", "CREATE DATABASE"],
  ["DropdbStmt", "DROP DATABASE"],
  ["DefineStmt", "CREATE"],
  ["CompositeTypeStmt", "CREATE TYPE"],
  ["CreateEnumStmt", "CREATE TYPE"],
  ["CreateRangeStmt", "CREATE TYPE"],
  ["AlterEnumStmt", "ALTER TYPE"],
  ["RenameStmt", "ALTER … RENAME"],
  ["AlterOwnerStmt", "ALTER … OWNER"],
  ["AlterObjectSchemaStmt", "ALTER … SET SCHEMA"],
  ["RefreshMatViewStmt", "REFRESH MATERIALIZED VIEW"],
  ["CheckPointStmt", "CHECKPOINT"],
  ["SecLabelStmt", "SECURITY LABEL"],
  ["TransactionStmt", "COMMIT PREPARED"],
]);

function utilityCommand(node: Node, kind: string): string {
  if ("GrantStmt" in node) return node.GrantStmt.is_grant === true ? "GRANT" : "REVOKE";
  if ("GrantRoleStmt" in node) return node.GrantRoleStmt.is_grant === true ? "GRANT" : "REVOKE";
  if ("VacuumStmt" in node) return node.VacuumStmt.is_vacuumcmd === true ? "VACUUM" : "ANALYZE";
  if ("DropStmt" in node) return `DROP ${objectName(node.DropStmt.removeType)}`;
  if ("AlterTableStmt" in node) return `ALTER ${objectName(node.AlterTableStmt.objtype)}`;
  if ("CreateTableAsStmt" in node && node.CreateTableAsStmt.objtype === "OBJECT_MATVIEW") {
    return "CREATE MATERIALIZED VIEW";
  }
  // CreateExtensionStmt is CREATE EXTENSION
  const words = kind.replace(/Stmt$/, "").replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ");
  return COMMAND_NAMES.get(kind) ?? words.toUpperCase();
}

function objectName(type: unknown): string {
  const name = String(type)
    .replace(/^OBJECT_/, "")
    .replaceAll("_", " ");
  return name === "MATVIEW" ? "MATERIALIZED VIEW" : name;
}

/** Commands that change neither rows nor what a name means. */
const CHANGES_NOTHING: ReadonlySet<string> = new Set([
  "LockStmt",
  "NotifyStmt",
  "VacuumStmt",
  "ReindexStmt",
  "ClusterStmt",
  "CheckPointStmt",
]);

function utilityChanges(node: Node, kind: string): readonly QualifiedName[] | "all" {
  if (CHANGES_NOTHING.has(kind)) return [];
  if ("TruncateStmt" in node && node.TruncateStmt.behavior !== "DROP_CASCADE") {
    const tables = (node.TruncateStmt.relations ?? []).map(relationName);
    return tables.includes(null) ? "all" : distinct(tables);
  }
  if ("RefreshMatViewStmt" in node) {
    const view = relationName(node.RefreshMatViewStmt.relation);
    return view === null ? "all" : [view];
  }
  return "all";
}
