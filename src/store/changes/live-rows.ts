import type { DatabaseSync, StatementSync } from "node:sqlite";
import { quoteName } from "../../quoting.ts";
import type { StoreValue } from "../contract.ts";
import { GiveUp } from "./give-up.ts";

/** Updates of so many different sets of columns are kept prepared. */
const UPDATES = 100;

const SQLITE_CONSTRAINT = 19;

export interface FoundRow {
  readonly rowid: StoreValue;
  /** As SQLite holds them: integers as BigInt. */
  readonly values: readonly StoreValue[];
}

/** The rows of one table of the store, found by their key. */
export class LiveRows {
  readonly #db: DatabaseSync;
  readonly #columns: readonly string[];
  readonly #keyColumns: readonly string[];
  readonly #rowid: string;
  #name: string;
  #find: StatementSync | null = null;
  #insert: StatementSync | null = null;
  #delete: StatementSync | null = null;
  readonly #updates = new Map<string, StatementSync>();

  /** `columns`: all physical ones; `key`: those that identify a row; `rowid`: the one that is SQLite's rowid. */
  constructor(
    db: DatabaseSync,
    name: string,
    columns: readonly string[],
    key: readonly string[],
    rowid: string | null,
  ) {
    this.#db = db;
    this.#name = name;
    this.#columns = columns;
    this.#keyColumns = key;
    this.#rowid = quoteName(rowid ?? rowidName(columns));
  }

  rename(name: string): void {
    this.#name = name;
    this.#find = null;
    this.#insert = null;
    this.#delete = null;
    this.#updates.clear();
  }

  /** The row with this key, if there is one. */
  find(key: readonly StoreValue[]): FoundRow | null {
    this.#find ??= this.#prepareFind();
    const [row, another] = this.#find.all(...key) as unknown as StoreValue[][];
    if (another !== undefined) throw new GiveUp("two rows have one key");
    return row === undefined ? null : { rowid: row[0] ?? null, values: row.slice(1) };
  }

  insert(values: readonly StoreValue[]): void {
    this.#insert ??= this.#db.prepare(
      `INSERT INTO ${quoteName(this.#name)} VALUES (${this.#columns.map(() => "?").join(", ")})`,
    );
    run(this.#insert, values);
  }

  /** Sets these columns (by position). */
  update(rowid: StoreValue, changed: readonly number[], values: readonly StoreValue[]): void {
    const key = changed.join(",");
    let statement = this.#updates.get(key);
    if (statement === undefined) {
      const set = changed.map((position) => `${quoteName(this.#columns[position] ?? "")} = ?`);
      statement = this.#db.prepare(`UPDATE ${quoteName(this.#name)} SET ${set.join(", ")} WHERE ${this.#rowid} = ?`);
      if (this.#updates.size >= UPDATES) this.#updates.clear();
      this.#updates.set(key, statement);
    }
    run(statement, [...changed.map((position) => values[position] ?? null), rowid]);
  }

  delete(rowid: StoreValue): void {
    this.#delete ??= this.#db.prepare(`DELETE FROM ${quoteName(this.#name)} WHERE ${this.#rowid} = ?`);
    this.#delete.run(rowid);
  }

  clear(): void {
    this.#db.exec(`DELETE FROM ${quoteName(this.#name)}`);
  }

  #prepareFind(): StatementSync {
    const where = this.#keyColumns.map((column) => `${quoteName(column)} = ?`);
    const statement = this.#db.prepare(
      `SELECT ${[this.#rowid, ...this.#columns.map(quoteName)].join(", ")} FROM ${quoteName(this.#name)}
       WHERE ${where.join(" AND ")} LIMIT 2`,
    );
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    return statement;
  }
}

function run(statement: StatementSync, values: readonly StoreValue[]): void {
  try {
    statement.run(...values);
  } catch (error) {
    const code = error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
    if ((code & 0xff) === SQLITE_CONSTRAINT) throw new GiveUp("a row came whose key is there already");
    throw error;
  }
}

/** A name of the rowid that no column has. */
function rowidName(columns: readonly string[]): string {
  const taken = new Set(columns.map((column) => column.toLowerCase()));
  const free = ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
  if (free === undefined) throw new GiveUp("its columns have all names of SQLite's rowid");
  return free;
}

/** True if SQLite would hold `value` just as what it holds now. */
export function isSameValue(held: StoreValue, value: StoreValue): boolean {
  if (typeof held === "bigint") {
    if (typeof value === "bigint") return held === value;
    return typeof value === "number" && !Object.is(value, -0) && Number.isInteger(value) && held === BigInt(value);
  }
  if (held instanceof Uint8Array) return value instanceof Uint8Array && Buffer.compare(held, value) === 0;
  return Object.is(held, value);
}
