import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../errors.ts";
import { quoteName } from "../quoting.ts";
import { type ColumnFacts, physicalName } from "./column-set.ts";
import type { CreateRowDecoder, IndexFacts, LoadResult, LoadSpec, LoadTable, StoredTable } from "./contract.ts";
import {
  createDictionaryTable,
  createRowTable,
  type LoadStream,
  openDictionaryStream,
  openRowStream,
} from "./load-stream.ts";
import { chooseDictionaryName, chooseTableName, foldName, OWN_PREFIX } from "./names.ts";
import { PageUse } from "./store-file.ts";
import { buildDictionaryIndex, buildIndex, tableBytes } from "./table-index.ts";
import { rollback, type TableRecords } from "./table-records.ts";

/** Bytes of new pages after which a load commits: keeps the dirty pages few and the WAL short. */
const COMMIT_BYTES = 2 * 1024 * 1024;

export interface LoadLimits {
  readonly maxBytes: number;
  /** Where the store's file is, for a message. */
  readonly directory: string;
}

/** One table of a load, on its way. */
interface Target {
  readonly spec: LoadTable;
  readonly hiddenName: string;
  readonly columns: readonly string[];
  readonly ranks: readonly Map<string, number>[];
  /** Per dictionary, `null` where it is not kept. */
  readonly hiddenDictionaries: readonly (string | null)[];
  rows: number;
  facts: readonly ColumnFacts[];
}

type OpenStream = (db: DatabaseSync) => LoadStream;

/**
 * One load inside the worker. Rows go into hidden tables, in transactions of a few megabytes that readers do not see;
 * `finish` makes all tables visible in one.
 *
 * ```
 *  streaming ──limit──► too large ──finish──┐
 *     │  └──error──► failed ──────────────┐ │
 *     └──finish──► (tables swapped)       ▼ ▼
 *            abort from any state ─► (hidden tables gone)
 * ```
 */
export class Load {
  readonly #db: DatabaseSync;
  readonly #limits: LoadLimits;
  readonly #targets: Target[] = [];
  readonly #streams: { readonly target: Target; readonly open: OpenStream; readonly holdsRows: boolean }[] = [];
  readonly #use: PageUse;
  readonly #startedAt = Date.now();
  readonly #bytesBefore: number;
  #position = 0;
  #stream: LoadStream | null = null;
  #committedBytes = 0;
  #error: unknown = null;
  #tooLarge: Extract<LoadResult, { kind: "too-large" }> | null = null;

  /** Creates the hidden tables; `number` is never used again. Throws if SQLite does not take the columns. */
  constructor(db: DatabaseSync, number: number, spec: LoadSpec, create: CreateRowDecoder, limits: LoadLimits) {
    this.#db = db;
    this.#limits = limits;
    this.#use = new PageUse(db);
    this.#bytesBefore = this.#use.bytes;
    for (const [index, table] of spec.tables.entries()) {
      this.#addTarget(table, `${OWN_PREFIX}load_${number}_${index}`, create);
    }
    this.#createTables();
  }

