import type { Table } from "../catalog.ts";
import type { Bypass } from "../outcome.ts";
import type { StoredTable } from "../store/contract.ts";
import { resolveDeferred } from "./analysis.ts";
import type { Plan, Result } from "./plan.ts";
import type { Facts, TableFacts } from "./term.ts";

/** A plan made concrete for one version of each loaded table: SQLite text, and what its columns mean. */
export interface Program {
  readonly kind: "program";
  readonly plan: Plan;
  /** The versions that the proofs and the text hold for, in the order of `plan.tables`. */
  readonly stored: readonly StoredTable[];
  readonly sql: string;
  /**
   * The same, and each loop over a table calls a function at each of its rows, but for the loop over this one: nothing else
   * ends a statement of SQLite from outside.
   */
  interruptible(innermost: string): string;
  /** So many of the plan's inputs are bound: those after them belong to what nobody asked for, and are only checked. */
  readonly inputs: number;
  /** Counts the rows that WHERE leaves of a single table, up to one more than the main thread may touch. */
  readonly probe: string | null;
  readonly outputs: readonly Result[];
}

/** Checks the plan's proofs against the loaded data and prints it. */
export function compile(plan: Plan, stored: readonly StoredTable[]): Program | Bypass {
  const facts = factsOf(stored);
  for (const proof of plan.proofs) {
    const refusal = proof(facts);
    if (refusal !== null) return refusal;
  }
  const sql = resolveDeferred(plan.sql, plan.deferred, facts);
  return Object.freeze<Program>({
    kind: "program",
    plan,
    stored,
    sql,
    interruptible: (innermost) =>
      resolveDeferred(plan.sql, plan.deferred, {
        ...facts,
        interrupt: (aliases) => printInterrupt(aliases, innermost),
      }),
    inputs: highestPlaceholder(sql),
    probe: probeSql(plan, facts),
    outputs: plan.results,
  });
}

/** Names and texts can hold anything. */
const QUOTED = /"(?:[^"]|"")*"|'(?:[^']|'')*'/g;

function highestPlaceholder(sql: string): number {
  const numbers = sql.replaceAll(QUOTED, "").matchAll(/\?(\d+)/g);
  return Math.max(0, ...[...numbers].map(([, number]) => Number(number)));
}

function factsOf(stored: readonly StoredTable[]): Facts {
  const facts = new Map<string, TableFacts>();
  for (const { id, rowBound, storeName, columns } of stored) {
    facts.set(id, { rows: rowBound, storeName, column: (name) => columns.get(name) });
  }
  return {
    of: (table: Table) => {
      const found = facts.get(table.id);
      if (found === undefined) throw new RangeError(`${table.name} is no table of the plan`);
      return found;
    },
    interrupt: () => null,
  };
}

/** Always true, and said to be, so that SQLite does not choose another plan because of it. */
function printInterrupt(aliases: readonly string[], innermost: string): string | null {
  const calls = aliases
    .filter((alias) => alias !== innermost)
    .map((alias) => `likelihood(pg_interrupt(${alias}.rowid), 1.0)`);
  return calls.length === 0 ? null : calls.join(" AND ");
}

/** Rows that the main thread may touch in one statement: about a millisecond of work. */
export const MAIN_THREAD_ROWS = 2000;

function probeSql({ single, deferred }: Plan, facts: Facts): string | null {
  if (single === null || single.where === null) return null;
  const where = resolveDeferred(single.where, deferred, facts);
  return `SELECT count(*) FROM (SELECT 1 FROM ${single.from(facts)} WHERE ${where} LIMIT ${MAIN_THREAD_ROWS + 1})`;
}
