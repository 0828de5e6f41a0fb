import { GenerationalCache } from "../generational-cache.ts";
import type { Program } from "../plan/compile.ts";
import type { StoreApi, StoreRow, StoreValue } from "../store/contract.ts";

const RESULTS = 200;
/** Larger results are not worth their memory: what is kept is at most a few tens of megabytes. */
const CELLS = 2000;

interface Result {
  readonly program: Program;
  readonly rows: readonly StoreRow[];
  /** The visible commit that they were read at. */
  readonly commit: number;
}

/**
 * Small results of long scans, by statement and bound values. A result is right for as long as its program is the current
 * one, which belongs to one version of its tables, and none of their rows has changed since it was read.
 */
export class ResultMemo {
  readonly #results = new GenerationalCache<Result>(RESULTS);

  recall(program: Program, bound: readonly StoreValue[], tables: StoreApi["tables"]): readonly StoreRow[] | null {
    const result = this.#results.get(keyOf(program, bound));
    if (result?.program !== program) return null;
    for (const { id } of program.stored) {
      const stored = tables.get(id);
      if (stored === undefined || stored.rowsCommit > result.commit) return null;
    }
    return result.rows;
  }

  remember(program: Program, bound: readonly StoreValue[], rows: readonly StoreRow[], commit: number): void {
    if (rows.length * program.outputs.length > CELLS) return;
    this.#results.set(keyOf(program, bound), { program, rows, commit });
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
