import { join } from "node:path";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { SnapshotFileError, StoreError } from "../errors.ts";
import { WorkerChangeFeed } from "./change-feed.ts";
import type {
  ChangeFeed,
  ChangeFeedOptions,
  LoadResult,
  LoadSink,
  LoadSpec,
  OriginIdentity,
  ScanBatch,
  ScanLimits,
  ScannedTable,
  ScanOutcome,
  StoreApi,
  StoredTable,
  StoreOptions,
  StoreValue,
} from "./contract.ts";
import { WorkerLoadSink } from "./load-sink.ts";
import { type Advance, decodeError, type Notice, type WireError } from "./protocol.ts";
import { RamDirectory } from "./ram-directory.ts";
import { Reader } from "./reader.ts";
import { ScanPool } from "./scan-pool.ts";
import type { ArrayStatement } from "./statement-cache.ts";
import { createStoreFile } from "./store-file.ts";
import { indexKey } from "./table-records.ts";
import { WorkerLink } from "./worker-link.ts";

/**
 * The in-memory store, on the main thread. Its invariant: `tables` is what the reader's snapshot holds (less what is
 * being dropped), at every moment that other code can run. Both change in one place, `#advance`, synchronously, and the
 * worker changes nothing that readers see until that is acknowledged. All that keeps it is in this one file.
 *
 * ```
 *  open ──close()──► closed
 *    └──crash of the worker──► failed    (`tables` is empty, everything rejects)
 * ```
 */
export class Store implements StoreApi {
  readonly #options: StoreOptions;
  readonly #directory: RamDirectory;
  readonly #link: WorkerLink;
  readonly #scans: ScanPool;
  readonly #tables = new Map<string, StoredTable>();
  readonly #resources = new Map<string, unknown>();
  readonly #loads = new Map<number, WorkerLoadSink>();
  /** Ids with drops on their way to the worker, counted: what the worker says of them meanwhile is out of date. */
  readonly #dropping = new Map<string, number>();
  /** Index builds under way, by table and by the columns. */
  readonly #indexing = new Map<string, Map<string, Promise<void>>>();
  /** Scans that have read a commit which main's reader has not reached yet. */
  #ahead: { readonly commit: number; readonly done: () => void }[] = [];
  #feed: WorkerChangeFeed | null = null;
  #lastFeed = 0;
  #file: string;
  #reader: Reader;
  #commit = 0;
  #generation = 0;
  #lastLoad = 0;
  #bytes = 0;
  #closing: Promise<void> | null = null;

  /** `directories` to keep the file in, best first: memory file systems, then the temporary directory, unless given. */
  static open(options: StoreOptions, directories?: readonly string[]): Store {
    return new Store(options, RamDirectory.create(options.maxBytes, directories));
  }

  private constructor(options: StoreOptions, directory: RamDirectory) {
    this.#options = options;
    this.#directory = directory;
    this.#file = join(this.#directory.path, "store.db");
    try {
      createStoreFile(this.#file);
      this.#reader = this.#openReader(this.#file);
    } catch (error) {
      this.#directory.remove();
      throw error;
    }
    this.#scans = new ScanPool(options.scanWorkers, options.functions.module, options.onFault);
    this.#link = new WorkerLink(
      {
        directory: this.#directory.path,
        file: this.#file,
        cacheDb: options.cacheDb,
        maxBytes: options.maxBytes,
      },
      (notice) => this.#receive(notice),
      (error) => this.#crashed(error),
    );
  }

  get tables(): ReadonlyMap<string, StoredTable> {
    return this.#tables;
  }

  get generation(): number {
    return this.#generation;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async restore(identity: OriginIdentity): Promise<void> {
    const reply = await this.#link.request({ kind: "restore", identity });
    if (reply?.kind === "fault") {
      this.#options.onFault(decodeError(reply.error));
    }
  }

  async beginLoad(spec: LoadSpec): Promise<LoadSink> {
    this.#lastLoad += 1;
    const load = this.#lastLoad;
    const sink = new WorkerLoadSink(
      load,
      this.#link,
      () => this.#loads.delete(load),
      (result) => this.#asSeen(result),
    );
    this.#loads.set(load, sink);
    try {
      await this.#link.request({ kind: "begin-load", load, spec });
      return sink;
    } catch (error) {
      this.#loads.delete(load);
      throw error;
    }
  }

