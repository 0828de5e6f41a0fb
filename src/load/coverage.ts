import type { PlannedTable } from "../plan/analysis.ts";
import { type EncodedColumn, physicalName } from "../store/column-set.ts";
import type { StoredTable } from "../store/contract.ts";

/** Physical columns, by name, and the columns whose dictionary is kept. */
export interface ColumnSet {
  readonly columns: ReadonlyMap<string, EncodedColumn>;
  readonly dictionaries: ReadonlySet<string>;
}

/** What a plan needs loaded of a table. If it names no column (`count(*)`) it needs the rows: any column will do. */
export function columnSetOf(planned: PlannedTable): ColumnSet {
  const columns = new Map<string, EncodedColumn>();
  for (const encoded of planned.columns) columns.set(physicalName(encoded.column, encoded.encoding), encoded);
  if (columns.size === 0) {
    const column = planned.table.primaryKey[0] ?? planned.table.columns[0]?.name ?? "";
    columns.set(column, { column, encoding: "value" });
  }
  return { columns, dictionaries: new Set(planned.dictionaries) };
}

/** True if the stored table has all of it. */
export function covers(stored: StoredTable, wanted: ColumnSet): boolean {
  for (const name of wanted.columns.keys()) if (!stored.columns.has(name)) return false;
  for (const column of wanted.dictionaries) if (!stored.dictionaries.has(column)) return false;
  return true;
}

/** Both together. */
export function union(a: ColumnSet, b: ColumnSet): ColumnSet {
  return {
    columns: new Map([...b.columns, ...a.columns]),
    dictionaries: b.dictionaries.union(a.dictionaries),
  };
}
