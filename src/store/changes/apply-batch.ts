import type { StoredTable } from "../contract.ts";
import type { GivenUp } from "../protocol.ts";
import type { RecordEdit, TableRecords } from "../table-records.ts";
import { GiveUp } from "./give-up.ts";
import type { LiveTable } from "./live-table.ts";
import type { LiveTables } from "./live-tables.ts";
import type { Transaction } from "./transactions.ts";

export interface Applied {
  /** Tables with what plans do not know yet. */
  readonly changed: readonly StoredTable[];
  /** Tables of which only rows have changed. */
  readonly touched: readonly StoredTable[];
  readonly givenUp: readonly GivenUp[];
  /** Transactions that changed rows, and how many. */
  readonly transactions: number;
  readonly changes: number;
}

/**
 * Applies transactions in one visible commit; `null` if they change nothing that is stored. A table whose rows do not fit
 * is dropped in the same commit.
 */
export function applyBatch(
  records: TableRecords,
  live: LiveTables,
  transactions: readonly Transaction[],
): Applied | null {
  if (!live.concernedBy(transactions)) return null;
  const applied = records.commitVisibleIfAny((edit) => new BatchApply(records, live, edit).run(transactions));
  for (const { id } of applied?.givenUp ?? []) live.delete(id);
  return applied;
}

class BatchApply {
  readonly #records: TableRecords;
  readonly #live: LiveTables;
  readonly #edit: RecordEdit;
  readonly #givenUp = new Map<LiveTable, string>();
  readonly #touched = new Set<LiveTable>();
  #transactions = 0;
  #changes = 0;

  constructor(records: TableRecords, live: LiveTables, edit: RecordEdit) {
    this.#records = records;
    this.#live = live;
    this.#edit = edit;
  }

  run(transactions: readonly Transaction[]): Applied | null {
    for (const table of this.#live.values()) {
      if (table.distrust !== null) this.#givenUp.set(table, table.distrust);
      else this.#try(table, () => table.growDictionaries());
      if (table.dictionaryGrown) this.#touched.add(table);
    }
    for (const transaction of transactions) this.#apply(transaction);
    return this.#settle();
  }

  #apply(transaction: Transaction): void {
    const before = this.#changes;
    const unknown = this.#live.unknown(transaction.relations);
    for (const table of unknown.length > 0 ? this.#live.values() : []) {
      if (this.#live.mayHaveNewPart(table, unknown)) {
        this.#giveUp(table, "the stream brought changes of a relation that may be a new part of it");
      }
    }
    if (transaction.changes === null) {
      for (const table of this.#live.values()) {
        if (table.isChangedBy(transaction)) this.#giveUp(table, "one transaction changed more than can be kept");
      }
      return;
    }
    for (const change of transaction.changes) {
      for (const table of this.#live.of(change.relation.id)) {
        if (this.#givenUp.has(table) || table.snapshot?.shows(transaction.id) === true) continue;
        const { written } = table;
        this.#try(table, () => table.apply(change));
        this.#changes += table.written - written;
        this.#touched.add(table);
      }
    }
    if (this.#changes > before) this.#transactions += 1;
  }

  #settle(): Applied | null {
    const changed: StoredTable[] = [];
    const touched: StoredTable[] = [];
    for (const table of this.#touched) {
      if (table.rows > table.spec.maxRows) this.#giveUp(table, `it has more than ${table.spec.maxRows} rows now`);
      const stored = this.#records.get(table.id);
      if (stored === undefined || this.#givenUp.has(table)) continue;
      const settled = table.settle(stored, this.#edit.commit, () => this.#records.nextVersion());
      if (settled === null) continue;
      if (settled.changed) this.#edit.put(settled.table);
      else this.#edit.touch(settled.table);
      (settled.changed ? changed : touched).push(settled.table);
    }
    const givenUp: GivenUp[] = [];
    for (const [table, why] of this.#givenUp) {
      const stored = this.#records.get(table.id);
      if (stored !== undefined) this.#records.dropTables(stored);
      this.#edit.remove(table.id);
      givenUp.push({ id: table.id, why });
    }
    if (changed.length + touched.length + givenUp.length === 0) return null;
    return { changed, touched, givenUp, transactions: this.#transactions, changes: this.#changes };
  }

  #try(table: LiveTable, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof GiveUp)) throw error;
      this.#giveUp(table, error.message);
    }
  }

  #giveUp(table: LiveTable, why: string): void {
    if (!this.#givenUp.has(table)) this.#givenUp.set(table, why);
  }
}
