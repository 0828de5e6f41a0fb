import type { ColumnFacts, Encoding } from "./column-set.ts";

/** A value as SQLite holds it. Integers beyond 2^53 are bound as BigInt and never read as integers (plans CAST them). */
export type StoreValue = number | bigint | string | Uint8Array | null;
export type StoreRow = StoreValue[];

/** Decodes one dialect's bulk format inside the store worker. `codec` is the dialect's own, opaque to the store. */
export interface RowDecoder {
  /**
   * Takes the next chunk, in order; chunk borders fall anywhere. Throws on malformed input. The chunk's memory is used
   * again after the call returns: bytes of an unfinished row must be copied, not kept as a view.
   */
  push(chunk: Uint8Array): void;
  /** The stream is over: checks that it ended cleanly and flushes the last partial batch. */
  end(): void;
  readonly rows: number;
  /** One entry per column, in column order. Valid after `end()`. */
  readonly facts: readonly ColumnFacts[];
}

/**
 * What a decoder module exports as `createRowDecoder`. `batch` is one reused array of `batchRows * columns` values; the
 * decoder fills it row by row and calls `flush(rows)` when it is full, and once more at the end with what is left.
 * A dictionary (see `LoadStream`) maps a text to its rank.
 */
export type CreateRowDecoder = (
  codecs: readonly unknown[],
  batch: StoreValue[],
  batchRows: number,
  flush: (rows: number) => void,
  dictionaries: readonly ReadonlyMap<string, number>[],
) => RowDecoder;

/** The part of a SQLite connection that functions are defined on. */
export interface FunctionTarget {
  function(
    name: string,
    options: { deterministic?: boolean; useBigIntArguments?: boolean; varargs?: boolean },
    implementation: (...values: StoreValue[]) => StoreValue,
  ): void;
  aggregate<State>(
    name: string,
    options: {
      start: () => State;
      step: (state: State, ...values: StoreValue[]) => State;
      result: (state: State) => StoreValue;
      inverse?: (state: State, ...values: StoreValue[]) => State;
      useBigIntArguments?: boolean;
      varargs?: boolean;
      deterministic?: boolean;
    },
  ): void;
}

/**
 * What a dialect's module exports as `registerFunctions`: defines the functions that its plans call in SQLite, on each
 * reading connection of each thread. They are pure; one that raises sends the statement to the origin. `resources` are
 * the tables that functions look things up in (`StoreApi.provide`), to be read when a function is called, not before.
 */
export type RegisterFunctions = (target: FunctionTarget, resources: ReadonlyMap<string, unknown>) => void;

/** One physical column of a table that is being loaded. */
export interface LoadColumn {
  readonly column: string;
  readonly encoding: Encoding;
  /** Declared SQLite type: decides the affinity. `""` has none (floats keep -0, text 'NaN' stays text). */
  readonly declared: "INTEGER" | "TEXT" | "BLOB" | "";
  /** The dialect's way to decode it; structured-cloneable. */
  readonly codec: unknown;
}

/**
 * One table of a load. Its streams arrive in this order: each dictionary (one text column: the distinct values in the
 * origin's order), then the rows. A rank is the place of a text in that order: ranks are dense from 0, or spaced out where
 * the table is watched, so that others fit in between.
 */
export interface LoadTable {
  readonly id: string;
  readonly schema: string;
  readonly table: string;
  readonly fingerprint: string;
  readonly columns: readonly LoadColumn[];
  /** A single-column integer primary key becomes SQLite's rowid; it must be one of `columns` with encoding `value`. */
  readonly rowidColumn: string | null;
  /** Columns whose dictionary is loaded first; `rank` codecs refer to them by position. */
  readonly dictionaries: readonly {
    readonly column: string;
    readonly codec: unknown;
    /** Keep it as a table `(rank INTEGER PRIMARY KEY, value TEXT UNIQUE)` for look-ups; that of a watched table always is. */
    readonly keep: boolean;
  }[];
  /** More rows than this end the load with `table-too-large`. */
  readonly maxRows: number;
  /** How changes of the table are applied in place, once it was handed off to a feed; `null` if they are not. */
  readonly watched: WatchedTable | null;
}

