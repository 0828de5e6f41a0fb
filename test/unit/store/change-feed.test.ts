import { join } from "node:path";
import { expect, test } from "vitest";
import type { LoadTable } from "../../../src/store/contract.ts";
import type { Store } from "../../../src/store/store.ts";
import { load, openRestored, openStore, type Rows, sequence, temporaryDirectory } from "../../support/store-fixture.ts";
import type { SyntheticMessage } from "../../support/synthetic-decoder.ts";
import { type FeedBehaviour, loadLive, type OpenedFeed, openFeed, watchedTable } from "../../support/synthetic-feed.ts";

const ORDERS: SyntheticMessage = { relation: "1", name: "orders", columns: ["id", "name", "more"] };

interface Live {
  readonly store: Store;
  readonly feed: OpenedFeed;
}

async function live(tables: readonly LoadTable[], streams: readonly Rows[], behaviour?: FeedBehaviour): Promise<Live> {
  const { store } = openStore();
  const feed = await openFeed(store, behaviour);
  feed.send({ reached: "0" }, ORDERS);
  expect(await loadLive(store, feed, tables, streams)).toMatchObject({ kind: "loaded" });
  return { store, feed };
}

function orders(rows: Rows, behaviour?: FeedBehaviour): Promise<Live> {
  return live([watchedTable()], [rows], behaviour);
}

function rowsOf(store: Store, table = "orders"): unknown[] {
  return store.statement(`SELECT * FROM ${table} ORDER BY 1, 2`).all();
}

test("inserts, updates and deletes are applied in place", async () => {
  const { store, feed } = await orders([
    [1, "a"],
    [2, "b"],
  ]);
  const before = store.tables.get("1");
  const { generation } = store;
  feed.transact(100, [
    { insert: "1", row: ["3", "c", null] },
    { update: "1", row: ["1", "x", null] },
    { delete: "1", old: ["2", null, null] },
  ]);
  await feed.reached(100);
  expect(rowsOf(store)).toEqual([
    [1, "x"],
    [3, "c"],
  ]);
  expect(feed.applied).toEqual([{ transactions: 1, changes: 3, ids: ["1"] }]);
  const after = store.tables.get("1");
  expect(after).toMatchObject({ rows: 2, dictionaryCommit: before?.dictionaryCommit });
  expect(after?.rowsCommit).toBe((before?.rowsCommit ?? 0) + 1);
  // A new largest id.
  expect(store.generation).toBe(generation + 1);
});

test("compiled plans live on while the facts hold", async () => {
  const { store, feed } = await orders(sequence(0, 10));
  const { generation } = store;
  const version = store.tables.get("1")?.version;
  feed.transact(100, [
    { delete: "1", old: ["5", null, null] },
    { update: "1", row: ["3", "new", null] },
  ]);
  feed.transact(101, [{ insert: "1", row: ["5", "back", null] }]);
  await feed.reached(101);
  expect(store.generation).toBe(generation);
  expect(store.tables.get("1")).toMatchObject({ version, rows: 10 });
  expect(store.statement("SELECT name FROM orders WHERE id IN (3, 5)").all()).toEqual([["new"], ["back"]]);
});

test("a growing key widens the facts now and then only", async () => {
  const { store, feed } = await orders(sequence(0, 100));
  const versions = new Set<number>();
  for (let id = 100; id < 1100; id++) {
    feed.transact(id, [{ insert: "1", row: [String(id), "x", null] }]);
    if (id % 10 === 0) {
      await feed.reached(id);
      versions.add(store.tables.get("1")?.version ?? 0);
    }
  }
  await feed.reached(1099);
  const table = store.tables.get("1");
  expect(table?.columns.get("id")?.max).toBeGreaterThanOrEqual(1099);
  expect(table?.rowBound).toBeGreaterThanOrEqual(1100);
  expect(versions.size).toBeLessThan(12);
});

test.each<[string, string, object]>([
  ["NULL", "name", { hasNull: true }],
  ["a BigInt", "big", { max: 2n ** 62n + 2n ** 61n - 1n }],
  ["NaN", "ratio", { hasNaN: true }],
  ["-0", "ratio", { hasNegativeZero: true }],
])("%s is seen", async (what, column, facts) => {
  const columns = { id: "integer", name: "text", big: "integer", ratio: "float" } as const;
  const { store, feed } = await live([watchedTable({ columns })], [[[1, "a", 5, 0.5]]]);
  const before = store.tables.get("1");
  const row = { NULL: ["1", null, "5", "0.5"], "a BigInt": ["1", "a", String(2n ** 62n), "0.5"] }[what] ?? [
    "1",
    "a",
    "5",
    what,
  ];
  feed.send({ relation: "1", name: "orders", columns: Object.keys(columns) });
  feed.transact(100, [{ update: "1", row }]);
  await feed.reached(100);
  const after = store.tables.get("1");
  expect(before?.columns.get(column)).not.toMatchObject(facts);
  expect(after?.columns.get(column)).toMatchObject(facts);
  expect(after?.version).toBeGreaterThan(before?.version ?? 0);
});

