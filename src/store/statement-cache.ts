import type { DatabaseSync } from "node:sqlite";
import type { StoreRow, StoreValue } from "./contract.ts";

/** A prepared statement whose rows come as arrays. What `StatementSync` is after `setReturnArrays(true)`. */
export interface ArrayStatement {
  all(...values: StoreValue[]): StoreRow[];
  get(...values: StoreValue[]): StoreRow | undefined;
}

/** Preparing costs as much as several look-ups; more statements than this are more than a program has shapes. */
const STATEMENTS = 500;

/**
 * Prepared statements by their SQL text, bounded, in two halves: what was not asked for while the young half filled up
 * falls out with the old one. So a hit in the young half moves nothing.
 */
export class StatementCache {
  readonly #db: DatabaseSync;
  readonly #halfSize: number;
  #young = new Map<string, ArrayStatement>();
  #old = new Map<string, ArrayStatement>();

  constructor(db: DatabaseSync, size: number = STATEMENTS) {
    this.#db = db;
    this.#halfSize = Math.max(1, Math.floor(size / 2));
  }

  /** Throws what SQLite throws. The statement works until its connection is closed, also after it has fallen out. */
  get(sql: string): ArrayStatement {
    const young = this.#young.get(sql);
    if (young !== undefined) {
      return young;
    }
    const statement = this.#old.get(sql) ?? this.#prepare(sql);
    if (this.#young.size >= this.#halfSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(sql, statement);
    return statement;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #prepare(sql: string): ArrayStatement {
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    statement.setReadBigInts(false);
    // The types of node:sqlite do not know that `setReturnArrays` changes what comes back.
    return statement as unknown as ArrayStatement;
  }
}
