import type { Plan } from "../plan/plan.ts";
import { physicalName } from "../store/column-set.ts";
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
  const search = /^SEARCH t0 USING (?:COVERING )?(?:INDEX (.+?)|INTEGER PRIMARY KEY) \((.*)\)$/.exec(access);
  if (search !== null && findsOneRow(plan, stored)) return "one";
  const terms = search?.[2]?.split(" AND ") ?? [];
  const onlyEqualities = terms.length > 0 && terms.every((term) => term.endsWith("=?"));
  if (search !== null && onlyEqualities) {
    const group = groupSize(plan, stored, search[1], terms);
    if (group !== null && group * alternatives(plan) ** terms.length <= MAIN_THREAD_ROWS) return "main";
  }
  // min() or max() alone: SQLite looks at one end of the key.
  if (small || /^SEARCH t0(?: USING (?:COVERING )?INDEX \S+)?$/.test(access)) return "main";
  const collects = plan.groupBy.length > 0 || plan.distinct || plan.having !== null || plan.aggregates;
  const sorts = details.some((detail) => detail.startsWith("USE TEMP B-TREE"));
  const unfiltered = plan.where === null || (search !== null && terms.length === plan.conditions);
  if (!unfiltered) return "scan";
  if (plan.limit !== null && !collects && !sorts) return "limited";
  if (search === null || plan.offset !== null) return "scan";
  return collects || sorts ? "range" : "stream";
}

/** True if the conditions fix all columns of a key of which the loaded rows have no duplicates. */
function findsOneRow(plan: Plan, stored: StoredTable): boolean {
  const fixed = new Set(plan.fixedColumns);
  if (stored.rowidColumn !== null && fixed.has(physicalName(stored.rowidColumn, "value"))) return true;
  return [...stored.indexes.values()].some(
    (index) => index.largestGroup <= 1 && index.columns.every((column) => fixed.has(column)),
  );
}

/**
 * How many rows these equality terms of an index can select for one alternative; `null` if there is no bound. An estimate
 * for where to run only. `x IS NULL` is an equality term to SQLite, but the rows with NULL are in no group.
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
  return stored.indexes.get(columns.join(","))?.largestGroup ?? null;
}

/** How many values each equality term can stand for: lists, and alternatives of one column, which SQLite reads as a list. */
function alternatives(plan: Plan): number {
  if (plan.inputs.some((input) => input.binding.kind === "array")) return Number.POSITIVE_INFINITY;
  const lists = plan.where?.includes(" IN (") === true || plan.where?.includes(" OR ") === true;
  return lists ? Math.max(1, plan.inputs.length) : 1;
}
