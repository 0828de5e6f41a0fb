import type { Table } from "../catalog.ts";
import type { Origin } from "../dialects/dialect.ts";
import { FreshnessError, LoadError, StoreError } from "../errors.ts";
import type { ChangeSource, Watch } from "../freshness/change-source.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { PlannedTable } from "../plan/analysis.ts";
import type { Plan } from "../plan/plan.ts";
import type { LoadSink, Snapshot, StoreApi, StoredTable } from "../store/contract.ts";
import { columnSetOf, covers, union } from "./coverage.ts";
import type { TableUse } from "./eviction.ts";
import { Resources } from "./resources.ts";
import { loadTable, originTable, storedSet, type Wanted, withKey } from "./wanted.ts";

/** How a request for columns ended. `changed`: the table is no longer what the plan was made for; plan again. */
export type LoadOutcome = "covered" | "changed" | Bypass;

export interface LoaderOptions {
  readonly maxBytes: number;
  readonly maxTableRows: number;
  /** Follows changes of what is loaded; `null`: nobody does. */
  readonly source: ChangeSource | null;
  /** Called with each finished load: for counters, the log and the clock. `at`: when it began (`performance.now()`). */
  readonly onLoad: (table: Table, rows: number, at: number) => void;
  /** Called with a fault of the cache that fails no caller. */
  readonly onFault: (error: LoadError | StoreError) => void;
}

type Flight = Promise<"landed" | "changed">;