  #addTarget(spec: LoadTable, hiddenName: string, create: CreateRowDecoder): void {
    if (spec.columns.length === 0) {
      throw new StoreError(`The load of ${spec.table} has no columns`);
    }
    const target: Target = {
      spec,
      hiddenName,
      columns: spec.columns.map((column) => physicalName(column.column, column.encoding)),
      ranks: spec.dictionaries.map(() => new Map()),
      hiddenDictionaries: spec.dictionaries.map(({ keep }, index) => (keep ? `${hiddenName}_${index}` : null)),
      rows: 0,
      facts: [],
    };
    this.#targets.push(target);
    for (const [index, dictionary] of spec.dictionaries.entries()) {
      const ranks = target.ranks[index] ?? new Map();
      const hidden = target.hiddenDictionaries[index] ?? null;
      this.#streams.push({
        target,
        open: (db) => openDictionaryStream(db, create, dictionary, hidden, ranks),
        holdsRows: false,
      });
    }
    this.#streams.push({
      target,
      open: (db) => openRowStream(db, create, spec, hiddenName, target.ranks),
      holdsRows: true,
    });
  }

  #createTables(): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const target of this.#targets) {
        createRowTable(this.#db, target.hiddenName, target.spec, target.columns);
        for (const hidden of target.hiddenDictionaries) {
          if (hidden !== null) {
            createDictionaryTable(this.#db, hidden);
          }
        }
      }
      this.#stream = this.#openStream();
      this.#db.exec("COMMIT");
    } catch (error) {
      rollback(this.#db);
      throw error;
    }
  }

  #openStream(): LoadStream | null {
    return this.#streams[this.#position]?.open(this.#db) ?? null;
  }

  get error(): unknown {
    return this.#error;
  }

  get tooLarge(): Extract<LoadResult, { kind: "too-large" }> | null {
    return this.#tooLarge;
  }

  /** Names of all tables that this load has made: not to be in any snapshot file. */
  get hiddenTables(): string[] {
    return this.#targets.flatMap((target) => [
      target.hiddenName,
      ...target.hiddenDictionaries.filter((hidden) => hidden !== null),
    ]);
  }

  /** Decodes and stores a chunk, within a transaction that may stay open until `commit`. */
  push(chunk: Uint8Array): void {
    this.#guard(() => {
      const stream = this.#currentStream();
      this.#begin();
      stream.decoder.push(chunk);
      this.#checkRows(stream);
    });
  }

  endStream(): void {
    this.#guard(() => {
      const stream = this.#currentStream();
      this.#begin();
      stream.decoder.end();
      this.#checkRows(stream);
      const current = this.#streams[this.#position];
      if (current?.holdsRows) {
        current.target.rows = stream.decoder.rows;
        current.target.facts = stream.decoder.facts;
      }
      this.#position += 1;
      this.#stream = this.#openStream();
    });
  }

  get commitDue(): boolean {
    return this.#db.isTransaction && this.#use.bytes - this.#committedBytes >= COMMIT_BYTES;
  }

  /** Ends the open transaction, if any; readers see nothing of it. */
  commit(): void {
    this.#guard(() => {
      if (this.#db.isTransaction) {
        this.#db.exec("COMMIT");
      }
      this.#committedBytes = this.#use.bytes;
      const bytes = this.#committedBytes - this.#bytesBefore;
      if (bytes > this.#limits.maxBytes) {
        this.#refuse(`it takes more than ${bytes} bytes, of ${this.#limits.maxBytes} that the store may take`);
      }
    });
  }

  /** Makes the tables visible, with the indexes that their former versions had. No transaction is open. */
  finish(records: TableRecords): LoadResult {
    try {
      return { kind: "loaded", tables: this.#finish(records) };
    } catch (error) {
      if (!isFull(error)) {
        throw error;
      }
      return this.#refuse(this.#noRoom());
    }
  }

  #noRoom(): string {
    return `no room is left in ${this.#limits.directory}`;
  }

  #finish(records: TableRecords): StoredTable[] {
    if (this.#position < this.#streams.length) {
      throw new StoreError(`The load ended after ${this.#position} of ${this.#streams.length} streams`);
    }
    const built = this.#targets.map((target) => ({ target, ...this.#build(target, records.get(target.spec.id)) }));
    return records.commitVisible((edit) => {
      for (const { target } of built) {
        const former = records.get(target.spec.id);
        if (former !== undefined) {
          records.dropTables(former);
          edit.remove(former.id);
        }
      }
      const taken = records.takenNames();
      const rename = (hidden: string, name: string): string => {
        this.#db.exec(`ALTER TABLE ${quoteName(hidden)} RENAME TO ${quoteName(name)}`);
        taken.add(foldName(name));
        return name;
      };
      return built.map(({ target, indexes, bytes }) => {
        const { spec } = target;
        const isTaken = (folded: string): boolean => taken.has(folded);
        const storeName = rename(target.hiddenName, chooseTableName(spec, isTaken));
        const dictionaries = new Map<string, string>();
        for (const [index, hidden] of target.hiddenDictionaries.entries()) {
          const column = spec.dictionaries[index]?.column;
          if (hidden !== null && column !== undefined) {
            dictionaries.set(column, rename(hidden, chooseDictionaryName(storeName, column, isTaken)));
          }
        }
        const table: StoredTable = {
          id: spec.id,
          schema: spec.schema,
          table: spec.table,
          storeName,
          fingerprint: spec.fingerprint,
          version: records.nextVersion(),
          columns: factsByName(target),
          dictionaries,
          rowidColumn: spec.rowidColumn,
          indexes,
          rows: target.rows,
          bytes,
          loadedAt: this.#startedAt,
        };
        edit.put(table);
        return table;
      });
    });
  }

  #build(target: Target, former: StoredTable | undefined): { indexes: Map<string, IndexFacts>; bytes: number } {
    const indexes = new Map<string, IndexFacts>();
    const dictionaries = target.hiddenDictionaries.filter((hidden) => hidden !== null);
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const dictionary of dictionaries) {
        buildDictionaryIndex(this.#db, dictionary);
      }
      for (const [key, index] of former?.indexes ?? []) {
        if (index.columns.every((column) => target.columns.includes(column))) {
          indexes.set(key, buildIndex(this.#db, target.hiddenName, index.columns));
        }
      }
      this.#db.exec("COMMIT");
    } catch (error) {
      rollback(this.#db);
      throw error;
    }
    return { indexes, bytes: tableBytes(this.#db, [target.hiddenName, ...dictionaries]) };
  }

  /** Nothing more is stored; the reason is what the caller gets. */
  fail(error: unknown): void {
    rollback(this.#db);
    this.#stream = null;
    this.#error ??= error;
  }

  #refuse(detail: string): LoadResult {
    rollback(this.#db);
    const spec = this.#streams[Math.min(this.#position, this.#streams.length - 1)]?.target.spec;
    this.#tooLarge ??= { kind: "too-large", id: spec?.id ?? "", table: spec?.table ?? "", detail };
    this.#stream = null;
    return this.#tooLarge;
  }

  #checkRows(stream: LoadStream): void {
    const detail = stream.tooLarge();
    if (detail !== null) {
      this.#refuse(detail);
    }
  }

  #currentStream(): LoadStream {
    if (this.#stream === null) {
      throw new StoreError("More streams were written than the load has");
    }
    return this.#stream;
  }

  #begin(): void {
    if (!this.#db.isTransaction) {
      this.#committedBytes = this.#use.bytes;
      this.#db.exec("BEGIN IMMEDIATE");
    }
  }

  /** Nothing is done any more once a limit was passed or something failed. */
  #guard(action: () => void): void {
    if (this.#error !== null || this.#tooLarge !== null) {
      return;
    }
    try {
      action();
    } catch (error) {
      if (isFull(error)) {
        this.#refuse(this.#noRoom());
      } else {
        this.fail(error);
      }
    }
  }
}

const SQLITE_FULL = 13;

function isFull(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_FULL;
}

function factsByName(target: Target): Map<string, ColumnFacts> {
  const columns = new Map<string, ColumnFacts>();
  for (const [index, name] of target.columns.entries()) {
    const facts = target.facts[index];
    if (facts === undefined) {
      throw new StoreError(`The decoder gave no facts of column ${name}`);
    }
    columns.set(name, facts);
  }
  return columns;
}