/** How the changes of a table are found in the change stream, and its rows in the store. */
export interface WatchedTable {
  /** Ids of the relations that the stream names for its rows: itself, or its partitions and children. */
  readonly relations: readonly string[];
  /**
   * The origin's columns that identify a row (replica identity), each loaded with encoding `value`. `null`: rows cannot be
   * found, so that any change of the table has the store give it up.
   */
  readonly key: readonly string[] | null;
}

/** Which transactions of the origin a load has seen. */
export interface Snapshot {
  /** `xmin:xmax:xip,xip…` as Postgres writes a `pg_snapshot`, in 64-bit transaction ids. */
  readonly transactions: string;
  /** A position of the change stream at or after the end of each of them. */
  readonly position: bigint;
}

/** A relation as the change stream describes it. */
export interface StreamRelation {
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly isKey: boolean }[];
}

/** The values of one row of the stream, in the order of the relation's columns; read when they are needed. */
export interface StreamTuple {
  /** The wire text of a column, `null` for NULL, `undefined` if the stream left it out: it is what it was. */
  text(column: number): string | null | undefined;
}

/** What a change decoder calls, in the order of the stream. Tuples may be kept until the transaction ends. */
export interface ChangeHandler {
  /** `transaction`: the lower 32 bits of its id. */
  begin(transaction: number): void;
  relation(relation: StreamRelation): void;
  insert(relation: string, row: StreamTuple): void;
  /** `old`: the identity before the change, if the change has one. */
  update(relation: string, old: StreamTuple | null, row: StreamTuple): void;
  delete(relation: string, old: StreamTuple): void;
  truncate(relations: readonly string[]): void;
  /** `position`: where the stream goes on after the transaction. */
  commit(position: bigint): void;
  /** Outside of a transaction: everything before this position was sent. */
  reached(position: bigint): void;
}

/** Takes one message of the stream at a time. Throws on what it does not know. */
export interface ChangeDecoder {
  push(message: Uint8Array): void;
}

/** What a module named by `ChangeFeedOptions.decoder` exports as `createChangeDecoder`. */
export type CreateChangeDecoder = (handler: ChangeHandler) => ChangeDecoder;

/**
 * … and as `createTextReader`: reads wire text as the load's codec reads its bulk format, to the same value of the store.
 * Not for ranks of texts, which the store finds by itself. Throws on text that the type does not have.
 */
export type CreateTextReader = (codec: unknown) => (text: string) => StoreValue;

/** A text that the dictionary of a column does not hold, and texts that it does, in the origin's order. */
export interface SortQuestion {
  readonly text: string;
  readonly candidates: readonly string[];
}

export interface SortAnswer {
  /** For each question how many of its candidates sort before its text. */
  readonly before: readonly number[];
  /** The questions' indexes in the order of their texts. */
  readonly order: readonly number[];
}

export interface ChangeFeedOptions {
  /** URL of the module that reads the stream in the store worker. */
  readonly decoder: string;
  /** Asks the origin how texts of a column sort; `codec` is that of the column's dictionary. */
  readonly sort: (codec: unknown, questions: readonly SortQuestion[]) => Promise<SortAnswer>;
  /** Readers see everything before the position. */
  readonly onPosition: (position: bigint) => void;
  /** Transactions were applied that changed rows: tables by id. Readers see them. */
  readonly onApplied: (applied: {
    readonly transactions: number;
    readonly changes: number;
    readonly ids: readonly string[];
  }) => void;
  /** Tables were dropped, as a change of theirs could not be applied in place. Readers see nothing of them any more. */
  readonly onGivenUp: (ids: readonly string[], why: string) => void;
  /** The stream could not be read or applied; nothing of it is applied any more. */
  readonly onFailed: (error: Error) => void;
}

