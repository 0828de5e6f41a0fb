import { expect, test } from "vitest";
import { load, loadStreams, loadTable, openStore, sequence, writeStreams } from "../../support/store-fixture.ts";
import { decoderUrl, encodeRows } from "../../support/synthetic-decoder.ts";

test("a loaded table is read back in the order in which it arrived", async () => {
  const { store } = openStore();
  const rows = [
    [3, "c"],
    [1, null],
    [2, "a"],
  ] as const;
  const table = await load(store, {}, rows);
  expect(store.statement("SELECT id, name FROM orders").all()).toEqual(rows);
  expect(table).toMatchObject({ id: "1", storeName: "orders", rows: 3, rowidColumn: null, fingerprint: "f" });
  expect(store.tables.get("1")).toBe(table);
  expect(table.columns.get("id")).toEqual({
    min: 1,
    max: 3,
    hasNull: false,
    hasNaN: false,
    hasNegativeZero: false,
  });
  expect(table.columns.get("name")?.hasNull).toBe(true);
  expect(table.bytes).toBeGreaterThan(0);
  expect(store.bytes).toBeGreaterThan(table.bytes);
});

test("values keep their storage class, extremes included", async () => {
  const { store } = openStore();
  const big = 2n ** 63n - 1n;
  const row = [big, -0, "NaN", new Uint8Array([0, 255])] as const;
  const columns = { i: "integer", z: "float", f: "float", b: "bytes" } as const;
  const table = await load(store, { columns }, [[big, -0, NaN, row[3]]]);
  const found = store.statement("SELECT CAST(i AS TEXT), z, f, b, typeof(z) FROM orders").get();
  expect(found).toEqual([String(big), -0, "NaN", row[3], "real"]);
  expect(table.columns.get("i")?.max).toBe(big);
  expect(table.columns.get("z")?.hasNegativeZero).toBe(true);
  expect(table.columns.get("f")?.hasNaN).toBe(true);
  expect(store.statement("SELECT f > 1e308 FROM orders").get()).toEqual([1]);
});

test("a row may be cut anywhere between chunks, and a chunk be of any size", async () => {
  const { store } = openStore();
  const rows = sequence(0, 20_000);
  const bytes = encodeRows(rows);
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable()] });
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 400_009) {
    const chunk = bytes.slice(at, at + size);
    await sink.write(chunk);
    chunk.fill(0);
  }
  await sink.endStream();
  await sink.finish();
  expect(store.statement("SELECT id, name FROM orders").all()).toEqual(rows);
});

test("the rowid column is SQLite's rowid, other encodings are columns beside the value", async () => {
  const { store } = openStore();
  await load(store, { columns: { id: "integer", "id:text": "text" }, rowidColumn: "id" }, [
    [7, "07"],
    [5, "05"],
  ]);
  expect(store.statement('SELECT rowid, "id:text" FROM orders WHERE id = ?').get(7)).toEqual([7, "07"]);
});

test("a dictionary gives ranks, and is kept as a table if asked for", async () => {
  const { store } = openStore();
  const table = loadTable({
    columns: { name: "text", "name:rank": { rank: 0 }, "status:rank": { rank: 1 } },
    dictionaries: [
      { column: "name", codec: "text", keep: true },
      { column: "status", codec: "text", keep: false },
    ],
  });
  const names = Array.from({ length: 1201 }, (_, index) => [`n${index}`]);
  await loadStreams(
    store,
    [table],
    [
      names,
      [["open"], ["done"]],
      [
        ["n1200", "n1200", "done"],
        ["n0", "n0", "open"],
      ],
    ],
  );
  expect(store.statement('SELECT name, "name:rank", "status:rank" FROM orders').all()).toEqual([
    ["n1200", 1200, 1],
    ["n0", 0, 0],
  ]);
  const dictionaries = store.tables.get("1")?.dictionaries;
  expect([...(dictionaries ?? [])]).toEqual([["name", "orders:name:dictionary"]]);
  expect(store.statement('SELECT rank FROM "orders:name:dictionary" WHERE value = ?').get("n700")).toEqual([700]);
  expect(store.statement('SELECT count(*) FROM "orders:name:dictionary"').get()).toEqual([1201]);
});

