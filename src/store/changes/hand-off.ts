import { FreshnessError, StoreError } from "../../errors.ts";
import type { CreateTextReader, LoadResult, Snapshot } from "../contract.ts";
import type { Load } from "../load.ts";
import { rollback } from "../table-records.ts";
import type { StreamHost } from "./change-stream.ts";
import { GiveUp } from "./give-up.ts";
import { LiveTable } from "./live-table.ts";
import { type LiveTables, type Wanting, wantingOf } from "./live-tables.ts";
import type { Retained } from "./retained.ts";
import { placeWanted } from "./text-search.ts";
import type { Transaction } from "./transactions.ts";
import { Visibility } from "./visibility.ts";

type Done = (outcome: LoadResult | Error) => void;

interface HandOff {
  readonly load: Load;
  readonly visibility: Visibility;
  readonly position: bigint;
  readonly createTextReader: CreateTextReader;
  readonly timer: NodeJS.Timeout;
  readonly done: Done;
  /** By id, once the load's tables are complete. */
  live: ReadonlyMap<string, LiveTable> | null;
  placing: boolean;
}

/**
 * Loads that are complete, as of a snapshot each, and wait for the stream to come to it. Then what the stream has brought
 * meanwhile and the snapshot does not show is done to their rows, and they become visible, in one commit.
 */
export class HandOffs {
  readonly #host: StreamHost;
  readonly #live: LiveTables;
  readonly #retained: Retained;
  readonly #position: () => bigint;
  readonly #waiting = new Set<HandOff>();
  #ended = false;

  constructor(host: StreamHost, live: LiveTables, retained: Retained, position: () => bigint) {
    this.#host = host;
    this.#live = live;
    this.#retained = retained;
    this.#position = position;
  }

  /** Called by a task of the gate; `done` is called by another one. */
  begin(load: Load, snapshot: Snapshot, timeoutMs: number, createTextReader: CreateTextReader, done: Done): void {
    const visibility = new Visibility(snapshot.transactions);
    const handOff: HandOff = {
      load,
      visibility,
      position: snapshot.position,
      createTextReader,
      timer: setTimeout(() => {
        const late = new FreshnessError(`The change stream did not come to the load's snapshot within ${timeoutMs} ms`);
        this.#host.run(() => this.#end(handOff, late));
      }, timeoutMs),
      done,
      live: null,
      placing: false,
    };
    this.#waiting.add(handOff);
    this.#schedule(handOff);
  }

  /** The stream has come further. */
  retry(): void {
    for (const handOff of this.#waiting) this.#schedule(handOff);
  }

  /** None of them is finished any more. */
  end(error: Error): void {
    this.#ended = true;
    for (const handOff of this.#waiting) {
      clearTimeout(handOff.timer);
      this.#host.run(() => this.#end(handOff, error));
    }
  }

  #schedule(handOff: HandOff): void {
    if (handOff.placing || this.#position() < handOff.position) return;
    this.#host.run(() => {
      if (this.#ended || handOff.placing || !this.#waiting.has(handOff)) return;
      try {
        this.#attempt(handOff);
      } catch (error) {
        const message = error instanceof GiveUp ? `The changes during the load do not fit it: ${error.message}` : null;
        const reason = error instanceof Error ? error : new Error(String(error));
        this.#end(handOff, message === null ? reason : new StoreError(message, { cause: error }));
      }
    });
  }

  #end(handOff: HandOff, outcome: LoadResult | Error): void {
    if (this.#waiting.delete(handOff)) {
      clearTimeout(handOff.timer);
      this.#retained.end(handOff.load.tables);
      handOff.done(outcome);
    }
  }

  #attempt(handOff: HandOff): void {
    const { db, records } = this.#host;
    this.#host.commitLoad();
    handOff.live ??= this.#startLive(handOff);
    const replays = [...handOff.live.values()].map((table) => ({ table, transactions: this.#missedBy(table) }));
    insertPlaced(db, handOff.live.values());
    for (const { table, transactions } of replays) {
      for (const { changes } of transactions) for (const change of changes ?? []) table.wantTexts(change);
    }
    const wanting = [...handOff.live.values()].flatMap(wantingOf);
    if (wanting.length > 0) {
      handOff.placing = true;
      void this.#place(handOff, wanting);
      return;
    }
    const result = handOff.load.finish(records, handOff.live, () => {
      for (const { table, transactions } of replays) {
        if (table.distrust !== null) throw new GiveUp(table.distrust);
        for (const { changes } of transactions) for (const change of changes ?? []) table.apply(change);
        table.settleFacts();
        table.written = 0;
        table.dictionaryGrown = false;
      }
    });
    if (result.kind === "loaded") {
      for (const id of handOff.load.tables) this.#live.delete(id);
      for (const table of handOff.live.values()) this.#live.set(table);
    }
    this.#end(handOff, result);
  }

  #startLive({ load, createTextReader, visibility }: HandOff): Map<string, LiveTable> {
    const { db, records } = this.#host;
    return new Map(
      load
        .startLive(records)
        .map(({ spec, start }) => [spec.id, new LiveTable(db, spec, start, createTextReader, visibility)]),
    );
  }

  /** What was applied to the others since retaining began, and the table's rows do not have. */
  #missedBy(table: LiveTable): readonly Transaction[] {
    const retained = this.#retained.of(table.id);
    if (retained === undefined) throw new StoreError(`Changes of ${table.spec.table} were not retained for its load`);
    if (this.#live.mayMissPart(table)) throw new GiveUp("the stream brought changes of what may be a new part of it");
    const missed = retained?.filter((transaction) => table.isChangedBy(transaction)) ?? null;
    if (missed === null || missed.some(({ changes }) => changes === null)) {
      throw new GiveUp("they are more than can be kept");
    }
    const ofTable = (changes: Transaction["changes"]): Transaction["changes"] =>
      changes?.filter(({ relation }) => table.relations.has(relation.id)) ?? null;
    return missed.map((transaction) => ({ ...transaction, changes: ofTable(transaction.changes) }));
  }

  async #place(handOff: HandOff, wanting: readonly Wanting[]): Promise<void> {
    let failure: Error | null = null;
    try {
      for (const { dictionary } of wanting) await placeWanted(this.#host.db, dictionary, this.#host.sort);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      failure = new StoreError(`New texts could not be sorted: ${message}`, { cause: error });
    }
    handOff.placing = false;
    if (failure === null) this.#schedule(handOff);
    else {
      const reason = failure;
      this.#host.run(() => this.#end(handOff, reason));
    }
  }
}

/** Texts are inserted as soon as they are placed: readers do not see these dictionaries yet. */
function insertPlaced(db: StreamHost["db"], tables: Iterable<LiveTable>): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const table of tables) table.growDictionaries();
    db.exec("COMMIT");
  } catch (error) {
    rollback(db);
    throw error;
  }
}
