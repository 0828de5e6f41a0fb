import { existsSync, lstatSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import {
  IDENTITY,
  load,
  loadStreams,
  loadTable,
  openRestored,
  openStore,
  scan,
  sequence,
  temporaryDirectory,
} from "../../support/store-fixture.ts";
import { decoderUrl, encodeRows } from "../../support/synthetic-decoder.ts";

function tablesIn(file: string): string[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    return rows.map((row) => String(row.name));
  } finally {
    db.close();
  }
}

test("a table comes back with all that is known of it", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const first = await openRestored(cacheDb);
  const columns = { id: "integer", score: "float", name: "text", "name:rank": { rank: 0 } } as const;
  const dictionaries = [{ column: "name", codec: "text", keep: true }];
  const spec = loadTable({ id: "77", schema: "sales", fingerprint: "fp", columns, dictionaries, rowidColumn: "id" });
  const rows = [
    [2n ** 62n, -0, "b", "b"],
    [1, null, "a", "a"],
    [2, NaN, "a", "a"],
  ] as const;
  await loadStreams(first.store, [spec], [[["a"], ["b"]], rows]);
  await first.store.ensureIndex("77", ["name"]);
  const before = first.store.tables.get("77");
  await first.store.saveSnapshotFile();
  await first.store.close();

  const { store, faults } = await openRestored(cacheDb);
  expect(faults).toEqual([]);
  const after = store.tables.get("77");
  expect({ ...after, version: 0 }).toEqual({ ...before, version: 0 });
  expect(after?.columns.get("score")).toMatchObject({ min: -0, hasNaN: true, hasNegativeZero: true, hasNull: true });
  expect(after?.columns.get("id")?.max).toBe(2n ** 62n);
  const sql = 'SELECT score, name, "name:rank" FROM "sales.orders" WHERE id < 5 ORDER BY id';
  const expected = [
    [null, "a", 0],
    ["NaN", "a", 0],
  ];
  expect(store.statement(sql).all()).toEqual(expected);
  expect(await scan(store, sql, [], [["77", after?.version ?? 0]])).toEqual(expected);
  const plan = store.statement('EXPLAIN QUERY PLAN SELECT id FROM "sales.orders" WHERE name = ?').all("a");
  expect(String(plan[0]?.[3])).toContain("INDEX sqlmem_index_");
  expect(store.statement('SELECT value FROM "sales.orders:name:dictionary" WHERE rank = 1').get()).toEqual(["b"]);
});

test("a restored store loads, indexes, drops and saves as any other", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const first = await openRestored(cacheDb);
  await load(first.store, { id: "1", table: "a" }, sequence(0, 1000));
  await load(first.store, { id: "2", table: "b" }, sequence(0, 1000));
  await first.store.ensureIndex("1", ["name"]);
  await first.store.saveSnapshotFile();
  await first.store.close();

  const second = await openRestored(cacheDb);
  const version = second.store.tables.get("1")?.version ?? 0;
  const reloaded = await load(second.store, { id: "1", table: "a" }, sequence(0, 5));
  expect(reloaded.version).toBeGreaterThan(version);
  expect([...reloaded.indexes.keys()]).toEqual(["name"]);
  await second.store.ensureIndex("1", ["id"]);
  await second.store.drop(["2"]);
  await second.store.saveSnapshotFile();
  expect(tablesIn(cacheDb)).toEqual(["a", "sqlmem_meta", "sqlmem_tables"]);
  await second.store.close();

  const third = await openRestored(cacheDb);
  expect([...(third.store.tables.get("1")?.indexes.keys() ?? [])]).toEqual(["name", "id"]);
  expect(third.store.statement("SELECT count(*) FROM a").get()).toEqual([5]);
});

test("the file is a plain SQLite file of the owner's, with tables and columns under their own names", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const { store } = await openRestored(cacheDb);
  await load(store, {}, sequence(0, 10));
  await store.saveSnapshotFile();
  expect(tablesIn(cacheDb)).toEqual(["orders", "sqlmem_meta", "sqlmem_tables"]);
  expect(statSync(cacheDb).mode & 0o777).toBe(0o600);
  const db = new DatabaseSync(cacheDb);
  expect(db.prepare("SELECT id, name FROM orders WHERE id = 3").get()).toEqual({ id: 3, name: "name 3" });
  expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "delete" });
  expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  db.close();
});

test("saving without a change does nothing, and writes no file for an empty store", async () => {
  const directory = temporaryDirectory();
  const cacheDb = join(directory, "cache.db");
  const { store } = await openRestored(cacheDb);
  await store.saveSnapshotFile();
  store.saveSnapshotFileSync(10_000);
  expect(existsSync(cacheDb)).toBe(false);
  await load(store, {}, [[1, "a"]]);
  await store.saveSnapshotFile();
  const { ino } = statSync(cacheDb);
  await store.saveSnapshotFile();
  store.saveSnapshotFileSync(10_000);
  expect(statSync(cacheDb).ino).toBe(ino);
  await store.drop(["1"]);
  await store.saveSnapshotFile();
  expect(tablesIn(cacheDb)).toEqual(["sqlmem_meta", "sqlmem_tables"]);
  expect(readdirSync(directory)).toEqual(["cache.db"]);
});

