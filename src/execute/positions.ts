import type { Column } from "../catalog.ts";
import { GenerationalCache } from "../generational-cache.ts";
import { quoteName } from "../quoting.ts";
import type { StoreApi, StoredTable } from "../store/contract.ts";

/** Asks the origin which of the candidates sort before the value, in one round trip. */
export type SortsBefore = (column: Column, candidates: readonly string[], value: string) => Promise<readonly boolean[]>;

const CACHED_POSITIONS = 10_000;
/** Candidates of one round: 300,000 distinct values take three rounds. */
const FAN_OUT = 128;

/**
 * Where a text stands among the distinct values of a column in the origin's own order. A value that the column holds is
 * found in the dictionary; for any other, the origin is asked to compare it, once, by a search over the dictionary.
 */
export class Positions {
  readonly #store: StoreApi;
  /** How many values of the dictionary sort before a text that is not in it. */
  readonly #unseen = new GenerationalCache<number>(CACHED_POSITIONS);

  constructor(store: StoreApi) {
    this.#store = store;
  }

  /** Number of distinct values that sort before `text` (`through`: or equal it); `null` if the origin must be asked. */
  lookup(stored: StoredTable, column: string, text: string, through: boolean): number | null {
    const dictionary = this.#dictionary(stored, column);
    const [rank] = this.#store.statement(`SELECT rank FROM ${dictionary} WHERE value = ?`).get(text) ?? [];
    if (typeof rank === "number") return through ? rank + 1 : rank;
    return this.#unseen.get(key(stored, column, text)) ?? null;
  }

  /** The text at a position. */
  textAt(stored: StoredTable, column: string, position: number): string {
    const dictionary = this.#dictionary(stored, column);
    const [text] = this.#store.statement(`SELECT value FROM ${dictionary} WHERE rank = ?`).get(position) ?? [];
    if (typeof text !== "string") throw new RangeError(`no value at position ${position} of ${column}`);
    return text;
  }

  /** Finds the position of an unseen text by asking the origin; afterwards `lookup` knows it. */
  async resolve(stored: StoredTable, column: Column, text: string, sortsBefore: SortsBefore): Promise<void> {
    const dictionary = this.#dictionary(stored, column.name);
    const [size] = this.#store.statement(`SELECT count(*) FROM ${dictionary}`).get() ?? [];
    const pick = `SELECT value FROM ${dictionary} WHERE rank IN (SELECT value FROM json_each(?)) ORDER BY rank`;
    // Invariant: values at ranks below `low` sort before the text, those at `high` and above do not.
    let low = 0;
    let high = Number(size);
    while (low < high) {
      const ranks = spread(low, high);
      const candidates = this.#store.statement(pick).all(JSON.stringify(ranks));
      const before = await sortsBefore(
        column,
        candidates.map((row) => String(row[0])),
        text,
      );
      const count = before.filter(Boolean).length;
      const previous = ranks[count - 1];
      const next = ranks[count];
      if (previous !== undefined) low = previous + 1;
      if (next !== undefined) high = next;
    }
    this.#unseen.set(key(stored, column.name, text), low);
  }

  #dictionary(stored: StoredTable, column: string): string {
    const name = stored.dictionaries.get(column);
    if (name === undefined) throw new RangeError(`no dictionary of ${column} is loaded`);
    return quoteName(name);
  }
}

/** Up to FAN_OUT different ranks, evenly spread over [low, high). */
function spread(low: number, high: number): number[] {
  const count = Math.min(FAN_OUT, high - low);
  return Array.from({ length: count }, (_, index) => low + Math.floor(((index + 0.5) * (high - low)) / count));
}

function key(stored: StoredTable, column: string, text: string): string {
  return `${stored.id}\0${stored.version}\0${column}\0${text}`;
}
