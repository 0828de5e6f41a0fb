import type { Bench } from "./bench.ts";
import { LOADING_QUERY } from "./load.ts";
import { atMost, type Measurement, type Section, times } from "./report.ts";

/** Bytes per row in the store, beside a table that was made by hand. No index on either. */
export async function measureSize(bench: Bench): Promise<readonly Section[]> {
  await using engine = bench.openEngine();
  await engine.execute(LOADING_QUERY);
  const stored = engine.stats();
  const table = stored.tables.find((candidate) => candidate.table === "orders");
  if (table === undefined) throw new Error("orders was not loaded");
  const plainBytes = bench.plain().bytes;
  const ratio = table.bytes / plainBytes;
  const section: Section = {
    title: "Size of the whole table in memory, without indexes",
    measurements: [
      line("SQLmem's store", table.bytes / table.rows, ratio),
      line("plain SQLite table", plainBytes / bench.rows, 1),
    ],
    notes: ["plain: decimals as text, times as integers of milliseconds"],
    targets: [atMost("size of the store", ratio, 1.5, "× plain table")],
  };
  return [section];
}

function line(name: string, perRow: number, ratio: number): Measurement {
  return { name, quantities: { size: { value: perRow, unit: "bytes/row" }, "of plain": times(ratio) } };
}
