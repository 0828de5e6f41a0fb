import type { Table } from "./catalog.ts";
import { observe, observed } from "./diagnostics.ts";
import { type ClientCache, type Effect, FULL_EFFECT, NO_EFFECT } from "./dialects/dialect.ts";
import type { RowFormat } from "./encode/client-encoder.ts";
import { UnknownPosition } from "./execute/bind.ts";
import { Execution } from "./execute/execution.ts";
import type { Runner } from "./execute/runner.ts";
import type { Freshness } from "./freshness/freshness.ts";
import { GenerationalCache } from "./generational-cache.ts";
import { Governor, type Ledger } from "./governor.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Loader } from "./load/loader.ts";
import type { Bypass, BypassReason } from "./outcome.ts";
import type { Plan } from "./plan/plan.ts";
import type { Decision, Planner, PlannerOrigin } from "./plan/planner.ts";
import type { PlanEntry, Prepared } from "./plan/prepared.ts";
import { refusalOf } from "./refusals.ts";
import type { Statistics } from "./stats.ts";
import type { StoreApi } from "./store/contract.ts";
import type { Verification } from "./verification.ts";
import type { WriteThrough } from "./write-through.ts";

/** The parts of the engine that answer attached clients. */
export interface AttachedParts {
  readonly planner: Planner;
  readonly plannerOrigin: PlannerOrigin;
  readonly runner: Runner;
  readonly loader: Loader;
  readonly store: StoreApi;
  readonly writes: WriteThrough;
  readonly statistics: Statistics;
  /** `null` unless hits are verified. */
  readonly verification: Verification | null;
  readonly lifetime: Lifetime;
  readonly freshness: Freshness;
  onFault(error: unknown): void;
}

