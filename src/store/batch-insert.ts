import type { DatabaseSync, StatementSync } from "node:sqlite";
import { quoteName } from "../quoting.ts";
import type { StoreValue } from "./contract.ts";

/** Rows per INSERT: measured, fewer cost more per row and more gain nothing. */
const BATCH_ROWS = 50;

/** SQLite binds no more than 32766 variables; far fewer already amortise the call. */
const BATCH_VALUES = 2000;

/**
 * Fills one table through INSERTs of many rows each. `batch` is filled by the decoder, `write(rows)` stores its first
 * rows.
 */
export class BatchInsert {
  readonly batch: StoreValue[];
  readonly batchRows: number;
  readonly #columns: number;
  readonly #many: StatementSync;
  readonly #one: StatementSync;

  constructor(db: DatabaseSync, table: string, columns: number) {
    this.#columns = columns;
    this.batchRows = Math.max(1, Math.min(BATCH_ROWS, Math.floor(BATCH_VALUES / columns)));
    this.batch = new Array<StoreValue>(this.batchRows * columns).fill(null);
    const row = `(${new Array(columns).fill("?").join(",")})`;
    const insert = `INSERT INTO ${quoteName(table)} VALUES `;
    this.#one = db.prepare(insert + row);
    this.#many = db.prepare(insert + new Array(this.batchRows).fill(row).join(","));
  }

  write(rows: number): void {
    if (rows === this.batchRows) {
      this.#many.run(...this.batch);
      return;
    }
    for (let row = 0; row < rows; row++) {
      this.#one.run(...this.batch.slice(row * this.#columns, (row + 1) * this.#columns));
    }
  }
}
