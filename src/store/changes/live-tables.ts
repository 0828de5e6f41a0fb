import type { LiveDictionary } from "./live-dictionary.ts";
import type { LiveTable } from "./live-table.ts";
import { MOST_NEW_TEXTS } from "./text-search.ts";
import type { Transaction } from "./transactions.ts";

const NONE: readonly LiveTable[] = [];

/** The tables that a stream changes, and what relations it speaks of. */
export class LiveTables {
  readonly #tables = new Map<string, LiveTable>();
  readonly #byRelation = new Map<string, LiveTable[]>();
  /** Relations of tables that are or were live, or loading. */
  readonly #known = new Set<string>();
  /** Others, by when the stream first spoke of them. */
  readonly #others = new Map<string, number>();
  /** By table: when its retaining began. */
  readonly #since = new Map<string, number>();
  #clock = 0;

  get(id: string): LiveTable | undefined {
    return this.#tables.get(id);
  }

  values(): Iterable<LiveTable> {
    return this.#tables.values();
  }

  of(relation: string): readonly LiveTable[] {
    return this.#byRelation.get(relation) ?? NONE;
  }

  set(table: LiveTable): void {
    this.delete(table.id);
    this.#tables.set(table.id, table);
    for (const relation of table.relations) {
      this.#byRelation.set(relation, [...this.of(relation), table]);
    }
  }

  delete(id: string): void {
    const table = this.#tables.get(id);
    if (table === undefined) return;
    this.#tables.delete(id);
    for (const relation of table.relations) {
      const others = this.of(relation).filter((other) => other !== table);
      if (others.length > 0) this.#byRelation.set(relation, others);
      else this.#byRelation.delete(relation);
    }
  }

  clear(): void {
    this.#tables.clear();
    this.#byRelation.clear();
  }

  /** A load of the table begins. */
  retained(id: string, relations: readonly string[]): void {
    this.#since.set(id, this.#clock);
    for (const relation of relations) {
      this.#known.add(relation);
      this.#others.delete(relation);
    }
  }

  /** The stream has brought a transaction. */
  streamed({ relations }: Transaction): void {
    for (const relation of relations) {
      if (this.#known.has(relation) || this.#others.has(relation)) continue;
      this.#clock += 1;
      this.#others.set(relation, this.#clock);
    }
  }

  /**
   * True if one of these relations may be a part of the table that was made after the load began: nobody knows it, and the
   * stream has not spoken of it before.
   */
  mayHaveNewPart(table: LiveTable, relations: readonly string[]): boolean {
    if (table.relations.size === 1 && table.relations.has(table.id)) return false;
    const since = this.#since.get(table.id) ?? 0;
    for (const relation of relations) {
      if ((this.#others.get(relation) ?? 0) > since) return true;
    }
    return false;
  }

  /** The same, of all that the stream has brought. */
  mayMissPart(table: LiveTable): boolean {
    return this.mayHaveNewPart(table, [...this.#others.keys()]);
  }

  /** Those of the relations that nobody knows. */
  unknown(relations: ReadonlySet<string>): string[] {
    return this.#others.size === 0 ? [] : [...relations].filter((relation) => this.#others.has(relation));
  }

  /** True if one of the transactions may change a table. */
  concernedBy(transactions: readonly Transaction[]): boolean {
    for (const { distrust, dictionaries } of this.#tables.values()) {
      if (distrust !== null || dictionaries.some(({ hasPlaced }) => hasPlaced)) return true;
    }
    return transactions.some(({ relations }) => {
      for (const relation of relations) {
        if (this.#byRelation.has(relation) || this.#others.has(relation)) return true;
      }
      return false;
    });
  }

  settled(below: bigint): void {
    for (const table of this.#tables.values()) {
      if (table.snapshot !== null && below >= table.snapshot.xmax) table.snapshot = null;
    }
  }

  /** The dictionaries that do not have all texts of the transactions. */
  wantTexts(transactions: readonly Transaction[]): Wanting[] {
    for (const transaction of transactions) {
      for (const change of transaction.changes ?? []) {
        for (const table of this.of(change.relation.id)) {
          if (table.distrust === null && table.snapshot?.shows(transaction.id) !== true) table.wantTexts(change);
        }
      }
    }
    return [...this.#tables.values()].flatMap(wantingOf);
  }
}

export interface Wanting {
  readonly table: LiveTable;
  readonly dictionary: LiveDictionary;
}

/** The dictionaries of a table that want texts. One that wants too many at once is not worth it. */
export function wantingOf(table: LiveTable): Wanting[] {
  const wanting = table.dictionaries.filter(({ wanted }) => wanted.size > 0);
  const large = wanting.find(({ wanted }) => wanted.size > MOST_NEW_TEXTS);
  if (large !== undefined) table.distrust ??= `more than ${MOST_NEW_TEXTS} new texts of ${large.column} came at once`;
  return table.distrust === null ? wanting.map((dictionary) => ({ table, dictionary })) : [];
}
