import { type Bypass, bypass } from "../outcome.ts";
import type { StoredTable } from "../store/contract.ts";
import { quoteIdentifier, TABLE_ALIAS } from "./analysis.ts";
import type { Plan, Result, SortKey } from "./plan.ts";
import type { Output, TableFacts } from "./term.ts";

/** A plan made concrete for one version of the loaded table: SQLite text, and what its columns mean. */
export interface Program {
  readonly kind: "program";
  readonly plan: Plan;
  /** The version that the proofs and the text hold for. */
  readonly stored: StoredTable;
  readonly sql: string;
  readonly outputs: readonly { readonly name: string; readonly output: Output }[];
}

/** Checks the plan's proofs against the loaded data and prints it. */
export function compile(plan: Plan, stored: StoredTable): Program | Bypass {
  const facts: TableFacts = { rows: stored.rows, column: (name) => stored.columns.get(name) };
  for (const proof of plan.proofs) {
    const refusal = proof(facts);
    if (refusal !== null) return refusal;
  }
  for (const input of plan.inputs) {
    if (input.binding.kind === "position" && !stored.dictionaries.has(input.binding.column.name)) {
      return bypass("store-failed", `the dictionary of ${input.binding.column.name} is not loaded`);
    }
  }
  return Object.freeze<Program>({
    kind: "program",
    plan,
    stored,
    sql: print(plan, stored, facts),
    outputs: plan.results.map(({ name, output }) => ({ name, output })),
  });
}

function print(plan: Plan, stored: StoredTable, facts: TableFacts): string {
  const results = plan.results.map((result) => printResult(result, facts));
  const clauses = [
    `SELECT ${plan.distinct ? "DISTINCT " : ""}${results.join(", ")}`,
    `FROM ${quoteIdentifier(stored.storeName)} AS ${TABLE_ALIAS}${inAnyOrder(plan) ? " NOT INDEXED" : ""}`,
  ];
  if (plan.where !== null) clauses.push(`WHERE ${plan.where}`);
  if (plan.groupBy.length > 0) clauses.push(`GROUP BY ${plan.groupBy.join(", ")}`);
  if (plan.having !== null) clauses.push(`HAVING ${plan.having}`);
  if (plan.orderBy.length > 0) {
    clauses.push(`ORDER BY ${plan.orderBy.map((key) => printSortKey(key, facts)).join(", ")}`);
  }
  if (plan.limit !== null || plan.offset !== null) {
    clauses.push(`LIMIT ${plan.limit ?? "-1"}`);
    if (plan.offset !== null) clauses.push(`OFFSET ${plan.offset}`);
  }
  return clauses.join(" ");
}

/** An integer that may be beyond 2^53 is read as text. */
function printResult({ sql, output, wide }: Result, facts: TableFacts): string {
  const isInteger = output.kind === "value" || output.kind === "scaled";
  return isInteger && wide(facts) ? `CAST(${sql} AS TEXT)` : sql;
}

/**
 * Rows of a whole table that are asked for in no order come as they were loaded, which is mostly the origin's own order;
 * SQLite would prefer the order of any index that covers the columns.
 */
function inAnyOrder(plan: Plan): boolean {
  const collects = plan.distinct || plan.aggregates || plan.groupBy.length > 0;
  return plan.where === null && plan.orderBy.length === 0 && !collects;
}

/** SQLite's default order of NULLs is the opposite of the origin's; saying nothing, where there are none, keeps indexes usable. */
function printSortKey(key: SortKey, facts: TableFacts): string {
  const direction = key.descending ? " DESC" : "";
  if (key.neverNull(facts)) return `${key.sql}${direction}`;
  return `${key.sql}${direction} NULLS ${key.nullsFirst ? "FIRST" : "LAST"}`;
}
