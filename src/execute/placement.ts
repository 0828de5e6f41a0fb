import { MAIN_THREAD_ROWS, type Program } from "../plan/compile.ts";
import type { JoinedPage, Plan, SingleTable } from "../plan/plan.ts";
import { physicalName } from "../store/column-set.ts";
import type { StoredTable } from "../store/contract.ts";

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
export function placementOf({ plan, stored }: Program, details: readonly string[]): Placement {
  const [table] = stored;
  if (plan.single === null || table === undefined) return placementOfJoin(plan, stored, details);
  return placementOfSingle(plan.single, plan, table, details);
}

function placementOfSingle(
  single: SingleTable,
  plan: Plan,
  stored: StoredTable,
  details: readonly string[],
): Placement {
  const access = details.find((detail) => /^(SCAN|SEARCH) t0\b/.test(detail));
  const small = stored.rows <= MAIN_THREAD_ROWS;
  if (access === undefined || details.some((detail) => detail.startsWith("MULTI-INDEX"))) {
    return small ? "main" : "scan";
  }
  const search = /^SEARCH t0 USING (?:COVERING )?(?:INDEX (.+?)|INTEGER PRIMARY KEY) \((.*)\)$/.exec(access);
  if (search !== null && findsOneRow(single, stored)) return "one";
  const terms = search?.[2]?.split(" AND ") ?? [];
  const onlyEqualities = terms.length > 0 && terms.every((term) => term.endsWith("=?"));
  if (search !== null && onlyEqualities) {
    const group = groupSize(single, stored, search[1], terms);
    if (group !== null && group * alternatives(single, plan) ** terms.length <= MAIN_THREAD_ROWS) return "main";
  }
  // min() or max() alone: SQLite looks at one end of the key.
  if (small || /^SEARCH t0(?: USING (?:COVERING )?INDEX \S+)?$/.test(access)) return "main";
  const sorts = details.some((detail) => detail.startsWith("USE TEMP B-TREE"));
  const unfiltered = single.where === null || (search !== null && terms.length === single.conditions);
  if (!unfiltered) return "scan";
  if (single.limit !== null && !single.collects && !sorts) return "limited";
  if (search === null || single.offset !== null) return "scan";
  return single.collects || sorts ? "range" : "stream";
}

/** A line of SQLite's plan that reads a table; the index and the conditions that it serves. */
const ACCESS =
  /^(SCAN|SEARCH) t\d+\b(?: EXISTS)?(?: USING (?:COVERING )?(?:INDEX (.+?)|INTEGER PRIMARY KEY) \((.*)\))?/;

/** Rows that a statement over several tables may touch on the main thread, each step of a join counted. */
const MAIN_THREAD_STEPS = 4 * MAIN_THREAD_ROWS;

/**
 * Several tables: each line of SQLite's plan that reads one is a loop inside those before it, or stands beside them; the
 * product bounds both.
 */
function placementOfJoin(plan: Plan, stored: readonly StoredTable[], details: readonly string[]): Placement {
  const placement = placementOfSteps(plan, stored, details);
  return placement === "scan" && plan.page !== null && endsAtLimit(plan.page, stored, details) ? "limited" : placement;
}

/**
 * True if each row of the outermost loop is a row of the result, once: nothing but the loop's own bounds leaves rows out, all
 * others are looked up by a unique key, with LEFT JOIN, and nothing is sorted.
 */
function endsAtLimit(page: JoinedPage, stored: readonly StoredTable[], details: readonly string[]): boolean {
  const [outer = "", ...inner] = details;
  const bounds =
    /^(?:SCAN|SEARCH) t\d+(?: USING (?:COVERING )?(?:INDEX \S+?|INTEGER PRIMARY KEY)(?: \((.*)\))?)?$/.exec(outer);
  if (bounds === null || (bounds[1]?.split(" AND ").length ?? 0) !== page.conditions) return false;
  return inner.every((detail) => {
    const access = ACCESS.exec(detail);
    return access !== null && detail.endsWith(") LEFT-JOIN") && rowsOf(access, stored) === 1;
  });
}

function placementOfSteps(plan: Plan, stored: readonly StoredTable[], details: readonly string[]): Placement {
  const isUnbounded = (detail: string): boolean =>
    detail.startsWith("MULTI-INDEX") || detail.startsWith("RECURSIVE STEP") || detail.includes("json_each");
  if (details.some(isUnbounded) || stepsOf(stored, details) > MAIN_THREAD_STEPS) return "scan";
  return plan.inputs.some((input) => input.binding.kind === "array") ? "scan" : "main";
}

/** An upper bound of how many rows all loops together step over, but for those over lists and recursive queries. */
export function stepsOf(stored: readonly StoredTable[], details: readonly string[]): number {
  // Rows of a query that is kept, WITH for one, are read again by each loop over it: none but the first is counted by what makes them.
  const loops = details.filter((detail) => /^(SCAN|SEARCH) q\d+\b/.test(detail)).length;
  let steps = Math.max(1, ...stored.map(({ rows }) => rows)) ** Math.max(0, loops - 1);
  for (const detail of details) {
    const access = ACCESS.exec(detail);
    if (access !== null) steps *= Math.max(1, rowsOf(access, stored));
  }
  return steps;
}

function rowsOf([, , index, condition]: RegExpExecArray, stored: readonly StoredTable[]): number {
  const terms = condition?.split(" AND ") ?? [];
  const columns = terms.map((term) => term.slice(0, -2));
  const largest = Math.max(...stored.map(({ rows }) => rows));
  if (terms.length === 0 || !terms.every((term) => term.endsWith("=?"))) return largest;
  if (index === undefined) return condition === "rowid=?" ? 1 : largest;
  const key = columns.join(",");
  const groups = stored.map((table) => table.indexes.get(key)?.largestGroup ?? 0);
  const bound = Math.max(...groups);
  return bound > 0 ? bound : largest;
}

/** True if the conditions fix all columns of a key of which the loaded rows have no duplicates. */
function findsOneRow(plan: SingleTable, stored: StoredTable): boolean {
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
  plan: SingleTable,
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
function alternatives(single: SingleTable, plan: Plan): number {
  if (plan.inputs.some((input) => input.binding.kind === "array")) return Number.POSITIVE_INFINITY;
  const lists = single.where?.includes(" IN (") === true || single.where?.includes(" OR ") === true;
  return lists ? Math.max(1, plan.inputs.length) : 1;
}