/** A change stream on its way into the store. */
export interface ChangeFeed {
  /** Takes one message (copied: the caller may use its memory again at once). */
  push(message: Uint8Array): void;
  /** Bytes that were pushed and are not applied yet: the caller should pause its stream above some megabytes. */
  readonly waitingBytes: number;
  /** Resolves when no more than this many bytes wait. */
  drained(bytes: number): Promise<void>;
  /**
   * Keeps the changes of these tables (ids, with their relations) for loads that begin now, until the load is finished or
   * `release` is called. Resolves to the transactions (lower 32 bits) whose changes came before and may be missing in a
   * snapshot that is taken from now on.
   */
  retain(tables: readonly { readonly id: string; readonly relations: readonly string[] }[]): Promise<readonly number[]>;
  release(ids: readonly string[]): void;
  /** All transactions below this 64-bit id are visible to any snapshot from now on. */
  settled(below: bigint): void;
  /** Nothing is applied from now on. */
  close(): void;
}

export interface LoadSpec {
  /** URL of the module that exports `createRowDecoder`. */
  readonly decoder: string;
  readonly tables: readonly LoadTable[];
}

/** What the store holds of one table, as the main thread's read snapshot sees it. Frozen; replaced as a whole. */
export interface StoredTable {
  readonly id: string;
  readonly schema: string;
  readonly table: string;
  /** Name of the SQLite table, unquoted. */
  readonly storeName: string;
  readonly fingerprint: string;
  /** Grows when facts or columns change; a compiled plan is valid for exactly one version. */
  readonly version: number;
  /** The visible commit that last changed its rows: what was read at an older one may be out of date. */
  readonly rowsCommit: number;
  /** The visible commit that last gave one of its dictionaries a new text. */
  readonly dictionaryCommit: number;
  /** By physical name (`physicalName()`). */
  readonly columns: ReadonlyMap<string, ColumnFacts>;
  /** Columns with a kept dictionary → SQLite table name of it. */
  readonly dictionaries: ReadonlyMap<string, string>;
  /** The rowid column, if any. */
  readonly rowidColumn: string | null;
  /** By the indexed physical columns joined with `,` → facts. */
  readonly indexes: ReadonlyMap<string, IndexFacts>;
  readonly rows: number;
  /** A fact: no state of this version has more rows. */
  readonly rowBound: number;
  /** Pages of the table, its indexes and dictionaries. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly loadedAt: number;
}

export interface IndexFacts {
  readonly columns: readonly string[];
  /** Rows of the largest group of equal keys (NULLs not counted): a proven bound for an equality look-up. */
  readonly largestGroup: number;
}

export type LoadResult =
  | { readonly kind: "loaded"; readonly tables: readonly StoredTable[] }
  | { readonly kind: "too-large"; readonly id: string; readonly table: string; readonly detail: string };

/**
 * One load in progress. Streams are written in the order of `LoadSpec`; nothing is visible to readers before `finish`,
 * and everything becomes visible in one transaction. After `abort` the store is as it was.
 */
export interface LoadSink {
  /**
   * Takes the chunk (copied: the caller may use its memory again at once). Resolves when the worker can take more:
   * await it. Rejects when the load has failed.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the current stream (a dictionary or the rows of one table) and starts the next. */
  endStream(): Promise<void>;
  /** True once a limit was passed: what is still written is ignored, so stop streaming and call `finish` for why. */
  readonly tooLarge?: boolean;
  /**
   * `handOff`: the rows are as of that snapshot; they become visible once the change feed has reached its position, with
   * all retained changes that the snapshot does not show. Rejects with `StoreError` after `timeoutMs`.
   */
  finish(handOff?: { readonly snapshot: Snapshot; readonly timeoutMs: number }): Promise<LoadResult>;
  abort(): Promise<void>;
}

/** Who the origin is; a snapshot file of another identity is discarded. */
export interface OriginIdentity {
  readonly system: string;
  readonly database: string;
  readonly user: string;
  /** Settings of the session that change what is stored (time zone of `text` encodings, date style …). */
  readonly settings: string;
}

