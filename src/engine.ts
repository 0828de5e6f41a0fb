import { assemble, type EngineParts } from "./assembly.ts";
import { observe, observed } from "./diagnostics.ts";
import type { Origin } from "./dialects/dialect.ts";
import type { OriginBase } from "./dialects/postgres/connect.ts";
import { postgres } from "./dialects/postgres/dialect.ts";
import type { Row } from "./encode/row-factory.ts";
import {
  ClosedError,
  FreshnessError,
  OptionsError,
  ReadOnlyError,
  SqlmemError,
  UnsupportedQueryError,
} from "./errors.ts";
import type { Runner } from "./execute/runner.ts";
import { type Explanation, explainBypass, explainPlan } from "./explain.ts";
import type { ChangeSource } from "./freshness/change-source.ts";
import type { Freshness } from "./freshness/freshness.ts";
import { type ReadOptions, type Requirement, requirementOf } from "./freshness/level.ts";
import { invalidateAll, invalidateTable } from "./invalidate.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Loader, LoadOutcome } from "./load/loader.ts";
import { type EngineOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { type Bypass, type BypassReason, bypass, isMomentary, type Outcome, remedyFor } from "./outcome.ts";
import type { Statement } from "./parse/statement.ts";
import type { Plan } from "./plan/plan.ts";
import type { Decision, Planner } from "./plan/planner.ts";
import type { Prepared } from "./plan/prepared.ts";
import {
  type ModeRefusals,
  notFresh,
  readOnly,
  refusalOf,
  refusalOfMode,
  SESSION_STATE,
  structureOf,
  unreadable,
} from "./refusals.ts";
import type { EngineStats, Statistics } from "./stats.ts";
import type { Verification } from "./verification.ts";
import { within } from "./within.ts";
import type { WriteThrough } from "./write-through.ts";

/** In transparent mode a table that the origin estimates above this is loaded behind a query, not before it. */
const FOREGROUND_ROWS = 10_000;
/** In transparent mode a miss waits no longer for its load, in milliseconds, where changes are followed. */
const FOREGROUND_MS = 1000;
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
 *
 * The file is as long as it is so that these steps are read in one place, beside what a program calls.
 */
export class CachingEngine implements AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #modeRefuses: ModeRefusals;
  /** What a query requires that asks for nothing beyond the engine's own level of freshness. */
  readonly #requirement: Requirement;
  readonly #parts: EngineParts;
  // Those that each query goes through.
  readonly #origin: Origin;
  readonly #planner: Planner;
  readonly #loader: Loader;
  readonly #runner: Runner;
  readonly #writes: WriteThrough;
  readonly #freshness: Freshness;
  readonly #statistics: Statistics;
  readonly #verification: Verification | null;
  readonly #lifetime: Lifetime;

  /**
   * @param base a `pg.Pool`, or what to make one from: a URL or pool options. SQLmem opens the connections that it needs
   *   with the pool's options; a pool stays its owner's to end, one that the engine made ends with `close()`
   * @throws OptionsError for a base or an option that cannot be used; nothing is connected before the first query
   */
  constructor(base: OriginBase, options: EngineOptions = {}) {
    this.#options = resolveOptions(options);
    const { mode, wildcards, joins, freshness, maxLagMs } = this.#options;
    this.#modeRefuses = { wildcards: mode === "strict" && !wildcards, joins: mode === "strict" && !joins };
    this.#requirement = requirementOf(freshness, maxLagMs);
    const parts = assemble(base, this.#options);
    this.#parts = parts;
    this.#origin = parts.origin;
    this.#planner = parts.planner;
    this.#loader = parts.loader;
    this.#runner = parts.runner;
    this.#writes = parts.writes;
    this.#freshness = parts.freshness;
    this.#statistics = parts.statistics;
    this.#verification = parts.verification;
    this.#lifetime = parts.lifetime;
  }

  /**
   * Answers one SELECT: from memory if its columns are cached, else after fetching them.
   *
   * @param sql one statement in the origin's dialect, with `$1`, `$2` … for parameters
   * @param params values of the parameters, as for `pg`
   * @param options how fresh the answer has to be, beyond the engine's own level; else the origin answers
   * @returns rows as plain objects, with the values that `pg` would give under the pool's own type parsers
   * @throws ReadOnlyError for a statement that writes, where writes are blocked (strict mode always)
   * @throws UnsupportedQueryError in strict mode, for what cannot be answered exactly; its `reason` says why
   * @throws ClosedError after `close()`
   * @throws the origin's own error, unchanged, for a statement that it rejects
   */
  execute<Result extends object = Row>(
    sql: string,
    params?: readonly unknown[],
    options?: ReadOptions,
  ): Promise<Result[]> {
    // The hit path: no await, and nothing but the answer is allocated.
    const known = options === undefined ? this.#planner.known(sql) : undefined;
    if (known?.kind === "prepared" && !observed() && this.#writes.serves) {
      const { plan } = known.entry;
      const serves = this.#freshness.serves(plan.tables) && this.#refusalOfMode(plan) === null;
      const rows = serves ? this.#runner.runNow(known, params ?? NO_PARAMETERS) : null;
      if (rows !== null) {
        this.#statistics.hits += 1;
        if (this.#verification !== null) this.#verification.offer(known, params ?? NO_PARAMETERS);
        return Promise.resolve(rows as Result[]);
      }
    }
    return this.#execute(sql, params, options) as Promise<Result[]>;
  }

  /**
   * Sends a write to the origin, as `execute` does in transparent mode.
   *
   * @returns its rows (`RETURNING`), and a token of the write: a query with `{ after: token }`, of this or another process
   *   that follows changes, sees it
   * @throws OptionsError unless changes are followed (`freshness: "session"` or `"strict"`)
   */
  async write<Result extends object = Row>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<{ readonly rows: Result[]; readonly token: string }> {
    const source = this.#followed("write()");
    const rows = await this.execute<Result>(sql, params);
    return { rows, token: await source.token() };
  }

  /**
   * A token of everything that is committed now, whoever wrote it: for `{ after: token }` of a query, of this or another
   * process.
   *
   * @throws OptionsError unless changes are followed (`freshness: "session"` or `"strict"`)
   */
  async token(): Promise<string> {
    const source = this.#followed("token()");
    await this.ready();
    return await source.token();
  }

  #followed(method: string): ChangeSource {
    this.#lifetime.assertOpen();
    const { source } = this.#freshness;
    if (source !== null) return source;
    throw new OptionsError(`${method} needs an engine that follows changes: make it with freshness: "session".`);
  }

  /**
   * Connects, and follows changes if the level of freshness needs it; without it the first query does so.
   *
   * @throws FreshnessError if the origin does not support the level: it names what an administrator has to change
   * @throws the origin's own error if it cannot be reached
   */
  async ready(): Promise<void> {
    this.#lifetime.assertOpen();
    await this.#lifetime.start();
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
    this.#lifetime.assertOpen();
    if (typeof client !== "object" || client === null) {
      throw new OptionsError(`attach() takes a Pool or a Client of pg, received ${typeof client}.`);
    }
    this.#parts.attachments.attach(client);
    return client;
  }

  /** Leaves a pool or client alone again. One that is not attached is left as it is. */
  detach<Client extends { query: unknown }>(client: Client): Client {
    this.#parts.attachments.detach(client);
    return client;
  }

  /**
   * Declares the cached rows of a table wrong: the next query that needs them fetches them again.
   *
   * @param table `orders`, `public.orders`, `"Order Items"`, read as the origin reads a name; all tables if left out
   * @throws OptionsError if there is no such table
   */
  async invalidate(table?: string): Promise<void> {
    this.#lifetime.assertOpen();
    await (table === undefined ? invalidateAll(this.#parts) : invalidateTable(table, this.#parts));
  }

  /**
   * Says how `execute` would answer now, without running or loading anything.
   *
   * @throws the origin's own error, unchanged, for a statement that it rejects
   */
  async explain(sql: string, params?: readonly unknown[]): Promise<Explanation> {
    this.#lifetime.assertOpen();
    assertText("explain", sql);
    await this.#lifetime.start();
    if (this.#lifetime.unreadable !== null) return explainBypass(refusalOf(unreadable(this.#lifetime.unreadable)));
    const decision = await this.#planner.decide(sql, this.#parts.plannerOrigin);
    if (decision.kind !== "prepared") {
      if (decision.statement.kind === "unparsable") await this.#origin.describe(sql);
      return explainBypass(this.#refusalOfMode(structureOf(decision)) ?? refusalOf(decision));
    }
    return explainPlan(decision, params, this.#refusalOfMode(decision.entry.plan), this.#parts);
  }

  /** Counters since the engine was made, and what it holds now. */
  stats(): EngineStats {
    return this.#statistics.report(this.#parts.store, this.#verification, this.#freshness);
  }

  /** Saves the snapshot file and gives everything back. A second call waits for the first. */
  close(): Promise<void> {
    return this.#lifetime.close(() => this.#stopAnswering());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #stopAnswering(): Promise<void> {
    this.#verification?.close();
    await this.#freshness.stop();
    // What is on its way through attached clients must not be saved as it was before.
    this.#parts.attachments.close();
    await this.#writes.settleOrForget();
    this.#parts.attached.close();
    this.#planner.forget("all");
  }

  async #execute(
    sql: string,
    params: readonly unknown[] | undefined,
    options: ReadOptions | undefined,
  ): Promise<unknown[]> {
    this.#lifetime.assertOpen();
    assertText("execute", sql);
    const { freshness, maxLagMs } = this.#options;
    const required = options === undefined ? this.#requirement : requirementOf(freshness, maxLagMs, options);
    const startedAt = performance.now();
    const log = (outcome: Outcome, reason: BypassReason | null): void => {
      if (observed()) observe({ outcome, reason, milliseconds: performance.now() - startedAt, sql }, params);
    };
    try {
      const { rows, outcome, reason } = await this.#answerAny(await this.#decide(sql), sql, params, required);
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
      if (this.#lifetime.isOpen || error instanceof SqlmemError) throw error;
      throw new ClosedError("The engine was closed while the query waited.", { cause: error });
    }
  }

  #answerAny(
    decision: Decision,
    sql: string,
    params: readonly unknown[] | undefined,
    required: Requirement,
  ): Promise<Answer> {
    return decision.kind === "prepared"
      ? this.#answer(decision, sql, params, required)
      : this.#answerOutside(decision, sql, params);
  }

  /**
   * What the statement is. A query that the origin rejects when it is described is left to be rejected by it as the
   * bare driver would have it; so is everything while there is no cache, except that blocked writes stay blocked.
   */
  async #decide(sql: string): Promise<Decision> {
    try {
      await this.#lifetime.start();
      if (this.#lifetime.unreadable !== null) return unreadable(this.#lifetime.unreadable);
      return await this.#planner.decide(sql, this.#parts.plannerOrigin);
    } catch (error) {
      // A level that the origin does not support is never weakened silently.
      if (error instanceof FreshnessError) throw error;
      await postgres.ready();
      const statement = postgres.parse(sql, []);
      if (statement.kind !== "query" && statement.kind !== "read") return { kind: "other", statement };
      const detail = error instanceof Error ? error.message : String(error);
      return { kind: "refused", statement, bypass: bypass("origin-error", detail), tableIds: null };
    }
  }

  /** A statement with a plan: load what is missing, run, encode. */
  async #answer(
    first: Prepared,
    sql: string,
    params: readonly unknown[] | undefined,
    required: Requirement,
  ): Promise<Answer> {
    const calledAt = performance.now();
    let outcome: Outcome = "hit";
    let prepared: Decision = first;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (prepared.kind !== "prepared") return this.#answerOutside(prepared, sql, params);
      const { plan, pace } = prepared.entry;
      const refused = this.#refusalOfMode(plan);
      if (refused !== null) return this.#refuse(refused, sql, params);
      if (!this.#writes.sessionIsClean) return this.#refuse(SESSION_STATE, sql, params);
      if (!this.#writes.isSettled) await this.#writes.settleOrForget();
      if (!(await this.#isFresh(plan, required, calledAt))) {
        return this.#refuse(notFresh(this.#freshness, plan), sql, params);
      }
      const patience = this.#options.mode === "strict" ? null : pace;
      const rows = await this.#runner.run(prepared, params ?? NO_PARAMETERS, patience);
      if (Array.isArray(rows)) {
        if (outcome === "hit") this.#verification?.offer(prepared, params ?? NO_PARAMETERS);
        return { rows, outcome, reason: null };
      }
      if (rows !== "uncovered") return pace.timing(() => this.#refuse(rows, sql, params));
      outcome = "miss";
      const behind = this.#loadsBehind(plan);
      const loading = this.#loader.ensure(plan);
      const loaded = behind ? null : await this.#loadedInTime(loading);
      if (loaded === null) {
        loading.catch(this.#parts.onFault);
        return { rows: await pace.timing(() => this.#origin.query(sql, params)), outcome, reason: null };
      }
      if (loaded === "changed") {
        this.#writes.forget(plan.tables.map(({ table }) => table.id));
        prepared = await this.#planner.decide(sql, this.#parts.plannerOrigin);
      } else if (loaded !== "covered") {
        return this.#refuse(loaded, sql, params);
      }
    }
    return this.#refuse(bypass("load-failed", "the table changes faster than it can be loaded"), sql, params);
  }

  /** Rows that are too old are forgotten, and so fetched again; or the origin answers. */
  async #isFresh({ tables }: Plan, required: Requirement, calledAt: number): Promise<boolean> {
    if (this.#freshness.source === null && required.maxAgeMs !== null) {
      this.#loader.expire(
        calledAt - required.maxAgeMs,
        tables.map(({ table }) => table.id),
      );
    }
    return await this.#freshness.admits(required, tables, calledAt);
  }

  /** A miss must not cost a transparent caller the load of a big table: the origin answers while it loads. */
  #loadsBehind(plan: Plan): boolean {
    if (this.#options.mode === "strict" || this.#loader.refusal(plan) !== null) return false;
    return plan.tables.some(({ table }) => (table.estimatedRows ?? 0) > FOREGROUND_ROWS);
  }

  /** Nor what a load waits for where changes are followed: others that write to the table, a stream that is behind. */
  async #loadedInTime(loading: Promise<LoadOutcome>): Promise<LoadOutcome | null> {
    if (this.#options.mode === "strict" || this.#freshness.source === null) return await loading;
    return await within(loading, FOREGROUND_MS);
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
}

function assertText(method: string, sql: unknown): void {
  if (typeof sql !== "string") throw new OptionsError(`${method}() takes SQL text, received ${typeof sql}.`);
}
