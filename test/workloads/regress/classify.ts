import { loadModule, parseSync, type SelectStmt } from "libpg-query";

await loadModule();

/** What the runner does with a statement of a script. */
export type StepKind =
  /** Through the engine and the bare driver, compared. */
  | "select"
  /** Through the engine, once: it changes what later statements see. */
  | "change"
  /** Not at all: it is about one session, about the whole server, or asks for a plan. */
  | "skip";

const SKIPPED: ReadonlySet<string> = new Set([
  // one session: each side has several
  ...["TransactionStmt", "VariableSetStmt", "VariableShowStmt", "PrepareStmt", "ExecuteStmt", "DeallocateStmt"],
  ...["DeclareCursorStmt", "FetchStmt", "ClosePortalStmt", "DiscardStmt", "LockStmt", "ListenStmt", "UnlistenStmt"],
  ...["NotifyStmt", "LoadStmt", "ConstraintsSetStmt"],
  // the whole server
  ...["CreateRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "DropRoleStmt", "GrantRoleStmt", "ReassignOwnedStmt"],
  ...["DropOwnedStmt", "CreateTableSpaceStmt", "DropTableSpaceStmt", "AlterSystemStmt", "CreatedbStmt", "DropdbStmt"],
  ...["AlterDatabaseStmt", "AlterDatabaseSetStmt", "CheckPointStmt", "CreateSubscriptionStmt"],
  // plans, with costs and times
  ...["ExplainStmt"],
]);

/** Functions that wait, hold locks, reach beyond the database, or see what only one session has. */
const AVOIDED =
  /\b(pg_temp|currval|lastval|pg_sleep|pg_advisory|pg_try_advisory|pg_terminate|pg_cancel|pg_reload|pg_rotate|pg_switch|pg_promote|set_config|pg_create_|pg_drop_|pg_notify|pg_stat_reset|pg_read_|pg_ls_|lo_import|lo_export|dblink|pg_backend_pid|txid_|pg_current_)/i;

/** Each answer is another one. */
const WRITING = /\b(nextval|setval)\b/i;
const WRITING_STATEMENTS = ["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"];

export function classifyStep(sql: string): StepKind {
  if (AVOIDED.test(sql)) return "skip";
  let statements: ReturnType<typeof parseSync>["stmts"];
  try {
    ({ stmts: statements } = parseSync(sql));
  } catch {
    // What the grammar refuses is an error on both sides.
    return /^\s*(select|with|values|table)\b/i.test(sql) ? "select" : "skip";
  }
  const [statement] = statements ?? [];
  if (statements?.length !== 1 || statement?.stmt === undefined) return "skip";
  const node: object = statement.stmt;
  if ("SelectStmt" in statement.stmt) {
    const { intoClause, lockingClause } = statement.stmt.SelectStmt;
    if (intoClause !== undefined || WRITING.test(sql) || writesInWith(statement.stmt.SelectStmt)) return "change";
    return lockingClause === undefined ? "select" : "skip";
  }
  return SKIPPED.has(Object.keys(node)[0] ?? "") ? "skip" : "change";
}

function writesInWith({ withClause }: SelectStmt): boolean {
  const queries = (withClause?.ctes ?? []).map((item) =>
    "CommonTableExpr" in item ? item.CommonTableExpr.ctequery : {},
  );
  return queries.some((query) => WRITING_STATEMENTS.includes(Object.keys(query ?? {})[0] ?? ""));
}

/** The tables of one session's own would not be seen by the other: they become tables of all. */
export function visibleToAll(sql: string): string {
  return sql
    .replace(/^(\s*create\s+(?:or\s+replace\s+)?)(?:(?:local|global)\s+)?(?:temp|temporary)\s+/i, "$1")
    .replace(/\bon\s+commit\s+(?:drop|preserve\s+rows|delete\s+rows)\b/i, "")
    .replace(/(\binto\s+)(?:temp|temporary)\s+(?:table\s+)?/i, "$1");
}
