import type { DatabaseSync } from "node:sqlite";
import { FreshnessError } from "../../errors.ts";
import type { CreateChangeDecoder, CreateTextReader, LoadResult, Snapshot, StoredTable } from "../contract.ts";
import type { Load } from "../load.ts";
import type { FeedProgress, GivenUp, TouchedTable } from "../protocol.ts";
import type { TableRecords } from "../table-records.ts";
import { applyBatch } from "./apply-batch.ts";
import { HandOffs } from "./hand-off.ts";
import { LiveTables } from "./live-tables.ts";
import { Retained } from "./retained.ts";
import { placeWanted, type Sort } from "./text-search.ts";
import { type Transaction, TransactionReader } from "./transactions.ts";

/** Changes that one visible commit takes at most, if they are of more than one transaction. */
const BATCH_CHANGES = 50_000;

/** What the store worker is to a stream. */
export interface StreamHost {
  readonly db: DatabaseSync;
  readonly records: TableRecords;
  /** Runs a task once everything visible before was acknowledged. */
  run(task: () => void): void;
  /** Commits the transaction of a load, if one is open. */
  commitLoad(): void;
  announce(change: {
    readonly changed: readonly StoredTable[];
    readonly touched: readonly TouchedTable[];
    readonly removed: readonly string[];
    readonly feed: FeedProgress;
  }): void;
  notify(progress: FeedProgress): void;
  failed(error: unknown): void;
  sort: Sort;
}

type Item =
  | { readonly kind: "transaction"; readonly transaction: Transaction; readonly position: bigint }
  | { readonly kind: "reached"; readonly position: bigint }
  | { readonly kind: "settled"; readonly below: bigint };

interface Batch {
  readonly transactions: readonly Transaction[];
  readonly settled: readonly bigint[];
  readonly position: bigint;
  readonly bytes: number;
}

/**
 * The store worker's end of a change feed: reads the stream at once, keeps what is complete, and applies all of it that
 * waits in one visible commit. Texts that are new to a dictionary have to be placed first; until then everything waits.
 *
 * ```
 *          transactions wait                  texts are new
 *  ┌──────┐ ───────────────► (task of the gate) ──────────► ┌─────────┐
 *  │ idle │ ◄─────────────── visible commit  ◄───────────── │ placing │
 *  └──────┘                                    placed       └─────────┘
 *     └── error ──► failed        └── close() ──► closed
 * ```
 */
export class ChangeStream {
  readonly number: number;
  readonly #host: StreamHost;
  readonly #reader: TransactionReader;
  readonly #createTextReader: CreateTextReader;
  readonly #live = new LiveTables();
  readonly #retained = new Retained();
  readonly #handOffs: HandOffs;
  #items: Item[] = [];
  /** Taken, and not applied yet. */
  #batch: Batch | null = null;
  #scheduled = false;
  #placing = false;
  #received = 0;
  #waiting = 0;
  /** Readers see everything before it. */
  #position = -1n;
  #ended = false;

