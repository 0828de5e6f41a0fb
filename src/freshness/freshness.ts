import { setTimeout as sleep } from "node:timers/promises";
import type { WriteReach } from "../dialects/dialect.ts";
import { FreshnessError } from "../errors.ts";
import type { ChangeSink, ChangeSource, SourceState } from "./change-source.ts";
import type { FreshnessLevel, Requirement } from "./level.ts";
import { OwnWrites, type TableRead } from "./own-writes.ts";

/** How long a read waits for what would make it an answer of the cache, in milliseconds; then the origin answers. */
const WAIT_MS = 10;
/** After a loss the first attempt to follow changes again comes after up to this time; it doubles with each failure. */
const RECONNECT_MS = 100;
const RECONNECT_MAX_MS = 10_000;

/** What the engine does when the clock says that something is wrong. */
export interface FreshnessHost {
  /** The cached rows of these tables are wrong. */
  forgetRows(ids: readonly string[] | "all", why: string): void;
  /** The definitions of these tables may be other ones. */
  forgetDefinitions(ids: readonly string[] | "all", why: string): void;
  /** Drops rows that were fetched before this time (`performance.now()`); the time of the oldest that are left. */
  expireRows(before: number): number;
  /** Changes are followed again after a loss: what was in use then may be fetched. */
  recovered(): void;
  onFault(error: unknown): void;
  onState(state: FreshnessState): void;
}

/** `off`: changes are not followed, by choice. */
export type FreshnessState = "off" | "new" | "starting" | "live" | "lost" | "stopped";

/** What `stats()` says of the freshness. */
export interface FreshnessStats {
  readonly level: FreshnessLevel;
  /** How changes are followed; `null` where they are not. */
  readonly source: string | null;
  readonly state: FreshnessState;
  /** The origin's position that readers see (Postgres: an LSN); `null` where there is none. */
  readonly position: string | null;
  /** Milliseconds since the start of the last confirmed catch-up; `null` before the first. */
  readonly lagMs: number | null;
  /** Transactions and changes of rows that were applied in place. */
  readonly transactions: number;
  readonly changes: number;
  /** How often the change source was lost. */
  readonly losses: number;
  /** Tables that changes were not applied to in place: they were fetched again when they were needed. */
  readonly refetched: number;
}

export interface FreshnessOptions {
  readonly level: FreshnessLevel;
  readonly maxLagMs: number;
  readonly sourceKind: string;
  /** `null`: changes are not followed. */
  readonly source: ChangeSource | null;
  readonly host: FreshnessHost;
}

/**
 * The clock that says whether an answer of the cache is fresh enough, checked when it is served and on a monotonic clock:
 * whatever keeps changes from arriving (a frozen server process, a dead network, a blocked event loop), the time of the
 * last confirmed catch-up falls behind and the origin answers. What this process has written to is served again after a
 * confirmation that began after the write.
 *
 * ```
 *  new ──start()──► starting ──► live ──lost()──► lost ──(reconnect, with jitter)──► starting
 *   ▲                  │                                                              │
 *   └── the source raised (the first time)                    lost ◄── it raised ─────┘
 *  any ──stop()──► stopped
 * ```
 */
export class Freshness implements ChangeSink {
  readonly #level: FreshnessLevel;
  readonly #maxLagMs: number;
  readonly #sourceKind: string;
  readonly #source: ChangeSource | null;
  readonly #host: FreshnessHost;
  readonly #ttlMs: number | null;
  #state: FreshnessState;
  /** Start of the last confirmed catch-up, definitions included (`performance.now()`). */
  #freshAt = Number.NEGATIVE_INFINITY;
  /** Hits of the engine's own level are served until then. */
  #servesUntil: number;
  readonly #ownWrites = new OwnWrites();
  #confirmsWrites = false;
  /** The catch-up that is to confirm own writes. */
  #confirmation: Promise<unknown> = Promise.resolve();
  /** A catch-up that reads have asked for, and others may share. */
  #catchingUp: { readonly startedAt: number; readonly done: Promise<boolean> } | null = null;
  #tick: NodeJS.Timeout | undefined;
  #starting: Promise<void> | null = null;
  #reconnecting = false;
  /** Grows with each loss, so that what began before it changes nothing. */
  #epoch = 0;
  #losses = 0;
  #refetched = 0;
  readonly #stopped = new AbortController();

