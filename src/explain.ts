import type { Execution } from "./execute/execution.ts";
import type { Bypass, BypassReason, Outcome } from "./outcome.ts";
import type { Plan } from "./plan/plan.ts";

/** How a statement would be answered now. */
export interface Explanation {
  readonly outcome: Outcome;
  /** Why the cache does not answer; `null` for a hit or a miss. See docs/limits.md. */
  readonly reason: BypassReason | null;
  /** The reason's particulars, for a person; `null` for a hit or a miss. */
  readonly detail: string | null;
  /** Tables that the statement reads, and the columns that have to be cached for it. Empty for a bypass. */
  readonly tables: readonly { readonly schema: string; readonly table: string; readonly columns: readonly string[] }[];
  /** The SQLite statement that answers; `null` unless it is a hit. */
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
export function explainPlan(plan: Plan, execution: Execution | null): Explanation {
  return {
    outcome: execution === null ? "miss" : "hit",
    reason: null,
    detail: null,
    tables: plan.tables.map(({ table, columns }) => ({
      schema: table.schema,
      table: table.name,
      columns: [...new Set(columns.map(({ column }) => column))],
    })),
    sqlite: execution?.program.sql ?? null,
    thread: execution === null ? null : THREADS[execution.placement],
  };
}

/** The explanation of a statement that the origin answers. */
export function explainBypass({ reason, detail }: Bypass): Explanation {
  return { outcome: "bypass", reason, detail, tables: [], sqlite: null, thread: null };
}
