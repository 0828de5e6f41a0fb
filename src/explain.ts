import type { Execution } from "./execute/execution.ts";
import { columnSetOf } from "./load/coverage.ts";
import type { Loader } from "./load/loader.ts";
import { type Bypass, type BypassReason, type Outcome, remedyFor } from "./outcome.ts";
import type { Plan } from "./plan/plan.ts";

/** A table that a statement reads, and what has to be cached of it. */
export interface ExplainedTable {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
  /**
   * The forms in which the columns are kept: `name` (its value), `name:rank` (its place in the origin's order),
   * `amount:key` (comparable bytes), `at:text` (the text that the origin sends).
   */
  readonly encodings: readonly string[];
  /** Columns whose distinct values are kept in the origin's order, to look constants and results up in. */
  readonly dictionaries: readonly string[];
  /** All of it is in memory now. */
  readonly loaded: boolean;
}

/** How a statement would be answered now. */
export interface Explanation {
  readonly outcome: Outcome;
  /** Why the cache does not answer; `null` for a hit or a miss. See docs/limits.md. */
  readonly reason: BypassReason | null;
  /** The reason's particulars, for a person; `null` for a hit or a miss. */
  readonly detail: string | null;
  /** What can be done about the reason; `null` for a hit or a miss. */
  readonly remedy: string | null;
  /** Empty for a statement that the cache can never answer: what it would need is not known. */
  readonly tables: readonly ExplainedTable[];
  /** The SQLite statement that answers; `null` unless it is a hit: it depends on the rows that are loaded. */
  readonly sqlite: string | null;
  /** Thread that runs it: `scan-worker` if it may touch many rows; `null` unless it is a hit. */
  readonly thread: "main" | "scan-worker" | "main or scan-worker, by the values" | null;
}

const THREADS = {
  one: "main",
  main: "main",
  limited: "main or scan-worker, by the values",
  stream: "main or scan-worker, by the values",
  range: "main or scan-worker, by the values",
  scan: "scan-worker",
} as const;

/** The explanation of a statement that the cache answers, or will after a load (`execution` is `null`). */
export function explainPlan(plan: Plan, execution: Execution | null, loader: Loader): Explanation {
  return {
    outcome: execution === null ? "miss" : "hit",
    reason: null,
    detail: null,
    remedy: null,
    tables: explainTables(plan, loader),
    sqlite: execution?.program.sql ?? null,
    thread: execution === null ? null : THREADS[execution.placement],
  };
}

/** The explanation of a statement that the origin answers. One that has a plan could be answered at another time. */
export function explainBypass({ reason, detail }: Bypass, tables: readonly ExplainedTable[] = []): Explanation {
  return { outcome: "bypass", reason, detail, remedy: remedyFor(reason), tables, sqlite: null, thread: null };
}

export function explainTables({ tables }: Plan, loader: Loader): readonly ExplainedTable[] {
  return tables.map((planned) => {
    const { columns, dictionaries } = columnSetOf(planned);
    return {
      schema: planned.table.schema,
      table: planned.table.name,
      columns: [...new Set([...columns.values()].map(({ column }) => column))],
      encodings: [...columns.keys()],
      dictionaries: [...dictionaries],
      loaded: loader.holds(planned),
    };
  });
}
