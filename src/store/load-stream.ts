import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../errors.ts";
import { quoteName } from "../quoting.ts";
import { BatchInsert } from "./batch-insert.ts";
import type { CreateRowDecoder, LoadTable, RowDecoder, StoreValue } from "./contract.ts";

/** What lies between two ranks of a watched table, so that texts that come later fit in between. */
export const RANK_STEP: number = 2 ** 16;

/** Rows that a dictionary's decoder hands over at once. */
const DICTIONARY_BATCH_ROWS = 500;

/** One stream of a load: decodes its chunks into a table that no reader knows of yet. */
export interface LoadStream {
  readonly decoder: RowDecoder;
  /** What the limit on rows says, once it was passed; rows beyond it are not kept. */
  tooLarge(): string | null;
}

/** The rows of one table. */
export function openRowStream(
  db: DatabaseSync,
  create: CreateRowDecoder,
  table: LoadTable,
  hiddenName: string,
  dictionaries: readonly ReadonlyMap<string, number>[],
): LoadStream {
  const insert = new BatchInsert(db, hiddenName, table.columns.length);
  let stored = 0;
  let exceeded = false;
  const flush = (rows: number): void => {
    stored += rows;
    exceeded ||= stored > table.maxRows;
    if (!exceeded) {
      insert.write(rows);
    }
  };
  const codecs = table.columns.map((column) => column.codec);
  return {
    decoder: create(codecs, insert.batch, insert.batchRows, flush, dictionaries),
    tooLarge: () => (exceeded ? `more than ${table.maxRows} rows` : null),
  };
}

/** The distinct values of one text column, in the origin's order. Fills `ranks`, and a table if there is to be one. */
export function openDictionaryStream(
  db: DatabaseSync,
  create: CreateRowDecoder,
  dictionary: LoadTable["dictionaries"][number],
  hiddenName: string | null,
  ranks: Map<string, number>,
  rankOf: (position: number) => number,
): LoadStream {
  const batch = new Array<StoreValue>(DICTIONARY_BATCH_ROWS).fill(null);
  const insert = hiddenName === null ? null : new BatchInsert(db, hiddenName, 2);
  let filled = 0;
  const keep = (rank: number, value: string): void => {
    if (insert !== null) {
      insert.batch[filled * 2] = rank;
      insert.batch[filled * 2 + 1] = value;
      filled += 1;
      if (filled === insert.batchRows) {
        insert.write(filled);
        filled = 0;
      }
    }
  };
  const flush = (rows: number): void => {
    for (let row = 0; row < rows; row++) {
      const value = batch[row];
      const position = ranks.size;
      const rank = rankOf(position);
      if (typeof value !== "string" || ranks.set(value, rank).size === position) {
        throw new StoreError(`The dictionary of column ${dictionary.column} is not one of distinct texts`);
      }
      keep(rank, value);
    }
    if (rows < DICTIONARY_BATCH_ROWS && insert !== null) {
      insert.write(filled);
      filled = 0;
    }
  };
  return { decoder: create([dictionary.codec], batch, DICTIONARY_BATCH_ROWS, flush, []), tooLarge: () => null };
}

export function createRowTable(db: DatabaseSync, hiddenName: string, table: LoadTable, names: readonly string[]): void {
  const definitions = table.columns.map((column, index) => {
    const name = names[index] ?? column.column;
    const isRowid = column.encoding === "value" && column.column === table.rowidColumn;
    return `${quoteName(name)} ${isRowid ? "INTEGER PRIMARY KEY" : column.declared}`.trimEnd();
  });
  db.exec(`CREATE TABLE ${quoteName(hiddenName)}(${definitions.join(", ")})`);
}

/** Its values are made unique by an index once they are all there, which costs a quarter of doing it row by row. */
export function createDictionaryTable(db: DatabaseSync, hiddenName: string): void {
  db.exec(`CREATE TABLE ${quoteName(hiddenName)}(rank INTEGER PRIMARY KEY, value TEXT NOT NULL)`);
}
