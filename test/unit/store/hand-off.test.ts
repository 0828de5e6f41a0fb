import { expect, test } from "vitest";
import { Visibility, widened } from "../../../src/store/changes/visibility.ts";
import type { LoadSink, LoadTable } from "../../../src/store/contract.ts";
import type { Store } from "../../../src/store/store.ts";
import { load, loadTable, openStore, type Rows, sequence, writeStreams } from "../../support/store-fixture.ts";
import { decoderUrl, encodeRows, type SyntheticMessage } from "../../support/synthetic-decoder.ts";
import { loadLive, type OpenedFeed, openFeed, watchedTable } from "../../support/synthetic-feed.ts";

const ORDERS: SyntheticMessage = { relation: "1", name: "orders", columns: ["id", "name"] };

async function open(): Promise<{ readonly store: Store; readonly feed: OpenedFeed }> {
  const { store } = openStore();
  const feed = await openFeed(store);
  feed.send({ reached: "0" }, ORDERS);
  return { store, feed };
}

/** A load that has all of its rows. */
async function begin(
  store: Store,
  feed: OpenedFeed,
  tables: readonly LoadTable[],
  streams: readonly Rows[],
): Promise<LoadSink> {
  await feed.feed.retain(tables.map(({ id, watched }) => ({ id, relations: watched?.relations ?? [] })));
  const sink = await store.beginLoad({ decoder: decoderUrl, tables });
  await writeStreams(sink, streams);
  return sink;
}

function rowsOf(store: Store, table = "orders"): unknown[] {
  return store.statement(`SELECT * FROM ${table} ORDER BY id`).all();
}

const insert = (id: number, text = "streamed"): SyntheticMessage => ({ insert: "1", row: [String(id), text] });

test.each([
  ["10:20:12,15", 9, true],
  ["10:20:12,15", 10, true],
  ["10:20:12,15", 12, false],
  ["10:20:12,15", 15, false],
  ["10:20:12,15", 19, true],
  ["10:20:12,15", 20, false],
  ["10:20:", 15, true],
  // Ids of the stream have 32 bits: those around the end of an epoch belong to the one or the other.
  ["8589934590:8589934600:8589934595", 4294967295, true],
  ["8589934590:8589934600:8589934595", 3, false],
  ["8589934590:8589934600:8589934595", 4, true],
  ["8589934590:8589934600:8589934595", 8, false],
])("the snapshot %s and transaction %d: %s", (transactions, id, shown) => {
  expect(new Visibility(transactions).shows(id)).toBe(shown);
});

test("an id is widened to the nearest one", () => {
  expect(widened(5, 2n ** 32n + 7n)).toBe(2n ** 32n + 5n);
  expect(widened(2 ** 32 - 1, 2n ** 32n + 7n)).toBe(2n ** 32n - 1n);
  expect(widened(3, 2n ** 33n - 2n)).toBe(2n ** 33n + 3n);
  expect(widened(2 ** 32 - 1, 7n)).toBe(2n ** 32n - 1n);
});

test.each(["", "1:2", "1:2:x", "1:2:3,"])("'%s' is no snapshot", (text) => {
  expect(() => new Visibility(text)).toThrow("is no snapshot");
});

test("what the snapshot does not show is replayed, and nothing else", async () => {
  const { store, feed } = await open();
  // Shown: 100, 101, 104. Running: 102, 103. Begun later: 105 and above.
  const sink = await begin(store, feed, [watchedTable()], [sequence(0, 3)]);
  feed.transact(101, [{ delete: "1", old: ["77", null] }], 1);
  feed.transact(103, [insert(10)], 2);
  feed.transact(104, [{ update: "1", row: ["78", "gone since"] }], 3);
  feed.transact(105, [insert(11), { update: "1", row: ["0", "new"] }], 4);
  feed.transact(102, [{ delete: "1", old: ["1", null] }], 5);
  await feed.reached(5);
  expect(store.tables.size).toBe(0);
  const result = await sink.finish({ snapshot: { transactions: "102:105:102,103", position: 3n }, timeoutMs: 10_000 });
  expect(result).toMatchObject({ kind: "loaded", tables: [{ rows: 4 }] });
  expect(rowsOf(store)).toEqual([
    [0, "new"],
    [2, "name 2"],
    [10, "streamed"],
    [11, "streamed"],
  ]);
  feed.transact(106, [{ update: "1", row: ["10", "later"] }], 6);
  await feed.reached(6);
  expect(feed.givenUp).toEqual([]);
  expect(store.statement("SELECT name FROM orders WHERE id = 10").get()).toEqual(["later"]);
});

