import type { Transaction } from "./transactions.ts";
import { widened } from "./visibility.ts";

/** A load during which more than this changes begins again, rather than keep it. */
const KEPT_CHANGES = 200_000;
const KEPT_BYTES = 64 * 1024 * 1024;

interface Retention {
  readonly relations: ReadonlySet<string>;
  /** `null`: they were too many. */
  transactions: Transaction[] | null;
  changes: number;
  bytes: number;
}

/** What the stream has brought that a snapshot of a load may not show. */
export class Retained {
  /** Streamed, and maybe not visible to each new snapshot yet. */
  #recent: { readonly id: number; readonly relations: ReadonlySet<string> }[] = [];
  readonly #retentions = new Map<string, Retention>();

  streamed({ id, relations }: Transaction): void {
    if (relations.size > 0) this.#recent.push({ id, relations });
  }

  settled(below: bigint): void {
    this.#recent = this.#recent.filter(({ id }) => widened(id, below) >= below);
  }

  /** From now on changes of these tables are kept. Gives the transactions that changed them before. */
  begin(tables: readonly { readonly id: string; readonly relations: readonly string[] }[]): number[] {
    const all = new Set<string>();
    for (const { id, relations } of tables) {
      this.#retentions.set(id, { relations: new Set(relations), transactions: [], changes: 0, bytes: 0 });
      for (const relation of relations) all.add(relation);
    }
    return this.#recent.filter(({ relations }) => !relations.isDisjointFrom(all)).map(({ id }) => id);
  }

  /** Its changes have become visible. */
  applied(transaction: Transaction): void {
    for (const retention of this.#retentions.values()) {
      if (retention.transactions === null || retention.relations.isDisjointFrom(transaction.relations)) continue;
      retention.transactions.push(transaction);
      retention.changes += transaction.changes?.length ?? 0;
      retention.bytes += transaction.bytes;
      if (retention.changes > KEPT_CHANGES || retention.bytes > KEPT_BYTES) retention.transactions = null;
    }
  }

  /** `undefined`: nothing was retained; `null`: it was too much. */
  of(id: string): readonly Transaction[] | null | undefined {
    return this.#retentions.get(id)?.transactions;
  }

  end(ids: Iterable<string>): void {
    for (const id of ids) this.#retentions.delete(id);
  }
}
