import { AttachedCache } from "./attached-cache.ts";
import type { Attachments, Origin } from "./dialects/dialect.ts";
import { type OriginBase, openOrigin } from "./dialects/postgres/connect.ts";
import { postgres } from "./dialects/postgres/dialect.ts";
import type { Row } from "./encode/row-factory.ts";
import { ClosedError, OptionsError, ReadOnlyError, SqlmemError, StoreError, UnsupportedQueryError } from "./errors.ts";
import { Execution } from "./execute/execution.ts";
import { Positions } from "./execute/positions.ts";
import { Runner, wrongNumberOfParameters } from "./execute/runner.ts";
import { flushAtExit } from "./exit-flush.ts";
import { type Explanation, explainBypass, explainPlan, explainTables } from "./explain.ts";
import { TableUse } from "./load/eviction.ts";
import { Loader } from "./load/loader.ts";
import { logger } from "./logging.ts";
import { type EngineOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { type Bypass, type BypassReason, bypass, isMomentary, type Outcome, remedyFor } from "./outcome.ts";
import type { QualifiedName } from "./parse/ast.ts";
import type { Statement } from "./parse/statement.ts";
import type { Plan } from "./plan/plan.ts";
import { type Decision, Planner, type PlannerOrigin } from "./plan/planner.ts";
import type { Prepared } from "./plan/prepared.ts";
import {
  type ModeRefusals,
  readOnly,
  refusalOf,
  refusalOfMode,
  SESSION_STATE,
  structureOf,
  unreadable,
} from "./refusals.ts";
import { type EngineStats, Statistics } from "./stats.ts";
import { Store } from "./store/store.ts";
import { WriteThrough } from "./write-through.ts";

/** In transparent mode a table that the origin estimates above this is loaded behind a query, not before it. */
const FOREGROUND_ROWS = 10_000;
/** A query is planned again this often when its table changes under it; then it is passed through. */
const ATTEMPTS = 4;
const NO_PARAMETERS: readonly unknown[] = [];

/** How one statement was answered, for counters and the log. */
interface Answer {
  readonly rows: unknown[];
  readonly outcome: Outcome;
  readonly reason: BypassReason | null;
}

/**
 * A read cache between SQL and a database. Each query goes through these steps, each in the folder of its name:
 * parse (what is it?), plan (how does SQLite answer it exactly?), load (which columns are missing?), execute, encode.
 * What cannot be proven exact is refused (`mode: "strict"`) or passed through to the origin (`mode: "transparent"`).
 */
export class CachingEngine implements AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #modeRefuses: ModeRefusals;
  readonly #origin: Origin;
  readonly #store: Store;
  readonly #loader: Loader;
  readonly #planner = new Planner(postgres);
  readonly #plannerOrigin: PlannerOrigin;
  readonly #runner: Runner;
  readonly #writes: WriteThrough;
  readonly #attached: AttachedCache;
  readonly #attachments: Attachments;
  readonly #statistics = new Statistics();
  readonly #stopFlushing: () => void;
  readonly #backupTimer: NodeJS.Timeout | undefined;
  #started: Promise<void> | null = null;
  #restored = false;
  #discardsSnapshot = false;
  /** A setting of the sessions under which texts cannot be read; `null` as a rule. */
  #unreadable: string | null = null;
  #closing: Promise<void> | null = null;

  /**
   * @param base a `pg.Pool`, or what to make one from: a URL or pool options. SQLmem opens the connections that it needs
   *   with the pool's options; a pool stays its owner's to end, one that the engine made ends with `close()`
   * @throws OptionsError for a base or an option that cannot be used; nothing is connected before the first query
   */
  constructor(base: OriginBase, options: EngineOptions = {}) {
    this.#options = resolveOptions(options);
    const isStrict = this.#options.mode === "strict";
    this.#modeRefuses = { wildcards: isStrict && !this.#options.wildcards, joins: isStrict && !this.#options.joins };
    this.#origin = openOrigin(base);
    const { cacheDb, maxBytes, maxTableRows, scanWorkers, backupIntervalSeconds } = this.#options;
    const onFault = (error: unknown): void => this.#reportFault(error);
    const use = new TableUse();
    this.#store = Store.open({ cacheDb, maxBytes, scanWorkers, onFault, functions: postgres.functions });
    this.#loader = new Loader(this.#origin, this.#store, use, {
      maxBytes,
      maxTableRows,
      onFault,
      onLoad: (table, rows, milliseconds) => {
        this.#statistics.loads += 1;
        logger.info("loaded", { table: `${table.schema}.${table.name}`, rows, ms: Math.round(milliseconds) });
      },
    });
    this.#runner = new Runner(this.#origin, this.#store, this.#loader, use, new Positions(this.#store), onFault);
    this.#writes = new WriteThrough(this.#origin, this.#loader, this.#planner);
    this.#plannerOrigin = plannerOrigin(this.#origin, this.#runner);
    this.#attached = this.#createAttachedCache();
    this.#attachments = this.#origin.attachments(this.#attached);
    this.#stopFlushing = flushAtExit(this.#store);
    if (cacheDb !== null && backupIntervalSeconds > 0) {
      const save = (): void => void this.#save();
      this.#backupTimer = setInterval(save, backupIntervalSeconds * 1000).unref();
    }
  }

  /**
   * Answers one SELECT: from memory if its columns are cached, else after fetching them.
   *
   * @param sql one statement in the origin's dialect, with `$1`, `$2` … for parameters
   * @param params values of the parameters, as for `pg`
   * @returns rows as plain objects, with the values that `pg` would give under the pool's own type parsers
   * @throws ReadOnlyError for a statement that writes, where writes are blocked (strict mode always)
   * @throws UnsupportedQueryError in strict mode, for what cannot be answered exactly; its `reason` says why
   * @throws ClosedError after `close()`
   * @throws the origin's own error, unchanged, for a statement that it rejects
   */
  execute<Result extends object = Row>(sql: string, params?: readonly unknown[]): Promise<Result[]> {
    // The hit path: no await, and nothing but the answer is allocated.
    const known = this.#planner.known(sql);
    if (known?.kind === "prepared" && !logger.debugEnabled && this.#writes.serves) {
      const rows =
        this.#refusalOfMode(known.entry.plan) === null ? this.#runner.runNow(known, params ?? NO_PARAMETERS) : null;
      if (rows !== null) {
        this.#statistics.hits += 1;
        return Promise.resolve(rows as Result[]);
      }
    }
    return this.#execute(sql, params) as Promise<Result[]>;
  }

  /**
   * Has this live pool or client answered from memory too, in transparent mode whatever the engine's own: queries that go
   * through it, by hand or by an ORM, and what they resolve to stay as they are. It must be connected to the engine's
   * database; the engine's own pool may be attached.
   *
   * @param client a `Pool` or a `Client` of `pg`, connected or not, or a client that a pool has lent
   * @returns the same object
   * @throws OptionsError for anything else, a client of `pg-native`, or one that another engine is attached to
   */
  attach<Client extends { query: unknown }>(client: Client): Client {
    this.#assertOpen();
    if (typeof client !== "object" || client === null) {
      throw new OptionsError(`attach() takes a Pool or a Client of pg, received ${typeof client}.`);
    }
    this.#attachments.attach(client);
    return client;
  }

  /** Leaves a pool or client alone again. One that is not attached is left as it is. */
  detach<Client extends { query: unknown }>(client: Client): Client {
    this.#attachments.detach(client);
    return client;
  }

  /**
   * Declares the cached rows of a table wrong: the next query that needs them fetches them again.
   *
   * @param table `orders`, `public.orders`, `"Order Items"`, read as the origin reads a name; all tables if left out
   * @throws OptionsError if there is no such table
   */
  async invalidate(table?: string): Promise<void> {
    this.#assertOpen();
    if (table === undefined) {
      // The snapshot file holds what is declared wrong here: it must not come back, even if the start fails for now.
      if (!this.#restored) this.#discardsSnapshot = true;
      this.#writes.forgetAll();
      await this.#start().catch(() => {});
      return;
    }
    const name = typeof table === "string" ? postgres.tableName(table) : null;
    if (name === null)
      throw new OptionsError(`invalidate() takes the name of a table, received ${JSON.stringify(table)}.`);
    try {
      await this.#start();
      await this.#invalidateNamed(name, table);
    } catch (error) {
      // With the origin out of reach, what is cached under the name is wrong all the same.
      if (!(error instanceof OptionsError)) this.#writes.forgetCached(name, this.#store.tables.values());
      throw error;
    }
  }

  /** The name may have changed hands since: what is cached under it goes too, and plans that read it are made anew. */
  async #invalidateNamed(name: QualifiedName, written: string): Promise<void> {
    this.#origin.forgetCatalog();
    const found = await this.#origin.catalog.table(name);
    if (!("kind" in found)) {
      this.#writes.forget([found.id, ...(await this.#origin.family(name))]);
      this.#writes.forgetCached([found.schema, found.name], this.#store.tables.values());
    } else if (this.#writes.forgetCached(name, this.#store.tables.values()) === 0) {
      throw new OptionsError(`invalidate(${JSON.stringify(written)}): ${found.detail}.`);
    }
    this.#planner.forgetNamed(name.at(-1) ?? "");
  }

  /**
   * Says how `execute` would answer now, without running or loading anything.
   *
   * @throws the origin's own error, unchanged, for a statement that it rejects
   */
  async explain(sql: string, params?: readonly unknown[]): Promise<Explanation> {
    this.#assertOpen();
    assertText("explain", sql);
    await this.#start();
    if (this.#unreadable !== null) return explainBypass(refusalOf(unreadable(this.#unreadable)));
    const decision = await this.#planner.decide(sql, this.#plannerOrigin);
    if (decision.kind !== "prepared") {
      if (decision.statement.kind === "unparsable") await this.#origin.describe(sql);
      return explainBypass(this.#refusalOfMode(structureOf(decision)) ?? refusalOf(decision));
    }
    const { plan } = decision.entry;
    const refused = this.#refusalOfMode(plan) ?? this.#refusalNow(decision, params);
    if (refused !== null) return explainBypass(refused, explainTables(plan, this.#loader));
    const execution = this.#runner.executionOf(decision.entry);
    return explainPlan(plan, execution instanceof Execution ? execution : null, this.#loader);
  }

  /** Why a statement that has a plan is not answered at this moment, or with these values. */
  #refusalNow(prepared: Prepared, params: readonly unknown[] | undefined): Bypass | null {
    const { entry } = prepared;
    if (!this.#writes.sessionIsClean) return SESSION_STATE;
    const refused = this.#loader.refusal(entry.plan) ?? this.#attached.refusal(entry.plan);
    if (refused !== null) return refused;
    const execution = this.#runner.executionOf(entry);
    if (execution !== null && !(execution instanceof Execution)) return execution;
    if (params === undefined) return null;
    if (params.length !== entry.parameterCount) return wrongNumberOfParameters(entry.parameterCount, params.length);
    const bound = execution?.bind(prepared.values(params)) ?? null;
    return bound !== null && "reason" in bound ? bound : null;
  }

  /** Counters since the engine was made, and what it holds now. */
  stats(): EngineStats {
    return this.#statistics.report(this.#store);
  }

  /** Saves the snapshot file and gives everything back. A second call waits for the first. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#backupTimer);
    this.#attached.close();
    this.#attachments.close();
    this.#planner.forget("all");
    if (this.#started !== null) await this.#save();
    this.#stopFlushing();
    await Promise.all([this.#origin.close(), this.#store.close()]);
  }

  #createAttachedCache(): AttachedCache {
    return new AttachedCache({
      planner: this.#planner,
      plannerOrigin: this.#plannerOrigin,
      runner: this.#runner,
      loader: this.#loader,
      store: this.#store,
      writes: this.#writes,
      statistics: this.#statistics,
      start: async () => {
        await this.#start();
        return this.#unreadable === null;
      },
      discardSnapshot: () => {
        if (!this.#restored) this.#discardsSnapshot = true;
      },
      onFault: (error) => this.#reportFault(error),
    });
  }

  async #execute(sql: string, params: readonly unknown[] | undefined): Promise<unknown[]> {
    this.#assertOpen();
    assertText("execute", sql);
    const startedAt = performance.now();
    const log = (outcome: Outcome, reason: BypassReason | null): void => {
      if (logger.debugEnabled) {
        logger.query({ outcome, reason, milliseconds: performance.now() - startedAt, sql, params });
      }
    };
    try {
      const { rows, outcome, reason } = await this.#answerAny(await this.#decide(sql), sql, params);
      if (outcome === "hit") this.#statistics.hits += 1;
      else if (outcome === "miss") this.#statistics.misses += 1;
      log(outcome, reason);
      return rows;
    } catch (error) {
      log(
        "bypass",
        error instanceof UnsupportedQueryError
          ? error.reason
          : error instanceof ReadOnlyError
            ? "write"
            : "origin-error",
      );
      if (this.#closing === null || error instanceof SqlmemError) throw error;
      throw new ClosedError("The engine was closed while the query waited.", { cause: error });
    }
  }

  #answerAny(decision: Decision, sql: string, params: readonly unknown[] | undefined): Promise<Answer> {
    return decision.kind === "prepared"
      ? this.#answer(decision, sql, params)
      : this.#answerOutside(decision, sql, params);
  }

  /**
   * What the statement is. A query that the origin rejects when it is described is left to be rejected by it as the
   * bare driver would have it; so is everything while there is no cache, except that blocked writes stay blocked.
   */
  async #decide(sql: string): Promise<Decision> {
    try {
      await this.#start();
      if (this.#unreadable !== null) return unreadable(this.#unreadable);
      return await this.#planner.decide(sql, this.#plannerOrigin);
    } catch (error) {
      await postgres.ready();
      const statement = postgres.parse(sql, []);
      if (statement.kind !== "query" && statement.kind !== "read") return { kind: "other", statement };
      const detail = error instanceof Error ? error.message : String(error);
      return { kind: "refused", statement, bypass: bypass("origin-error", detail), tableIds: null };
    }
  }

  /** A statement with a plan: load what is missing, run, encode. */
  async #answer(first: Prepared, sql: string, params: readonly unknown[] | undefined): Promise<Answer> {
    let outcome: Outcome = "hit";
    let prepared: Decision = first;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (prepared.kind !== "prepared") return this.#answerOutside(prepared, sql, params);
      const refused = this.#refusalOfMode(prepared.entry.plan);
      if (refused !== null) return this.#refuse(refused, sql, params);
      if (!this.#writes.sessionIsClean) return this.#refuse(SESSION_STATE, sql, params);
      if (!this.#writes.isSettled) await this.#writes.settled();
      const rows = await this.#runner.run(prepared, params ?? NO_PARAMETERS);
      if (Array.isArray(rows)) return { rows, outcome, reason: null };
      if (rows !== "uncovered") return this.#refuse(rows, sql, params);
      outcome = "miss";
      const { plan } = prepared.entry;
      if (this.#loadsBehind(plan)) {
        this.#loader.ensure(plan).catch((error: unknown) => this.#reportFault(error));
        return { rows: await this.#origin.query(sql, params), outcome, reason: null };
      }
      const loaded = await this.#loader.ensure(plan);
      if (loaded === "changed") {
        this.#writes.forget(plan.tables.map(({ table }) => table.id));
        prepared = await this.#planner.decide(sql, this.#plannerOrigin);
      } else if (loaded !== "covered") {
        return this.#refuse(loaded, sql, params);
      }
    }
    return this.#refuse(bypass("load-failed", "the table changes faster than it can be loaded"), sql, params);
  }

  /** A miss must not cost a transparent caller the load of a big table: the origin answers while it loads. */
  #loadsBehind(plan: Plan): boolean {
    if (this.#options.mode === "strict" || this.#loader.refusal(plan) !== null) return false;
    return plan.tables.some(({ table }) => (table.estimatedRows ?? 0) > FOREGROUND_ROWS);
  }

  /** A statement that no plan answers: a read outside of the language, a write, a statement about the session. */
  async #answerOutside(
    decision: Exclude<Decision, Prepared>,
    sql: string,
    params: readonly unknown[] | undefined,
  ): Promise<Answer> {
    const { statement } = decision;
    const refused = this.#refusalOfMode(structureOf(decision)) ?? refusalOf(decision);
    if (decision.kind === "other" && statement.kind === "write" && this.#options.writes === "block") {
      this.#statistics.countBypass(refused.reason);
      throw readOnly(statement.command);
    }
    return this.#refuse(refused, sql, params, statement);
  }

  /** Not answered from the cache: refused in strict mode, unless only this moment or these values are in the way. */
  async #refuse(
    { reason, detail }: Bypass,
    sql: string,
    params: readonly unknown[] | undefined,
    statement: Statement | null = null,
  ): Promise<Answer> {
    this.#statistics.countBypass(reason);
    const refuses =
      this.#options.mode === "strict"
        ? !isMomentary(reason)
        : reason === "session-settings" && this.#options.writes === "block";
    if (refuses) {
      // What the origin rejects, it rejects with its own error.
      const isUnread = statement?.kind === "read" && statement.reason === "non-canonical-literal";
      if (isUnread || reason === "non-canonical-literal" || statement?.kind === "unparsable") {
        await this.#origin.describe(sql);
      }
      const remedy = `${remedyFor(reason)} Or use mode: "transparent", and the database answers it.`;
      throw new UnsupportedQueryError(`${detail}: not answered from the cache (${reason}). ${remedy}`, { reason });
    }
    if (this.#options.writes === "block" && (await this.#writes.mayWrite(statement)))
      throw readOnly("a function of the database");
    const rows = await this.#writes.passThrough(sql, params, statement);
    return { rows, outcome: "bypass", reason };
  }

  #refusalOfMode(structure: Pick<Plan, "wildcard" | "joins">): Bypass | null {
    return refusalOfMode(this.#modeRefuses, structure);
  }

  /** Learns who the origin is and takes over the snapshot file; again after a failure. */
  #start(): Promise<void> {
    this.#started ??= this.#startOnce().catch((error: unknown) => {
      this.#started = null;
      throw error;
    });
    return this.#started;
  }

  async #startOnce(): Promise<void> {
    const [{ identity, settings }] = await Promise.all([this.#origin.ready(), postgres.ready()]);
    this.#unreadable = settings.unreadable;
    try {
      await this.#store.restore(identity);
      if (this.#discardsSnapshot) this.#loader.invalidate("all");
      else this.#loader.adoptRestored();
    } catch (error) {
      this.#reportFault(error);
    }
    this.#restored = true;
  }

  async #save(): Promise<void> {
    try {
      await this.#store.saveSnapshotFile();
    } catch (error) {
      this.#reportFault(error);
    }
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new ClosedError("The engine is closed. Make a new one.");
  }

  /** Faults of the cache fail no query: they are logged and handed to `onError`. */
  #reportFault(error: unknown): void {
    const fault = error instanceof SqlmemError ? error : new StoreError("A fault of the cache.", { cause: error });
    logger.error(fault.message, fault);
    try {
      this.#options.onError?.(fault);
    } catch (thrown) {
      logger.error("onError raised", thrown);
    }
  }
}

function assertText(method: string, sql: unknown): void {
  if (typeof sql !== "string") throw new OptionsError(`${method}() takes SQL text, received ${typeof sql}.`);
}

/** What the planner asks the origin for, through the parts that answer. */
function plannerOrigin(origin: Origin, runner: Runner): PlannerOrigin {
  return {
    catalog: origin.catalog,
    get typeSystem() {
      return origin.typeSystem;
    },
    needsText: (type) => origin.needsText(type),
    describe: (sql) => origin.describe(sql),
    overloads: (names) => origin.overloads(names),
    createEntry: (plan, description) => runner.createEntry(plan, description),
  };
}
