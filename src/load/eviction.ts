import type { StoreApi } from "../store/contract.ts";

/** When each table was used last, in a clock that ticks with every use. */
export class TableUse {
  readonly #lastUse = new Map<string, { tick: number }>();
  #tick = 0;

  /** The table's own counter: a hit path keeps it and calls `touch` without a look-up. */
  of(id: string): { tick: number } {
    let use = this.#lastUse.get(id);
    if (use === undefined) {
      use = { tick: 0 };
      this.#lastUse.set(id, use);
    }
    return use;
  }

  touch(uses: readonly { tick: number }[]): void {
    this.#tick += 1;
    for (const use of uses) use.tick = this.#tick;
  }

  /** The tables to evict, least recently used first, until the store fits its budget; never those to `keep`. */
  leastRecent(store: StoreApi, maxBytes: number, keep: ReadonlySet<string>): readonly string[] {
    let bytes = store.bytes;
    const candidates = [...store.tables.values()]
      .filter((table) => !keep.has(table.id))
      .sort((a, b) => this.of(a.id).tick - this.of(b.id).tick);
    const evicted: string[] = [];
    for (const table of candidates) {
      if (bytes <= maxBytes) break;
      evicted.push(table.id);
      bytes -= table.bytes;
    }
    return evicted;
  }
}