  ensureIndex(id: string, columns: readonly string[]): Promise<void> {
    const table = this.#tables.get(id);
    if (table === undefined) {
      return Promise.reject(this.#link.ended ?? new StoreError(`The store holds no table ${id} to index`));
    }
    const key = indexKey(columns);
    if (table.indexes.has(key)) {
      return Promise.resolve();
    }
    const ofTable = this.#indexing.get(id) ?? new Map<string, Promise<void>>();
    this.#indexing.set(id, ofTable);
    let building = ofTable.get(key);
    if (building === undefined) {
      building = this.#link
        .request({ kind: "ensure-index", id, columns })
        .then(() => undefined)
        .finally(() => ofTable.delete(key));
      ofTable.set(key, building);
    }
    return building;
  }

  async openFeed(options: ChangeFeedOptions): Promise<ChangeFeed> {
    this.#feed?.close();
    this.#lastFeed += 1;
    const feed = this.#lastFeed;
    const opened = new WorkerChangeFeed(feed, this.#link, options);
    this.#feed = opened;
    await this.#link.request({ kind: "feed-open", feed, decoder: options.decoder });
    return opened;
  }

  async drop(ids: readonly string[]): Promise<void> {
    const unique = [...new Set(ids)];
    let changed = false;
    for (const id of unique) {
      this.#dropping.set(id, (this.#dropping.get(id) ?? 0) + 1);
      changed = this.#tables.delete(id) || changed;
      // Whoever asks for an index from now on means the next version of the table.
      this.#indexing.delete(id);
    }
    this.#generation += changed ? 1 : 0;
    try {
      await this.#link.request({ kind: "drop", ids: unique });
    } catch (error) {
      this.#dropped(unique);
      throw error;
    }
  }

  statement(sql: string): ArrayStatement {
    return this.#reader.statement(sql);
  }

  /** For a process that exits: no thread is in the middle of a scan then. */
  stopScans(): void {
    this.#scans.stopNow();
  }

  /** For a process that a signal ends: without the `exit` event nobody else removes the directory. */
  removeFiles(): void {
    this.#directory.removeFiles();
  }

  queryPlan(sql: string): string[] {
    return this.#reader.queryPlan(sql);
  }

  async scan(
    sql: string,
    values: readonly StoreValue[],
    tables: readonly ScannedTable[],
    take: (batch: ScanBatch) => boolean,
    limits?: ScanLimits,
  ): Promise<ScanOutcome> {
    this.#throwIfEnded();
    const taking = async (batch: ScanBatch): Promise<boolean> => {
      await this.#reached(batch.commit);
      return take(batch);
    };
    return await this.#scans.run({ file: this.#file, sql, values, tables }, taking, limits);
  }

  async #reached(commit: number): Promise<void> {
    this.#throwIfEnded();
    if (commit <= this.#commit) return;
    await new Promise<void>((done) => {
      this.#ahead.push({ commit, done });
      this.#link.hold();
    });
    this.#throwIfEnded();
  }

  #throwIfEnded(): void {
    if (this.#link.ended !== null) {
      throw this.#link.ended;
    }
  }

  get resources(): ReadonlyMap<string, unknown> {
    return this.#resources;
  }

  provide(key: string, resource: unknown): void {
    this.#resources.set(key, resource);
    this.#scans.provide(key, resource);
  }

  async saveSnapshotFile(): Promise<void> {
    await this.#link.request({ kind: "save" });
  }

  saveSnapshotFileSync(timeoutMs: number): void {
    if (this.#options.cacheDb === null || this.#link.ended !== null) {
      return;
    }
    const { port1, port2 } = new MessageChannel();
    const signal = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    this.#link.post({ kind: "save-now", port: port2, signal }, [port2]);
    const outcome = Atomics.wait(signal, 0, 0, timeoutMs);
    const error: WireError | undefined = receiveMessageOnPort(port1)?.message;
    port1.close();
    if (error !== undefined) {
      this.#options.onFault(decodeError(error));
    } else if (outcome === "timed-out") {
      const message = `${this.#options.cacheDb} was not written within ${timeoutMs} ms; what it held stays as it was`;
      this.#options.onFault(new SnapshotFileError(message));
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const sink of this.#loads.values()) {
      void sink.abort().catch(() => undefined);
    }
    this.#feed?.close();
    try {
      await Promise.all([this.#link.close(), this.#scans.close()]);
    } finally {
      this.#forgetTables();
      this.#endScans(Number.POSITIVE_INFINITY);
      this.#reader.close();
      this.#directory.remove();
    }
  }

  #receive(notice: Notice): void {
    this.#bytes = notice.bytes;
    if (notice.kind === "reply") {
      this.#link.settle(notice.reply);
      return;
    }
    if (notice.kind === "credit") {
      this.#loads.get(notice.load)?.credit(notice);
      return;
    }
    if (notice.kind === "feed-progress") {
      this.#feedOf(notice.progress.feed)?.progress(notice.progress);
      return;
    }
    if (notice.kind === "feed-sort" || notice.kind === "feed-failed") {
      this.#feedOf(notice.feed)?.notice(notice);
      return;
    }
    try {
      this.#advance(notice);
    } catch (error) {
      this.#link.fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#link.post({ kind: "acknowledge" });
    if (notice.feed !== null) {
      this.#feedOf(notice.feed.feed)?.progress(notice.feed);
    }
    if (notice.reply !== null) {
      this.#link.settle(notice.reply);
    }
    this.#endScans(notice.commit);
  }

  #feedOf(number: number): WorkerChangeFeed | null {
    return number === this.#lastFeed ? this.#feed : null;
  }

  /** Scans of this commit and older ones may be seen. */
  #endScans(commit: number): void {
    const reached = this.#ahead.filter((scan) => scan.commit <= commit);
    this.#ahead = this.#ahead.filter((scan) => scan.commit > commit);
    for (const { done } of reached) {
      this.#link.release();
      done();
    }
  }

  #openReader(file: string): Reader {
    return new Reader(file, this.#options.functions.register, this.#resources);
  }

  /** Moves the snapshot and `tables` together. */
  #advance({ commit, changed, touched, removed, dropped, file }: Advance): void {
    let seen: number;
    if (file === null) {
      seen = this.#reader.advance();
    } else {
      const reader = this.#openReader(file);
      this.#reader.close();
      this.#reader = reader;
      this.#file = file;
      seen = reader.advance();
    }
    if (seen !== commit) {
      throw new Error(`the reader sees commit ${seen}, not ${commit}`);
    }
    this.#commit = commit;
    for (const id of removed) {
      this.#tables.delete(id);
    }
    for (const table of changed) {
      if (!this.#dropping.has(table.id)) {
        this.#tables.set(table.id, Object.freeze(table));
      }
    }
    for (const table of touched) {
      const former = this.#tables.get(table.id);
      if (former !== undefined && !this.#dropping.has(table.id)) {
        this.#tables.set(table.id, Object.freeze({ ...former, ...table }));
      }
    }
    this.#dropped(dropped);
    this.#generation += removed.length + changed.length > 0 ? 1 : 0;
  }

  #dropped(ids: readonly string[]): void {
    for (const id of ids) {
      const left = (this.#dropping.get(id) ?? 0) - 1;
      if (left > 0) {
        this.#dropping.set(id, left);
      } else {
        this.#dropping.delete(id);
      }
    }
  }

  /** The tables of a load as `tables` has them, where it has them. */
  #asSeen(result: LoadResult): LoadResult {
    return result.kind === "loaded"
      ? { kind: "loaded", tables: result.tables.map((table) => this.#tables.get(table.id) ?? Object.freeze(table)) }
      : result;
  }

  #crashed(error: Error): void {
    for (const sink of this.#loads.values()) {
      sink.fail(error);
    }
    this.#loads.clear();
    this.#forgetTables();
    this.#endScans(Number.POSITIVE_INFINITY);
    this.#options.onFault(error);
    this.#feed?.fail(error);
  }

  #forgetTables(): void {
    this.#tables.clear();
    this.#generation += 1;
  }
}
