import type { AttachedCache } from "./attached-cache.ts";
import { Execution } from "./execute/execution.ts";
import { type Runner, wrongNumberOfParameters } from "./execute/runner.ts";
import type { Freshness } from "./freshness/freshness.ts";
import { columnSetOf } from "./load/coverage.ts";
import type { Loader } from "./load/loader.ts";
import { type Bypass, type BypassReason, type Outcome, remedyFor } from "./outcome.ts";
import type { Plan } from "./plan/plan.ts";
import type { Prepared } from "./plan/prepared.ts";
import { notFresh, SESSION_STATE } from "./refusals.ts";
import type { WriteThrough } from "./write-through.ts";

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

/** The parts of the engine that decide whether a statement that has a plan is answered now. */
export interface ExplainParts {
  readonly writes: WriteThrough;
  readonly loader: Loader;
  readonly attached: AttachedCache;
  readonly runner: Runner;
  readonly freshness: Freshness;
}

/**
 * The explanation of a statement that has a plan: the cache answers it, or will after a load, or not at this moment.
 *
 * @param params `undefined`: whatever the values are
 * @param refused why the engine's mode refuses it; `null`: it does not
 */
export function explainPlan(
  prepared: Prepared,
  params: readonly unknown[] | undefined,
  refused: Bypass | null,
  parts: ExplainParts,
): Explanation {
  const { plan } = prepared.entry;
  const refusal = refused ?? refusalNow(prepared, params, parts);
  const tables = explainTables(plan, parts.loader);
  if (refusal !== null) return explainBypass(refusal, tables);
  const execution = parts.runner.executionOf(prepared.entry);
  const hit = execution instanceof Execution ? execution : null;
  return {
    outcome: hit === null ? "miss" : "hit",
    reason: null,
    detail: null,
    remedy: null,
    tables,
    sqlite: hit?.program.sql ?? null,
    thread: hit === null ? null : THREADS[hit.placement],
  };
}

/** Why a statement that has a plan is not answered at this moment, or with these values. */
function refusalNow(
  prepared: Prepared,
  params: readonly unknown[] | undefined,
  { writes, loader, attached, runner, freshness }: ExplainParts,
): Bypass | null {
  const { entry } = prepared;
  if (!writes.sessionIsClean) return SESSION_STATE;
  const refused = loader.refusal(entry.plan) ?? attached.refusal(entry.plan);
  if (refused !== null) return refused;
  if (freshness.obstacle(entry.plan.tables) !== null) return notFresh(freshness, entry.plan);
  const execution = runner.executionOf(entry);
  if (execution !== null && !(execution instanceof Execution)) return execution;
  const left = execution?.placement === "scan" ? entry.pace.refusal(performance.now()) : null;
  if (left !== null) return left;
  if (params === undefined) return null;
  if (params.length !== entry.parameterCount) return wrongNumberOfParameters(entry.parameterCount, params.length);
  const bound = execution?.bind(prepared.values(params)) ?? null;
  return bound !== null && "reason" in bound ? bound : null;
}

/** The explanation of a statement that the origin answers. */
export function explainBypass({ reason, detail }: Bypass, tables: readonly ExplainedTable[] = []): Explanation {
  return { outcome: "bypass", reason, detail, remedy: remedyFor(reason), tables, sqlite: null, thread: null };
}

function explainTables({ tables }: Plan, loader: Loader): readonly ExplainedTable[] {
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
