import type { FunctionTarget } from "../../../store/contract.ts";

/** `pg_interrupt(rowid)` is called in the loops of long statements: a thread that is to end does so in any function. */
export function registerInterrupt(target: FunctionTarget): void {
  target.function("pg_interrupt", { deterministic: false }, (_rowid) => 1);
}
