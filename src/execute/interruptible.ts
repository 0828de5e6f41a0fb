import type { Program } from "../plan/compile.ts";
import { stepsOf } from "./placement.ts";

/** Steps that a statement may take without an end in sight: some seconds. */
const UNINTERRUPTED_STEPS = 1e8;
/** A line of SQLite's plan that is a loop over a table. */
const LOOP = /^(?:SCAN|SEARCH) (t\d+)\b/;

/**
 * The text by which a scan worker runs a program: where its loops may come to very many steps, as a product of tables
 * does, the thread can be told to stop between them. That costs a call of a function for each row of all loops but the
 * innermost, and so is left out of the others.
 *
 * @param details SQLite's own plan (the `detail` lines of EXPLAIN QUERY PLAN), which names loops from the outside in
 */
export function interruptible(program: Program, details: readonly string[]): string {
  const innermost = details.flatMap((detail) => LOOP.exec(detail)?.[1] ?? []).at(-1);
  if (innermost === undefined || stepsOf(program.stored, details) <= UNINTERRUPTED_STEPS) return program.sql;
  return program.interruptible(innermost);
}
