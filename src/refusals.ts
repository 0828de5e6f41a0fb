import { ReadOnlyError } from "./errors.ts";
import { type Bypass, bypass } from "./outcome.ts";
import type { Statement } from "./parse/statement.ts";
import type { Decision } from "./plan/planner.ts";
import type { Prepared } from "./plan/prepared.ts";

// The refusals that the engine itself decides on, and how decisions of the planner read as refusals.

export const WILDCARD: Bypass = bypass("wildcard", "SELECT * names no columns");
export const JOIN: Bypass = bypass("join", "a query over more than one table");
export const SESSION_STATE: Bypass = bypass(
  "session-state",
  "a transaction is open, or settings of a connection were changed",
);

/** What a blocked write raises. */
export function readOnly(command: string): ReadOnlyError {
  return new ReadOnlyError(`${command} would write, and the cache is read-only.`, { command });
}

/** Under such a setting even a write can look like a read. */
export function unreadable(setting: string): Exclude<Decision, Prepared> {
  const detail = `the sessions of the pool have ${setting}, under which a text cannot be read reliably`;
  const statement: Statement = {
    kind: "write",
    command: "a statement",
    changes: "all",
    changesSession: false,
    functions: [],
  };
  return { kind: "refused", statement, bypass: bypass("session-settings", detail), tableIds: null };
}

/** Why a statement that is no planned query is not answered from the cache. */
export function refusalOf(decision: Exclude<Decision, Prepared>): Bypass {
  if (decision.kind === "refused") return decision.bypass;
  const { statement } = decision;
  if (statement.kind === "write") return bypass("write", statement.command);
  if (statement.kind === "session") return bypass("session-statement", statement.command);
  return bypass("unsupported-syntax", statement.message);
}
