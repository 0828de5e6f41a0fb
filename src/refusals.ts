import { ReadOnlyError } from "./errors.ts";
import type { Freshness } from "./freshness/freshness.ts";
import { type Bypass, bypass } from "./outcome.ts";
import type { Statement } from "./parse/statement.ts";
import { hasJoin, hasWildcard } from "./plan/named-tables.ts";
import type { Plan } from "./plan/plan.ts";
import type { Decision } from "./plan/planner.ts";
import type { Prepared } from "./plan/prepared.ts";

// The refusals that the engine itself decides on, and how decisions of the planner read as refusals.

const WILDCARD: Bypass = bypass("wildcard", "SELECT * names no columns");
const JOIN: Bypass = bypass("join", "a query over more than one table");
export const SESSION_STATE: Bypass = bypass(
  "session-state",
  "a transaction is open, or settings of a connection were changed",
);

/** The cache cannot be shown to be fresh enough at this moment. */
export function notFresh(freshness: Freshness, { tables }: Plan): Bypass {
  return bypass("not-fresh", freshness.obstacle(tables) ?? "what the query asks to see was not confirmed in time");
}

/** What strict mode refuses unless it is told otherwise. */
export interface ModeRefusals {
  readonly wildcards: boolean;
  readonly joins: boolean;
}

/** Why the mode refuses a statement of this structure. A wildcard, as the columns of a table are then not its own. */
export function refusalOfMode(
  refuses: ModeRefusals,
  { wildcard, joins }: Pick<Plan, "wildcard" | "joins">,
): Bypass | null {
  return wildcard && refuses.wildcards ? WILDCARD : joins && refuses.joins ? JOIN : null;
}

const NO_STRUCTURE = { wildcard: false, joins: false };

/** What the mode looks at in a statement that no plan answers. One that the origin rejects is the origin's to reject. */
export function structureOf(decision: Exclude<Decision, Prepared>): Pick<Plan, "wildcard" | "joins"> {
  if (decision.kind !== "refused" || decision.bypass.reason === "origin-error") return NO_STRUCTURE;
  const { statement } = decision;
  if (statement.kind === "read") return statement;
  if (statement.kind !== "query") return NO_STRUCTURE;
  return { wildcard: hasWildcard(statement.query), joins: hasJoin(statement.query) };
}

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
