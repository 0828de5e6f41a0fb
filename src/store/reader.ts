import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { RegisterFunctions } from "./contract.ts";
import { type ArrayStatement, StatementCache } from "./statement-cache.ts";
import { openReader } from "./store-file.ts";

/**
 * Main's read-only connection. It is inside a read transaction at any time, so that all statements see one snapshot and
 * none pays for taking locks; `advance` moves to the newest commit.
 */
export class Reader {
  readonly #db: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #commit: StatementSync;
  readonly #statements: StatementCache;

  constructor(path: string, register: RegisterFunctions, resources: ReadonlyMap<string, unknown>) {
    this.#db = openReader(path, register, resources);
    this.#begin = this.#db.prepare("BEGIN");
    this.#end = this.#db.prepare("COMMIT");
    this.#commit = this.#db.prepare("SELECT value FROM sqlmem_meta WHERE key = 'commit'");
    this.#statements = new StatementCache(this.#db);
    this.#enter();
  }

  /** Moves to the newest snapshot and returns the number of its visible commit. */
  advance(): number {
    this.#end.run();
    return this.#enter();
  }

  #enter(): number {
    this.#begin.run();
    // BEGIN alone takes no snapshot, the first read does.
    return Number(this.#commit.get()?.value);
  }

  /**
   * After a table was dropped or replaced SQLite prepares a statement anew by itself, at its next run; one that names a
   * table that is gone raises.
   */
  statement(sql: string): ArrayStatement {
    return this.#statements.get(sql);
  }

  /** Prepared each time: unlike other statements, an EXPLAIN keeps telling what was true when it was prepared. */
  queryPlan(sql: string): string[] {
    const rows = this.#db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
    return rows.map((row) => String(row.detail));
  }

  close(): void {
    if (this.#db.isOpen) {
      this.#db.close();
    }
  }
}