test("changes of columns that are not cached make no commit, but move the position", async () => {
  const { store, feed } = await orders(sequence(0, 3));
  const before = store.tables.get("1");
  feed.transact(100, [{ update: "1", row: ["1", "name 1", "other"] }]);
  feed.transact(101, [{ update: "1", row: ["2", 0, "other"] }]);
  await feed.reached(101);
  expect(feed.applied).toEqual([]);
  expect(store.tables.get("1")).toBe(before);
});

test("all transactions that wait are one commit, and readers never see half of one", async () => {
  const seen: unknown[] = [];
  const opened: { store?: Store } = {};
  const { store, feed } = await orders([[1, "0"]], {
    onPosition: () => {
      if (opened.store !== undefined) seen.push(rowsOf(opened.store));
    },
  });
  opened.store = store;
  for (let id = 100; id < 400; id++) {
    const text = String(id);
    feed.transact(id, [
      { update: "1", row: ["1", text, null] },
      { insert: "1", row: [text, text, null] },
      ...(id > 100 ? [{ delete: "1", old: [String(id - 1), null, null] } as const] : []),
    ]);
  }
  await feed.reached(399);
  expect(feed.applied.reduce((sum, { transactions }) => sum + transactions, 0)).toBe(300);
  expect(feed.applied.length).toBeLessThan(50);
  for (const rows of seen) {
    const [one, two] = rows as [unknown[], unknown[]];
    expect([one, two]).toEqual([
      [1, String(two[0])],
      [two[0], String(two[0])],
    ]);
  }
});

test("a column that was left out keeps what it was, in each encoding, also when the key changes", async () => {
  const table = watchedTable({
    columns: { id: "integer", name: "text", "name:rank": { rank: 0 }, "name:text": "text" },
    dictionaries: [{ column: "name", codec: "text", keep: false }],
  });
  const { store, feed } = await live([table], [[["a"], ["b"]], [[1, "a", "a", "A!"]]]);
  const [before] = rowsOf(store) as unknown[][];
  feed.transact(100, [{ update: "1", old: ["1", null, null], row: ["7", 0, "x"] }]);
  await feed.reached(100);
  expect(rowsOf(store)).toEqual([[7, ...(before ?? []).slice(1)]]);
});

test("keys are swapped inside of one transaction", async () => {
  const { store, feed } = await orders([
    [1, "one"],
    [2, "two"],
  ]);
  feed.transact(100, [
    { update: "1", old: ["1", null, null], row: ["-1", 0, 0] },
    { update: "1", old: ["2", null, null], row: ["1", 0, 0] },
    { update: "1", old: ["-1", null, null], row: ["2", 0, 0] },
  ]);
  await feed.reached(100);
  expect(rowsOf(store)).toEqual([
    [1, "two"],
    [2, "one"],
  ]);
});

test("rows are found by a key of several columns", async () => {
  const table = watchedTable({
    columns: { id: "text", name: "integer", more: "text" },
    watched: { relations: ["1"], key: ["id", "name"] },
    rowidColumn: null,
  });
  const rows: Rows = [
    ["a", 1, "x"],
    ["a", 2, "y"],
    ["b", 1, "z"],
  ];
  const { store, feed } = await live([table], [rows]);
  expect(store.tables.get("1")?.indexes.get("id,name")).toEqual({ columns: ["id", "name"], largestGroup: 1 });
  feed.transact(100, [
    { update: "1", row: ["a", "2", "new"] },
    { delete: "1", old: ["b", "1", null] },
    { update: "1", old: ["a", "1", null], row: ["c", "1", 0] },
    { insert: "1", row: ["b", "2", "fresh"] },
  ]);
  await feed.reached(100);
  expect(rowsOf(store)).toEqual([
    ["a", 2, "new"],
    ["b", 2, "fresh"],
    ["c", 1, "x"],
  ]);
});