  constructor(
    number: number,
    host: StreamHost,
    decoder: { readonly createChangeDecoder: CreateChangeDecoder; readonly createTextReader: CreateTextReader },
  ) {
    this.number = number;
    this.#host = host;
    this.#createTextReader = decoder.createTextReader;
    this.#reader = new TransactionReader(decoder.createChangeDecoder, {
      transaction: (transaction, position) => {
        this.#live.streamed(transaction);
        this.#retained.streamed(transaction);
        this.#waiting += transaction.bytes;
        this.#items.push({ kind: "transaction", transaction, position });
      },
      reached: (position) => this.#items.push({ kind: "reached", position }),
    });
    this.#handOffs = new HandOffs(host, this.#live, this.#retained, () => this.#position);
  }

  /** Not a task of the gate: reading touches nothing that is stored. */
  read(buffer: ArrayBuffer): void {
    if (this.#ended) return;
    try {
      this.#reader.read(buffer);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#received += buffer.byteLength;
    if (this.#items.length > 0) this.#schedule();
    else this.#host.notify(this.#progress());
  }

  /** Resolves the retaining of tables for loads that begin now. */
  retain(tables: readonly { readonly id: string; readonly relations: readonly string[] }[]): readonly number[] {
    this.#throwIfEnded();
    for (const { id, relations } of tables) this.#live.retained(id, relations);
    return this.#retained.begin(tables);
  }

  release(ids: readonly string[]): void {
    this.#retained.end(ids);
  }

  settled(below: bigint): void {
    this.#retained.settled(below);
    // What was read before may still have to be compared with the snapshots that it ends.
    this.#items.push({ kind: "settled", below });
    this.#schedule();
  }

  /** These tables (ids) are dropped, or replaced by others that no feed changes. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#live.delete(id);
  }

  indexed({ id, indexes }: StoredTable, key: string): void {
    const index = indexes.get(key);
    if (index !== undefined) this.#live.get(id)?.addIndex(index);
  }

  /** Makes a load visible that is complete, once the stream has come to its snapshot. `done` is called once. */
  handOff(
    load: Load,
    { snapshot, timeoutMs }: { readonly snapshot: Snapshot; readonly timeoutMs: number },
    done: (outcome: LoadResult | Error, feed: FeedProgress) => void,
  ): void {
    this.#throwIfEnded();
    this.#handOffs.begin(load, snapshot, timeoutMs, this.#createTextReader, (outcome) =>
      done(outcome, this.#progress()),
    );
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#items = [];
    this.#batch = null;
    this.#live.clear();
    this.#handOffs.end(new FreshnessError("The change feed has ended"));
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.close();
    this.#host.failed(error);
  }

  #throwIfEnded(): void {
    if (this.#ended) throw new FreshnessError("The change feed has ended");
  }

  #schedule(): void {
    if (this.#scheduled || this.#placing || this.#ended) return;
    this.#scheduled = true;
    this.#host.run(() => {
      this.#scheduled = false;
      try {
        this.#apply();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #apply(): void {
    if (this.#placing || this.#ended) return;
    this.#batch ??= this.#take();
    if (this.#batch === null) return;
    const wanting = this.#live.wantTexts(this.#batch.transactions);
    if (wanting.length > 0) {
      this.#placing = true;
      void this.#place(wanting);
      return;
    }
    const batch = this.#batch;
    this.#host.commitLoad();
    const applied = applyBatch(this.#host.records, this.#live, batch.transactions);
    this.#batch = null;
    this.#waiting -= batch.bytes;
    this.#position = batch.position > this.#position ? batch.position : this.#position;
    for (const transaction of batch.transactions) this.#retained.applied(transaction);
    for (const below of batch.settled) this.#live.settled(below);
    this.#handOffs.retry();
    if (this.#items.length > 0) this.#schedule();
    if (applied === null) {
      this.#host.notify(this.#progress());
      return;
    }
    const { changed, touched, givenUp, transactions, changes } = applied;
    const removed = givenUp.map(({ id }) => id);
    const ids = [...changed, ...touched].map(({ id }) => id);
    const counts = ids.length === 0 ? null : { transactions, changes, ids };
    this.#host.announce({ changed, touched: touched.map(whatRows), removed, feed: this.#progress(counts, givenUp) });
  }

  /** What waits, up to a number of changes. */
  #take(): Batch | null {
    const transactions: Transaction[] = [];
    const settled: bigint[] = [];
    let position = this.#position;
    let bytes = 0;
    let changes = 0;
    let taken = 0;
    for (const item of this.#items) {
      if (item.kind === "transaction") {
        const count = item.transaction.changes?.length ?? 0;
        if (transactions.length > 0 && changes + count > BATCH_CHANGES) break;
        changes += count;
        bytes += item.transaction.bytes;
        transactions.push(item.transaction);
        position = item.position;
      } else if (item.kind === "reached") position = item.position > position ? item.position : position;
      else settled.push(item.below);
      taken += 1;
    }
    this.#items = this.#items.slice(taken);
    return taken === 0 ? null : { transactions, settled, position, bytes };
  }

  async #place(wanting: ReturnType<LiveTables["wantTexts"]>): Promise<void> {
    await Promise.all(
      wanting.map(async ({ table, dictionary }) => {
        try {
          await placeWanted(this.#host.db, dictionary, this.#host.sort);
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          table.distrust = `new texts of ${dictionary.column} could not be sorted: ${message}`;
        }
      }),
    );
    this.#placing = false;
    this.#schedule();
  }

  #progress(applied: FeedProgress["applied"] = null, givenUp: readonly GivenUp[] = []): FeedProgress {
    const position = this.#position < 0n ? null : this.#position;
    return { feed: this.number, received: this.#received, waiting: this.#waiting, position, applied, givenUp };
  }
}

/** What main does not know of a table of which only rows have changed. */
function whatRows({ id, rows, bytes, rowsCommit, dictionaryCommit }: StoredTable): TouchedTable {
  return { id, rows, bytes, rowsCommit, dictionaryCommit };
}
