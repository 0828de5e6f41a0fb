import { expect, test } from "vitest";
import { load, openStore, scan, sequence } from "../../support/store-fixture.ts";
import { loadLive, openFeed, watchedTable } from "../../support/synthetic-feed.ts";

test("a scan gives rows as arrays, off the main thread", async () => {
  const { store } = openStore();
  const { version } = await load(store, {}, sequence(0, 1000));
  const scanned = scan(store, "SELECT count(*), max(name) FROM orders WHERE id < ?", [500], [["1", version]]);
  expect(await scanned).toEqual([[500, "name 99"]]);
});

test("a scan of another version has moved", async () => {
  const { store } = openStore();
  const { version } = await load(store, {}, sequence(0, 10));
  const sql = "SELECT count(*) FROM orders";
  expect(await scan(store, sql, [], [["1", version]])).toEqual([[10]]);
  const next = await load(store, {}, sequence(0, 20));
  expect(await scan(store, sql, [], [["1", version]])).toBe("moved");
  expect(await scan(store, sql, [], [["1", next.version]])).toEqual([[20]]);
  await store.drop(["1"]);
  expect(await scan(store, sql, [], [["1", next.version]])).toBe("moved");
});

test("a scan rejects with what SQLite throws, and the next one works", async () => {
  const { store } = openStore();
  await load(store, {}, [[2n ** 63n - 1n, "a"]]);
  await expect(scan(store, "SELECT id + nope FROM orders")).rejects.toMatchObject({
    code: "ERR_SQLITE_ERROR",
    errcode: 1,
    message: expect.stringContaining("no such column"),
  });
  await expect(scan(store, "SELECT sum(id) FROM (SELECT id FROM orders UNION ALL SELECT 5)")).rejects.toThrow(
    "integer overflow",
  );
  expect(await scan(store, "SELECT name FROM orders")).toEqual([["a"]]);
});

test("more scans than threads wait their turn", async () => {
  const { store } = openStore({ scanWorkers: 2 });
  await load(store, {}, sequence(0, 5000));
  const scans = Array.from({ length: 20 }, (_, n) => scan(store, "SELECT count(*) FROM orders WHERE id < ?", [n], []));
  expect(await Promise.all(scans)).toEqual(Array.from({ length: 20 }, (_, n) => [[n]]));
});

test("a large result comes in pieces, in order, and the event loop turns between them", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 50_000));
  const ids: unknown[] = [];
  let turns = 0;
  let pieces = 0;
  let isDone = false;
  const turn = (): void => {
    turns += 1;
    if (!isDone) setImmediate(turn);
  };
  const sql = "SELECT id, name FROM orders ORDER BY id";
  const outcome = store.scan(sql, [], [], ({ rows, isWhole }) => {
    expect(isWhole).toBe(false);
    pieces += 1;
    for (const [id] of rows) ids.push(id);
    return true;
  });
  turn();
  expect(await outcome).toBe("done");
  isDone = true;
  expect(ids).toEqual(Array.from({ length: 50_000 }, (_, id) => id));
  expect(pieces).toBeGreaterThan(10);
  expect(turns).toBeGreaterThan(pieces);
});

test("who does not want the rest of a result leaves the thread to the next", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 50_000));
  let pieces = 0;
  const outcome = store.scan("SELECT id, name FROM orders", [], [], () => ++pieces < 3);
  const next = scan(store, "SELECT count(*) FROM orders");
  expect(await outcome).toBe("moved");
  expect(pieces).toBe(3);
  expect(await next).toEqual([[50_000]]);
  expect(await scan(store, "SELECT 1")).toEqual([[1]]);
});

test("who fails over a piece of a result leaves the thread to the next", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 50_000));
  const outcome = store.scan("SELECT id, name FROM orders", [], [], () => {
    throw new RangeError("no such text");
  });
  await expect(outcome).rejects.toThrow("no such text");
  expect(await scan(store, "SELECT 1", [], [], { patienceMs: 10_000, limitMs: 20_000 })).toEqual([[1]]);
});

test("closing rejects the scans that are not done", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 500));
  const scanned = scan(store, "SELECT count(*) FROM orders a, orders b, orders c");
  const next = scan(store, "SELECT 1");
  const settled = Promise.allSettled([scanned, next]);
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
  const late = scan(store, product, [], [], { patienceMs: 400, limitMs: 500 });
  const queued = scan(store, "SELECT 1", [], [], { patienceMs: 100, limitMs: 300 });
  expect(await queued).toBe("queued");
  expect(await late).toBe("late");
  expect(await scan(store, "SELECT 1", [], [], { patienceMs: 10_000, limitMs: 20_000 })).toEqual([[1]]);
  // Nobody waits for it any more: it makes room.
  const overdue = scan(store, product, [], [], { patienceMs: 50, limitMs: 60_000 });
  expect(await scan(store, "SELECT 1", [], [], { patienceMs: 10_000, limitMs: 20_000 })).toEqual([[1]]);
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
    let commit = 0;
    const scanned = store.scan("SELECT name FROM orders WHERE id = 1", [], [], (batch) => {
      commit = batch.commit;
      const [reached] = store.statement("SELECT value FROM sqlmem_meta WHERE key = 'commit'").get() ?? [];
      expect(reached).toBeGreaterThanOrEqual(commit);
      return true;
    });
    // Meanwhile the scan may overtake this thread.
    Atomics.wait(idle, 0, 0, id % 10);
    expect(await scanned).toBe("done");
    expect(commit).toBeGreaterThan(0);
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
  expect(await scan(store, sql, [], [["1", next, dictionaryCommit]])).toEqual([[2]]);
  feed.transact(101, [{ update: "1", row: ["2", "a"] }]);
  await feed.reached(101);
  expect(store.tables.get("1")?.version).toBe(next);
  expect(next).toBeGreaterThanOrEqual(version);
  expect(await scan(store, sql, [], [["1", next, dictionaryCommit]])).toBe("moved");
  expect(await scan(store, sql, [], [["1", next]])).toEqual([[2]]);
});
