import type { DatabaseSync } from "node:sqlite";
import { type ColumnFacts, physicalName } from "../column-set.ts";
import type {
  CreateTextReader,
  IndexFacts,
  LoadTable,
  StoredTable,
  StoreValue,
  StreamRelation,
  StreamTuple,
} from "../contract.ts";
import { tableBytes } from "../table-index.ts";
import { indexKey } from "../table-records.ts";
import { GiveUp } from "./give-up.ts";
import { IndexGroups } from "./index-groups.ts";
import { LiveDictionary } from "./live-dictionary.ts";
import { LiveFacts, rowBoundOf } from "./live-facts.ts";
import { isSameValue, LiveRows } from "./live-rows.ts";
import { keyTexts, layoutOf, type RelationLayout } from "./relation-layout.ts";
import type { Change, Transaction } from "./transactions.ts";
import type { Visibility } from "./visibility.ts";

/** What a table is when it becomes live. */
export interface LiveStart {
  readonly storeName: string;
  /** By column. */
  readonly dictionaries: ReadonlyMap<string, string>;
  /** By physical column. */
  readonly facts: ReadonlyMap<string, ColumnFacts>;
  readonly indexes: Iterable<IndexFacts>;
  readonly rows: number;
  readonly bytes: number;
}

/** A table that has so few rows more is not measured again. */
const UNMEASURED_ROWS = 1000;

interface PhysicalColumn {
  readonly facts: LiveFacts;
  readonly read: (text: string) => StoreValue;
}

/**
 * One table whose changes are applied in place. It lives from its hand-off until it is dropped, replaced or given up.
 * Everything here runs inside a transaction of SQLite that the caller begins and ends.
 */
export class LiveTable {
  readonly spec: LoadTable;
  readonly relations: ReadonlySet<string>;
  readonly dictionaries: readonly LiveDictionary[];
  /** The snapshot that its rows were read at, as long as the stream may still bring what it shows. */
  snapshot: Visibility | null;
  /** Why it is to be given up with the next transaction. */
  distrust: string | null = null;
  rows: number;
  rowBound: number;
  /** Rows written, and whether a dictionary has grown or was numbered anew, since `settled` was called. */
  written = 0;
  dictionaryGrown = false;
  #renumbered = false;
  readonly #db: DatabaseSync;
  readonly #physical: readonly string[];
  readonly #columns: readonly PhysicalColumn[];
  /** Positions of the key among the columns. */
  readonly #key: readonly number[];
  readonly #keyIsRowid: boolean;
  readonly #groups: Map<string, IndexGroups>;
  readonly #table: LiveRows | null;
  readonly #layouts = new WeakMap<StreamRelation, RelationLayout>();
  #storeName: string;
  #measured: { readonly rows: number; readonly bytes: number };