test("a truncated table is emptied in place", async () => {
  const { store, feed } = await orders([[1, "a"]]);
  feed.transact(100, [{ truncate: ["1"] }, { insert: "1", row: ["1", "new", null] }]);
  await feed.reached(100);
  expect(rowsOf(store)).toEqual([[1, "new"]]);
  expect(store.tables.get("1")?.rows).toBe(1);
});

test("changes of several tables are seen together, those of a table that is not watched not at all", async () => {
  const tables = [watchedTable(), watchedTable({ id: "2", table: "lines" })];
  const { store, feed } = await live(tables, [sequence(0, 2), sequence(0, 2)]);
  await load(store, { id: "3", table: "static" }, sequence(0, 2));
  feed.send({ relation: "2", name: "lines", columns: ["id", "name"] });
  feed.send({ relation: "3", name: "static", columns: ["id", "name"] });
  feed.transact(100, [
    { update: "1", row: ["1", "x", null] },
    { update: "2", row: ["1", "y"] },
    { update: "3", row: ["1", "z"] },
  ]);
  await feed.reached(100);
  expect(feed.applied).toEqual([{ transactions: 1, changes: 2, ids: ["1", "2"] }]);
  expect(rowsOf(store, "lines")).toEqual([
    [0, "name 0"],
    [1, "y"],
  ]);
  expect(rowsOf(store, "static")).toEqual(sequence(0, 2));
});

test("two tables of one relation both change", async () => {
  const part = watchedTable();
  const whole = watchedTable({ id: "9", table: "whole", watched: { relations: ["1", "8"], key: ["id"] } });
  const { store, feed } = await live([part, whole], [sequence(0, 1), sequence(0, 2)]);
  feed.transact(100, [{ update: "1", row: ["0", "x", null] }]);
  await feed.reached(100);
  expect(rowsOf(store)).toEqual([[0, "x"]]);
  expect(rowsOf(store, "whole")).toEqual([
    [0, "x"],
    [1, "name 1"],
  ]);
});

const WHOLE = { watched: { relations: ["1", "8"], key: ["id"] } };

test.each<[string, Parameters<typeof watchedTable>[0], readonly SyntheticMessage[], RegExp]>([
  ["a new row whose key is there", {}, [{ insert: "1", row: ["1", "x", null] }], /there already/],
  ["an update of no row", {}, [{ update: "1", row: ["7", "x", null] }], /not there/],
  ["a deletion of no row", {}, [{ delete: "1", old: ["7", null, null] }], /not there/],
  ["a key that is taken", {}, [{ update: "1", old: ["1", null, null], row: ["0", "x", null] }], /there already/],
  ["any change without a key", { watched: { relations: ["1"], key: null } }, [{ truncate: ["1"] }], /told apart/],
  ["a truncated part", WHOLE, [{ truncate: ["1"] }], /truncated/],
  ["a value that cannot be read", {}, [{ insert: "1", row: ["x", "a", null] }], /could not be read/],
  [
    "a column that is gone",
    {},
    [
      { relation: "1", name: "orders", columns: ["id", "label"] },
      { truncate: ["1"] },
      { insert: "1", row: ["5", "a"] },
    ],
    /no column name/,
  ],
  [
    "a relation that may be a new part",
    WHOLE,
    [
      { relation: "77", name: "part", columns: ["id", "name"] },
      { insert: "77", row: ["5", "a"] },
    ],
    /new part/,
  ],
  ["more rows than a table may have", { maxRows: 3 }, [{ insert: "1", row: ["9", "x", null] }], /more than 3 rows/],
  ["a row without all of its values", {}, [{ insert: "1", row: ["9", 0, null] }], /without all/],
])("%s: the table is given up, others are not", async (_, options, messages, why) => {
  const tables = [watchedTable(options), watchedTable({ id: "2", table: "lines" })];
  const { store, feed } = await live(tables, [sequence(0, 3), sequence(0, 3)]);
  feed.send({ relation: "2", name: "lines", columns: ["id", "name"] });
  feed.transact(100, [{ update: "2", row: ["1", "x"] }, ...messages, { delete: "2", old: ["2", null] }]);
  await feed.reached(100);
  expect(feed.givenUp).toEqual([{ ids: ["1"], why: expect.stringMatching(why) }]);
  expect(feed.failures).toEqual([]);
  expect([...store.tables.keys()]).toEqual(["2"]);
  expect(rowsOf(store, "lines")).toEqual([
    [0, "name 0"],
    [1, "x"],
  ]);
  // Its changes are nobody's from now on.
  feed.transact(101, [
    { delete: "2", old: ["1", null] },
    { delete: "1", old: ["1", null, null] },
  ]);
  await feed.reached(101);
  expect(feed.givenUp).toHaveLength(1);
});