/** How long the rows of a load wait for the change stream to come to their snapshot, in milliseconds. */
const HAND_OFF_MS = 10_000;
/** A load that an invalidation overtook is repeated this often before the query is passed through. */
const ATTEMPTS = 5;
/** A table whose load failed for a reason of its own (a value, a privilege) is asked for again after this time. */
const RETRY_MS = 60_000;
const LOST_MS = 100;

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
  readonly #resources: Resources;
  /** By table (id): what it is loaded as, and since when (`performance.now()`); its rows in the store may be served. */
  readonly #live = new Map<string, { readonly table: Table | null; readonly at: number }>();
  readonly #epochs = new Map<string, number>();
  /** By table: one that is being loaded is in one flight only. */
  readonly #flights = new Map<string, Flight>();
  /** Why a table is not loaded, and until when that is not tried again (`performance.now()`). */
  readonly #refusals = new Map<string, { readonly bypass: Bypass; readonly until: number }>();
  #allEpoch = 0;

  constructor(origin: Origin, store: StoreApi, use: TableUse, options: LoaderOptions) {
    this.#origin = origin;
    this.#store = store;
    this.#use = use;
    this.#options = options;
    this.#resources = new Resources(origin, store);
  }

  /** What was restored from the snapshot file may be served, where the table's fingerprint is still the same. */
  adoptRestored(): void {
    const [now, today] = [performance.now(), Date.now()];
    for (const { id, loadedAt } of this.#store.tables.values()) {
      this.#live.set(id, { table: null, at: now - Math.max(0, today - loadedAt) });
    }
  }

  /** What is loaded and may be served. */
  get loaded(): readonly Wanted[] {
    return [...this.#live].flatMap(([id, { table }]) => {
      const stored = this.#store.tables.get(id);
      return table === null || stored === undefined ? [] : [{ table, columns: storedSet(stored, table) }];
    });
  }

  /** Fetches what was loaded once. Rejects with the origin's error. */
  async loadAgain(wanted: readonly Wanted[]): Promise<void> {
    for (const one of wanted) {
      if (this.#live.has(one.table.id) || this.#flights.has(one.table.id)) continue;
      await this.#fly([one], new Set());
    }
  }

  /**
   * Declares wrong what was fetched before this time (`performance.now()`), of all tables or of these.
   * When the oldest rows that are left were fetched; infinite if there are none.
   */
  expire(before: number, ids?: readonly string[]): number {
    let oldest = Number.POSITIVE_INFINITY;
    const expired: string[] = [];
    for (const [id, { at }] of this.#live) {
      if (ids !== undefined && !ids.includes(id)) continue;
      if (at < before) expired.push(id);
      else oldest = Math.min(oldest, at);
    }
    if (expired.length > 0) this.invalidate(expired);
    return oldest;
  }

  /** The plan's tables as they may be served to it now, in its order; `null` unless they cover it. */
  covering(plan: Plan): readonly StoredTable[] | null {
    if (!this.#resources.covers(plan)) return null;
    const found: StoredTable[] = [];
    for (const planned of plan.tables) {
      const stored = this.#liveTable(planned.table);
      if (stored === undefined || !covers(stored, columnSetOf(planned))) return null;
      found.push(stored);
    }
    return found;
  }

  /** True if all that is planned of one table may be served now. */
  holds(planned: PlannedTable): boolean {
    const stored = this.#liveTable(planned.table);
    return stored !== undefined && covers(stored, columnSetOf(planned));
  }

  /** Why a table of this plan is not loaded, where that was found out before. */
  refusal({ tables }: Plan): Bypass | null {
    for (const { table } of tables) {
      const refusal = this.#refusals.get(table.id);
      if (refusal !== undefined && performance.now() < refusal.until) return refusal.bypass;
      const large = this.#largeByEstimate(table);
      if (large !== null) return large;
    }
    return null;
  }

  /**
   * Makes the plan's columns available; a load that an invalidation overtakes is repeated up to `attempts` loads of each
   * table in all. Rejects with the origin's error if it fails the load.
   */
  async ensure(plan: Plan, attempts: number = ATTEMPTS): Promise<LoadOutcome> {
    const keep = new Set(plan.tables.map(({ table }) => table.id));
    for (let attempt = 0; attempt < attempts * plan.tables.length; attempt++) {
      if (this.covering(plan) !== null) return "covered";
      const refusal = this.refusal(plan);
      if (refusal !== null) return refusal;
      const missing = await this.#resources.ensure(plan);
      if (missing !== null) return missing;
      if (this.covering(plan) !== null) return "covered";
      if ((await this.#flightOf(plan, keep)) === "changed") return "changed";
    }
    if (this.covering(plan) !== null) return "covered";
    const names = plan.tables.map(({ table }) => `${table.schema}.${table.name}`).join(", ");
    return bypass("load-failed", `${names}: invalidated again and again while loading`);
  }

  /** These tables (ids) are wrong from now on: nothing of them is served before a load that begins after this call. */
  invalidate(ids: readonly string[] | "all"): readonly string[] {
    if (ids === "all") this.#allEpoch += 1;
    else for (const id of ids) this.#epochs.set(id, (this.#epochs.get(id) ?? 0) + 1);
    const dropped = ids === "all" ? [...this.#store.tables.keys()] : ids.filter((id) => this.#store.tables.has(id));
    if (ids === "all") this.#refusals.clear();
    for (const id of ids === "all" ? [...this.#live.keys()] : ids) {
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

  /** The load under way that brings something the plan misses, or a new one that brings all of it, at one snapshot. */
  #flightOf({ tables }: Plan, keep: ReadonlySet<string>): Flight {
    const missing: Wanted[] = [];
    for (const planned of tables) {
      const { table } = planned;
      const stored = this.#liveTable(table);
      const columns = columnSetOf(planned);
      if (stored !== undefined && covers(stored, columns)) continue;
      const flight = this.#flights.get(table.id);
      if (flight !== undefined) return flight;
      missing.push({ table, columns: stored === undefined ? columns : union(columns, storedSet(stored, table)) });
    }
    return this.#fly(missing, keep);
  }

  #fly(wanted: readonly Wanted[], keep: ReadonlySet<string>): Flight {
    const ids = wanted.map(({ table }) => table.id);
    const flight = this.#loadAll(wanted, keep).finally(() => {
      for (const id of ids) this.#flights.delete(id);
    });
    for (const id of ids) this.#flights.set(id, flight);
    return flight;
  }

  /** One table that cannot be read must not keep the others out: after an error each is loaded by itself. */
  async #loadAll(wanted: readonly Wanted[], keep: ReadonlySet<string>): Flight {
    const outcome = await this.#load(wanted, keep);
    if (outcome !== "failed") return outcome;
    for (const one of wanted.length > 1 ? wanted : []) {
      if ((await this.#load([one], keep)) === "changed") return "changed";
    }
    return "landed";
  }

  #epochOf(id: string): string {
    return `${this.#allEpoch}:${this.#epochs.get(id) ?? 0}`;
  }

  async #load(wanted: readonly Wanted[], keep: ReadonlySet<string>): Promise<"landed" | "changed" | "failed"> {
    const ids = wanted.map(({ table }) => table.id);
    const epochs = ids.map((id) => this.#epochOf(id));
    const overtaken = (): boolean => ids.some((id, index) => this.#epochOf(id) !== epochs[index]);
    const startedAt = performance.now();
    const sinks: LoadSink[] = [];
    let watch: Watch | null = null;
    let landed = false;
    try {
      const watched = (await this.#options.source?.watch(wanted.map(originTable))) ?? null;
      if (watched !== null && "reason" in watched) return this.#notWatched(watched, wanted);
      watch = watched;
      const all = watch === null ? wanted : wanted.map((one) => withKey(one, watched?.tables.get(one.table.id)));
      const taken = await this.#stream(all, watch, sinks);
      const [sink] = sinks;
      if (taken === "changed" || sink === undefined) return "changed";
      if (overtaken()) {
        await sink.abort();
        return "landed";
      }
      const inPlace = watch !== null && watch.tables.size > 0 && taken !== null;
      const result = await sink.finish(inPlace ? { snapshot: taken, timeoutMs: HAND_OFF_MS } : undefined);
      if (result.kind === "too-large") {
        const large = wanted.find(({ table }) => table.id === result.id)?.table;
        if (large !== undefined)
          this.#remember(large, bypass("table-too-large", result.detail), Number.POSITIVE_INFINITY);
        return "landed";
      }
      if (overtaken()) {
        this.#drop(ids);
        return "landed";
      }
      landed = true;
      for (const { table } of wanted) {
        this.#live.set(table.id, { table, at: startedAt });
        const rows = result.tables.find(({ id }) => id === table.id)?.rows ?? 0;
        this.#options.onLoad(table, rows, startedAt);
      }
      this.#makeRoom(keep);
      return "landed";
    } catch (error) {
      await Promise.allSettled(sinks.map((sink) => sink.abort()));
      // The origin can answer, whatever keeps its changes from being followed. If they were lost meanwhile, with all rows,
      // they are followed again soon, and the store has only ended what waited for them.
      const lost = this.#options.source !== null && overtaken();
      if (error instanceof FreshnessError || (error instanceof StoreError && lost)) {
        return this.#notWatched(bypass(lost ? "not-fresh" : "not-watched", error.message), wanted);
      }
      return this.#loadFailed(error, wanted);
    } finally {
      watch?.done(landed);
    }
  }

  /** The snapshot that the rows were read at; `null` where nobody asked for it. */
  async #stream(
    wanted: readonly Wanted[],
    watch: Watch | null,
    sinks: LoadSink[],
  ): Promise<Snapshot | "changed" | null> {
    let taken: Snapshot | null = null;
    const openSink = async (): Promise<LoadSink> => {
      const sink = await this.#beginLoad(wanted, watch);
      sinks.push(sink);
      return sink;
    };
    const accepts = async (snapshot: Snapshot): Promise<boolean> => {
      taken = snapshot;
      return watch === null || (await watch.accepts(snapshot));
    };
    const tables = wanted.map(originTable);
    const streamed = await this.#origin.load(tables, openSink, watch === null ? undefined : accepts);
    return streamed === "changed" ? streamed : taken;
  }

  #notWatched(refusal: Bypass, wanted: readonly Wanted[]): "failed" {
    const [only, ...more] = wanted;
    // Changes that are not followed at the moment will be again soon.
    const forMs = refusal.reason === "not-fresh" ? LOST_MS : RETRY_MS;
    if (only !== undefined && more.length === 0) this.#remember(only.table, refusal, forMs);
    return "failed";
  }

  #loadFailed(error: unknown, wanted: readonly Wanted[]): "failed" {
    if (error instanceof StoreError) {
      this.#options.onFault(error);
      for (const { table } of wanted) this.#remember(table, bypass("store-failed", error.message), RETRY_MS);
      return "failed";
    }
    if (!this.#origin.isStatementError(error)) throw error;
    const [only, ...more] = wanted;
    if (only === undefined || more.length > 0) return "failed";
    // Reading whole columns can fail where the query does not: a computed column that raises, a missing privilege.
    const detail = `${only.table.schema}.${only.table.name} cannot be read as a whole`;
    this.#options.onFault(new LoadError(`${detail}; its queries go to the origin.`, { cause: error }));
    this.#remember(only.table, bypass("load-failed", detail), RETRY_MS);
    return "failed";
  }

  #beginLoad(wanted: readonly Wanted[], watch: Watch | null): Promise<LoadSink> {
    const { maxTableRows } = this.#options;
    const tables = wanted.map((one) =>
      loadTable(this.#origin, one, watch?.tables.get(one.table.id) ?? null, maxTableRows),
    );
    return this.#store.beginLoad({ decoder: this.#origin.decoder, tables });
  }

  #remember(table: Table, refusal: Bypass, forMs: number): void {
    this.#refusals.set(table.id, { bypass: refusal, until: performance.now() + forMs });
  }

  #makeRoom(keep: ReadonlySet<string>): void {
    const evicted = this.#use.leastRecent(this.#store, this.#options.maxBytes, keep);
    for (const id of evicted) this.#live.delete(id);
    this.#drop(evicted);
    const gone = evicted.filter((id) => !this.#flights.has(id));
    if (gone.length > 0) this.#options.source?.unwatch(gone);
  }

  #drop(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.#store.drop(ids).catch((error: unknown) => {
      this.#options.onFault(new LoadError("Removing a table from the store failed.", { cause: error }));
    });
  }
}