test("a dictionary that repeats a value fails the load", async () => {
  const { store } = openStore();
  const table = loadTable({
    columns: { "a:rank": { rank: 0 } },
    dictionaries: [{ column: "a", codec: "text", keep: true }],
  });
  await expect(loadStreams(store, [table], [[["x"], ["x"]], [["x"]]])).rejects.toThrow("not one of distinct texts");
  expect(store.tables.size).toBe(0);
});

test("several tables of one load become visible together", async () => {
  const { store } = openStore();
  const tables = [loadTable({ id: "1", table: "a" }), loadTable({ id: "2", table: "b" })];
  const sink = await store.beginLoad({ decoder: decoderUrl, tables });
  const { generation } = store;
  await writeStreams(sink, [sequence(0, 10), sequence(0, 20)]);
  expect(store.tables.size).toBe(0);
  expect(store.generation).toBe(generation);
  const result = await sink.finish();
  expect(result).toEqual({ kind: "loaded", tables: [store.tables.get("1"), store.tables.get("2")] });
  expect(store.generation).toBe(generation + 1);
});

test("a reload serves the old version until the new one is in, under a new version number", async () => {
  const { store } = openStore();
  const before = await load(store, {}, [[1, "old"]]);
  const statement = store.statement("SELECT name FROM orders");
  const table = loadTable({ columns: { id: "integer", name: "text", extra: "integer" } });
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [table] });
  await writeStreams(sink, [[[1, "new", 5]]]);
  expect(statement.all()).toEqual([["old"]]);
  await sink.finish();
  expect(statement.all()).toEqual([["new"]]);
  expect(store.statement("SELECT extra FROM orders").all()).toEqual([[5]]);
  expect(store.tables.get("1")?.version).toBeGreaterThan(before.version);
});

test("a reload keeps the indexes whose columns are still there", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 10));
  await store.ensureIndex("1", ["id"]);
  await store.ensureIndex("1", ["name"]);
  const table = await load(store, { columns: { id: "integer", other: "integer" } }, [
    [1, 1],
    [1, 2],
    [2, 2],
  ]);
  expect([...table.indexes.values()]).toEqual([{ columns: ["id"], largestGroup: 2 }]);
});

test("an aborted load leaves the store as it was", async () => {
  const { store } = openStore();
  const { generation } = store;
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable()] });
  await sink.write(encodeRows(sequence(0, 50_000)));
  await sink.abort();
  await sink.abort();
  expect(store.generation).toBe(generation);
  await expect(sink.write(encodeRows([[1, "a"]]))).rejects.toThrow("has ended");
  await load(store, {}, [[1, "a"]]);
  const names = store.statement("SELECT name FROM sqlite_schema WHERE type = 'table'").all().flat();
  expect(names.sort()).toEqual(["orders", "sqlmem_meta", "sqlmem_tables"]);
});

test.each([
  ["malformed rows", [["a"]], "The load failed"],
  [
    "a rowid that is there twice",
    [
      [1, "a"],
      [1, "b"],
    ],
    "UNIQUE",
  ],
] as const)("%s fail the load and nothing else", async (_, rows, message) => {
  const { store, faults } = openStore();
  await load(store, { id: "2", table: "other" }, [[1, "kept"]]);
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable({ rowidColumn: "id" })] });
  await sink.write(encodeRows(rows));
  await expect(sink.endStream()).rejects.toMatchObject({
    code: "ERR_SQLMEM_STORE",
    message: expect.stringContaining(message),
  });
  await sink.abort();
  await load(store, {}, [[1, "works"]]);
  expect(store.statement("SELECT o.name, p.name FROM orders o, other p").all()).toEqual([["works", "kept"]]);
  expect(faults).toEqual([]);
});

