import type { FunctionTarget } from "../../../store/contract.ts";

/** Rows of a recursive query, and of those run right before it, before it is taken for one without end. */
const MOST_ROWS = 10_000_000;
const CHECKED_EVERY = 65_536;
/** After such a pause another statement is meant. */
const PAUSE_MS = 5000;

/**
 * `pg_step()` is called for each row that a recursive query brings. A thread that is to end does so between two calls; and
 * a query without end is given up before its rows fill the memory: the origin may then run it, or end it.
 */
export function registerStep(target: FunctionTarget): void {
  let rows = 0;
  let checkedAt = 0;
  target.function("pg_step", { deterministic: false }, () => {
    rows += 1;
    if (rows % CHECKED_EVERY === 0) {
      const now = performance.now();
      if (now - checkedAt > PAUSE_MS) rows = 0;
      checkedAt = now;
      if (rows > MOST_ROWS) {
        rows = 0;
        throw new RangeError(`a recursive query brings more than ${MOST_ROWS} rows`);
      }
    }
    return 0;
  });
}
