import type { DatabaseSync } from "node:sqlite";
import { GenerationalCache } from "../generational-cache.ts";
import type { StoreRow, StoreValue } from "./contract.ts";

/** A prepared statement whose rows come as arrays. What `StatementSync` is after `setReturnArrays(true)`. */
export interface ArrayStatement {
  all(...values: StoreValue[]): StoreRow[];
  get(...values: StoreValue[]): StoreRow | undefined;
}

/** Preparing costs as much as several look-ups; more statements than this are more than a program has shapes. */
const STATEMENTS = 500;

/** Prepared statements by their SQL text, bounded. */
export class StatementCache {
  readonly #db: DatabaseSync;
  readonly #statements: GenerationalCache<ArrayStatement>;

  constructor(db: DatabaseSync, size: number = STATEMENTS) {
    this.#db = db;
    this.#statements = new GenerationalCache(Math.max(1, Math.floor(size / 2)));
  }

  /** Throws what SQLite throws. The statement works until its connection is closed, also after it has fallen out. */
  get(sql: string): ArrayStatement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  get size(): number {
    return this.#statements.size;
  }

  #prepare(sql: string): ArrayStatement {
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    statement.setReadBigInts(false);
    // The types of node:sqlite do not know that `setReturnArrays` changes what comes back.
    return statement as unknown as ArrayStatement;
  }
}
