import { setTimeout as sleep } from "node:timers/promises";
import { type Effect, FULL_EFFECT, NO_EFFECT, type Origin, type WriteReach } from "./dialects/dialect.ts";
import type { Freshness } from "./freshness/freshness.ts";
import type { Loader } from "./load/loader.ts";
import { logger } from "./logging.ts";
import type { QualifiedName } from "./parse/ast.ts";
import type { Statement } from "./parse/statement.ts";
import type { Planner } from "./plan/planner.ts";
import type { StoredTable } from "./store/contract.ts";

const TRANSACTION_START = /^(?:BEGIN|START TRANSACTION)\b/;
const TRANSACTION_END = /^(?:COMMIT|END|ROLLBACK|ABORT|PREPARE TRANSACTION)(?! TO)\b/;
/** Statements about a session that change neither rows nor what a query of it means. */
const HARMLESS =
  /^(?:SHOW|LISTEN|UNLISTEN|NOTIFY|SAVEPOINT|RELEASE|ROLLBACK TO|DEALLOCATE|CHECKPOINT|SET TRANSACTION|SET CONSTRAINTS|SET LOCAL)\b/;

/** How long anyone waits for what is still being found out about a write, in milliseconds. */
const SETTLE_MS = 1000;

/**
 * Statements that reach the origin, and what they make wrong in the cache.
 *
 * A write invalidates the tables that it can have touched, through cascades and triggers too, before its promise
 * resolves, whether it succeeded or not: a lost connection may hide a commit. Where changes are followed, they say what
 * it changed, and nothing is served before they have come.
 *
 * A session statement reaches one client of the pool. While a transaction is open there, and for good once a setting was
 * changed there, the cache cannot tell which client would have answered: nothing is served from it.
 */
export class WriteThrough {
  readonly #origin: Origin;
  readonly #loader: Loader;
  readonly #planner: Planner;
  readonly #freshness: Freshness;
  readonly #effects = new WeakMap<Statement, FoundEffect>();
  #session: "clean" | "in transaction" | "changed" = "clean";
  /** Grows when what a name or a function means may have changed. */
  #epoch = 0;
  readonly #unsettled = new Set<Promise<unknown>>();

  constructor(origin: Origin, loader: Loader, planner: Planner, freshness: Freshness) {
    this.#origin = origin;
    this.#loader = loader;
    this.#planner = planner;
    this.#freshness = freshness;
  }

  get sessionIsClean(): boolean {
    return this.#session === "clean";
  }

  /** False while it is still being found out what a write that was carried out has touched: nothing may be served. */
  get isSettled(): boolean {
    return this.#unsettled.size === 0;
  }

  /** True if `execute` may answer from the cache. */
  get serves(): boolean {
    return this.#session === "clean" && this.#unsettled.size === 0;
  }

