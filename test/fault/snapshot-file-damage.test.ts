import { randomInt } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { postgres } from "../../src/dialects/postgres/dialect.ts";
import { SnapshotFileError } from "../../src/errors.ts";
import { checksumFile, writeChecksum } from "../../src/store/snapshot-checksum.ts";
import { restoreSnapshotFile } from "../../src/store/snapshot-restore.ts";
import { Store } from "../../src/store/store.ts";
import { Random } from "../oracle/random.ts";
import { IDENTITY, load, openRestored, openStore, sequence, temporaryDirectory } from "../support/store-fixture.ts";

const SEED = Number(process.env.SQLMEM_TEST_SEED ?? randomInt(2 ** 31));

let directory: string;
let good: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sqlmem-test-"));
  good = join(directory, "good.db");
  const { functions } = postgres;
  const store = Store.open({ cacheDb: good, maxBytes: 1024 ** 3, scanWorkers: 1, functions, onFault: () => undefined });
  await store.restore(IDENTITY);
  await load(store, {}, sequence(0, 3000));
  await store.ensureIndex("1", ["name"]);
  await store.saveSnapshotFile();
  await store.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function copyOfGood(): string {
  const path = join(temporaryDirectory(), "cache.db");
  copyFileSync(good, path);
  return path;
}

/** Changes the content and makes the checksum right again. */
function rewrite(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
  const fd = openSync(path, "r+");
  writeChecksum(fd, checksumFile(fd).crc);
  closeSync(fd);
}

/** The one fault that the file gives; the store is empty, works, and has replaced the file. */
async function faultOf(path: string, identity = IDENTITY): Promise<string> {
  const { store, faults } = await openRestored(path, identity);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatchObject({ code: "ERR_SQLMEM_SNAPSHOT_FILE", name: "SnapshotFileError" });
  expect(store.tables.size).toBe(0);
  await load(store, {}, [[1, "fresh"]]);
  await store.saveSnapshotFile();
  await store.close();
  const again = await openRestored(path, identity);
  expect(again.faults).toEqual([]);
  expect(again.store.statement("SELECT name FROM orders").all()).toEqual([["fresh"]]);
  await again.store.close();
  return faults[0]?.message ?? "";
}

test("the undamaged file is used", async () => {
  const { store, faults } = await openRestored(copyOfGood());
  expect(faults).toEqual([]);
  expect(store.statement("SELECT count(*) FROM orders").get()).toEqual([3000]);
});

test("a flipped bit, as a store sees it", async () => {
  const path = copyOfGood();
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 1, bytes.length - 100);
  writeFileSync(path, bytes);
  expect(await faultOf(path)).toContain("checksum is wrong");
});

test("no file is no fault", async () => {
  const { store, faults } = await openRestored(join(temporaryDirectory(), "cache.db"));
  expect(faults).toEqual([]);
  expect(store.tables.size).toBe(0);
});

/** What the worker does with the file, without a store around it: many damages are tried. */
function expectRefused(path: string, damage: string): void {
  const ram = temporaryDirectory();
  expect(() => restoreSnapshotFile(path, ram, IDENTITY, 1024 ** 3), damage).toThrow(SnapshotFileError);
  expect(existsSync(path), damage).toBe(false);
  expect(readdirSync(ram), damage).toEqual([]);
}

test(`one flipped bit anywhere is noticed (SQLMEM_TEST_SEED=${SEED})`, () => {
  const random = new Random(SEED);
  const { size } = statSync(good);
  const header = Array.from({ length: 100 }, (_, index) => index);
  const anywhere = Array.from({ length: 300 }, () => random.int(100, size - 1));
  for (const offset of [...header, ...anywhere, size - 1]) {
    const path = copyOfGood();
    const bytes = readFileSync(path);
    const bit = random.int(0, 7);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset);
    writeFileSync(path, bytes);
    expectRefused(path, `offset ${offset}, bit ${bit}`);
  }
});

test(`a truncated file is noticed, wherever it ends (SQLMEM_TEST_SEED=${SEED})`, () => {
  const random = new Random(SEED + 1);
  const { size } = statSync(good);
  const lengths = [0, 1, 15, 16, 99, 100, 4096, size - 4096, size - 1];
  for (const length of [...lengths, ...Array.from({ length: 100 }, () => random.int(0, size - 1))]) {
    const path = copyOfGood();
    truncateSync(path, length);
    expectRefused(path, `length ${length}`);
  }
});

test("a damaged file is replaced by the next flush", async () => {
  const path = copyOfGood();
  truncateSync(path, 5000);
  expect(await faultOf(path)).toContain("checksum is wrong");
});

test("bytes after the end are noticed", async () => {
  const path = copyOfGood();
  writeFileSync(path, "x", { flag: "a" });
  expect(await faultOf(path)).toContain("checksum is wrong");
});

test("another layout is not read", async () => {
  const path = copyOfGood();
  rewrite(path, "UPDATE sqlmem_meta SET value = 99 WHERE key = 'schema_version'");
  expect(await faultOf(path)).toContain("layout 99");
});

test.each([
  ["system", "other"],
  ["database", "other"],
  ["user", "other"],
  ["settings", "other"],
])("a file of another %s is not used", async (key, value) => {
  expect(await faultOf(copyOfGood(), { ...IDENTITY, [key]: value })).toContain(`another origin (${key}`);
});

test.each([
  ["no meta table", "DROP TABLE sqlmem_meta", "cannot be read"],
  ["a table that is missing", "DROP TABLE orders", "is missing"],
  ["facts that are no JSON", "UPDATE sqlmem_tables SET columns = '{'", "cannot be read"],
])("%s: the file is not used though its checksum is right", async (_, sql, message) => {
  const path = copyOfGood();
  rewrite(path, sql);
  expect(await faultOf(path)).toContain(message);
});

test.each([
  ["a text", (path: string) => writeFileSync(path, "dear diary, ".repeat(50))],
  ["a short text", (path: string) => writeFileSync(path, "dear diary")],
  ["a database of someone's own", (path: string) => new DatabaseSync(path).exec("CREATE TABLE mine(a)")],
])("%s at the path is neither used nor replaced", async (_, make) => {
  const path = join(temporaryDirectory(), "cache.db");
  make(path);
  const before = readFileSync(path);
  const { store, faults } = await openRestored(path);
  expect(faults).toMatchObject([{ message: expect.stringContaining("not a file of SQLmem's") }]);
  await load(store, {}, [[1, "a"]]);
  await expect(store.saveSnapshotFile()).rejects.toMatchObject({ code: "ERR_SQLMEM_SNAPSHOT_FILE" });
  store.saveSnapshotFileSync(10_000);
  expect(faults).toHaveLength(2);
  expect(readFileSync(path)).toEqual(before);
});

test("a file larger than the cache may be is left for a process that may", async () => {
  const path = copyOfGood();
  const { store, faults } = openStore({ cacheDb: path, maxBytes: 50_000 });
  await store.restore(IDENTITY);
  expect(faults).toMatchObject([{ message: expect.stringContaining("50000") }]);
  expect(readFileSync(path)).toEqual(readFileSync(good));
});
