import type { OriginLoadTable } from "../dialects/dialect.ts";
import type { Bypass } from "../outcome.ts";
import type { Snapshot, WatchedTable } from "../store/contract.ts";

/**
 * How the cache learns of changes that it did not make.
 *
 * - `stream`: the origin's own change stream (Postgres: logical decoding). Changes are applied in place.
 * - `touch-log`: triggers of the tables note each statement that writes; asked for what is new.
 * - `snapshot`: the origin's transaction snapshot is compared with that of the load: exact, and any write anywhere ends it.
 * - `notify`: triggers of the tables notify. Tables that change are fetched again.
 */
export type ChangeSourceKind = "stream" | "touch-log" | "snapshot" | "notify";

/** Where a change source says what it has seen. Nothing here throws. */
export interface ChangeSink {
  /** The cached rows of these tables (ids) are not the origin's any more: nothing of them is served from this call on. */
  stale(ids: readonly string[] | "all", why: string): void;
  /** The definitions of these tables may have changed: rows, what the catalog said of them, and plans are forgotten. */
  redefined(ids: readonly string[] | "all", why: string): void;
  /** Nothing is known of changes any more: nothing is served until the source has started again. */
  lost(error: Error): void;
}

/** Tables that a change source watches for one load. */
export interface Watch {
  /** What the store needs to apply changes in place, by table id; empty where the source only names tables. */
  readonly tables: ReadonlyMap<string, WatchedTable>;
  /**
   * Whether rows read at this snapshot can be kept right by what the source will say. False: the snapshot is taken
   * anew. Called inside the load's transaction, before any row is read.
   */
  accepts(snapshot: Snapshot): Promise<boolean>;
  /** The load is over, and its rows may be served (or not): with `false` nothing was kept. */
  done(loaded: boolean): void;
}

/**
 * One way of learning of changes.
 *
 * ```
 *  new ──start()──► live ──sink.lost()──► lost ──start()──► live
 *                     └───────────stop()────────► stopped
 * ```
 */
export interface ChangeSource {
  /**
   * Resolves once changes are followed. Rejects with `FreshnessError` if the origin does not allow it, naming the
   * statement or setting that an administrator has to change, and with the origin's error if it is out of reach.
   * Called again after `sink.lost`.
   */
  start(sink: ChangeSink): Promise<void>;
  /**
   * Before each load: changes of these tables are followed from now on. A bypass for a table that cannot be watched
   * (`not-watched`), naming why.
   */
  watch(tables: readonly OriginLoadTable[]): Promise<Watch | Bypass>;
  /** These tables (ids) are no longer cached. */
  unwatch(ids: readonly string[]): void;
  /**
   * Resolves to true once readers of the cache see everything that was committed before the call (what was found to
   * differ has been given to the sink), to false if that takes longer than `timeoutMs` or cannot be said. Never rejects.
   *
   * `definitions`: changes of definitions are looked for, too.
   */
  confirm(options: { readonly timeoutMs: number; readonly definitions: boolean }): Promise<boolean>;
  /**
   * A token of everything that is committed now, for `reached` in this or another process. Rejects with the origin's
   * error.
   */
  token(): Promise<string>;
  /** True once readers see all that the token stands for; false after `timeoutMs`, or for a token of another origin. */
  reached(token: string, timeoutMs: number): Promise<boolean>;
  /** For `stats()`. */
  readonly state: SourceState;
  /** Leaves the origin as it was found. Never rejects. */
  stop(): Promise<void>;
}

/** What a source knows of itself. */
export interface SourceState {
  /** The origin's position that readers see (Postgres: an LSN, `16/B374D848`); `null` where there is none. */
  readonly position: string | null;
  /** Transactions, and changes of rows, that were applied in place. */
  readonly transactions: number;
  readonly changes: number;
}
