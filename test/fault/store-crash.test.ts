import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { load, loadTable, openStore, scan, sequence, temporaryDirectory } from "../support/store-fixture.ts";
import { decoderUrl, encodeRows } from "../support/synthetic-decoder.ts";

/** A decoder module that brings its thread down, in its first call or with its first chunk. */
function deadly(when: "created" | "pushed"): string {
  const source = `export function createRowDecoder() {
    const die = () => process.exit(9);
    ${when === "created" ? "die();" : ""}
    return { push() { die() }, end() {}, rows: 0, facts: [] };
  }`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

const CRASH = { code: "ERR_SQLMEM_STORE", message: expect.stringContaining("exit code 9") };

test("a crash of the worker is reported once; everything waiting and everything later rejects", async () => {
  const directory = temporaryDirectory();
  const { store, faults } = openStore({}, [directory]);
  await load(store, { id: "2", table: "other" }, sequence(0, 100));
  const other = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable({ id: "3", table: "third" })] });
  const sink = await store.beginLoad({ decoder: deadly("pushed"), tables: [loadTable()] });
  const { generation } = store;
  await sink.write(new Uint8Array(10));
  await expect(sink.endStream().then(() => sink.finish())).rejects.toMatchObject(CRASH);
  await expect(store.ensureIndex("2", ["name"])).rejects.toMatchObject(CRASH);
  await expect(store.drop(["2"])).rejects.toMatchObject(CRASH);
  await expect(scan(store, "SELECT 1")).rejects.toMatchObject(CRASH);
  await expect(store.saveSnapshotFile()).rejects.toMatchObject(CRASH);
  await expect(store.beginLoad({ decoder: decoderUrl, tables: [loadTable()] })).rejects.toMatchObject(CRASH);
  await expect(other.write(encodeRows([[1, "a"]]))).rejects.toMatchObject(CRASH);
  await other.abort();
  await sink.abort();
  store.saveSnapshotFileSync(10_000);
  expect(store.tables.size).toBe(0);
  expect(store.generation).toBeGreaterThan(generation);
  expect(faults).toMatchObject([CRASH]);
  await store.close();
  expect(readdirSync(directory)).toEqual([]);
});

test("a writer that waits for the worker is told of its crash", async () => {
  const { store } = openStore();
  const sink = await store.beginLoad({ decoder: deadly("pushed"), tables: [loadTable()] });
  await expect(
    (async () => {
      for (;;) {
        await sink.write(new Uint8Array(1024 ** 2));
      }
    })(),
  ).rejects.toMatchObject(CRASH);
});

test("a crash right at the beginning", async () => {
  const { store, faults } = openStore();
  await expect(store.beginLoad({ decoder: deadly("created"), tables: [loadTable()] })).rejects.toMatchObject(CRASH);
  await store.close();
  expect(faults).toMatchObject([CRASH]);
});

test("an exception that nobody catches is a crash", async () => {
  const { store, faults } = openStore();
  const source = `export function createRowDecoder() { queueMicrotask(() => { throw new Error("boom") }); return {}; }`;
  const decoder = `data:text/javascript,${encodeURIComponent(source)}`;
  await Promise.allSettled([store.beginLoad({ decoder, tables: [loadTable()] })]);
  await expect(store.drop(["1"])).rejects.toMatchObject({ message: expect.stringContaining("boom") });
  expect(faults).toHaveLength(1);
});
