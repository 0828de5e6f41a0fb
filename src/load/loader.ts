import type { Column, Table } from "../catalog.ts";
import type { Origin, OriginLoadTable } from "../dialects/dialect.ts";
import { LoadError, StoreError } from "../errors.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { Plan } from "../plan/plan.ts";
import { type EncodedColumn, physicalName } from "../store/column-set.ts";
import type { LoadSink, StoreApi, StoredTable } from "../store/contract.ts";
import { type ColumnSet, columnSetOf, covers, union } from "./coverage.ts";
import type { TableUse } from "./eviction.ts";

/** How a request for columns ended. `changed`: the table is no longer what the plan was made for; plan again. */
export type LoadOutcome = "covered" | "changed" | Bypass;

export interface LoaderOptions {
  readonly maxBytes: number;
  readonly maxTableRows: number;
  /** Called with each finished load: for counters and the log. */
  readonly onLoad: (table: Table, rows: number, milliseconds: number) => void;
  /** Called with a fault of the cache that fails no caller. */
  readonly onFault: (error: LoadError | StoreError) => void;
}

interface Flight {
  readonly wanted: ColumnSet;
  readonly outcome: Promise<LoadOutcome>;
}

/** A load that an invalidation overtook is repeated this often before the query is passed through. */
const ATTEMPTS = 5;
/** A table whose load failed for a reason of its own (a value, a privilege) is asked for again after this time. */
const RETRY_MS = 60_000;

/**
 * Knows which columns are in the store and valid, and fetches what is missing: at most one load per table at a time,
 * shared by everyone who waits for it.
 *
 * A table is *live* when its rows in the store may be served. Invalidation makes it not live at once, and every load
 * that began before an invalidation is discarded when it ends: its snapshot may be older than the change.
 */
export class Loader {
  readonly #origin: Origin;
  readonly #store: StoreApi;
  readonly #options: LoaderOptions;
  readonly #use: TableUse;
  readonly #live = new Set<string>();
  readonly #epochs = new Map<string, number>();
  readonly #flights = new Map<string, Flight>();
  /** Why a table is not loaded, and until when that is not tried again (`performance.now()`). */
  readonly #refusals = new Map<string, { readonly bypass: Bypass; readonly until: number }>();
  #allEpoch = 0;

  constructor(origin: Origin, store: StoreApi, use: TableUse, options: LoaderOptions) {
    this.#origin = origin;
    this.#store = store;
    this.#use = use;
    this.#options = options;
  }

