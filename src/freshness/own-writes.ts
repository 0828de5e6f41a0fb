import type { WriteReach } from "../dialects/dialect.ts";

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
  /** Those that are not confirmed and may have changed any table. */
  readonly #anywhere = new Set<number>();
  /** The last write to each table that has one that is not confirmed. */
  readonly #lastTo = new Map<string, number>();

  /** How many there were. */
  get count(): number {
    return this.#last;
  }

  get areConfirmed(): boolean {
    return this.#confirmed === this.#last;
  }

  /** Its number, for `narrow`. */
  add(tables: WriteReach): number {
    const write = ++this.#last;
    if (tables === "all") this.#anywhere.add(write);
    else for (const id of tables) this.#lastTo.set(id, write);
    return write;
  }

  /** A write to all tables is known to be one to these. */
  narrow(write: number, tables: readonly string[]): void {
    if (!this.#anywhere.delete(write)) return;
    for (const id of tables) this.#lastTo.set(id, Math.max(write, this.#lastTo.get(id) ?? 0));
  }

  /** Readers see the first `count` of them. */
  confirm(count: number): void {
    if (count <= this.#confirmed) return;
    this.#confirmed = count;
    for (const write of this.#anywhere) if (write <= count) this.#anywhere.delete(write);
    for (const [id, write] of this.#lastTo) if (write <= count) this.#lastTo.delete(id);
  }

  /** True if readers of these tables see all of them. */
  areSeenIn(tables: readonly TableRead[]): boolean {
    if (this.#confirmed === this.#last) return true;
    return this.#anywhere.size === 0 && !tables.some(({ table }) => this.#lastTo.has(table.id));
  }
}
