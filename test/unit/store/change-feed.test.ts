import { expect, test } from "vitest";
import type { Store } from "../../../src/store/store.ts";
import { openStore } from "../../support/store-fixture.ts";
import type { SyntheticMessage } from "../../support/synthetic-decoder.ts";
import { loadLive, type OpenedFeed, openFeed, watchedTable } from "../../support/synthetic-feed.ts";

const ORDERS: SyntheticMessage = { relation: "1", name: "orders", columns: ["id", "name"] };

async function live(rows: readonly (readonly [number, string | null])[]): Promise<{ store: Store; feed: OpenedFeed }> {
  const { store, faults } = openStore();
  expect(faults).toEqual([]);
  const feed = await openFeed(store);
  feed.send({ reached: "0" });
  expect(await loadLive(store, feed, [watchedTable()], [rows])).toMatchObject({ kind: "loaded" });
  return { store, feed };
}

function rowsOf(store: Store): unknown[] {
  return store.statement("SELECT * FROM orders ORDER BY id").all();
}

test("inserts, updates and deletes are applied in place", async () => {
  const { store, feed } = await live([
    [1, "a"],
    [2, "b"],
  ]);
  const before = store.tables.get("1");
  const { generation } = store;
  feed.transact(100, [
    ORDERS,
    { insert: "1", row: ["3", "c"] },
    { update: "1", row: ["1", "x"] },
    { delete: "1", old: ["2", null] },
  ]);
  await feed.reached(100);
  expect(feed.failures).toEqual([]);
  expect(rowsOf(store)).toEqual([
    [1, "x"],
    [3, "c"],
  ]);
  expect(feed.applied).toEqual([{ transactions: 1, changes: 3, ids: ["1"] }]);
  expect(store.tables.get("1")?.rows).toBe(2);
  expect(store.generation - generation).toBe(store.tables.get("1")?.version === before?.version ? 0 : 1);
});

test("a truncated table is emptied in place", async () => {
  const { store, feed } = await live([[1, "a"]]);
  feed.transact(100, [ORDERS, { truncate: ["1"] }, { insert: "1", row: ["1", "new"] }]);
  await feed.reached(100);
  expect(rowsOf(store)).toEqual([[1, "new"]]);
});