export interface StoreOptions {
  /** Absolute path of the snapshot file; `null` turns persistence off. */
  readonly cacheDb: string | null;
  readonly maxBytes: number;
  /** Called for every fault of the store that did not fail a caller; never throws. */
  readonly onFault: (error: Error) => void;
  readonly scanWorkers: number;
  /** The dialect's functions: for this thread, and the URL of the module that exports the same for others. */
  readonly functions: { readonly register: RegisterFunctions; readonly module: string };
}

export type ScannedTable = readonly [id: string, version: number, dictionaryCommit?: number];

/** Some of the rows of a scan, in their order: a result comes in pieces, between which the event loop turns. */
export interface ScanBatch {
  readonly rows: readonly StoreRow[];
  /** The visible commit that all of them were read at. */
  readonly commit: number;
  /** They are the whole result. */
  readonly isWhole: boolean;
  /** How long the statement kept its thread busy. */
  readonly milliseconds: number;
}

/** How long a scan may take, in milliseconds from the call. */
export interface ScanLimits {
  /** By then it has to have a thread, or else it is `"queued"`; and its first rows, or else it is `"late"`. */
  readonly patienceMs: number;
  /** By then it has to have ended: until then it goes on for whoever asks next, while no other scan needs the thread. */
  readonly limitMs: number;
}

export type ScanOutcome = "done" | "moved" | "late" | "queued";

/** The in-memory store, from the main thread's side. Implemented by `Store` in `store.ts`. */
export interface StoreApi {
  /** Tables as of the reader's held snapshot. */
  readonly tables: ReadonlyMap<string, StoredTable>;
  /** Grows with every change of `tables`: a cheap check for compiled plans. */
  readonly generation: number;
  /** Loads the snapshot file, once, if it is valid and of this origin. Reports why not through `onFault`. */
  restore(identity: OriginIdentity): Promise<void>;
  beginLoad(spec: LoadSpec): Promise<LoadSink>;
  /** Creates the index if it is not there; resolves once readers see it. */
  ensureIndex(id: string, columns: readonly string[]): Promise<void>;
  /** Begins a change stream; a former one is closed. */
  openFeed(options: ChangeFeedOptions): Promise<ChangeFeed>;
  /** Removes tables; main stops seeing them before the promise is returned, the pages go later. */
  drop(ids: readonly string[]): Promise<void>;
  /**
   * A prepared statement on main's held snapshot, from a bounded cache; rows come as arrays. Throws what SQLite throws.
   * The object may be kept and used without asking again for as long as `generation` stays what it was before the call.
   */
  statement(sql: string): {
    all(...values: StoreValue[]): StoreRow[];
    get(...values: StoreValue[]): StoreRow | undefined;
  };
  /** How SQLite would run it: the `detail` lines of EXPLAIN QUERY PLAN. */
  queryPlan(sql: string): readonly string[];
  /**
   * Runs on a scan worker, on the newest snapshot, only if every named table still has the version given, and the
   * `dictionaryCommit` where one is given; otherwise resolves to `"moved"`. Rejects with what SQLite throws.
   *
   * @param take is called with all rows before it resolves to `"done"`, once main's reader has reached that snapshot, so that
   *   nothing read later is older; after `"late"`, too. If it returns false the rest is dropped, and the scan `"moved"`
   * @param limits without them a statement waits for a thread, and has a minute then; what takes longer is a fault
   */
  scan(
    sql: string,
    values: readonly StoreValue[],
    tables: readonly ScannedTable[],
    take: (batch: ScanBatch) => boolean,
    limits?: ScanLimits,
  ): Promise<ScanOutcome>;
  /** Keys of what functions can look up. */
  readonly resources: ReadonlyMap<string, unknown>;
  /** Gives the functions of all threads something to look up; structured-cloneable, never changed afterwards. */
  provide(key: string, resource: unknown): void;
  /** Writes the snapshot file now if anything changed since the last one; rejects with `SnapshotFileError`. */
  saveSnapshotFile(): Promise<void>;
  /** The same, blocking this thread until the worker is done or `timeoutMs` is over: for process exit. */
  saveSnapshotFileSync(timeoutMs: number): void;
  /** Bytes of the store's pages in use, as of the last notification of the worker. */
  readonly bytes: number;
  close(): Promise<void>;
}