test("a restored store is not written again", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const first = await openRestored(cacheDb);
  await load(first.store, {}, [[1, "a"]]);
  await first.store.saveSnapshotFile();
  const { ino } = statSync(cacheDb);
  const second = await openRestored(cacheDb);
  await second.store.saveSnapshotFile();
  expect(statSync(cacheDb).ino).toBe(ino);
});

test("without persistence nothing is written", async () => {
  const { store, faults } = openStore();
  await store.restore(IDENTITY);
  await load(store, {}, [[1, "a"]]);
  await store.saveSnapshotFile();
  store.saveSnapshotFileSync(10_000);
  expect(faults).toEqual([]);
});

test("a half-loaded table is not in the file, its former version is", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const { store } = await openRestored(cacheDb);
  await load(store, {}, [[1, "former"]]);
  const dictionaries = [{ column: "name", codec: "text", keep: true }];
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable({ dictionaries })] });
  await sink.write(encodeRows([["a"]]));
  await sink.endStream();
  await sink.write(encodeRows(sequence(0, 100_000)));
  await store.saveSnapshotFile();
  expect(tablesIn(cacheDb)).toEqual(["orders", "sqlmem_meta", "sqlmem_tables"]);
  const second = await openRestored(cacheDb);
  expect(second.faults).toEqual([]);
  expect(second.store.statement("SELECT name FROM orders").all()).toEqual([["former"]]);
  await sink.endStream();
  await sink.finish();
  expect(store.statement("SELECT count(*) FROM orders").get()).toEqual([100_000]);
});

test("the blocking save needs nothing of the event loop: during a load, and before a new version was seen", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const { store, faults } = await openRestored(cacheDb);
  await load(store, {}, [[1, "former"]]);
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable()] });
  const written = sink.write(encodeRows(sequence(0, 100_000)));
  store.saveSnapshotFileSync(20_000);
  const during = await openRestored(cacheDb);
  expect(during.store.statement("SELECT name FROM orders").all()).toEqual([["former"]]);
  await written;
  await sink.endStream();
  // The worker swaps the tables and waits for an acknowledgement that this thread cannot give while it is blocked.
  const finished = sink.finish();
  store.saveSnapshotFileSync(20_000);
  expect(store.statement("SELECT count(*) FROM orders").get()).toEqual([1]);
  await finished;
  const after = await openRestored(cacheDb);
  expect(after.store.statement("SELECT count(*) FROM orders").get()).toEqual([100_000]);
  expect(faults).toEqual([]);
});

test("the blocking save gives up after its time and says so", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const { store, faults } = await openRestored(cacheDb);
  await load(store, {}, [[1, "a"]]);
  const busy = `export const createRowDecoder = () => ({
    push() { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000) }, end() {}, rows: 0, facts: [{}, {}],
  })`;
  const decoder = `data:text/javascript,${encodeURIComponent(busy)}`;
  const sink = await store.beginLoad({ decoder, tables: [loadTable()] });
  await sink.write(new Uint8Array(10));
  const ended = sink.endStream();
  store.saveSnapshotFileSync(20);
  expect(faults).toMatchObject([
    { code: "ERR_SQLMEM_SNAPSHOT_FILE", message: expect.stringContaining("within 20 ms") },
  ]);
  await ended;
});

test("a symbolic link stays one, whether what it points to is there or not", async () => {
  const directory = temporaryDirectory();
  const cacheDb = join(directory, "cache.db");
  symlinkSync("target.db", cacheDb);
  const { store, faults } = await openRestored(cacheDb);
  await load(store, {}, [[1, "a"]]);
  await store.saveSnapshotFile();
  await load(store, { id: "2", table: "more" }, [[1, "a"]]);
  await store.saveSnapshotFile();
  expect(tablesIn(join(directory, "target.db"))).toContain("more");
  expect(lstatSync(cacheDb).isSymbolicLink()).toBe(true);
  expect(faults).toEqual([]);
});

test("a store is restored once, before anything is loaded", async () => {
  const { store } = openStore({ cacheDb: join(temporaryDirectory(), "cache.db") });
  await load(store, {}, [[1, "a"]]);
  await expect(store.saveSnapshotFile()).rejects.toMatchObject({ code: "ERR_SQLMEM_SNAPSHOT_FILE" });
  await expect(store.restore(IDENTITY)).rejects.toMatchObject({ code: "ERR_SQLMEM_STORE" });
});
