import { rmSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { FreshnessError, StoreError } from "../errors.ts";
import { Feeds, type FeedsHost } from "./changes/feeds.ts";
import type { LoadResult, LoadSpec, OriginIdentity, StoredTable } from "./contract.ts";
import { Gate } from "./gate.ts";
import type { Load } from "./load.ts";
import { importRowDecoder, Loads } from "./loads.ts";
import {
  type Advance,
  asStoreError,
  type Command,
  encodeError,
  type FeedCommand,
  type HandOff,
  isFeedCommand,
  type Notice,
  type Reply,
  type ReplyValue,
  type StoreWorkerData,
} from "./protocol.ts";
import { answerWaiting } from "./save-now.ts";
import { SnapshotWriter } from "./snapshot-file.ts";
import { restoreSnapshotFile } from "./snapshot-restore.ts";
import { openWriter, PageUse } from "./store-file.ts";
import { buildIndex, tableBytes } from "./table-index.ts";
import { indexKey, TableRecords } from "./table-records.ts";

type Send = (notice: Notice, transfer: readonly ArrayBuffer[]) => void;

/**
 * Carries out main's commands, in their order, one at a time (`Gate`). Only the import of a decoder module waits for
 * anything; the rest is synchronous, so between any two tasks the file is whole and can be saved.
 * A load may leave its transaction open (`Loads`).
 */
export class StoreWorker {
  readonly #data: StoreWorkerData;
  readonly #send: Send;
  readonly #onClosed: () => void;
  readonly #gate: Gate;
  readonly #loads: Loads;
  readonly #feeds: Feeds;
  readonly #snapshot: SnapshotWriter | null;
  #file: string;
  #db: DatabaseSync;
  #records: TableRecords;
  #use: PageUse;
  #identity: OriginIdentity | null = null;

  /** `onClosed` is called when everything asked for before the command to close is done. */
  constructor(data: StoreWorkerData, send: Send, onClosed: () => void) {
    this.#data = data;
    this.#send = send;
    this.#onClosed = onClosed;
    this.#file = data.file;
    this.#db = openWriter(data.file);
    this.#records = new TableRecords(this.#db);
    this.#use = new PageUse(this.#db);
    this.#snapshot = data.cacheDb === null ? null : new SnapshotWriter(data.cacheDb);
    this.#gate = new Gate(
      this.#db,
      (advance) => send(advance, []),
      () => this.#advance({}),
    );
    this.#loads = new Loads(() => this.#db, { maxBytes: data.maxBytes, directory: data.directory });
    this.#feeds = new Feeds(this.#feedsHost());
  }

  #feedsHost(): FeedsHost {
    const worker = this;
    return {
      get db() {
        return worker.#db;
      },
      get records() {
        return worker.#records;
      },
      get bytes() {
        return worker.#use.bytes;
      },
      run: (task) => this.#gate.run(task),
      commitLoad: () => this.#loads.commit(),
      announce: (change) => {
        this.#changed();
        this.#gate.announce(this.#advance(change));
      },
      send: (notice) => this.#send(notice, []),
      reply: (request, value) => this.#reply(request, value),
      fail: (request, error, doing) => this.#fail(request, error, doing),
    };
  }

  receive(command: Command): void {
    switch (command.kind) {
      case "acknowledge":
        this.#gate.acknowledge();
        return;
      case "save-now":
        answerWaiting(command.port, command.signal, () => this.#save());
        return;
      case "begin-load":
        void this.#import(command.request, command.load, command.spec);
        return;
      default:
        if (isFeedCommand(command)) {
          this.#feeds.receive(command);
          return;
        }
        if (command.kind === "close") {
          this.#feeds.close();
        }
        this.#gate.run(() => this.#carryOut(command));
    }
  }

  #carryOut(command: Exclude<Command, FeedCommand | { kind: "acknowledge" | "save-now" | "begin-load" }>): void {
    switch (command.kind) {
      case "chunk":
        this.#chunk(command.load, command.buffer, command.length);
        break;
      case "end-stream":
        this.#attempt(command.request, "The load failed", () => this.#endStream(command.request, command.load));
        break;
      case "finish-load":
        this.#attempt(command.request, "The load failed", () =>
          this.#finish(command.request, command.load, command.handOff),
        );
        break;
      case "abort-load":
        this.#loads.discard(command.load);
        this.#reply(command.request, null);
        this.#gate.committed();
        break;
      case "ensure-index":
        this.#attempt(command.request, "The index could not be built", () =>
          this.#ensureIndex(command.request, command.id, command.columns),
        );
        break;
      case "drop":
        this.#attempt(command.request, "Tables could not be dropped", () => this.#drop(command.request, command.ids));
        break;
      case "restore":
        this.#attempt(command.request, "The store could not be restored", () =>
          this.#restore(command.request, command.identity),
        );
        break;
      case "save":
        this.#attempt(command.request, "The snapshot file could not be written", () => {
          this.#save();
          this.#reply(command.request, null);
        });
        break;
      case "close":
        this.#reply(command.request, null);
        this.#db.close();
        this.#onClosed();
        break;
    }
  }

  async #import(request: number, number: number, spec: LoadSpec): Promise<void> {
    try {
      const create = await importRowDecoder(spec.decoder);
      this.#gate.run(() =>
        this.#attempt(request, "The load failed", () => {
          this.#loads.begin(number, spec, create);
          this.#reply(request, null);
        }),
      );
    } catch (error) {
      this.#fail(request, error, "The load failed");
    }
  }

  #chunk(number: number, buffer: ArrayBuffer, length: number): void {
    const load = this.#loads.find(number);
    if (load !== undefined) {
      this.#loads.turnTo(number);
      load.push(new Uint8Array(buffer, 0, length));
    }
    const error =
      load === undefined || load.error === null ? null : encodeError(asStoreError(load.error, "The load failed"));
    const tooLarge = load !== undefined && load.tooLarge !== null;
    this.#send({ kind: "credit", load: number, buffer, tooLarge, error, bytes: this.#use.bytes }, [buffer]);
    if (load?.commitDue) {
      this.#loads.commit();
      this.#gate.committed();
    }
  }

  #endStream(request: number, number: number): void {
    const load = this.#loads.turnTo(number);
    load.endStream();
    throwIfSet(load.error);
    this.#reply(request, load.tooLarge);
  }

  #finish(request: number, number: number, handOff: HandOff | null): void {
    const load = this.#loads.turnTo(number);
    this.#loads.commit();
    let result: LoadResult;
    try {
      throwIfSet(load.error);
      if (handOff !== null && load.tooLarge === null) {
        this.#handOff(request, number, load, handOff);
        return;
      }
      result = load.tooLarge ?? load.finish(this.#records);
    } catch (error) {
      this.#loads.discard(number);
      throw error;
    }
    if (result.kind === "loaded") {
      this.#feeds.stream?.forget(load.tables);
    }
    this.#finished(request, number, result);
  }

  #handOff(request: number, number: number, load: Load, handOff: HandOff): void {
    const { stream } = this.#feeds;
    if (stream === null) {
      throw new FreshnessError("There is no change feed that the load could be handed to");
    }
    stream.handOff(load, handOff, (outcome) => {
      if (outcome instanceof Error) {
        this.#loads.discard(number);
        this.#fail(request, outcome, "The load failed");
      } else {
        this.#finished(request, number, outcome);
      }
    });
  }

  #finished(request: number, number: number, result: LoadResult): void {
    if (result.kind === "loaded") {
      this.#loads.finished(number);
      this.#publish(request, result, result.tables);
    } else {
      this.#loads.discard(number);
      this.#reply(request, result);
    }
  }

  #ensureIndex(request: number, id: string, columns: readonly string[]): void {
    this.#loads.commit();
    const table = this.#records.get(id);
    if (table === undefined) {
      throw new StoreError(`The store holds no table ${id} to index`);
    }
    const key = indexKey(columns);
    if (table.indexes.has(key)) {
      this.#reply(request, null);
      return;
    }
    const changed = this.#records.commitVisible((edit) => {
      const index = buildIndex(this.#db, table.storeName, columns);
      const bytes = tableBytes(this.#db, [table.storeName, ...table.dictionaries.values()]);
      const indexed: StoredTable = { ...table, indexes: new Map([...table.indexes, [key, index]]), bytes };
      edit.put(indexed);
      return indexed;
    });
    this.#feeds.stream?.indexed(changed, key);
    this.#publish(request, null, [changed]);
  }

  #drop(request: number, ids: readonly string[]): void {
    this.#loads.commit();
    const tables = [...new Set(ids)].map((id) => this.#records.get(id)).filter((table) => table !== undefined);
    if (tables.length > 0) {
      this.#records.commitVisible((edit) => {
        for (const table of tables) {
          this.#records.dropTables(table);
          edit.remove(table.id);
        }
      });
      this.#feeds.stream?.forget(ids);
      this.#changed();
    }
    this.#gate.announce(
      this.#advance({ removed: tables.map((table) => table.id), dropped: ids, reply: done(request, null) }),
    );
  }

  #restore(request: number, identity: OriginIdentity): void {
    if (this.#identity !== null || this.#records.commit > 0 || this.#loads.size > 0) {
      throw new StoreError("The store is restored once, before anything is loaded");
    }
    this.#identity = identity;
    const writeIdentity = (): void => {
      for (const [key, value] of Object.entries(identity)) {
        this.#records.setMeta(`origin_${key}`, value);
      }
    };
    if (this.#snapshot === null) {
      writeIdentity();
      this.#reply(request, null);
      return;
    }
    try {
      const file = restoreSnapshotFile(this.#snapshot.path, this.#data.directory, identity, this.#data.maxBytes);
      if (file === null) {
        writeIdentity();
        this.#reply(request, null);
        return;
      }
      this.#reopen(file);
    } catch (error) {
      writeIdentity();
      this.#reply(request, { kind: "fault", error: encodeError(error) });
      return;
    }
    const tables = this.#records.commitVisible((edit) => {
      // Versions start anew: what was compiled against the ones in the file is gone.
      const renumbered = this.#records.all().map((table) => ({ ...table, version: this.#records.nextVersion() }));
      for (const table of renumbered) {
        edit.put(table);
      }
      return renumbered;
    });
    this.#gate.announce(this.#advance({ changed: tables, file: this.#file, reply: done(request, null) }));
  }

  #reopen(file: string): void {
    const former = this.#file;
    const db = openWriter(file);
    const records = new TableRecords(db);
    this.#db.close();
    this.#db = db;
    this.#records = records;
    this.#use = new PageUse(db);
    this.#file = file;
    this.#gate.reopen(db);
    // Main still reads the former file; its name is not needed for that.
    for (const suffix of ["", "-wal", "-shm"]) {
      rmSync(former + suffix, { force: true });
    }
  }

  #save(): void {
    this.#loads.commit();
    this.#snapshot?.save(this.#db, this.#identity !== null, this.#loads.hiddenTables);
  }

  #changed(): void {
    if (this.#snapshot !== null) {
      this.#snapshot.dirty = true;
    }
  }

  #publish(request: number, value: ReplyValue, changed: readonly StoredTable[]): void {
    this.#changed();
    this.#gate.announce(this.#advance({ changed, reply: done(request, value) }));
  }

  #advance(change: Partial<Omit<Advance, "kind" | "commit" | "bytes">>): Advance {
    return {
      kind: "advance",
      commit: this.#records.commit,
      changed: [],
      touched: [],
      removed: [],
      dropped: [],
      file: null,
      reply: null,
      feed: null,
      bytes: this.#use.bytes,
      ...change,
    };
  }

  #attempt(request: number, doing: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(request, error, doing);
    }
  }

  #fail(request: number, error: unknown, doing: string): void {
    const outcome = { kind: "failed", error: encodeError(asStoreError(error, doing)) } as const;
    this.#send({ kind: "reply", reply: { request, outcome }, bytes: this.#use.bytes }, []);
  }

  #reply(request: number, value: ReplyValue): void {
    this.#send({ kind: "reply", reply: done(request, value), bytes: this.#use.bytes }, []);
  }
}

function done(request: number, value: ReplyValue): Reply {
  return { request, outcome: { kind: "done", value } };
}

function throwIfSet(error: unknown): void {
  if (error !== null) {
    throw error;
  }
}