test("a relation that the stream has spoken of before the load is no new part", async () => {
  const { store } = openStore();
  const feed = await openFeed(store);
  feed.send({ relation: "77", name: "other", columns: ["id"] });
  feed.transact(90, [{ insert: "77", row: ["1"] }], 1);
  await loadLive(store, feed, [watchedTable(WHOLE)], [sequence(0, 3)], { transactions: "100:100:", position: 1 });
  feed.transact(100, [{ insert: "77", row: ["2"] }]);
  await feed.reached(100);
  expect(feed.givenUp).toEqual([]);
});

test("a transaction of more rows than can be kept gives its tables up", async () => {
  const { store, feed } = await live([watchedTable(), watchedTable({ id: "2", table: "lines" })], [[], sequence(0, 2)]);
  feed.send({ begin: 100 });
  for (let id = 0; id <= 200_000; id++) {
    feed.send({ insert: "1", row: [String(id), null, null] });
    if (id % 5000 === 0) await feed.feed.drained(1_000_000);
  }
  expect(store.tables.has("1")).toBe(true);
  feed.send({ commit: "100" });
  await feed.reached(100);
  expect(feed.givenUp).toEqual([{ ids: ["1"], why: expect.stringContaining("more than can be kept") }]);
  expect([...store.tables.keys()]).toEqual(["2"]);
}, 30_000);

test("a message that is not known ends the feed, once, and nothing more is applied", async () => {
  const { store, feed } = await orders([[1, "a"]]);
  feed.feed.push(new TextEncoder().encode('{"nonsense":1}'));
  feed.transact(100, [{ update: "1", row: ["1", "x", null] }]);
  await feed.ended();
  expect(feed.failures).toEqual([expect.objectContaining({ message: expect.stringContaining("synthetic") })]);
  feed.transact(101, [{ update: "1", row: ["1", "y", null] }]);
  await feed.feed.drained(0);
  await store.ensureIndex("1", ["name"]);
  expect(rowsOf(store)).toEqual([[1, "a"]]);
  await expect(feed.feed.retain([{ id: "1", relations: ["1"] }])).rejects.toMatchObject({ code: "ERR_SQLMEM_STORE" });
});

test("an error of SQLite rolls the commit back and ends the feed", async () => {
  const { store } = openStore();
  const feed = await openFeed(store);
  feed.send({ reached: "0" }, ORDERS);
  await loadLive(
    store,
    feed,
    [watchedTable(), watchedTable({ id: "2", table: "lines" })],
    [sequence(0, 2), sequence(0, 2)],
  );
  feed.send({ relation: "2", name: "lines", columns: ["id", "name"] });
  feed.transact(100, [
    { update: "1", row: ["1", "x", null] },
    // Beyond 64 bits: SQLite cannot bind it.
    { update: "2", old: [String(2n ** 64n), null], row: ["1", "y"] },
  ]);
  await feed.ended();
  expect(feed.failures).toHaveLength(1);
  expect(rowsOf(store)).toEqual(sequence(0, 2));
});

test("a feed that is closed applies nothing more, and a new one begins anew", async () => {
  const { store, feed } = await orders([[1, "a"]]);
  feed.feed.close();
  feed.transact(100, [{ update: "1", row: ["1", "x", null] }]);
  const next = await openFeed(store);
  next.send(ORDERS);
  next.transact(101, [{ update: "1", row: ["1", "y", null] }]);
  await next.reached(101);
  expect(rowsOf(store)).toEqual([[1, "a"]]);
  expect(next.givenUp).toEqual([]);
});

test("what waits is counted until readers see it", async () => {
  const { store, feed } = await orders([[1, "a"]]);
  expect(feed.feed.waitingBytes).toBe(0);
  // A transaction that has not ended does not wait: a stream that is held for it would never go on.
  feed.send({ begin: 100 }, { update: "1", row: ["1", "x".repeat(200_000), null] });
  expect(feed.feed.waitingBytes).toBeGreaterThan(200_000);
  await feed.feed.drained(0);
  feed.send({ commit: "100" });
  expect(feed.feed.waitingBytes).toBeGreaterThan(0);
  await feed.feed.drained(0);
  expect(feed.position()).toBe(100n);
  expect(store.statement("SELECT length(name) FROM orders").get()).toEqual([200_000]);
});

