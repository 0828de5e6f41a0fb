import type { Origin } from "./dialects/dialect.ts";
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

/**
 * Statements that reach the origin, and what they make wrong in the cache.
 *
 * A write invalidates the tables that it can have touched, through cascades and triggers too, before its promise
 * resolves, whether it succeeded or not: a lost connection may hide a commit.
 *
 * A session statement reaches one client of the pool. While a transaction is open there, and for good once a setting was
 * changed there, the cache cannot tell which client would have answered: nothing is served from it.
 */
export class WriteThrough {
  readonly #origin: Origin;
  readonly #loader: Loader;
  readonly #planner: Planner;
  #session: "clean" | "in transaction" | "changed" = "clean";

  constructor(origin: Origin, loader: Loader, planner: Planner) {
    this.#origin = origin;
    this.#loader = loader;
    this.#planner = planner;
  }

  get sessionIsClean(): boolean {
    return this.#session === "clean";
  }

  /** Has the origin answer. `statement` is `null` for a read that the planner knows to have no side effects. */
  async passThrough(
    sql: string,
    params: readonly unknown[] | undefined,
    statement: Statement | null,
  ): Promise<unknown[]> {
    if (statement === null || statement.kind === "query") return this.#origin.query(sql, params);
    if (statement.kind === "session") this.#enter(statement.command);
    try {
      return await this.#origin.query(sql, params);
    } finally {
      await this.#settle(statement);
    }
  }

  /** Makes these tables (ids) wrong: their rows, what the catalog said of them, and plans over them. */
  forget(ids: readonly string[]): void {
    this.#loader.invalidate(ids);
    this.#origin.forgetCatalog(ids);
    this.#planner.forget(ids);
  }

  forgetAll(): void {
    this.#loader.invalidate("all");
    this.#origin.forgetCatalog();
    this.#planner.forget("all");
  }

  /** Ids of the tables that a name may mean: at the origin, or cached under that name; else why there is none. */
  async tablesNamed(name: QualifiedName, cached: Iterable<StoredTable>): Promise<readonly string[] | string> {
    this.#origin.forgetCatalog();
    const found = await this.#origin.catalog.table(name);
    if (!("kind" in found)) return [found.id];
    const ids: string[] = [];
    for (const stored of cached) {
      const [schema, table] = name.length === 1 ? [stored.schema, name[0]] : name;
      if (stored.schema === schema && stored.table === table) ids.push(stored.id);
    }
    return ids.length > 0 ? ids : found.detail;
  }

  /** One text can hold several session statements, joined by `; `. */
  #enter(commands: string): void {
    for (const command of commands.split("; ")) {
      if (TRANSACTION_START.test(command)) {
        if (this.#session === "clean") this.#session = "in transaction";
      } else if (!TRANSACTION_END.test(command) && !HARMLESS.test(command) && this.#session !== "changed") {
        this.#session = "changed";
        logger.warning(`${command} changed a connection of the pool: nothing is answered from the cache any more`);
      }
    }
  }

  async #settle(statement: Statement): Promise<void> {
    switch (statement.kind) {
      case "query":
        return;
      case "session":
        if (!statement.command.split("; ").some((command) => TRANSACTION_END.test(command))) return;
        if (this.#session === "in transaction") this.#session = "clean";
        this.#loader.invalidate("all");
        return;
      case "unparsable":
        this.forgetAll();
        return;
      case "read":
        if (await this.#mayWrite(statement.functions)) this.#loader.invalidate("all");
        return;
      case "write":
        await this.#invalidateWritten(statement);
    }
  }

  async #invalidateWritten({ changes, functions }: Extract<Statement, { kind: "write" }>): Promise<void> {
    if (changes === "all") {
      this.forgetAll();
      return;
    }
    const reach = (await this.#mayWrite(functions)) ? "all" : await this.#reach(changes);
    this.#loader.invalidate(reach);
  }

  async #reach(changes: readonly QualifiedName[]): Promise<readonly string[] | "all"> {
    if (changes.length === 0) return [];
    try {
      return await this.#origin.writeReach(changes);
    } catch {
      return "all";
    }
  }

  async #mayWrite(functions: readonly QualifiedName[]): Promise<boolean> {
    if (functions.length === 0) return false;
    try {
      return await this.#origin.functionsMayWrite(functions);
    } catch {
      return true;
    }
  }
}
