/** Ids of the tables that a write may have changed. */
export type WrittenTables = readonly string[] | "all";

/** A table that a query reads. */
export interface TableRead {
  readonly table: { readonly id: string };
}

/**
 * What this process has written, until readers of the cache are known to see it. Writes are counted; a confirmation covers
 * all up to the one that was the last when it was asked for.
 */
export class OwnWrites {
  #last = 0;
  #confirmed = 0;
  /** The last write that may have changed any table. */
  #lastAnywhere = 0;
  /** The last write to each table that has one that is not confirmed. */
  readonly #lastTo = new Map<string, number>();

  /** How many there were. */
  get count(): number {
    return this.#last;
  }

  get areConfirmed(): boolean {
    return this.#confirmed === this.#last;
  }

  add(tables: WrittenTables): void {
    this.#last += 1;
    if (tables === "all") this.#lastAnywhere = this.#last;
    else for (const id of tables) this.#lastTo.set(id, this.#last);
  }

  /** Readers see the first `count` of them. */
  confirm(count: number): void {
    if (count <= this.#confirmed) return;
    this.#confirmed = count;
    for (const [id, write] of this.#lastTo) if (write <= count) this.#lastTo.delete(id);
  }

  /** True if readers of these tables see all of them. */
  areSeenIn(tables: readonly TableRead[]): boolean {
    if (this.#confirmed === this.#last) return true;
    return this.#lastAnywhere <= this.#confirmed && !tables.some(({ table }) => this.#lastTo.has(table.id));
  }
}
