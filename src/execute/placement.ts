import type { Plan } from "../plan/plan.ts";
import type { StoredTable } from "../store/contract.ts";

/** Rows that the main thread may touch in one statement: about a millisecond of work. */
export const MAIN_THREAD_ROWS = 2000;

/**
 * Where a statement may run.
 *
 * - `one`: it finds one row at most, by a unique key.
 * - `main`: it cannot touch more than `MAIN_THREAD_ROWS` rows, whatever the parameters.
 * - `limited`: it touches LIMIT + OFFSET rows, so the values of those decide.
 * - `stream`: it touches the rows of one index range and returns each of them: it is run up to the limit.
 * - `range`: it collects the rows of one index range (sorts, groups), which a probe counts first.
 * - `scan`: it may touch any number of rows.
 */
export type Placement = "one" | "main" | "limited" | "stream" | "range" | "scan";

/** Decides from SQLite's own plan (the `detail` lines of EXPLAIN QUERY PLAN) and the proven sizes of index groups. */
export function placementOf(plan: Plan, stored: StoredTable, details: readonly string[]): Placement {
  const access = details.find((detail) => /^(SCAN|SEARCH) t0\b/.test(detail));
  const small = stored.rows <= MAIN_THREAD_ROWS;
  if (access === undefined || details.some((detail) => detail.startsWith("MULTI-INDEX"))) {
    return small ? "main" : "scan";
  }
  const lists = listFactor(plan);
  const search = /^SEARCH t0 USING (?:COVERING )?(?:INDEX (.+?)|INTEGER PRIMARY KEY) \((.*)\)$/.exec(access);
  const terms = search?.[2]?.split(" AND ") ?? [];
  const onlyEqualities = terms.length > 0 && terms.every((term) => term.endsWith("=?"));
  if (search !== null && onlyEqualities) {
    const group = groupSize(plan, stored, search[1], terms);
    if (group === 1 && lists === 1) return "one";
    if (group !== null && group * lists <= MAIN_THREAD_ROWS) return "main";
  }
  if (small) return "main";
  const collects = plan.groupBy.length > 0 || plan.distinct || plan.having !== null || plan.aggregates;
  const sorts = details.some((detail) => detail.startsWith("USE TEMP B-TREE"));
  const unfiltered = plan.where === null || (search !== null && terms.length === plan.conditions);
  if (!unfiltered) return "scan";
  if (plan.limit !== null && !collects && !sorts) return "limited";
  if (search === null) return "scan";
  return collects || sorts ? "range" : "stream";
}

/**
 * The proven size of the largest group that these equality terms can select; `null` if there is no bound. `x IS NULL` is
 * an equality term to SQLite, but the rows with NULL are in no group.
 */
function groupSize(
  plan: Plan,
  stored: StoredTable,
  index: string | undefined,
  terms: readonly string[],
): number | null {
  if (index === undefined) return 1;
  const columns = terms.map((term) => term.slice(0, -2));
  const selectsNulls = plan.where?.includes(" IS ") === true;
  if (selectsNulls && columns.some((column) => stored.columns.get(column)?.hasNull !== false)) return null;
  const facts = stored.indexes.get(columns.join(","));
  return facts?.largestGroup ?? null;
}

/** Upper bound of the elements of IN lists; a list that is a parameter has no bound. */
function listFactor(plan: Plan): number {
  if (plan.where === null) return 1;
  if (plan.inputs.some((input) => input.binding.kind === "array")) return Number.POSITIVE_INFINITY;
  return plan.where.includes(" IN (") ? Math.max(1, plan.inputs.length) : 1;
}
