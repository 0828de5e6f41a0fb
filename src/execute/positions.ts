import type { Column } from "../catalog.ts";
import { GenerationalCache } from "../generational-cache.ts";
import { quoteName } from "../quoting.ts";
import type { StoreApi, StoredTable } from "../store/contract.ts";

/** Asks the origin which of the candidates sort before the value, in one round trip. */
export type SortsBefore = (column: Column, candidates: readonly string[], value: string) => Promise<readonly boolean[]>;

const CACHED_POSITIONS = 10_000;
/** Candidates of one round: 300,000 distinct values take three rounds. */
const FAN_OUT = 128;

interface Value {
  readonly rank: number;
  readonly text: string;
}

/** An unseen text sorts after the one value and before the other; `null` at the ends. */
interface Gap {
  readonly below: Value | null;
  readonly above: Value | null;
}

const ANYWHERE: Gap = { below: null, above: null };

/**
 * Where a text stands among the distinct values of a column in the origin's own order. A value that the column holds is
 * found in the dictionary; for any other, the origin is asked to compare it, once, by a search over the dictionary.
 *
 * A position is a threshold: values whose rank is less sort before the text. Ranks need not be dense, and while the rows
 * are kept up to date new values come between them. What is remembered of an unseen text are its neighbours: it holds for
 * as long as the dictionary has them side by side.
 */
export class Positions {
  readonly #store: StoreApi;
  readonly #unseen = new GenerationalCache<Gap>(CACHED_POSITIONS);

  constructor(store: StoreApi) {
    this.#store = store;
  }

  /** The threshold below which values sort before `text` (`through`: or equal it); `null` if the origin must be asked. */
  lookup(stored: StoredTable, column: string, text: string, through: boolean): number | null {
    const dictionary = dictionaryOf(stored, column);
    const [rank] = this.#store.statement(`SELECT rank FROM ${dictionary} WHERE value = ?`).get(text) ?? [];
    if (typeof rank === "number") return through ? rank + 1 : rank;
    const gap = this.#remembered(stored, column, text);
    return gap === null || this.#candidates(dictionary, gap, 1).length > 0 ? null : thresholdOf(gap);
  }

  /** The text at a position. */
  textAt(stored: StoredTable, column: string, position: number): string {
    const dictionary = dictionaryOf(stored, column);
    const [text] = this.#store.statement(`SELECT value FROM ${dictionary} WHERE rank = ?`).get(position) ?? [];
    if (typeof text !== "string") throw new RangeError(`no value at position ${position} of ${column}`);
    return text;
  }

  /**
   * Finds the position of an unseen text by asking the origin; afterwards `lookup` knows it, unless the table is replaced
   * meanwhile or a value comes that sorts right beside it.
   */
  async resolve(id: string, column: Column, text: string, sortsBefore: SortsBefore): Promise<void> {
    const stored = this.#store.tables.get(id);
    if (stored === undefined) return;
    const dictionary = dictionaryOf(stored, column.name);
    let gap = this.#remembered(stored, column.name, text) ?? ANYWHERE;
    for (;;) {
      const candidates = this.#candidates(dictionary, gap, FAN_OUT);
      if (candidates.length === 0) break;
      const before = await sortsBefore(
        column,
        candidates.map((candidate) => candidate.text),
        text,
      );
      // Within a version ranks stay what they are.
      if (this.#store.tables.get(id)?.version !== stored.version) return;
      const count = before.filter(Boolean).length;
      gap = { below: candidates[count - 1] ?? gap.below, above: candidates[count] ?? gap.above };
    }
    this.#unseen.set(key(stored, column.name, text), gap);
  }

  /** Values in the gap: all of them, or `limit` different ones, about evenly spread. */
  #candidates(dictionary: string, { below, above }: Gap, limit: number): Value[] {
    const from = below?.rank ?? -Number.MAX_SAFE_INTEGER;
    const to = above?.rank ?? Number.MAX_SAFE_INTEGER;
    const next = this.#store.statement(
      `SELECT rank, value FROM ${dictionary} WHERE rank > ? AND rank < ? ORDER BY rank LIMIT ?`,
    );
    const first = next.all(from, to, limit).map(([rank, value]) => ({ rank: Number(rank), text: String(value) }));
    const [lowest] = first;
    if (first.length < limit || limit === 1 || lowest === undefined) return first;
    const [highest] = this.#store.statement(`SELECT max(rank) FROM ${dictionary} WHERE rank < ?`).get(to) ?? [];
    const found = new Map<number, string>();
    const low = lowest.rank - 1;
    const width = Number(highest) - low;
    for (let index = 0; index < limit; index++) {
      const [rank, value] = next.get(low + Math.floor(((index + 0.5) * width) / limit), to, 1) ?? [];
      if (rank !== undefined) found.set(Number(rank), String(value));
    }
    return [...found].map(([rank, text]) => ({ rank, text })).sort((a, b) => a.rank - b.rank);
  }

  /** The neighbours of an unseen text, if the dictionary still has them. */
  #remembered(stored: StoredTable, column: string, text: string): Gap | null {
    const gap = this.#unseen.get(key(stored, column, text));
    if (gap === undefined) return null;
    const find = this.#store.statement(`SELECT value FROM ${dictionaryOf(stored, column)} WHERE rank = ?`);
    const isThere = (value: Value | null): boolean => value === null || find.get(value.rank)?.[0] === value.text;
    return isThere(gap.below) && isThere(gap.above) ? gap : null;
  }
}

/** The half below it lies between both ranks, too: see `place` in plan/treatments/text-order.ts. */
function thresholdOf({ below, above }: Gap): number {
  return below === null ? (above?.rank ?? 0) : below.rank + 1;
}

function dictionaryOf(stored: StoredTable, column: string): string {
  const name = stored.dictionaries.get(column);
  if (name === undefined) throw new RangeError(`no dictionary of ${column} is loaded`);
  return quoteName(name);
}

function key(stored: StoredTable, column: string, text: string): string {
  return `${stored.id}\0${stored.loadedAt}\0${column}\0${text}`;
}