test("columns whose names SQLite cannot tell apart fail the load", async () => {
  const { store } = openStore();
  const begun = store.beginLoad({ decoder: decoderUrl, tables: [loadTable({ columns: { a: "text", A: "text" } })] });
  await expect(begun).rejects.toMatchObject({
    code: "ERR_SQLMEM_STORE",
    message: expect.stringContaining("duplicate column"),
  });
});

test("a decoder module that is not there fails the load", async () => {
  const { store } = openStore();
  const begun = store.beginLoad({ decoder: "file:///nowhere/decoder.js", tables: [loadTable()] });
  await expect(begun).rejects.toMatchObject({ code: "ERR_SQLMEM_STORE" });
});

test("a load that ends before its streams do fails", async () => {
  const { store } = openStore();
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable()] });
  await sink.write(encodeRows([[1, "a"]]));
  await expect(sink.finish()).rejects.toThrow("0 of 1 streams");
});

test("more rows than allowed end the load as too large, at exactly that row", async () => {
  const { store } = openStore();
  const limited = loadTable({ maxRows: 100 });
  expect(await loadStreams(store, [limited], [sequence(0, 100)])).toMatchObject({ kind: "loaded" });
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [limited] });
  await writeStreams(sink, [sequence(0, 101)]);
  expect(sink.tooLarge).toBe(true);
  await sink.write(encodeRows([[1, "ignored"]]));
  expect(await sink.finish()).toMatchObject({ kind: "too-large", table: "orders", detail: "more than 100 rows" });
  expect(store.statement("SELECT count(*) FROM orders").get()).toEqual([100]);
});

test("a load that alone takes more bytes than allowed ends as too large; others make room after it", async () => {
  const { store } = openStore({ maxBytes: 1_500_000 });
  const rows = sequence(0, 40_000);
  expect(await loadStreams(store, [loadTable()], [rows])).toMatchObject({ kind: "loaded" });
  expect(await loadStreams(store, [loadTable()], [rows])).toMatchObject({ kind: "loaded" });
  const second = await loadStreams(store, [loadTable({ id: "2", table: "b" })], [rows]);
  expect(second).toMatchObject({ kind: "loaded" });
  const third = await loadStreams(store, [loadTable({ id: "3", table: "c" })], [sequence(0, 200_000)]);
  expect(third).toMatchObject({ kind: "too-large", table: "c", detail: expect.stringContaining("1500000") });
  expect(store.statement("SELECT count(*) FROM orders").get()).toEqual([40_000]);
});

test("loads side by side do not see each other", async () => {
  const { store } = openStore();
  const one = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable({ id: "1", table: "a" })] });
  const two = await store.beginLoad({ decoder: decoderUrl, tables: [loadTable({ id: "2", table: "b" })] });
  for (let part = 0; part < 20; part++) {
    await one.write(encodeRows(sequence(part * 5000, part * 5000 + 5000)));
    await two.write(encodeRows(sequence(part * 5000, part * 5000 + 5000)));
  }
  await Promise.all([one.endStream(), two.endStream()]);
  await two.abort();
  await one.finish();
  expect(store.statement("SELECT count(*), sum(id) FROM a").get()).toEqual([100_000, 4_999_950_000]);
  expect([...store.tables.keys()]).toEqual(["1"]);
});

test.each([
  ["sales", "orders", "sales.orders"],
  ["public", "sqlmem_tables", "public.sqlmem_tables"],
  ["public", "SQLite_x", "public.SQLite_x"],
  ["public", 'o"dd', 'o"dd'],
])("table %s.%s is stored as %s", async (schema, name, storeName) => {
  const { store } = openStore();
  expect((await load(store, { schema, table: name }, [[1, "a"]])).storeName).toBe(storeName);
});

test("tables whose names SQLite cannot tell apart get different ones", async () => {
  const { store } = openStore();
  await load(store, { id: "1", table: "orders" }, [[1, "lower"]]);
  const upper = await load(store, { id: "2", table: "ORDERS" }, [[1, "upper"]]);
  const third = await load(store, { id: "3", table: "Orders" }, [[1, "title"]]);
  expect([upper.storeName, third.storeName]).toEqual(["public.ORDERS", "public.Orders#3"]);
});
