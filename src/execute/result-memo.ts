import { GenerationalCache } from "../generational-cache.ts";
import type { Program } from "../plan/compile.ts";
import type { StoreRow, StoreValue } from "../store/contract.ts";

const RESULTS = 200;
/** Larger results are not worth their memory: what is kept is at most a few tens of megabytes. */
const CELLS = 2000;

interface Result {
  readonly program: Program;
  readonly rows: readonly StoreRow[];
}

/**
 * Small results of long scans, by statement and bound values. A program belongs to one version of its tables, so a
 * result is right for as long as the program is the current one; nothing else has to be invalidated.
 */
export class ResultMemo {
  readonly #results = new GenerationalCache<Result>(RESULTS);

  recall(program: Program, bound: readonly StoreValue[]): readonly StoreRow[] | null {
    const result = this.#results.get(keyOf(program, bound));
    return result?.program === program ? result.rows : null;
  }

  remember(program: Program, bound: readonly StoreValue[], rows: readonly StoreRow[]): void {
    if (rows.length * program.outputs.length > CELLS) return;
    this.#results.set(keyOf(program, bound), { program, rows });
  }
}

/** Injective: the type of each value is part of it. */
function keyOf(program: Program, bound: readonly StoreValue[]): string {
  let key = program.sql;
  for (const value of bound) {
    key += `\0${typeof value}${value instanceof Uint8Array ? Buffer.from(value).toString("hex") : JSON.stringify(String(value))}`;
  }
  return key;
}
