import type { Column, Table } from "../catalog.ts";
import type { Origin, OriginLoadTable } from "../dialects/dialect.ts";
import { type EncodedColumn, physicalName } from "../store/column-set.ts";
import type { LoadTable, StoredTable, WatchedTable } from "../store/contract.ts";
import type { ColumnSet } from "./coverage.ts";

/** What is to be loaded of one table, or is. */
export interface Wanted {
  readonly table: Table;
  readonly columns: ColumnSet;
}

/** The same for the store. `watched`: how its changes are applied in place, if they are. */
export function loadTable(
  origin: Pick<Origin, "loadColumn" | "dictionaryCodec">,
  { table, columns }: Wanted,
  watched: WatchedTable | null,
  maxRows: number,
): LoadTable {
  const dictionaries = dictionaryColumns(table, columns);
  const names = dictionaries.map((column) => column.name);
  const [key] = table.primaryKey;
  const keyColumn = table.primaryKey.length === 1 ? findColumn(table, key ?? "") : undefined;
  const isRowid =
    keyColumn !== undefined &&
    ["int2", "int4", "int8"].includes(keyColumn.type.kind) &&
    columns.columns.has(physicalName(keyColumn.name, "value"));
  return {
    id: table.id,
    schema: table.schema,
    table: table.name,
    fingerprint: table.fingerprint,
    columns: encodedColumns(table, columns).map(({ column, encoding }) => origin.loadColumn(column, encoding, names)),
    rowidColumn: isRowid && keyColumn !== undefined ? keyColumn.name : null,
    dictionaries: dictionaries.map((column) => ({
      column: column.name,
      codec: origin.dictionaryCodec(column),
      // New texts of the change stream are found a place in it.
      keep: watched !== null || columns.dictionaries.has(column.name),
    })),
    maxRows,
    watched,
  };
}

function findColumn(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name);
}

function encodedColumns(table: Table, wanted: ColumnSet): OriginLoadTable["columns"] {
  return [...wanted.columns.values()].flatMap(({ column: name, encoding }) => {
    const column = findColumn(table, name);
    return column === undefined ? [] : [{ column, encoding }];
  });
}

/** Ranks of texts are positions in a dictionary; those of enums come with the type. */
function dictionaryColumns(table: Table, wanted: ColumnSet): Column[] {
  return table.columns.filter((column) => {
    if (column.type.kind !== "text" && column.type.kind !== "char") return false;
    return wanted.dictionaries.has(column.name) || wanted.columns.has(physicalName(column.name, "rank"));
  });
}

/** With the columns that identify a row, by which changes find it. */
export function withKey({ table, columns }: Wanted, watched: WatchedTable | undefined): Wanted {
  const key = (watched?.key ?? []).map((column): [string, EncodedColumn] => [
    physicalName(column, "value"),
    { column, encoding: "value" },
  ]);
  return { table, columns: { ...columns, columns: new Map([...columns.columns, ...key]) } };
}

/** The same for the origin. */
export function originTable({ table, columns }: Wanted): OriginLoadTable {
  return { table, columns: encodedColumns(table, columns), dictionaries: dictionaryColumns(table, columns) };
}

/** What the store holds of a table. */
export function storedSet(stored: StoredTable, table: Table): ColumnSet {
  const columns = new Map<string, EncodedColumn>();
  for (const column of table.columns) {
    for (const encoding of ["value", "text", "rank", "key"] as const) {
      const name = physicalName(column.name, encoding);
      if (stored.columns.has(name)) columns.set(name, { column: column.name, encoding });
    }
  }
  return { columns, dictionaries: new Set(stored.dictionaries.keys()) };
}