test("positions come in order, each after its commit is seen", async () => {
  const log: string[] = [];
  const opened: { store?: Store } = {};
  const { store, feed } = await orders([[1, "a"]], {
    onPosition: (position) => {
      const [name] = opened.store?.statement("SELECT name FROM orders").get() ?? [];
      log.push(`${position}:${name}`);
    },
    onApplied: (ids) => log.push(`applied ${ids}`),
  });
  log.length = 0;
  opened.store = store;
  feed.transact(100, [{ update: "1", row: ["1", "x", null] }], 10);
  await feed.reached(10);
  feed.send({ reached: "11" });
  await feed.reached(11);
  // Inside of a transaction the position of a keepalive says nothing.
  feed.send({ begin: 101 }, { reached: "500" }, { update: "1", row: ["1", "y", null] }, { commit: "12" });
  await feed.reached(12);
  expect(log).toEqual(["applied 1", "10:x", "11:x", "applied 1", "12:y"]);
});

test("groups of an index stay within their bound", async () => {
  const { store, feed } = await orders(sequence(0, 10));
  await store.ensureIndex("1", ["name"]);
  const { version } = store.tables.get("1") ?? {};
  expect(store.tables.get("1")?.indexes.get("name")?.largestGroup).toBe(1);
  feed.transact(100, [{ insert: "1", row: ["5000", "unique", null] }]);
  await feed.reached(100);
  expect(store.tables.get("1")?.indexes.get("name")?.largestGroup).toBe(1);
  feed.transact(101, [{ update: "1", row: ["3", "name 4", null] }]);
  await feed.reached(101);
  expect(store.tables.get("1")?.indexes.get("name")?.largestGroup).toBe(2);
  expect(store.tables.get("1")?.version).toBeGreaterThan(version ?? 0);
  const many = Array.from(
    { length: 2500 },
    (_, n): SyntheticMessage => ({ insert: "1", row: [String(100 + n), "same", null] }),
  );
  feed.transact(102, many);
  await feed.reached(102);
  const table = store.tables.get("1");
  expect(table?.indexes.get("name")?.largestGroup).toBe(table?.rowBound);
});

test("a table that is dropped or loaded anew without a hand-off is not changed any more", async () => {
  const { store, feed } = await orders(sequence(0, 2));
  await load(store, {}, sequence(0, 2));
  feed.transact(100, [{ delete: "1", old: ["1", null, null] }]);
  await feed.reached(100);
  expect(rowsOf(store)).toEqual(sequence(0, 2));
  await loadLive(store, feed, [watchedTable()], [sequence(0, 3)], { transactions: "101:101:", position: 100 });
  await store.drop(["1"]);
  feed.transact(101, [{ delete: "1", old: ["1", null, null] }]);
  await feed.reached(101);
  expect(store.tables.size).toBe(0);
  expect(feed.givenUp).toEqual([]);
});

test("a decoder without what a feed needs is refused", async () => {
  const { store } = openStore();
  const options = { sort: () => Promise.reject(new Error("unused")), onPosition: () => undefined };
  const rest = { onApplied: () => undefined, onGivenUp: () => undefined, onFailed: () => undefined };
  await expect(
    store.openFeed({ decoder: "data:text/javascript,export const a = 1", ...options, ...rest }),
  ).rejects.toMatchObject({ code: "ERR_SQLMEM_STORE", message: expect.stringContaining("createChangeDecoder") });
});

test("a snapshot file that is written meanwhile is of one visible commit, and can be restored", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const { store } = await openRestored(cacheDb);
  const feed = await openFeed(store);
  feed.send({ reached: "0" }, ORDERS);
  await loadLive(store, feed, [watchedTable()], [sequence(0, 3)]);
  for (let id = 100; id < 400; id++) {
    feed.transact(id, [
      { insert: "1", row: [String(id), "a", null] },
      { insert: "1", row: [String(-id), "b", null] },
    ]);
  }
  await store.saveSnapshotFile();
  await feed.reached(399);
  const { store: second, faults } = await openRestored(cacheDb);
  expect(faults).toEqual([]);
  const table = second.tables.get("1");
  const [rows, distinct] = second.statement("SELECT count(*), count(DISTINCT abs(id)) FROM orders").get() ?? [];
  expect(table?.rows).toBe(rows);
  expect(rows).toBe(3 + 2 * (Number(distinct) - 3));
  expect(table?.rowBound).toBeGreaterThanOrEqual(Number(rows));
  const [commit] = second.statement("SELECT value FROM sqlmem_meta WHERE key = 'commit'").get() ?? [];
  expect(commit).toBeGreaterThanOrEqual(table?.rowsCommit ?? Number.POSITIVE_INFINITY);
});
