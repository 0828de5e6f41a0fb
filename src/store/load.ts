import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../errors.ts";
import { quoteName } from "../quoting.ts";
import type { LiveStart, LiveTable } from "./changes/live-table.ts";
import type { CreateRowDecoder, LoadResult, LoadSpec, LoadTable, StoredTable } from "./contract.ts";
import {
  createDictionaryTable,
  createRowTable,
  type LoadStream,
  openDictionaryStream,
  openRowStream,
  RANK_STEP,
} from "./load-stream.ts";
import { buildTarget, createTarget, factsByName, type LoadTarget, liveStartOf } from "./load-target.ts";
import { chooseDictionaryName, chooseTableName, foldName, OWN_PREFIX } from "./names.ts";
import { PageUse } from "./store-file.ts";
import { rollback, type TableRecords } from "./table-records.ts";

/** Bytes of new pages after which a load commits: keeps the dirty pages few and the WAL short. */
const COMMIT_BYTES = 2 * 1024 * 1024;

export interface LoadLimits {
  readonly maxBytes: number;
  /** Where the store's file is, for a message. */
  readonly directory: string;
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
  readonly #targets: LoadTarget[] = [];
  readonly #streams: { readonly target: LoadTarget; readonly open: OpenStream; readonly holdsRows: boolean }[] = [];
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
    const target = createTarget(spec, hiddenName);
    this.#targets.push(target);
    const rankOf = spec.watched === null ? dense : spaced;
    for (const [index, dictionary] of spec.dictionaries.entries()) {
      const ranks = target.ranks[index] ?? new Map();
      const hidden = target.hiddenDictionaries[index] ?? null;
      this.#streams.push({
        target,
        open: (db) => openDictionaryStream(db, create, dictionary, hidden, ranks, rankOf),
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

  /** Ids of its tables. */
  get tables(): string[] {
    return this.#targets.map(({ spec }) => spec.id);
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

  /**
   * The tables as they are on their way to be live, by id: those that are watched, complete and with their indexes, under
   * the names that they have before `finish`. No transaction is open.
   */
  startLive(records: TableRecords): { readonly spec: LoadTable; readonly start: LiveStart }[] {
    this.#buildAll(records);
    return this.#targets.flatMap((target) =>
      target.spec.watched === null ? [] : [{ spec: target.spec, start: liveStartOf(target) }],
    );
  }

  /**
   * Makes the tables visible, with the indexes that their former versions had. `live`: those that `startLive` began with,
   * by id; `catchUp` is called first, in the same transaction, and may change their rows. No transaction is open.
   */
  finish(
    records: TableRecords,
    live: ReadonlyMap<string, LiveTable> = new Map(),
    catchUp: () => void = () => undefined,
  ): LoadResult {
    try {
      return { kind: "loaded", tables: this.#finish(records, live, catchUp) };
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

  #buildAll(records: TableRecords): void {
    if (this.#position < this.#streams.length) {
      throw new StoreError(`The load ended after ${this.#position} of ${this.#streams.length} streams`);
    }
    for (const target of this.#targets) {
      target.built ??= buildTarget(this.#db, target, records.get(target.spec.id));
    }
  }

  #finish(records: TableRecords, live: ReadonlyMap<string, LiveTable>, catchUp: () => void): StoredTable[] {
    this.#buildAll(records);
    return records.commitVisible((edit) => {
      catchUp();
      for (const target of this.#targets) {
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
      return this.#targets.map((target) => {
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
        const liveTable = live.get(spec.id);
        liveTable?.rename(storeName, dictionaries);
        const table: StoredTable = {
          id: spec.id,
          schema: spec.schema,
          table: spec.table,
          storeName,
          fingerprint: spec.fingerprint,
          version: records.nextVersion(),
          rowsCommit: edit.commit,
          dictionaryCommit: edit.commit,
          columns: factsByName(target),
          dictionaries,
          rowidColumn: spec.rowidColumn,
          indexes: target.built?.indexes ?? new Map(),
          rows: target.rows,
          rowBound: target.rows,
          bytes: target.built?.bytes ?? 0,
          loadedAt: this.#startedAt,
          ...liveTable?.facts(),
        };
        edit.put(table);
        return table;
      });
    });
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

function dense(position: number): number {
  return position;
}

function spaced(position: number): number {
  return (position + 1) * RANK_STEP;
}

const SQLITE_FULL = 13;

function isFull(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_FULL;
}