  /** What was restored from the snapshot file may be served, where the table's fingerprint is still the same. */
  adoptRestored(): void {
    for (const id of this.#store.tables.keys()) this.#live.add(id);
  }

  /** The table as it may be served to this plan now, if it covers it. */
  covering(plan: Plan): StoredTable | null {
    const stored = this.#liveTable(plan.table);
    return stored !== undefined && covers(stored, columnSetOf(plan)) ? stored : null;
  }

  /** Why the table of this plan is not loaded, where that was found out before. */
  refusal(plan: Plan): Bypass | null {
    const { table } = plan;
    const refusal = this.#refusals.get(table.id);
    if (refusal !== undefined && performance.now() < refusal.until) return refusal.bypass;
    return this.#largeByEstimate(table);
  }

  /** Makes the plan's columns available. Rejects with the origin's error if it fails the load. */
  async ensure(plan: Plan): Promise<LoadOutcome> {
    const { table } = plan;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.covering(plan) !== null) return "covered";
      const refusal = this.refusal(plan);
      if (refusal !== null) return refusal;
      const flight = this.#flights.get(table.id) ?? this.#takeOff(plan);
      const outcome = await flight.outcome;
      if (outcome !== "covered") return outcome;
    }
    return bypass("load-failed", `${table.schema}.${table.name} was invalidated again and again while it was loaded`);
  }

  /** These tables (ids) are wrong from now on: nothing of them is served before a load that begins after this call. */
  invalidate(ids: readonly string[] | "all"): readonly string[] {
    if (ids === "all") this.#allEpoch += 1;
    else for (const id of ids) this.#epochs.set(id, (this.#epochs.get(id) ?? 0) + 1);
    const dropped = ids === "all" ? [...this.#store.tables.keys()] : ids.filter((id) => this.#store.tables.has(id));
    if (ids === "all") this.#refusals.clear();
    for (const id of ids === "all" ? this.#live : ids) {
      this.#live.delete(id);
      this.#refusals.delete(id);
    }
    this.#drop(dropped);
    return dropped;
  }

  #liveTable(table: Table): StoredTable | undefined {
    if (!this.#live.has(table.id)) return undefined;
    const stored = this.#store.tables.get(table.id);
    return stored?.fingerprint === table.fingerprint ? stored : undefined;
  }

  #largeByEstimate(table: Table): Bypass | null {
    const { maxTableRows } = this.#options;
    if (table.estimatedRows === null || table.estimatedRows <= maxTableRows) return null;
    return bypass(
      "table-too-large",
      `${table.schema}.${table.name} has about ${table.estimatedRows} rows; maxTableRows is ${maxTableRows}`,
    );
  }

  #takeOff(plan: Plan): Flight {
    const { table } = plan;
    const stored = this.#liveTable(table);
    const wanted = stored === undefined ? columnSetOf(plan) : union(columnSetOf(plan), storedSet(stored, table));
    const outcome = this.#load(table, wanted).finally(() => this.#flights.delete(table.id));
    const flight: Flight = { wanted, outcome };
    this.#flights.set(table.id, flight);
    return flight;
  }

  #epochOf(id: string): string {
    return `${this.#allEpoch}:${this.#epochs.get(id) ?? 0}`;
  }

  async #load(table: Table, wanted: ColumnSet): Promise<LoadOutcome> {
    const epoch = this.#epochOf(table.id);
    const startedAt = performance.now();
    const sinks: LoadSink[] = [];
    const openSink = async (): Promise<LoadSink> => {
      const sink = await this.#beginLoad(table, wanted);
      sinks.push(sink);
      return sink;
    };
    try {
      const streamed = await this.#origin.load([originTable(table, wanted)], openSink);
      const [sink] = sinks;
      if (streamed === "changed" || sink === undefined) return "changed";
      if (epoch !== this.#epochOf(table.id)) {
        await sink.abort();
        return "covered";
      }
      const result = await sink.finish();
      if (result.kind === "too-large") {
        return this.#remember(table, bypass("table-too-large", result.detail), Number.POSITIVE_INFINITY);
      }
      if (epoch !== this.#epochOf(table.id)) {
        this.#drop([table.id]);
        return "covered";
      }
      this.#live.add(table.id);
      this.#options.onLoad(table, result.tables[0]?.rows ?? 0, performance.now() - startedAt);
      this.#makeRoom(table.id);
      return "covered";
    } catch (error) {
      await Promise.allSettled(sinks.map((sink) => sink.abort()));
      if (error instanceof StoreError) {
        this.#options.onFault(error);
        return this.#remember(table, bypass("store-failed", error.message), RETRY_MS);
      }
      if (!this.#origin.isStatementError(error)) throw error;
      // Reading whole columns can fail where the query does not: a computed column that raises, a missing privilege.
      const detail = `${table.schema}.${table.name} cannot be read as a whole`;
      this.#options.onFault(new LoadError(`${detail}; its queries go to the origin.`, { cause: error }));
      return this.#remember(table, bypass("load-failed", detail), RETRY_MS);
    }
  }

  #beginLoad(table: Table, wanted: ColumnSet): Promise<LoadSink> {
    const { maxTableRows } = this.#options;
    const dictionaries = dictionaryColumns(table, wanted);
    const names = dictionaries.map((column) => column.name);
    const [key] = table.primaryKey;
    const keyColumn = table.primaryKey.length === 1 ? findColumn(table, key ?? "") : undefined;
    const isRowid =
      keyColumn !== undefined &&
      ["int2", "int4", "int8"].includes(keyColumn.type.kind) &&
      wanted.columns.has(physicalName(keyColumn.name, "value"));
    return this.#store.beginLoad({
      decoder: this.#origin.decoder,
      tables: [
        {
          id: table.id,
          schema: table.schema,
          table: table.name,
          fingerprint: table.fingerprint,
          columns: encodedColumns(table, wanted).map(({ column, encoding }) =>
            this.#origin.loadColumn(column, encoding, names),
          ),
          rowidColumn: isRowid && keyColumn !== undefined ? keyColumn.name : null,
          dictionaries: dictionaries.map((column) => ({
            column: column.name,
            codec: this.#origin.dictionaryCodec(column),
            keep: wanted.dictionaries.has(column.name),
          })),
          maxRows: maxTableRows,
        },
      ],
    });
  }

  #remember(table: Table, refusal: Bypass, forMs: number): Bypass {
    this.#refusals.set(table.id, { bypass: refusal, until: performance.now() + forMs });
    return refusal;
  }

  #makeRoom(justLoaded: string): void {
    const evicted = this.#use.leastRecent(this.#store, this.#options.maxBytes, justLoaded);
    for (const id of evicted) this.#live.delete(id);
    this.#drop(evicted);
  }

  #drop(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.#store.drop(ids).catch((error: unknown) => {
      this.#options.onFault(new LoadError("Removing a table from the store failed.", { cause: error }));
    });
  }
}

function findColumn(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name);
}

function encodedColumns(table: Table, wanted: ColumnSet): OriginLoadTable["columns"] {
  return [...wanted.columns.values()].flatMap(({ column: name, encoding }) => {
    const column = findColumn(table, name);
    return column === undefined ? [] : [{ column, encoding }];
  });
}

/** Ranks of texts are positions in a dictionary; those of enums come with the type. */
function dictionaryColumns(table: Table, wanted: ColumnSet): Column[] {
  return table.columns.filter((column) => {
    if (column.type.kind !== "text" && column.type.kind !== "char") return false;
    return wanted.dictionaries.has(column.name) || wanted.columns.has(physicalName(column.name, "rank"));
  });
}

function originTable(table: Table, wanted: ColumnSet): OriginLoadTable {
  return { table, columns: encodedColumns(table, wanted), dictionaries: dictionaryColumns(table, wanted) };
}

function storedSet(stored: StoredTable, table: Table): ColumnSet {
  const columns = new Map<string, EncodedColumn>();
  for (const column of table.columns) {
    for (const encoding of ["value", "text", "rank", "key"] as const) {
      const name = physicalName(column.name, encoding);
      if (stored.columns.has(name)) columns.set(name, { column: column.name, encoding });
    }
  }
  return { columns, dictionaries: new Set(stored.dictionaries.keys()) };
}
