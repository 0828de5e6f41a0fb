import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { load, loadTable, openStore, sequence, temporaryDirectory } from "../support/store-fixture.ts";
import { decoderUrl, encodeRows } from "../support/synthetic-decoder.ts";

/** A decoder module that brings its thread down. */
function deadly(when: string): string {
  const source = `export function createRowDecoder() {
    const die = () => setImmediate(() => { throw new Error("decoder boom") });
    ${when === "created" ? "die();" : ""}
    return { push() { die() }, end() {}, rows: 0, facts: [] };
  }`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

const CRASH = { code: "ERR_SQLMEM_STORE", message: expect.stringContaining("decoder boom") };

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
  await expect(store.scan("SELECT 1", [], [])).rejects.toMatchObject(CRASH);
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
  const begun = store.beginLoad({ decoder: deadly("created"), tables: [loadTable()] });
  const sink = await begun;
  await expect(sink.endStream().then(() => sink.endStream())).rejects.toMatchObject({ code: "ERR_SQLMEM_STORE" });
  await store.close();
  expect(faults.length).toBeLessThanOrEqual(1);
});
