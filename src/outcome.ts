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
  "distinct-on",
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
  // this moment
  "parameter",
  "table-too-large",
  "load-failed",
  "changes-too-often",
  "store-failed",
  "sqlite-raised",
  "session-state",
  "origin-error",
  "write",
] as const;

export type BypassReason = (typeof BYPASS_REASONS)[number];

const MOMENTARY: ReadonlySet<BypassReason> = new Set([
  "parameter",
  "table-too-large",
  "load-failed",
  "changes-too-often",
  "store-failed",
  "sqlite-raised",
  "session-state",
  "origin-error",
]);

/** True for the third group: the statement is one that the cache answers, only not now or not with these values. */
export function isMomentary(reason: BypassReason): boolean {
  return MOMENTARY.has(reason);
}

const REMEDIES: Readonly<Partial<Record<BypassReason, string>>> = {
  wildcard: 'Name the columns, set wildcards: true, or use mode: "transparent".',
  join: 'Query one table at a time, set joins: true, or use mode: "transparent".',
  "several-statements": "Send one statement at a time.",
  "non-canonical-literal": "Write the value as the database prints it, or pass it as a parameter.",
};

/** What a person can do about a refusal. */
export function remedyFor(reason: BypassReason): string {
  return REMEDIES[reason] ?? 'Rewrite it (docs/limits.md), or use mode: "transparent" to have the database answer it.';
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