  constructor(
    db: DatabaseSync,
    spec: LoadTable,
    start: LiveStart,
    createTextReader: CreateTextReader,
    snapshot: Visibility | null,
  ) {
    this.#db = db;
    this.spec = spec;
    this.snapshot = snapshot;
    this.relations = new Set(spec.watched?.relations);
    this.rows = start.rows;
    this.rowBound = rowBoundOf(start.rows);
    this.#storeName = start.storeName;
    this.#measured = { rows: start.rows, bytes: start.bytes };
    this.dictionaries = spec.dictionaries.map(
      ({ column, codec }) =>
        new LiveDictionary(db, start.dictionaries.get(column) ?? "", column, codec, createTextReader(codec)),
    );
    this.#physical = spec.columns.map(({ column, encoding }) => physicalName(column, encoding));
    this.#columns = spec.columns.map((column, index) => ({
      facts: new LiveFacts(column, start.facts.get(this.#physical[index] ?? "") ?? NO_FACTS),
      read: this.#rankReader(column) ?? createTextReader(column.codec),
    }));
    const key = keyColumnsOf(spec);
    this.#key = key?.map((column) => this.#physical.indexOf(column)) ?? [];
    const rowid = spec.rowidColumn === null ? null : physicalName(spec.rowidColumn, "value");
    this.#keyIsRowid = key?.length === 1 && key[0] === rowid;
    this.#table = key === null ? null : new LiveRows(db, start.storeName, this.#physical, key, rowid);
    this.#groups = new Map([...start.indexes].map((index) => [indexKey(index.columns), this.#groupsOf(index)]));
  }

  get id(): string {
    return this.spec.id;
  }

  get storeName(): string {
    return this.#storeName;
  }

  rename(storeName: string, dictionaries: ReadonlyMap<string, string>): void {
    this.#storeName = storeName;
    this.#table?.rename(storeName);
    for (const dictionary of this.dictionaries) dictionary.rename(dictionaries.get(dictionary.column) ?? "");
    for (const groups of this.#groups.values()) groups.forget();
  }

  addIndex(index: IndexFacts): void {
    this.#groups.set(indexKey(index.columns), this.#groupsOf(index));
  }

  /** True unless its rows were read after the transaction. */
  isChangedBy({ id, relations }: Transaction): boolean {
    return this.snapshot?.shows(id) !== true && !this.relations.isDisjointFrom(relations);
  }

  /** Has the dictionaries want the texts of a change that they do not hold. */
  wantTexts(change: Change): void {
    if (this.dictionaries.length === 0 || (change.kind !== "insert" && change.kind !== "update")) return;
    try {
      const { dictionaries } = this.#layoutOf(change.relation);
      for (const [index, dictionary] of this.dictionaries.entries()) {
        const text = change.row.text(dictionaries[index] ?? 0);
        if (typeof text === "string") dictionary.want(String(dictionary.read(text)));
      }
    } catch {
      // The same is thrown when the change is applied.
    }
  }

  /** Inserts the texts whose places were found. */
  growDictionaries(): void {
    for (const dictionary of this.dictionaries) {
      if (!dictionary.hasPlaced) continue;
      const rank = physicalName(dictionary.column, "rank");
      const column = this.#physical.includes(rank) ? rank : null;
      this.#renumbered = dictionary.insert(this.#storeName, column, this.rows) === "renumbered" || this.#renumbered;
      this.dictionaryGrown = true;
    }
  }

  /** Throws `GiveUp` if it does not fit the rows that are there. */
  apply(change: Change): void {
    if (this.#table === null) throw new GiveUp("its rows cannot be told apart");
    switch (change.kind) {
      case "insert":
        this.#insert(this.#table, change.relation, change.row);
        break;
      case "update":
        this.#update(this.#table, change.relation, change.old, change.row);
        break;
      case "delete":
        this.#delete(this.#table, change.relation, change.old);
        break;
      case "truncate":
        this.#truncate(this.#table, change.relation);
        break;
    }
  }

  #insert(table: LiveRows, relation: StreamRelation, row: StreamTuple): void {
    const layout = this.#layoutOf(relation);
    const texts = layout.sources.map((position) => row.text(position));
    const values = layout.physical.map((source, column) => {
      const text = texts[source];
      if (text === undefined) throw new GiveUp("a new row came without all of its values");
      return this.#read(column, text);
    });
    // SQLite looks for an equal rowid by itself.
    if (this.#keyIsRowid) {
      if (values[this.#key[0] ?? 0] === null) throw new GiveUp("a row came without a key");
    } else if (table.find(this.#key.map((column) => values[column] ?? null)) !== null) {
      throw new GiveUp("a row came whose key is there already");
    }
    table.insert(values);
    for (const [column, value] of values.entries()) this.#columns[column]?.facts.see(value);
    for (const groups of this.#groups.values()) groups.add(values);
    this.rows += 1;
    this.written += 1;
  }

  #update(table: LiveRows, relation: StreamRelation, old: StreamTuple | null, row: StreamTuple): void {
    const layout = this.#layoutOf(relation);
    const found = this.#find(table, keyTexts(layout.key, old ?? row, old === null ? null : row));
    const texts = layout.sources.map((position) => row.text(position));
    const values = [...found.values];
    const changed: number[] = [];
    for (const [column, source] of layout.physical.entries()) {
      const text = texts[source];
      if (text === undefined) continue;
      const value = this.#read(column, text);
      if (!isSameValue(found.values[column] ?? null, value)) {
        values[column] = value;
        changed.push(column);
      }
    }
    if (changed.length === 0) return;
    if (changed.some((column) => this.#key.includes(column))) {
      const key = this.#key.map((column) => values[column] ?? null);
      if (table.find(key) !== null) throw new GiveUp("a row took a key that is there already");
    }
    table.update(found.rowid, changed, values);
    for (const column of changed) this.#columns[column]?.facts.see(values[column] ?? null);
    for (const groups of this.#groups.values()) if (groups.isMovedBy(changed)) groups.add(values);
    this.written += 1;
  }

  #delete(table: LiveRows, relation: StreamRelation, old: StreamTuple): void {
    const { rowid } = this.#find(table, keyTexts(this.#layoutOf(relation).key, old, null));
    table.delete(rowid);
    this.rows -= 1;
    this.written += 1;
  }

  #truncate(table: LiveRows, relation: StreamRelation): void {
    if (this.relations.size > 1) throw new GiveUp(`${relation.name}, one of its parts, was truncated`);
    table.clear();
    this.written += this.rows;
    this.rows = 0;
  }

  /** What it is after the changes, or `null` if there were none. `changed` if plans rest on what is different now. */
  settle(stored: StoredTable, commit: number, nextVersion: () => number): SettledTable | null {
    if (this.written === 0 && !this.dictionaryGrown) return null;
    const changed = this.settleFacts();
    const next: StoredTable = {
      ...stored,
      rows: this.rows,
      bytes: this.#bytes(stored),
      rowsCommit: this.written > 0 || this.#renumbered ? commit : stored.rowsCommit,
      dictionaryCommit: this.dictionaryGrown ? commit : stored.dictionaryCommit,
    };
    this.written = 0;
    this.dictionaryGrown = false;
    this.#renumbered = false;
    if (!changed) return { changed, table: next };
    return { changed, table: { ...next, ...this.facts(), version: nextVersion() } };
  }

  /** Measured anew only when the table has become quite another one: that reads all of its pages. */
  #bytes({ dictionaries }: StoredTable): number {
    const { rows, bytes } = this.#measured;
    if (Math.abs(this.rows - rows) <= rows + UNMEASURED_ROWS) {
      return rows < UNMEASURED_ROWS ? bytes : Math.round((bytes / rows) * this.rows);
    }
    this.#measured = { rows: this.rows, bytes: tableBytes(this.#db, [this.#storeName, ...dictionaries.values()]) };
    return this.#measured.bytes;
  }

  /** Makes the facts hold for what was written; true if they had to be widened. */
  settleFacts(): boolean {
    let changed = this.#renumbered;
    if (this.rows > this.rowBound) {
      this.rowBound = rowBoundOf(this.rows);
      changed = true;
    }
    for (const groups of this.#groups.values()) {
      groups.settle(this.#db, this.#storeName, this.rowBound);
      changed = groups.changed || changed;
      groups.changed = false;
    }
    for (const { facts } of this.#columns) {
      changed = facts.changed || changed;
      facts.changed = false;
    }
    return changed;
  }

  facts(): Pick<StoredTable, "columns" | "indexes" | "rows" | "rowBound"> {
    return {
      columns: new Map(this.#physical.map((name, index) => [name, this.#columns[index]?.facts.facts ?? NO_FACTS])),
      indexes: new Map([...this.#groups].map(([key, groups]) => [key, groups.facts])),
      rows: this.rows,
      rowBound: this.rowBound,
    };
  }

  #find(table: LiveRows, texts: readonly string[]): { rowid: StoreValue; values: readonly StoreValue[] } {
    const found = table.find(this.#key.map((column, index) => this.#read(column, texts[index] ?? "")));
    if (found === null) throw new GiveUp("a row was changed that is not there");
    return found;
  }

  #read(column: number, text: string | null): StoreValue {
    if (text === null) return null;
    try {
      return this.#columns[column]?.read(text) ?? null;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new GiveUp(`a value of ${this.#physical[column]} could not be read: ${message}`);
    }
  }

  #rankReader({ column, encoding }: LoadTable["columns"][number]): ((text: string) => StoreValue) | null {
    const dictionary = encoding === "rank" ? this.dictionaries.find((one) => one.column === column) : undefined;
    if (dictionary === undefined) return null;
    return (text) => {
      const rank = dictionary.rankOf(String(dictionary.read(text)));
      if (rank === undefined) throw new GiveUp(`a text of ${column} has no rank`);
      return rank;
    };
  }

  #groupsOf(index: IndexFacts): IndexGroups {
    const key = keyColumnsOf(this.spec);
    const isUnique = key?.every((column) => index.columns.includes(column)) === true;
    return new IndexGroups(index, this.#physical, isUnique);
  }

  #layoutOf(relation: StreamRelation): RelationLayout {
    let layout = this.#layouts.get(relation);
    if (layout === undefined) {
      layout = layoutOf(
        relation,
        this.spec.columns.map(({ column }) => column),
        this.spec.dictionaries.map(({ column }) => column),
        this.spec.watched?.key ?? [],
      );
      this.#layouts.set(relation, layout);
    }
    return layout;
  }
}

export interface SettledTable {
  readonly changed: boolean;
  readonly table: StoredTable;
}

const NO_FACTS: ColumnFacts = { min: null, max: null, hasNull: true, hasNaN: true, hasNegativeZero: true };

/** Physical columns that identify a row, if the table is watched and has a key. */
export function keyColumnsOf({ watched }: LoadTable): readonly string[] | null {
  return watched?.key?.map((column) => physicalName(column, "value")) ?? null;
}