test("until it is settled, later transactions that the snapshot shows are skipped", async () => {
  const { store, feed } = await open();
  await loadLive(store, feed, [watchedTable()], [sequence(0, 3)], { transactions: "100:110:", position: 0 });
  feed.transact(105, [insert(1)], 1);
  await feed.reached(1);
  expect(feed.givenUp).toEqual([]);
  feed.feed.settled(109n);
  feed.transact(106, [insert(1)], 2);
  await feed.reached(2);
  expect(feed.givenUp).toEqual([]);
  feed.feed.settled(110n);
  feed.transact(107, [insert(1)], 3);
  await feed.reached(3);
  expect(feed.givenUp).toMatchObject([{ ids: ["1"] }]);
});

test("a load waits for the stream to come to its snapshot, and nothing waits for it", async () => {
  const { store, feed } = await open();
  const sink = await begin(store, feed, [watchedTable()], [sequence(0, 3)]);
  let finished = false;
  const finishing = sink
    .finish({ snapshot: { transactions: "100:100:", position: 50n }, timeoutMs: 60_000 })
    .finally(() => {
      finished = true;
    });
  feed.transact(100, [insert(10)], 49);
  await feed.reached(49);
  await load(store, { id: "2", table: "other" }, sequence(0, 2));
  await store.ensureIndex("2", ["name"]);
  await store.drop(["2"]);
  expect(finished).toBe(false);
  feed.send({ reached: "50" });
  expect(await finishing).toMatchObject({ kind: "loaded" });
  expect(rowsOf(store)).toHaveLength(4);
});

test("a load whose snapshot is not reached in time rejects, and leaves nothing", async () => {
  const { store, feed } = await open();
  const { bytes } = store;
  const sink = await begin(store, feed, [watchedTable()], [sequence(0, 5000)]);
  const finishing = sink.finish({ snapshot: { transactions: "100:100:", position: 50n }, timeoutMs: 20 });
  await expect(finishing).rejects.toMatchObject({
    code: "ERR_SQLMEM_FRESHNESS",
    message: expect.stringContaining("20 ms"),
  });
  feed.send({ reached: "50" });
  await feed.reached(50);
  expect(store.tables.size).toBe(0);
  expect(store.bytes).toBeLessThan(bytes + 200_000);
  // The next one is not disturbed.
  await loadLive(store, feed, [watchedTable()], [sequence(0, 3)], { position: 50 });
  expect(rowsOf(store)).toHaveLength(3);
});

test("a feed that ends rejects the loads that wait for it", async () => {
  const { store, feed } = await open();
  const sink = await begin(store, feed, [watchedTable()], [sequence(0, 3)]);
  const finishing = sink.finish({ snapshot: { transactions: "100:100:", position: 50n }, timeoutMs: 60_000 });
  const outcome = expect(finishing).rejects.toMatchObject({ code: "ERR_SQLMEM_FRESHNESS" });
  await store.ensureIndex("1", ["name"]).catch(() => undefined);
  feed.feed.close();
  await outcome;
  expect(store.tables.size).toBe(0);
});

test("closing the store rejects the loads that wait", async () => {
  const { store, feed } = await open();
  const sink = await begin(store, feed, [watchedTable()], [sequence(0, 3)]);
  const finishing = sink.finish({ snapshot: { transactions: "100:100:", position: 50n }, timeoutMs: 60_000 });
  const outcome = expect(finishing).rejects.toThrow();
  await store.close();
  await outcome;
});

test("without a feed, or without retaining, there is no hand-off", async () => {
  const { store } = openStore();
  const handOff = { snapshot: { transactions: "100:100:", position: 0n }, timeoutMs: 1000 };
  const first = await store.beginLoad({ decoder: decoderUrl, tables: [watchedTable()] });
  await writeStreams(first, [sequence(0, 3)]);
  await expect(first.finish(handOff)).rejects.toThrow("no change feed");
  const feed = await openFeed(store);
  feed.send({ reached: "0" });
  const second = await store.beginLoad({ decoder: decoderUrl, tables: [watchedTable()] });
  await writeStreams(second, [sequence(0, 3)]);
  await expect(second.finish(handOff)).rejects.toThrow("were not retained");
  const third = await begin(store, feed, [watchedTable()], [sequence(0, 3)]);
  feed.feed.release(["1"]);
  await expect(third.finish(handOff)).rejects.toThrow("were not retained");
  expect(store.tables.size).toBe(0);
});

