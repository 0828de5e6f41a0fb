import type { DatabaseSync, StatementSync } from "node:sqlite";
import { quoteName } from "../../quoting.ts";
import type { IndexFacts, StoreValue } from "../contract.ts";

/** Larger groups are not worth counting: no statement runs differently for them. */
const COUNTED_ROWS = 2000;

/**
 * Keeps the bound on the rows of an index that share a key while rows come. A bound has some slack once it was passed;
 * until so many rows have come nothing has to be counted, and afterwards only the groups that rows came into.
 */
export class IndexGroups {
  readonly columns: readonly string[];
  /** Where the columns are among the table's. */
  readonly #positions: readonly number[];
  /** It contains a key of the table. */
  readonly #isUnique: boolean;
  largestGroup: number;
  changed = false;
  #slack = 0;
  readonly #grown = new Map<string, readonly StoreValue[]>();
  #count: StatementSync | null = null;

  constructor({ columns, largestGroup }: IndexFacts, physical: readonly string[], isUnique: boolean) {
    this.columns = columns;
    this.#positions = columns.map((column) => physical.indexOf(column));
    this.#isUnique = isUnique;
    this.largestGroup = isUnique ? 1 : largestGroup;
    this.changed = this.largestGroup !== largestGroup;
  }

  get facts(): IndexFacts {
    return { columns: this.columns, largestGroup: this.largestGroup };
  }

  /** The table has another name. */
  forget(): void {
    this.#count = null;
  }

  /** True if a change of these columns (positions) moves a row to another group. */
  isMovedBy(changed: readonly number[]): boolean {
    return !this.#isUnique && this.#positions.some((position) => changed.includes(position));
  }

  /** A row with these values has come. */
  add(row: readonly StoreValue[]): void {
    if (this.#isUnique || this.largestGroup > COUNTED_ROWS) return;
    if (this.#slack > 0) {
      this.#slack -= 1;
      return;
    }
    const values = this.#positions.map((position) => row[position] ?? null);
    if (!values.includes(null)) this.#grown.set(values.map(keyPart).join("\0"), values);
  }

  /** Counts the groups that have grown. `rowBound`: what no group can exceed. */
  settle(db: DatabaseSync, storeName: string, rowBound: number): void {
    if (this.largestGroup > COUNTED_ROWS && this.largestGroup < rowBound) this.#widen(rowBound);
    if (this.#grown.size === 0) return;
    const where = this.columns.map((column) => `${quoteName(column)} = ?`).join(" AND ");
    this.#count ??= db.prepare(
      `SELECT count(*) AS n FROM (SELECT 1 FROM ${quoteName(storeName)} WHERE ${where} LIMIT ${COUNTED_ROWS + 1})`,
    );
    let largest = 0;
    for (const values of this.#grown.values()) largest = Math.max(largest, Number(this.#count.get(...values)?.n));
    this.#grown.clear();
    if (largest <= this.largestGroup) return;
    if (largest > COUNTED_ROWS) {
      this.#widen(rowBound);
      return;
    }
    const bound = largest < 4 ? largest : Math.min(Math.ceil(largest * 1.5), Math.max(COUNTED_ROWS, largest));
    this.#slack = bound - largest;
    this.#widen(bound);
  }

  #widen(bound: number): void {
    this.largestGroup = Math.max(this.largestGroup, bound);
    this.changed = true;
  }
}

/** Injective, as SQLite tells values apart: a number equals a BigInt of the same value. */
function keyPart(value: StoreValue): string {
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString("hex")}`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
