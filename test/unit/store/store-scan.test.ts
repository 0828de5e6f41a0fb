import { expect, test } from "vitest";
import { load, openStore, rowsOf, sequence } from "../../support/store-fixture.ts";
import { loadLive, openFeed, watchedTable } from "../../support/synthetic-feed.ts";

test("a scan gives rows as arrays, off the main thread", async () => {
  const { store } = openStore();
  const { version } = await load(store, {}, sequence(0, 1000));
  const scan = store.scan("SELECT count(*), max(name) FROM orders WHERE id < ?", [500], [["1", version]]);
  expect(await rowsOf(scan)).toEqual([[500, "name 99"]]);
});

test("a scan of another version has moved", async () => {
  const { store } = openStore();
  const { version } = await load(store, {}, sequence(0, 10));
  const sql = "SELECT count(*) FROM orders";
  expect(await rowsOf(store.scan(sql, [], [["1", version]]))).toEqual([[10]]);
  const next = await load(store, {}, sequence(0, 20));
  expect(await store.scan(sql, [], [["1", version]])).toBe("moved");
  expect(await rowsOf(store.scan(sql, [], [["1", next.version]]))).toEqual([[20]]);
  await store.drop(["1"]);
  expect(await store.scan(sql, [], [["1", next.version]])).toBe("moved");
});

test("a scan rejects with what SQLite throws, and the next one works", async () => {
  const { store } = openStore();
  await load(store, {}, [[2n ** 63n - 1n, "a"]]);
  await expect(store.scan("SELECT id + nope FROM orders", [], [])).rejects.toMatchObject({
    code: "ERR_SQLITE_ERROR",
    errcode: 1,
    message: expect.stringContaining("no such column"),
  });
  await expect(store.scan("SELECT sum(id) FROM (SELECT id FROM orders UNION ALL SELECT 5)", [], [])).rejects.toThrow(
    "integer overflow",
  );
  expect(await rowsOf(store.scan("SELECT name FROM orders", [], []))).toEqual([["a"]]);
});

test("more scans than threads wait their turn", async () => {
  const { store } = openStore({ scanWorkers: 2 });
  await load(store, {}, sequence(0, 5000));
  const scans = Array.from({ length: 20 }, (_, n) => store.scan("SELECT count(*) FROM orders WHERE id < ?", [n], []));
  expect(await Promise.all(scans.map(rowsOf))).toEqual(Array.from({ length: 20 }, (_, n) => [[n]]));
});

test("closing rejects the scans that are not done", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 500));
  const scan = store.scan("SELECT count(*) FROM orders a, orders b, orders c", [], []);
  const next = store.scan("SELECT 1", [], []);
  const settled = Promise.allSettled([scan, next]);
  await store.close();
  for (const result of await settled) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "ERR_SQLMEM_CLOSED" } });
  }
});

test("a scan that takes longer than it may is given up, as is one that waits for it too long", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 500));
  const product =
    "SELECT count(*) FROM orders a, orders b, orders c, orders d WHERE pg_interrupt(a.rowid) AND pg_interrupt(b.rowid)";
  const late = store.scan(product, [], [], { patienceMs: 400, limitMs: 500 });
  const queued = store.scan("SELECT 1", [], [], { patienceMs: 100, limitMs: 300 });
  expect(await queued).toBe("queued");
  expect(await late).toBe("late");
  expect(await rowsOf(store.scan("SELECT 1", [], [], { patienceMs: 10_000, limitMs: 20_000 }))).toEqual([[1]]);
  // Nobody waits for it any more: it makes room.
  const overdue = store.scan(product, [], [], { patienceMs: 50, limitMs: 60_000 });
  expect(await rowsOf(store.scan("SELECT 1", [], [], { patienceMs: 10_000, limitMs: 20_000 }))).toEqual([[1]]);
  expect(await overdue).toBe("late");
});

test("what a scan has read, main reads, too, once it is told", async () => {
  const { store } = openStore();
  const feed = await openFeed(store);
  feed.send({ reached: "0" }, { relation: "1", name: "orders", columns: ["id", "name"] });
  await loadLive(store, feed, [watchedTable()], [sequence(0, 3)]);
  const idle = new Int32Array(new SharedArrayBuffer(4));
  for (let id = 100; id < 130; id++) {
    feed.transact(id, [{ update: "1", row: ["1", `text ${id}`] }]);
    // It flushes what was pushed.
    await feed.feed.retain([]);
    const scan = store.scan("SELECT name FROM orders WHERE id = 1", [], []);
    // Meanwhile the scan may overtake this thread.
    Atomics.wait(idle, 0, 0, id % 10);
    const result = await scan;
    if (typeof result === "string") throw new Error(`no version was named, and no limit: ${result}`);
    const [commit] = store.statement("SELECT value FROM sqlmem_meta WHERE key = 'commit'").get() ?? [];
    expect(commit).toBeGreaterThanOrEqual(result.commit);
  }
  await feed.reached(129);
});

test("a scan that was bound to a dictionary has moved when that has grown", async () => {
  const { store } = openStore();
  const feed = await openFeed(store);
  feed.send({ reached: "0" }, { relation: "1", name: "orders", columns: ["id", "name"] });
  const table = watchedTable({
    columns: { id: "integer", name: "text", "name:rank": { rank: 0 } },
    dictionaries: [{ column: "name", codec: "text", keep: true }],
  });
  await loadLive(store, feed, [table], [[["b"]], [[1, "b", "b"]]]);
  const { version = 0, dictionaryCommit = 0 } = store.tables.get("1") ?? {};
  const sql = "SELECT count(*) FROM orders";
  feed.transact(100, [{ insert: "1", row: ["2", "b"] }]);
  await feed.reached(100);
  const next = store.tables.get("1")?.version ?? 0;
  expect(await rowsOf(store.scan(sql, [], [["1", next, dictionaryCommit]]))).toEqual([[2]]);
  feed.transact(101, [{ update: "1", row: ["2", "a"] }]);
  await feed.reached(101);
  expect(store.tables.get("1")?.version).toBe(next);
  expect(next).toBeGreaterThanOrEqual(version);
  expect(await rowsOf(store.scan(sql, [], [["1", next, dictionaryCommit]]))).toBe("moved");
  expect(await rowsOf(store.scan(sql, [], [["1", next]]))).toEqual([[2]]);
});