  constructor({ level, maxLagMs, source, sourceKind, host }: FreshnessOptions) {
    this.#level = level;
    this.#maxLagMs = maxLagMs;
    this.#source = source;
    this.#sourceKind = sourceKind;
    this.#host = host;
    this.#ttlMs = typeof level === "object" ? level.ttl : null;
    this.#state = source === null ? "off" : "new";
    this.#servesUntil = source === null ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /** The change source, if changes are followed. */
  get source(): ChangeSource | null {
    return this.#source;
  }

  get level(): FreshnessLevel {
    return this.#level;
  }

  /** True if a hit over these tables may be served at the engine's own level, at once. */
  serves(tables: readonly TableRead[]): boolean {
    const until = this.#servesUntil;
    if (until === Number.POSITIVE_INFINITY) return true;
    return (performance.now() < until || this.#expire()) && this.#ownWrites.areSeenIn(tables);
  }

  /** Of `{ ttl }`: rows that are too old go, and the others may be served. */
  #expire(): boolean {
    if (this.#ttlMs === null || this.#isStopped) return false;
    const oldest = this.#host.expireRows(performance.now() - this.#ttlMs);
    this.#servesUntil = oldest + this.#ttlMs;
    return true;
  }

  /** A table was fetched at this time (`performance.now()`). */
  fetched(at: number): void {
    if (this.#ttlMs !== null) this.#servesUntil = Math.min(this.#servesUntil, at + this.#ttlMs);
  }

  /** True if own writes are covered by following changes, so that they need not make rows wrong. */
  get followsWrites(): boolean {
    return this.#source !== null;
  }

  /**
   * What was read of definitions before this time (`performance.now()`) may be out of date by more than the level allows;
   * others may have changed what a write reaches. Without a change source only `invalidate()` tells.
   */
  get definitionsAsOf(): number {
    return this.#source === null ? Number.NEGATIVE_INFINITY : performance.now() - this.#maxLagMs;
  }

  /** Follows changes; again after a failure. Rejects with what the source rejects with. */
  start(): Promise<void> {
    if (this.#source === null || this.#state === "live" || this.#state === "lost") return Promise.resolve();
    return this.#startOnce(this.#source);
  }

  #startOnce(source: ChangeSource): Promise<void> {
    this.#starting ??= this.#start(source).finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #start(source: ChangeSource): Promise<void> {
    const before = this.#state;
    this.#enter("starting");
    const epoch = this.#epoch;
    try {
      await source.start(this);
    } catch (error) {
      if (this.#isStopped) throw new FreshnessError("The engine was closed while it started.", { cause: error });
      this.#enter(before);
      throw error;
    }
    if (this.#isStopped || epoch !== this.#epoch) return;
    this.#enter("live");
    // Nothing is cached, or all of it was forgotten.
    await this.#catchUp(source);
    this.#schedule(source);
  }

  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#enter("stopped");
    this.#stopped.abort();
    this.#servesUntil = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#tick);
    await this.#source?.stop();
  }

  get #isStopped(): boolean {
    return this.#state === "stopped";
  }

  #enter(state: FreshnessState): void {
    if (this.#state === state || this.#isStopped) return;
    this.#state = state;
    if (this.#source !== null) this.#host.onState(state);
  }

  /**
   * Whether the cache may answer a query that requires this, now or very soon; else the origin answers.
   *
   * @param calledAt when the query was sent (`performance.now()`): ages count from there
   */
  async admits(
    { strict, maxAgeMs, after, ownWrites }: Requirement,
    tables: readonly TableRead[],
    calledAt: number,
  ): Promise<boolean> {
    const source = this.#source;
    // Of what age rows are, without a source, is the loader's to see to.
    if (source === null) return after === null;
    if (this.#state !== "live") return false;
    if (after !== null && !(await source.reached(after, WAIT_MS))) return false;
    if (strict && !(await source.confirm({ timeoutMs: this.#patienceMs, definitions: true }))) return false;
    if (ownWrites && !strict && !(await this.#seesOwnWrites(tables))) return false;
    if (!strict && maxAgeMs !== null && !(await this.#freshFrom(calledAt - maxAgeMs, source))) return false;
    return this.#state === "live";
  }

  /** A strict read waits for as long as the lag that the engine may have anyway. */
  get #patienceMs(): number {
    return Math.min(this.#maxLagMs, 10 * WAIT_MS);
  }

  /** Why the cache does not answer a query over these tables at the engine's own level, for a person; `null` if it does. */
  obstacle(tables: readonly TableRead[]): string | null {
    if (this.serves(tables) || (this.#state === "live" && this.#level === "strict")) return null;
    if (this.#state !== "live") return `changes of the database are not followed (${this.#state})`;
    if (!this.#ownWrites.areSeenIn(tables)) return "a write of this program is not confirmed to be seen yet";
    return `the last confirmed catch-up is more than ${this.#maxLagMs} ms ago`;
  }

  /**
   * A statement of this process may have written there: each read from this call on sees it, or the origin answers.
   *
   * @param tables `all` until the promise says which
   */
  wrote(tables: WriteReach | Promise<WriteReach>): void {
    if (this.#source === null) return;
    const write = this.#ownWrites.add(tables instanceof Promise ? "all" : tables);
    if (!this.#confirmsWrites) void this.#confirmWrites(this.#source);
    if (!(tables instanceof Promise)) return;
    tables.then(
      (known) => known !== "all" && this.#ownWrites.narrow(write, known),
      () => {},
    );
  }

  async #confirmWrites(source: ChangeSource): Promise<void> {
    this.#confirmsWrites = true;
    while (this.#state === "live" && !this.#ownWrites.areConfirmed) {
      const caughtUp = this.#catchUp(source);
      this.#confirmation = caughtUp;
      // The origin may be out of reach: the next try is not at once.
      if (!(await caughtUp)) await this.#pause(WAIT_MS);
    }
    this.#confirmsWrites = false;
  }

  /** Whether own writes to these tables are seen, now or very soon. */
  async #seesOwnWrites(tables: readonly TableRead[]): Promise<boolean> {
    if (this.#ownWrites.areSeenIn(tables)) return true;
    const waited = this.#pause(WAIT_MS).then(() => true);
    // The one under way may have begun before the write, the next one has not.
    for (let round = 0; round < 2; round++) {
      const late = await Promise.race([this.#confirmation.then(() => false), waited]);
      if (this.#ownWrites.areSeenIn(tables)) return true;
      if (late) return false;
    }
    return false;
  }

  /** Whether what was committed by then is seen, now or very soon. */
  async #freshFrom(at: number, source: ChangeSource): Promise<boolean> {
    if (this.#freshAt < at) {
      if (this.#catchingUp === null || this.#catchingUp.startedAt < at) {
        const catchingUp = { startedAt: performance.now(), done: this.#catchUp(source) };
        this.#catchingUp = catchingUp;
        void catchingUp.done.finally(() => {
          if (this.#catchingUp === catchingUp) this.#catchingUp = null;
        });
      }
      await Promise.race([this.#catchingUp.done, this.#pause(WAIT_MS)]);
    }
    return this.#freshAt >= at;
  }

  /** Confirms that readers see what is committed now. */
  async #catchUp(source: ChangeSource): Promise<boolean> {
    const startedAt = performance.now();
    const writes = this.#ownWrites.count;
    const epoch = this.#epoch;
    const confirmed = await source.confirm({ timeoutMs: this.#maxLagMs, definitions: true });
    if (!confirmed || epoch !== this.#epoch || this.#state !== "live") return false;
    this.#freshAt = Math.max(this.#freshAt, startedAt);
    this.#ownWrites.confirm(writes);
    if (this.#level !== "strict") this.#servesUntil = this.#freshAt + this.#maxLagMs;
    return true;
  }

  #schedule(source: ChangeSource): void {
    clearTimeout(this.#tick);
    if (this.#state !== "live") return;
    const epoch = this.#epoch;
    this.#tick = setTimeout(() => {
      void this.#catchUp(source).then(() => {
        if (epoch === this.#epoch) this.#schedule(source);
      });
    }, this.#maxLagMs / 3).unref();
  }

  #pause(milliseconds: number): Promise<void> {
    return sleep(milliseconds, undefined, { ref: false, signal: this.#stopped.signal }).catch(() => {});
  }

  stale(ids: readonly string[] | "all", why: string): void {
    this.#refetched += ids === "all" ? 1 : ids.length;
    this.#host.forgetRows(ids, why);
  }

  redefined(ids: readonly string[] | "all", why: string): void {
    this.#refetched += ids === "all" ? 1 : ids.length;
    this.#host.forgetDefinitions(ids, why);
  }

  lost(error: Error): void {
    if (this.#isStopped) return;
    this.#epoch += 1;
    this.#losses += 1;
    this.#servesUntil = Number.NEGATIVE_INFINITY;
    this.#freshAt = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#tick);
    this.#enter("lost");
    this.#host.forgetRows("all", error.message);
    this.#host.onFault(freshnessError(error));
    if (!this.#reconnecting) void this.#reconnect(this.#source);
  }

  async #reconnect(source: ChangeSource | null): Promise<void> {
    if (source === null) return;
    this.#reconnecting = true;
    for (let delay = RECONNECT_MS; !this.#isStopped; delay = Math.min(delay * 2, RECONNECT_MAX_MS)) {
      // Processes that lost one server together do not come back together.
      await this.#pause(delay * (0.5 + Math.random()));
      // One that was under way when the source was lost ends first.
      await this.#starting?.catch(() => {});
      if (this.#isStopped) return;
      try {
        await this.#startOnce(source);
      } catch (error) {
        if (!this.#isStopped) this.#host.onFault(freshnessError(error));
      }
      if (this.#state === "live") {
        this.#reconnecting = false;
        this.#host.recovered();
        return;
      }
    }
  }

  /** What `stats()` says. */
  stats(): FreshnessStats {
    const state: SourceState = this.#source?.state ?? { position: null, transactions: 0, changes: 0 };
    return {
      level: this.#level,
      source: this.#source === null ? null : this.#sourceKind,
      state: this.#state,
      position: state.position,
      lagMs: Number.isFinite(this.#freshAt) ? performance.now() - this.#freshAt : null,
      transactions: state.transactions,
      changes: state.changes,
      losses: this.#losses,
      refetched: this.#refetched,
    };
  }
}

function freshnessError(error: unknown): FreshnessError {
  if (error instanceof FreshnessError) return error;
  const message = "Changes of the database are not followed; it answers until they are again.";
  return new FreshnessError(message, { cause: error });
}
