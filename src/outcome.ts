/** How one query was answered: from memory, from memory after a load, or by the origin. */
export type Outcome = "hit" | "miss" | "bypass";

/**
 * Why a statement is not answered from the cache. Stable codes: each has a section in `docs/limits.md`.
 *
 * The first group is a property of the statement (strict mode refuses it with `UnsupportedQueryError`), the second of
 * the tables that it names (refused too), the third of this moment or these values (passed through in both modes).
 */
export const BYPASS_REASONS = [
  // the statement
  "wildcard",
  "join",
  "no-table",
  "subquery",
  "cte",
  "set-operation",
  "window-function",
  "grouping-sets",
  "several-statements",
  "not-a-select",
  "session-statement",
  "volatile-function",
  "unsupported-syntax",
  "unsupported-function",
  "unsupported-operator",
  "unsupported-type",
  "type-mismatch",
  "may-raise",
  "non-canonical-literal",
  // the tables
  "unknown-table",
  "unknown-column",
  "system-catalog",
  "not-a-table",
  "temporary-table",
  "row-level-security",
  "collation",
  "generated-name",
  "describe-mismatch",
  "session-settings",
  "not-watched",
  // this moment
  "parameter",
  "table-too-large",
  "load-failed",
  "changes-too-often",
  "slower-than-origin",
  "not-fresh",
  "store-failed",
  "sqlite-raised",
  "session-state",
  "quarantined",
  "origin-error",
  "write",
] as const;

export type BypassReason = (typeof BYPASS_REASONS)[number];

const MOMENTARY: ReadonlySet<BypassReason> = new Set([
  "parameter",
  "table-too-large",
  "load-failed",
  "changes-too-often",
  "slower-than-origin",
  "not-fresh",
  "store-failed",
  "sqlite-raised",
  "session-state",
  "quarantined",
  "origin-error",
]);

/** True for the third group: the statement is one that the cache answers, only not now or not with these values. */
export function isMomentary(reason: BypassReason): boolean {
  return MOMENTARY.has(reason);
}

const REMEDIES: Readonly<Record<BypassReason, string>> = {
  wildcard: "Name the columns, or set wildcards: true.",
  join: "Set joins: true if strict mode refused it; join fully by equal columns; write a lateral query as a join with ON.",
  "no-table": "Ask the pool: there is nothing to cache.",
  subquery: "Write it as a join, as EXISTS, or as an aggregate that has one row.",
  cte: "Write the recursion as a start, UNION, and a plain SELECT as its step; or ask the pool.",
  "set-operation": "Ask for the branches one by one, and put them together in the program.",
  "window-function": "Use a frame in ROWS and plain numbers, or compute it in the program from the rows.",
  "grouping-sets": "Run one query for each grouping.",
  "several-statements": "Send one statement at a time.",
  "not-a-select": "Ask the pool.",
  "session-statement": "Use a client of its own: await pool.connect().",
  "volatile-function": "Compute the value in the program and pass it as a parameter.",
  "unsupported-syntax": "Write it with other clauses, or ask the pool.",
  "unsupported-function": "Select the columns and compute it in the program.",
  "unsupported-operator": "Compare with another operator, or select the columns and compare in the program.",
  "unsupported-type": "Compare, group or compute by a column of another type, or only select this one.",
  "type-mismatch": "Write a constant of the column's type, or cast one side.",
  "may-raise":
    "Have a condition or NULLIF exclude the values that would raise, and reload; or compute it in the program.",
  "non-canonical-literal": "Write the value as the database prints it, or pass it as a parameter.",
  "unknown-table": "Check the name and the search_path; after a migration call invalidate().",
  "unknown-column": "Name the columns with their table's alias; system columns and whole rows are not cached.",
  "system-catalog": "Ask the pool: catalogs change without a write.",
  "not-a-table": "Query the tables below it, or make it a materialized view.",
  "temporary-table": "Ask the connection that it belongs to.",
  "row-level-security": "Ask the pool: what the table shows depends on who asks.",
  collation: 'Order and compare by the column itself, or use COLLATE "C".',
  "generated-name": "Give the result's column an alias, or rename the table's columns.",
  "describe-mismatch": "Cast the result to the type that you expect, and please report the statement.",
  "session-settings": "Remove the setting from the connections of the pool.",
  parameter: "Pass numbers, strings as the database prints them, Dates, booleans or null.",
  "table-too-large": "Raise maxTableRows or maxBytes, or name fewer columns.",
  "load-failed": "See onError and the log; it is tried again after a minute, or after invalidate() of the table.",
  "changes-too-often": "Wait: the table is fetched again when it changes less often than it is read.",
  "slower-than-origin":
    "Join by equal columns, which are indexed; add a condition that leaves fewer rows; or leave it to the database.",
  "not-watched": "Give the table a primary key or a replica identity; `sqlmem doctor` says what is missing.",
  "not-fresh": "Nothing, if it is rare: see stats().freshness and the log; raise maxLagMs if the connection is slow.",
  "store-failed": "See onError and the log; give the store more room in memory, or make a new engine.",
  "sqlite-raised": "Nothing, if the database raises an error too; otherwise please report the statement.",
  "session-state": "End the transaction, or use a client of its own for it and for settings: await pool.connect().",
  quarantined: "Please report what onError was given; invalidate() of all tables, or a change of the table, ends it.",
  "origin-error": "Correct the statement as the database's error says, or see why the database cannot be reached.",
  write: "Nothing: writes go to the database, and what they touch is fetched again.",
};

/** What a person can do about a reason, whatever the mode. */
export function remedyFor(reason: BypassReason): string {
  return REMEDIES[reason];
}

/** A decision not to answer from the cache. A value, never an exception. */
export interface Bypass {
  readonly kind: "bypass";
  readonly reason: BypassReason;
  /** What exactly stood in the way, for a person: names the expression, table or option. */
  readonly detail: string;
  /** The value of a literal stands in the way: the same statement with another may be answered. */
  readonly ofLiteral?: true;
}

export function bypass(reason: BypassReason, detail: string): Bypass {
  return { kind: "bypass", reason, detail };
}

/** A bypass that holds for the literals of this one text, not for its shape. */
export function literalBypass(reason: BypassReason, detail: string): Bypass {
  return { kind: "bypass", reason, detail, ofLiteral: true };
}
