import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Store } from "../../../src/store/store.ts";
import { loadTable, openStore, scan, temporaryDirectory } from "../../support/store-fixture.ts";

const MIB = 1024 ** 2;

/** A row of some 200 bytes for every 100 bytes of a chunk. */
const GENERATOR = `data:text/javascript,${encodeURIComponent(`
  const text = "x".repeat(200);
  export function createRowDecoder(codecs, batch, batchRows, flush) {
    let rows = 0, filled = 0, bytes = 0;
    return {
      push(chunk) {
        for (bytes += chunk.length; bytes >= 100; bytes -= 100) {
          batch[filled * 2] = rows++;
          batch[filled * 2 + 1] = text;
          if (++filled === batchRows) { flush(filled); filled = 0; }
        }
      },
      end() { if (filled > 0) flush(filled); },
      get rows() { return rows; },
      facts: codecs.map(() => ({ min: null, max: null, hasNull: false, hasNaN: false, hasNegativeZero: false })),
    };
  }`)}`;

/** Loads so many rows and returns the largest size of the WAL on the way. */
async function loadGenerated(store: Store, directory: string, rows: number): Promise<number> {
  const sink = await store.beginLoad({ decoder: GENERATOR, tables: [loadTable({ maxRows: 1e9 })] });
  let largest = 0;
  for (let written = 0; written < rows; written += 1000) {
    await sink.write(new Uint8Array(100_000));
    await new Promise((resolve) => setImmediate(resolve));
    largest = Math.max(largest, walBytes(directory));
  }
  await sink.endStream();
  await sink.finish();
  return Math.max(largest, walBytes(directory));
}

function walBytes(directory: string): number {
  const [name = ""] = readdirSync(directory).filter((entry) => entry.startsWith("sqlmem-"));
  return statSync(join(directory, name, "store.db-wal")).size;
}

test("the WAL stays short however much is loaded, though main holds a snapshot all the time", async () => {
  const directory = temporaryDirectory();
  const { store } = openStore({}, [directory]);
  const largest = await loadGenerated(store, directory, 600_000);
  expect(store.tables.get("1")?.bytes).toBeGreaterThan(100 * MIB);
  expect(largest).toBeLessThan(20 * MIB);
});

test("a scan that holds the WAL during a load does not keep it long for good", async () => {
  const directory = temporaryDirectory();
  const { store } = openStore({}, [directory]);
  await loadGenerated(store, directory, 1000);
  const count =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n, (SELECT 1 FROM orders LIMIT 1)";
  const scanned = scan(store, count);
  await loadGenerated(store, directory, 200_000);
  expect(await scanned).toEqual([[3_000_000]]);
  await loadGenerated(store, directory, 200_000);
  expect(walBytes(directory)).toBeLessThan(20 * MIB);
});