  /** Waits for that, but not for long: what is not known then counts as having touched everything. */
  async settleOrForget(): Promise<void> {
    if (this.isSettled) return;
    const settled = new AbortController();
    const waited = sleep(SETTLE_MS, undefined, { signal: settled.signal }).catch(() => {});
    await Promise.race([this.#settled(), waited]);
    settled.abort();
    if (!this.isSettled) this.forgetAll();
  }

  async #settled(): Promise<void> {
    while (!this.isSettled) await Promise.all(this.#unsettled);
  }

  /** What a statement makes wrong once it is carried out; at once where that was found out before. */
  effectOf(statement: Statement): Effect | Promise<Effect> {
    const known = this.#effects.get(statement);
    if (known?.epoch === this.#epoch && known.askedAt >= this.#freshness.definitionsAsOf) return known.effect;
    const simple = simpleEffect(statement);
    if (simple !== null) return simple;
    const epoch = this.#epoch;
    // What only calls functions is not asked again.
    const askedAt = statement.kind === "write" ? performance.now() : Number.POSITIVE_INFINITY;
    return this.#findEffect(statement).then((effect) => {
      this.#effects.set(statement, { epoch, askedAt, effect });
      return effect;
    });
  }

  /** The same for a session in which a name may mean another table, or another function, than in the engine's own. */
  effectElsewhere(statement: Statement): Effect | Promise<Effect> {
    const simple = simpleEffect(statement);
    if (simple !== null) return simple;
    if (statement.kind === "write" && statement.changes.length > 0) return UNKNOWN_ROWS;
    return this.mayWrite(statement, true).then((writes) => (writes ? UNKNOWN_ROWS : NO_EFFECT));
  }

  /**
   * Makes wrong what a statement has touched. Until that is known, nothing is served; where changes are followed it
   * counts as having touched everything instead, and nobody waits for an origin that may be out of reach.
   */
  apply(effect: Effect | Promise<Effect>): void {
    if (!(effect instanceof Promise)) {
      if (effect.definitions) this.forgetAll();
      else if (effect.tables === "all" || effect.tables.length > 0) this.#changed(effect.tables);
    } else if (this.#freshness.followsWrites) {
      this.#freshness.wrote(effect.then(({ tables }) => tables));
      effect.then(
        ({ definitions }) => definitions && this.forgetAll(),
        () => this.forgetAll(),
      );
    } else {
      const applied = effect.then(
        (found) => this.apply(found),
        () => this.forgetAll(),
      );
      this.#unsettled.add(applied);
      void applied.finally(() => this.#unsettled.delete(applied));
    }
  }

  /** Where changes are followed these come that way; until they have come, nothing is served. */
  #changed(tables: WriteReach): void {
    if (this.#freshness.followsWrites) this.#freshness.wrote(tables);
    else this.#loader.invalidate(tables);
  }

  async #findEffect(statement: Statement): Promise<Effect> {
    const session = statement.kind === "write" && statement.changesSession;
    if (await this.mayWrite(statement)) return UNKNOWN_ROWS;
    const tables =
      statement.kind === "write" && statement.changes !== "all" ? await this.#reach(statement.changes) : [];
    if (tables.length === 0) return session ? SESSION_EFFECT : NO_EFFECT;
    // A trigger or a rule of the user may also change settings.
    return { tables, definitions: false, session: session || tables === "all" };
  }

  /** True if the functions that a statement calls may write; `anywhere`: those of these names in any schema. */
  async mayWrite(statement: Statement | null, anywhere: boolean = false): Promise<boolean> {
    if (statement === null || !("functions" in statement) || statement.functions.length === 0) return false;
    try {
      return await this.#origin.functionsMayWrite(statement.functions, anywhere);
    } catch {
      return true;
    }
  }

  /** Has the origin answer. `statement` is `null` for a query that a plan was made for: that calls nothing unknown. */
  async passThrough(
    sql: string,
    params: readonly unknown[] | undefined,
    statement: Statement | null,
  ): Promise<unknown[]> {
    if (statement === null) return this.#origin.query(sql, params);
    const before = this.#session;
    if (statement.kind === "session") this.#enter(statement.command);
    else if (statement.kind === "write" && statement.changesSession) this.#leaveChanged(statement.command);
    let rejected = false;
    try {
      return await this.#origin.query(sql, params);
    } catch (error) {
      // The origin is there and did not carry it out.
      rejected = this.#origin.isStatementError(error);
      if (rejected) this.#session = before;
      throw error;
    } finally {
      await this.#settle(statement, rejected);
    }
  }

  /** Makes these tables (ids) wrong: their rows, what the catalog said of them, and plans over them. */
  forget(ids: readonly string[]): void {
    this.#epoch += 1;
    this.#loader.invalidate(ids);
    this.#origin.forgetCatalog(ids);
    this.#planner.forget(ids);
  }

  forgetAll(): void {
    this.#epoch += 1;
    this.#loader.invalidate("all");
    this.#origin.forgetCatalog();
    this.#planner.forget("all");
  }

  /** Forgets the tables that are cached under a name, whatever the origin says of it. */
  forgetCached(name: QualifiedName, cached: Iterable<StoredTable>): number {
    const ids = [...cached].filter((stored) => isNamed(stored, name)).map((stored) => stored.id);
    this.forget(ids);
    return ids.length;
  }

  /** One text can hold several session statements, joined by `; `. */
  #enter(commands: string): void {
    for (const command of commands.split("; ")) {
      if (TRANSACTION_START.test(command)) {
        if (this.#session === "clean") this.#session = "in transaction";
      } else if (!TRANSACTION_END.test(command) && !HARMLESS.test(command)) {
        this.#leaveChanged(command);
      }
    }
  }

  #leaveChanged(command: string): void {
    if (this.#session === "changed") return;
    this.#session = "changed";
    logger.warning(`${command} changes a connection of the pool: nothing is answered from the cache any more`);
  }

  async #settle(statement: Statement, rejected: boolean): Promise<void> {
    switch (statement.kind) {
      case "session":
        this.#settleSession(statement.command.split("; "));
        return;
      case "unparsable":
        if (!rejected) this.forgetAll();
        return;
      case "query":
      case "read":
      case "write":
        // What is not known yet is no reason to keep the answer back, where that does without it.
        this.apply(this.#freshness.followsWrites ? this.effectOf(statement) : await this.effectOf(statement));
    }
  }

  #settleSession(commands: readonly string[]): void {
    const ends = commands.filter((command) => TRANSACTION_END.test(command));
    const last = ends.at(-1);
    if (last === undefined) return;
    if (this.#session === "in transaction" && !last.endsWith("AND CHAIN")) this.#session = "clean";
    this.#changed("all");
  }

  async #reach(changes: readonly QualifiedName[]): Promise<WriteReach> {
    if (changes.length === 0) return [];
    try {
      return await this.#origin.writeReach(changes, this.#freshness.definitionsAsOf);
    } catch {
      return "all";
    }
  }
}

/** An effect that the catalog was asked for, at this time (`performance.now()`). */
interface FoundEffect {
  readonly epoch: number;
  readonly askedAt: number;
  readonly effect: Effect;
}

/** The effect that needs no question; `null` where the catalog has to tell. */
function simpleEffect(statement: Statement): Effect | null {
  switch (statement.kind) {
    case "session":
      return statement.command.split("; ").every(isHarmless) ? NO_EFFECT : SESSION_EFFECT;
    case "unparsable":
      return FULL_EFFECT;
    case "query":
    case "read":
      return statement.functions.length === 0 ? NO_EFFECT : null;
    case "write":
      if (statement.changes === "all") return FULL_EFFECT;
      if (statement.changes.length > 0 || statement.functions.length > 0) return null;
      return statement.changesSession ? SESSION_EFFECT : NO_EFFECT;
  }
}

function isHarmless(command: string): boolean {
  return TRANSACTION_START.test(command) || TRANSACTION_END.test(command) || HARMLESS.test(command);
}

/** A function of the user may also change settings. */
const UNKNOWN_ROWS: Effect = { tables: "all", definitions: false, session: true };
const SESSION_EFFECT: Effect = { tables: [], definitions: false, session: true };

function isNamed(stored: StoredTable, name: QualifiedName): boolean {
  const [schema, table] = name.length === 1 ? [stored.schema, name[0]] : name;
  return stored.schema === schema && stored.table === table;
}
