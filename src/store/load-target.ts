import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../errors.ts";
import { keyColumnsOf, type LiveStart } from "./changes/live-table.ts";
import { type ColumnFacts, physicalName } from "./column-set.ts";
import type { IndexFacts, LoadTable, StoredTable } from "./contract.ts";
import { buildDictionaryIndex, buildIndex, tableBytes } from "./table-index.ts";
import { indexKey, rollback } from "./table-records.ts";

/** One table of a load, on its way. */
export interface LoadTarget {
  readonly spec: LoadTable;
  readonly hiddenName: string;
  readonly columns: readonly string[];
  readonly ranks: readonly Map<string, number>[];
  /** Per dictionary, `null` where it is not kept. */
  readonly hiddenDictionaries: readonly (string | null)[];
  rows: number;
  facts: readonly ColumnFacts[];
  built: BuiltTarget | null;
}

export interface BuiltTarget {
  readonly indexes: ReadonlyMap<string, IndexFacts>;
  readonly bytes: number;
}

export function createTarget(spec: LoadTable, hiddenName: string): LoadTarget {
  if (spec.columns.length === 0) {
    throw new StoreError(`The load of ${spec.table} has no columns`);
  }
  const columns = spec.columns.map((column) => physicalName(column.column, column.encoding));
  const missing = keyColumnsOf(spec)?.find((column) => !columns.includes(column));
  if (missing !== undefined) {
    throw new StoreError(`The load of ${spec.table} has no column ${missing} of its key`);
  }
  return {
    spec,
    hiddenName,
    columns,
    ranks: spec.dictionaries.map(() => new Map()),
    hiddenDictionaries: spec.dictionaries.map(({ keep }, index) =>
      keep || spec.watched !== null ? `${hiddenName}_${index}` : null,
    ),
    rows: 0,
    facts: [],
    built: null,
  };
}

/** Builds the indexes that the former version had, and what changes find their rows by. No transaction is open. */
export function buildTarget(db: DatabaseSync, target: LoadTarget, former: StoredTable | undefined): BuiltTarget {
  const indexes = new Map<string, IndexFacts>();
  const dictionaries = target.hiddenDictionaries.filter((hidden) => hidden !== null);
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const dictionary of dictionaries) {
      buildDictionaryIndex(db, dictionary);
    }
    const wanted = new Map([...(former?.indexes ?? [])].map(([key, { columns }]) => [key, columns]));
    const { rowidColumn } = target.spec;
    const key = keyColumnsOf(target.spec);
    if (key !== null && (key.length > 1 || rowidColumn === null || key[0] !== physicalName(rowidColumn, "value"))) {
      wanted.set(indexKey(key), key);
    }
    for (const [name, columns] of wanted) {
      if (columns.every((column) => target.columns.includes(column))) {
        indexes.set(name, buildIndex(db, target.hiddenName, columns));
      }
    }
    db.exec("COMMIT");
  } catch (error) {
    rollback(db);
    throw error;
  }
  return { indexes, bytes: tableBytes(db, [target.hiddenName, ...dictionaries]) };
}

/** What the table is, complete but hidden, when changes of it begin to be applied. */
export function liveStartOf(target: LoadTarget): LiveStart {
  const { spec, hiddenName, hiddenDictionaries, rows, built } = target;
  const dictionaries = new Map<string, string>();
  for (const [index, { column }] of spec.dictionaries.entries()) {
    dictionaries.set(column, hiddenDictionaries[index] ?? "");
  }
  return {
    storeName: hiddenName,
    dictionaries,
    facts: factsByName(target),
    indexes: built?.indexes.values() ?? [],
    rows,
    bytes: built?.bytes ?? 0,
  };
}

export function factsByName(target: LoadTarget): Map<string, ColumnFacts> {
  const columns = new Map<string, ColumnFacts>();
  for (const [index, name] of target.columns.entries()) {
    const facts = target.facts[index];
    if (facts === undefined) {
      throw new StoreError(`The decoder gave no facts of column ${name}`);
    }
    columns.set(name, facts);
  }
  return columns;
}
