import { chmodSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { makeReadOnly, makeWritable, mountSmallDisk } from "../support/small-disk.ts";
import {
  load,
  loadStreams,
  loadTable,
  openRestored,
  openStore,
  sequence,
  temporaryDirectory,
} from "../support/store-fixture.ts";

const MIB = 1024 ** 2;

function smallDisk(context: TestContext, bytes: number): string {
  return mountSmallDisk(bytes) ?? context.skip("SKIPPED: mounting a small file system needs root");
}

async function expectNotWritten(saving: Promise<void>, reason: string): Promise<void> {
  await expect(saving).rejects.toMatchObject({
    code: "ERR_SQLMEM_SNAPSHOT_FILE",
    message: expect.stringContaining(reason),
  });
}

test("a full disk: the save says so, the former file stays, no temporary file is left, and later it works", async (context) => {
  const disk = smallDisk(context, 2 * MIB);
  const cacheDb = join(disk, "cache.db");
  const { store, faults } = await openRestored(cacheDb);
  await load(store, {}, [[1, "former"]]);
  await store.saveSnapshotFile();
  const former = readFileSync(cacheDb);
  await load(store, {}, sequence(0, 100_000));
  await expectNotWritten(store.saveSnapshotFile(), "Make room");
  store.saveSnapshotFileSync(20_000);
  expect(faults).toMatchObject([{ code: "ERR_SQLMEM_SNAPSHOT_FILE" }]);
  expect(readFileSync(cacheDb)).toEqual(former);
  expect(readdirSync(disk)).toEqual(["cache.db"]);
  expect(store.statement("SELECT count(*) FROM orders").get()).toEqual([100_000]);
  await load(store, {}, sequence(0, 1000));
  await store.saveSnapshotFile();
  const { store: next } = await openRestored(cacheDb);
  expect(next.statement("SELECT count(*) FROM orders").get()).toEqual([1000]);
});

test("no room for so much as the checksum's page at the very end", async (context) => {
  const disk = smallDisk(context, MIB);
  const cacheDb = join(disk, "cache.db");
  writeFileSync(join(disk, "filler"), Buffer.alloc(MIB));
  const { store } = await openRestored(cacheDb);
  await load(store, {}, [[1, "a"]]);
  await expectNotWritten(store.saveSnapshotFile(), "Make room");
  expect(readdirSync(disk)).toEqual(["filler"]);
  rmSync(join(disk, "filler"));
  await store.saveSnapshotFile();
});

test("a directory that cannot be written to: reported, the file that is there is used and stays", async (context) => {
  const asRoot = process.geteuid?.() === 0;
  const directory = asRoot ? smallDisk(context, 2 * MIB) : temporaryDirectory();
  const cacheDb = join(directory, "cache.db");
  const first = await openRestored(cacheDb);
  await load(first.store, {}, [[1, "former"]]);
  await first.store.saveSnapshotFile();
  await first.store.close();
  const former = readFileSync(cacheDb);
  if (asRoot) {
    expect(makeReadOnly(directory)).toBe(true);
  } else {
    chmodSync(directory, 0o555);
  }
  const { store, faults } = await openRestored(cacheDb);
  expect(store.statement("SELECT name FROM orders").all()).toEqual([["former"]]);
  await load(store, {}, [[1, "new"]]);
  await expectNotWritten(store.saveSnapshotFile(), "SQLMEM_CACHE_DB");
  expect(readFileSync(cacheDb)).toEqual(former);
  expect(faults).toEqual([]);
  if (asRoot) {
    makeWritable(directory);
  } else {
    chmodSync(directory, 0o755);
  }
  await store.saveSnapshotFile();
  expect(readdirSync(directory)).toEqual(["cache.db"]);
});

test("a damaged file that cannot be removed is reported once and not used", async (context) => {
  const disk = smallDisk(context, 2 * MIB);
  const cacheDb = join(disk, "cache.db");
  const first = await openRestored(cacheDb);
  await load(first.store, {}, [[1, "former"]]);
  await first.store.saveSnapshotFile();
  writeFileSync(cacheDb, "x", { flag: "a" });
  expect(makeReadOnly(disk)).toBe(true);
  const { store, faults } = await openRestored(cacheDb);
  expect(faults).toMatchObject([{ message: expect.stringContaining("checksum") }]);
  expect(faults[0]?.message).not.toContain("removed");
  expect(store.tables.size).toBe(0);
});

test("a path that is a directory, or in one that is not there", async () => {
  const directory = temporaryDirectory();
  const cacheDb = join(directory, "cache.db");
  mkdirSync(cacheDb);
  const { store, faults } = await openRestored(cacheDb);
  expect(faults).toMatchObject([{ code: "ERR_SQLMEM_SNAPSHOT_FILE", message: expect.stringContaining("directory") }]);
  await load(store, {}, [[1, "a"]]);
  await expectNotWritten(store.saveSnapshotFile(), "directory");
  expect(readdirSync(directory)).toEqual(["cache.db"]);
  rmdirSync(cacheDb);
  await store.saveSnapshotFile();

  const lost = await openRestored(join(directory, "nowhere", "cache.db"));
  expect(lost.faults).toEqual([]);
  await load(lost.store, {}, [[1, "a"]]);
  await expectNotWritten(lost.store.saveSnapshotFile(), "nowhere");
});

test("no room for the store itself ends a load as too large; what is there goes on", async (context) => {
  const disk = smallDisk(context, 6 * MIB);
  const { store, faults } = openStore({}, [disk]);
  await load(store, { id: "2", table: "other" }, [[1, "kept"]]);
  const result = await loadStreams(store, [loadTable()], [sequence(0, 400_000)]);
  expect(result).toMatchObject({ kind: "too-large", detail: expect.stringContaining("no room") });
  expect(store.statement("SELECT name FROM other").all()).toEqual([["kept"]]);
  for (let round = 0; round < 5; round++) {
    await load(store, {}, sequence(0, 10_000));
  }
  expect(store.statement("SELECT count(*) FROM orders").get()).toEqual([10_000]);
  expect(faults).toEqual([]);
});

test("no room in the store for a snapshot file's copy: reported, the file stays", async (context) => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const first = await openRestored(cacheDb);
  await load(first.store, {}, sequence(0, 200_000));
  await first.store.saveSnapshotFile();
  const { store, faults } = openStore({ cacheDb }, [smallDisk(context, MIB)]);
  await store.restore({ system: "7001", database: "shop", user: "app", settings: "UTC" });
  expect(faults).toMatchObject([{ code: "ERR_SQLMEM_SNAPSHOT_FILE", message: expect.stringContaining("ENOSPC") }]);
  await load(store, {}, [[1, "a"]]);
  const again = await openRestored(cacheDb);
  expect(again.store.statement("SELECT count(*) FROM orders").get()).toEqual([200_000]);
});