/** New shapes that are looked into at a time; the others have to come again. */
const MAX_LEARNING = 32;
/** A text that the origin rejected is not looked into again for this time. */
const REJECTED_MS = 10_000;
/** After a failed start the next one is tried after this time. */
const RESTART_MS = 1000;
/** Longer texts are not taken apart before they are sent. */
const LONGEST_TEXT = 16_384;
/** How a text begins that the cache might answer. */
const MAY_BE_READ = /^\s*(?:SELECT|WITH|TABLE|VALUES|\(|--|\/\*)/i;
/** Longer values are not remembered as asked for. */
const LONGEST_KEY = 2000;

/**
 * Answers attached clients from memory at once, or not at all: then the origin answers, as if there were no cache, and
 * what is missing is fetched behind the call.
 */
export class AttachedCache implements ClientCache {
  readonly #parts: AttachedParts;
  readonly #governor = new Governor();
  readonly #ledgers = new WeakMap<PlanEntry, readonly Ledger[]>();
  readonly #learning = new Set<string>();
  readonly #rejected = new GenerationalCache<number>(500);
  readonly #fetching = new Set<string>();
  readonly #warming = new Set<PlanEntry>();
  readonly #askedFor = new GenerationalCache<true>(500);
  #state: "new" | "starting" | "open" | "unreadable" | "closed" = "new";
  #retryAt = 0;

  constructor(parts: AttachedParts) {
    this.#parts = parts;
  }

  close(): void {
    this.#state = "closed";
  }

  get serving(): boolean {
    return this.#state === "open" && this.#parts.writes.isSettled;
  }

  recall(sql: string): Decision | undefined {
    const { planner } = this.#parts;
    return sql.length <= LONGEST_TEXT ? planner.recall(sql) : planner.known(sql);
  }

  holds({ entry }: Prepared): boolean {
    const { freshness, runner } = this.#parts;
    return freshness.serves(entry.plan.tables) && runner.executionOf(entry) instanceof Execution;
  }

  rows(prepared: Prepared, params: readonly unknown[], format: RowFormat): unknown[] | null {
    const startedAt = observed() ? performance.now() : 0;
    const { runner, statistics, verification } = this.#parts;
    const rows = runner.runNow(prepared, params, format);
    if (rows === null) return null;
    statistics.hits += 1;
    if (verification !== null) verification.offer(prepared, params);
    for (const ledger of this.#ledgersOf(prepared.entry)) ledger.hit();
    if (observed()) this.#log("hit", null, performance.now() - startedAt, prepared.sql, params);
    return rows;
  }

  missed(prepared: Prepared, params: readonly unknown[], milliseconds: number): void {
    for (const ledger of this.#ledgersOf(prepared.entry)) ledger.direct(milliseconds);
    prepared.entry.pace.answered(milliseconds);
    this.#ask(prepared, params, milliseconds);
  }

  #ask(prepared: Prepared, params: readonly unknown[], milliseconds: number): void {
    if (this.#state !== "open") return;
    const reason = this.#onMiss(prepared, params);
    if (reason === null) this.#parts.statistics.misses += 1;
    else this.#parts.statistics.countBypass(reason);
    this.#log(reason === null ? "miss" : "bypass", reason, milliseconds, prepared.sql, params);
  }

  passed(decision: Decision): void {
    // All texts may have been learned already, through the engine's own `execute`.
    if (this.#state === "new") void this.#start();
    const reason = decision.kind === "prepared" ? "session-state" : refusalOf(decision).reason;
    this.#parts.statistics.countBypass(reason);
  }

  learn(sql: string, params: readonly unknown[]): void {
    if (!MAY_BE_READ.test(sql) || this.#learning.has(sql) || this.#learning.size >= MAX_LEARNING) return;
    if (performance.now() < (this.#rejected.get(sql) ?? 0)) return;
    this.#learning.add(sql);
    this.#decide(sql)
      .then((decision) => {
        if (decision?.kind === "prepared") this.#ask(decision, params, 0);
        else if (decision !== null) this.passed(decision);
      })
      // The origin rejects the text, or is out of reach: whoever sent it gets that error himself.
      .catch(() => this.#rejected.set(sql, performance.now() + REJECTED_MS))
      .finally(() => this.#learning.delete(sql));
  }

  effectOf(sql: string, namesAsOurs: boolean): Effect | Promise<Effect> {
    if (this.#state === "unreadable" || this.#state === "closed") return FULL_EFFECT;
    if (this.#state !== "open") {
      return this.#start().then((started) => (started ? this.effectOf(sql, namesAsOurs) : FULL_EFFECT));
    }
    const statement = this.#parts.planner.statementOf(sql);
    if (statement === null) return NO_EFFECT;
    const { writes } = this.#parts;
    return namesAsOurs ? writes.effectOf(statement) : writes.effectElsewhere(statement);
  }

  apply(effect: Effect | Promise<Effect>): void {
    if (this.#state !== "open" && effect === FULL_EFFECT) this.#parts.lifetime.discardSnapshot();
    this.#parts.writes.apply(effect);
  }

  /** Why the tables of a plan are left alone now. */
  refusal(plan: Plan): Bypass | null {
    const now = performance.now();
    for (const table of tablesOf(plan)) {
      const refusal = this.#governor.of(table).refusal(now);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** `null`: not now. */
  async #decide(sql: string): Promise<Decision | null> {
    if (!(await this.#start())) return null;
    return await this.#parts.planner.decide(sql, this.#parts.plannerOrigin);
  }

  /** Resolves to whether the engine can plan. */
  async #start(): Promise<boolean> {
    if (this.#state === "open") return true;
    if (this.#state === "closed" || performance.now() < this.#retryAt) return false;
    try {
      const { lifetime } = this.#parts;
      await lifetime.start();
      const readable = lifetime.unreadable === null;
      // A close may have come in between.
      if ((this.#state as string) === "closed") return false;
      this.#state = readable ? "open" : "unreadable";
      return readable;
    } catch (error) {
      if (performance.now() >= this.#retryAt) this.#parts.onFault(error);
      this.#retryAt = performance.now() + RESTART_MS;
      return false;
    }
  }

  #ledgersOf(entry: PlanEntry): readonly Ledger[] {
    let ledgers = this.#ledgers.get(entry);
    if (ledgers === undefined) {
      ledgers = tablesOf(entry.plan).map((table) => this.#governor.of(table));
      this.#ledgers.set(entry, ledgers);
    }
    return ledgers;
  }

  /** Why this statement will not be answered next time either; `null` if it will, as soon as what it needs is there. */
  #onMiss(prepared: Prepared, params: readonly unknown[]): BypassReason | null {
    const { entry } = prepared;
    if (params.length !== entry.parameterCount) return "parameter";
    const { freshness, loader } = this.#parts;
    if (!freshness.serves(entry.plan.tables) && loader.covering(entry.plan) !== null) return "not-fresh";
    const refusal = loader.refusal(entry.plan);
    if (refusal !== null) return refusal.reason;
    const execution = this.#parts.runner.executionOf(entry);
    if (execution === null) return this.#fetch(entry.plan);
    if (!(execution instanceof Execution)) return execution.reason;
    try {
      const bound = execution.bind(prepared.values(params));
      // Nothing but a write that was looked into then has kept it from running here.
      if (Array.isArray(bound) && execution.placement === "one") return "not-fresh";
      const refused = entry.pace.refusal(performance.now());
      if (refused !== null) return refused.reason;
      if (bound instanceof UnknownPosition || Array.isArray(bound)) {
        this.#warm(prepared, params, bound instanceof UnknownPosition);
        return null;
      }
      return bound.reason;
    } catch {
      return "parameter";
    }
  }

  #fetch(plan: Plan): BypassReason | null {
    const { store, loader, writes } = this.#parts;
    const now = performance.now();
    const tables = tablesOf(plan);
    const ledgers = tables.map((table) => this.#governor.of(table));
    if (tables.some(({ id }) => this.#fetching.has(id))) return null;
    for (const [index, { id }] of tables.entries()) {
      // Where rows are there and only a column is missing, nothing was lost.
      if (!store.tables.has(id)) ledgers[index]?.weigh(now);
    }
    const paused = this.refusal(plan);
    if (paused !== null) return paused.reason;
    for (const { id } of tables) this.#fetching.add(id);
    loader
      .ensure(plan, 1)
      .then((outcome) => {
        if (outcome === "changed") writes.forget(tables.map(({ id }) => id));
      })
      .catch((error: unknown) => {
        if (this.#state !== "closed") this.#parts.onFault(error);
      })
      .finally(() => {
        for (const { id } of tables) this.#fetching.delete(id);
        for (const ledger of ledgers) ledger.loaded((performance.now() - now) / ledgers.length);
      });
    return null;
  }

  /**
   * Has the statement run on a scan worker, so that its result is known next time. Not for values that nobody may ever
   * ask for again: those have to come twice.
   */
  #warm(prepared: Prepared, params: readonly unknown[], atOnce: boolean): void {
    const { entry } = prepared;
    if (this.#warming.has(entry)) return;
    if (!atOnce && entry.plan.inputs.length > 0) {
      const key = `${prepared.sql}\0${params.map(String).join("\0")}`;
      if (key.length > LONGEST_KEY) return;
      if (this.#askedFor.get(key) === undefined) {
        this.#askedFor.set(key, true);
        return;
      }
    }
    this.#warming.add(entry);
    this.#parts.runner
      .run(prepared, params, entry.pace)
      .catch((error: unknown) => {
        if (this.#state !== "closed") this.#parts.onFault(error);
      })
      .finally(() => this.#warming.delete(entry));
  }

  #log(
    outcome: "hit" | "miss" | "bypass",
    reason: BypassReason | null,
    milliseconds: number,
    sql: string,
    params: readonly unknown[],
  ): void {
    if (observed()) observe({ outcome, reason, milliseconds, sql }, params);
  }
}

function tablesOf(plan: Plan): readonly Table[] {
  return plan.tables.map(({ table }) => table);
}
