import type { DatabaseSync, StatementSync } from "node:sqlite";
import { quoteName } from "../quoting.ts";
import type { ColumnFacts } from "./column-set.ts";
import type { IndexFacts, StoredTable } from "./contract.ts";
import { decodeJson, encodeJson } from "./json.ts";
import { foldName } from "./names.ts";

/**
 * What the worker knows of the visible tables: a mirror of the store's own meta tables, which are written in the same
 * transaction as the tables themselves, so that every copy of the file is complete.
 *
 * Lives as long as the file that it was read from.
 */
export class TableRecords {
  readonly #db: DatabaseSync;
  readonly #tables = new Map<string, StoredTable>();
  readonly #setCommit: StatementSync;
  readonly #update: StatementSync;
  #commit = 0;
  #lastVersion = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#setCommit = db.prepare("UPDATE sqlmem_meta SET value = ? WHERE key = 'commit'");
    this.#update = db.prepare(
      "UPDATE sqlmem_tables SET rows = ?, bytes = ?, rows_commit = ?, dictionary_commit = ? WHERE id = ?",
    );
    for (const row of db.prepare("SELECT * FROM sqlmem_tables").all()) {
      const table = fromRow(row);
      this.#tables.set(table.id, table);
      this.#lastVersion = Math.max(this.#lastVersion, table.version);
    }
    this.#commit = Number(this.meta("commit"));
  }

  get(id: string): StoredTable | undefined {
    return this.#tables.get(id);
  }

  all(): StoredTable[] {
    return [...this.#tables.values()];
  }

  /** The number of the last visible commit. */
  get commit(): number {
    return this.#commit;
  }

  /** Versions are never used twice, not even by another table. */
  nextVersion(): number {
    this.#lastVersion += 1;
    return this.#lastVersion;
  }

  /**
   * Runs `change` as one visible commit. `change` alters tables of SQLite and says through `edit` what they are now;
   * if it throws, nothing has happened. No transaction may be open.
   */
  commitVisible<T>(change: (edit: RecordEdit) => T): T {
    return this.#commitVisible(change, () => true);
  }

  /** The same, unless `change` comes to `null`: then nothing has happened. */
  commitVisibleIfAny<T>(change: (edit: RecordEdit) => T | null): T | null {
    return this.#commitVisible(change, (result) => result !== null);
  }

  #commitVisible<T>(change: (edit: RecordEdit) => T, isAny: (result: T) => boolean): T {
    const put = new Map<string, StoredTable>();
    const removed = new Set<string>();
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = change({
        commit: this.#commit + 1,
        put: (table) => {
          this.#write(table);
          removed.delete(table.id);
          put.set(table.id, table);
        },
        touch: (table) => {
          this.#touch(table);
          put.set(table.id, table);
        },
        remove: (id) => {
          this.#db.prepare("DELETE FROM sqlmem_tables WHERE id = ?").run(id);
          put.delete(id);
          removed.add(id);
        },
      });
      if (!isAny(result)) {
        this.#db.exec("ROLLBACK");
        return result;
      }
      this.#setCommit.run(this.#commit + 1);
      this.#db.exec("COMMIT");
      this.#commit += 1;
      for (const id of removed) {
        this.#tables.delete(id);
      }
      for (const table of put.values()) {
        this.#tables.set(table.id, table);
      }
      return result;
    } catch (error) {
      rollback(this.#db);
      throw error;
    }
  }

  /** Drops the SQLite tables of a stored table; part of a visible commit. */
  dropTables(table: StoredTable): void {
    for (const name of [table.storeName, ...table.dictionaries.values()]) {
      this.#db.exec(`DROP TABLE ${quoteName(name)}`);
    }
  }

  /** Folded names of everything in the file. */
  takenNames(): Set<string> {
    const rows = this.#db.prepare("SELECT name FROM sqlite_schema").all();
    return new Set(rows.map((row) => foldName(String(row.name))));
  }

  meta(key: string): unknown {
    return this.#db.prepare("SELECT value FROM sqlmem_meta WHERE key = ?").get(key)?.value;
  }

  setMeta(key: string, value: string | number): void {
    this.#db.prepare("INSERT OR REPLACE INTO sqlmem_meta VALUES (?, ?)").run(key, value);
  }

  #touch({ id, rows, bytes, rowsCommit, dictionaryCommit }: StoredTable): void {
    this.#update.run(rows, bytes, rowsCommit, dictionaryCommit, id);
  }

  #write(table: StoredTable): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO sqlmem_tables VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(
        table.id,
        table.schema,
        table.table,
        table.storeName,
        table.fingerprint,
        table.version,
        encodeJson([...table.columns]),
        encodeJson([...table.dictionaries]),
        table.rowidColumn,
        encodeJson([...table.indexes.values()]),
        table.rows,
        table.rowBound,
        table.rowsCommit,
        table.dictionaryCommit,
        table.bytes,
        table.loadedAt,
      );
  }
}

export interface RecordEdit {
  /** The number of this commit. */
  readonly commit: number;
  put(table: StoredTable): void;
  /** A table that differs from what it was only by `TouchedTable`; cheaper than `put`. */
  touch(table: StoredTable): void;
  remove(id: string): void;
}

/** How an index is named among a table's indexes. */
export function indexKey(columns: readonly string[]): string {
  return columns.join(",");
}

/** Ends a transaction that failed. SQLite has done it already for some errors. */
export function rollback(db: DatabaseSync): void {
  if (db.isTransaction) {
    db.exec("ROLLBACK");
  }
}

function fromRow(row: Record<string, unknown>): StoredTable {
  const indexes = decodeJson(String(row.indexes)) as IndexFacts[];
  return {
    id: String(row.id),
    schema: String(row.schema),
    table: String(row.name),
    storeName: String(row.store_name),
    fingerprint: String(row.fingerprint),
    version: Number(row.version),
    columns: new Map(decodeJson(String(row.columns)) as [string, ColumnFacts][]),
    dictionaries: new Map(decodeJson(String(row.dictionaries)) as [string, string][]),
    rowidColumn: row.rowid_column === null ? null : String(row.rowid_column),
    indexes: new Map(indexes.map((index) => [indexKey(index.columns), index])),
    rows: Number(row.rows),
    rowBound: Number(row.row_bound),
    rowsCommit: Number(row.rows_commit),
    dictionaryCommit: Number(row.dictionary_commit),
    bytes: Number(row.bytes),
    loadedAt: Number(row.loaded_at),
  };
}