test("changes during a load that do not fit it reject it", async () => {
  const { store, feed } = await open();
  const sink = await begin(store, feed, [watchedTable()], [sequence(0, 3)]);
  feed.transact(100, [{ delete: "1", old: ["9", null] }], 1);
  await feed.reached(1);
  const finishing = sink.finish({ snapshot: { transactions: "100:100:", position: 1n }, timeoutMs: 1000 });
  await expect(finishing).rejects.toThrow("do not fit it: a row was changed that is not there");
  expect(store.tables.size).toBe(0);
});

test("retaining names what came before and may be missing in a snapshot", async () => {
  const { store, feed } = await open();
  feed.send({ relation: "2", name: "lines", columns: ["id", "name"] });
  feed.transact(100, [insert(1)], 1);
  feed.transact(101, [{ insert: "2", row: ["1", "x"] }], 2);
  feed.transact(102, [insert(2)], 3);
  feed.transact(103, [], 4);
  const tables = [{ id: "1", relations: ["1"] }];
  expect(await feed.feed.retain(tables)).toEqual([100, 102]);
  expect(await feed.feed.retain([...tables, { id: "2", relations: ["2"] }])).toEqual([100, 101, 102]);
  feed.feed.settled(102n);
  expect(await feed.feed.retain(tables)).toEqual([102]);
  feed.feed.settled(200n);
  expect(await feed.feed.retain(tables)).toEqual([]);
  expect(store.tables.size).toBe(0);
});

test("a table goes on changing while it is loaded anew, with one more column", async () => {
  const { store, feed } = await open();
  await loadLive(store, feed, [watchedTable()], [sequence(0, 3)]);
  const wider = watchedTable({ columns: { id: "integer", name: "text", more: "integer" } });
  feed.send({ relation: "1", name: "orders", columns: ["id", "name", "more"] });
  const sink = await begin(store, feed, [wider], [sequence(0, 3).map(([id, name]) => [id, name, id * 10])]);
  feed.transact(100, [{ update: "1", row: ["1", "x", "7"] }], 1);
  await feed.reached(1);
  expect(store.statement("SELECT name FROM orders WHERE id = 1").get()).toEqual(["x"]);
  await sink.finish({ snapshot: { transactions: "100:100:", position: 1n }, timeoutMs: 10_000 });
  expect(rowsOf(store)).toEqual([
    [0, "name 0", 0],
    [1, "x", 7],
    [2, "name 2", 20],
  ]);
  feed.transact(101, [{ update: "1", row: ["2", 0, "5"] }], 2);
  await feed.reached(2);
  expect(rowsOf(store)[2]).toEqual([2, "name 2", 5]);
  expect(feed.givenUp).toEqual([]);
});

test("what is too large is not handed off", async () => {
  const { store, feed } = await open();
  const result = await loadLive(store, feed, [watchedTable({ maxRows: 2 })], [sequence(0, 3)]);
  expect(result).toMatchObject({ kind: "too-large", id: "1" });
  expect(store.tables.size).toBe(0);
});

test("the key of a watched table has to be loaded", async () => {
  const { store } = await open();
  const table = watchedTable({ watched: { relations: ["1"], key: ["other"] } });
  await expect(store.beginLoad({ decoder: decoderUrl, tables: [table] })).rejects.toThrow("no column other of its key");
});

test("changes are applied while another load is under way", async () => {
  const { store, feed } = await open();
  await loadLive(store, feed, [watchedTable()], [sequence(0, 3)]);
  const other = loadTable({ id: "2", table: "other" });
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [other] });
  for (let part = 0; part < 20; part++) {
    await sink.write(encodeRows(sequence(part * 1000, part * 1000 + 1000)));
    feed.transact(100 + part, [insert(100 + part)]);
    if (part % 3 === 0) await feed.reached(100 + part);
  }
  await sink.endStream();
  await feed.reached(119);
  expect(store.tables.has("2")).toBe(false);
  expect(await sink.finish()).toMatchObject({ kind: "loaded", tables: [{ rows: 20_000 }] });
  expect(rowsOf(store)).toHaveLength(23);
  expect(store.statement("SELECT count(*) FROM other").get()).toEqual([20_000]);
});
