import { expect, test } from "vitest";
import { load, openStore, rowsOf, sequence } from "../../support/store-fixture.ts";

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
