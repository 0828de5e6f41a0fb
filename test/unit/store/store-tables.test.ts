import { expect, test } from "vitest";
import { load, openStore, scan, sequence } from "../../support/store-fixture.ts";

test("ensureIndex builds once and says how large the largest group is", async () => {
  const { store } = openStore();
  await load(store, {}, [
    [1, "a"],
    [2, "a"],
    [3, "b"],
    [4, null],
    [5, null],
    [6, null],
  ]);
  const { generation } = store;
  const version = store.tables.get("1")?.version;
  await Promise.all([store.ensureIndex("1", ["name"]), store.ensureIndex("1", ["name"])]);
  expect(store.generation).toBe(generation + 1);
  await store.ensureIndex("1", ["name"]);
  expect(store.generation).toBe(generation + 1);
  expect(store.tables.get("1")?.indexes.get("name")).toEqual({ columns: ["name"], largestGroup: 2 });
  expect(store.tables.get("1")?.version).toBe(version);
  const plan = store.statement("EXPLAIN QUERY PLAN SELECT id FROM orders WHERE name = ?").all("a");
  expect(String(plan[0]?.[3])).toContain("INDEX sqlmem_index_");
});

test("an index of several columns leaves out keys with a NULL in them", async () => {
  const { store } = openStore();
  await load(store, {}, [
    [1, "a"],
    [1, "a"],
    [2, null],
    [2, null],
    [2, null],
  ]);
  await store.ensureIndex("1", ["id", "name"]);
  expect(store.tables.get("1")?.indexes.get("id,name")?.largestGroup).toBe(2);
});

test("an index on an empty table has no group", async () => {
  const { store } = openStore();
  await load(store, {}, []);
  await store.ensureIndex("1", ["name"]);
  expect(store.tables.get("1")?.indexes.get("name")?.largestGroup).toBe(0);
});

test("an index on what is not there is refused", async () => {
  const { store } = openStore();
  await expect(store.ensureIndex("1", ["name"])).rejects.toMatchObject({ code: "ERR_SQLMEM_STORE" });
  await load(store, {}, [[1, "a"]]);
  await expect(store.ensureIndex("1", ["nope"])).rejects.toMatchObject({ code: "ERR_SQLMEM_STORE" });
  expect(store.tables.get("1")?.indexes.size).toBe(0);
});

test("drop hides the table at once and frees its pages", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 20_000));
  const { bytes, generation } = store;
  const dropped = store.drop(["1", "no such id"]);
  expect(store.tables.size).toBe(0);
  expect(store.generation).toBe(generation + 1);
  await dropped;
  expect(store.bytes).toBeLessThan(bytes / 4);
  expect(() => store.statement("SELECT * FROM orders").all()).toThrow("no such table");
});

test("a table that is dropped while an index of it is built does not come back", async () => {
  const { store } = openStore();
  await load(store, {}, sequence(0, 20_000));
  const indexed = store.ensureIndex("1", ["name"]);
  const dropped = store.drop(["1"]);
  await Promise.allSettled([indexed, dropped]);
  expect(store.tables.size).toBe(0);
});

test("a load right behind a drop of the same table is seen", async () => {
  const { store } = openStore();
  await load(store, {}, [[1, "old"]]);
  const statement = store.statement("SELECT name FROM orders");
  expect(statement.all()).toEqual([["old"]]);
  const dropped = store.drop(["1"]);
  const table = await load(store, {}, [[1, "new"]]);
  await dropped;
  expect(store.tables.get("1")).toBe(table);
  expect(statement.all()).toEqual([["new"]]);
});

test("what tables says is what statements see, at every step of many changes", async () => {
  const { store, faults } = openStore();
  let stop = false;
  const look = async (): Promise<number> => {
    let looks = 0;
    for (; !stop; looks++) {
      for (const table of store.tables.values()) {
        const seen = store.statement(`SELECT count(*), max(name) FROM "${table.storeName}"`).get();
        expect(seen?.[0]).toBe(table.rows);
        expect(seen?.[1]).toBe(`version of ${table.rows}`);
        const version = store.statement("SELECT version FROM sqlmem_tables WHERE id = ?").get(table.id);
        expect(version).toEqual([table.version]);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    return looks;
  };
  const looking = look();
  try {
    for (let step = 1; step <= 40; step++) {
      const id = String(step % 3);
      const rows = Array.from({ length: step * 10 }, (_, index) => [index, `version of ${step * 10}`] as const);
      await load(store, { id, table: `t${id}` }, rows);
      await (step % 4 === 0 ? store.drop([id]) : store.ensureIndex(id, ["name"]));
    }
  } finally {
    stop = true;
  }
  expect(await looking).toBeGreaterThan(40);
  expect(faults).toEqual([]);
});

test("statements come from a bounded cache and rows as arrays", async () => {
  const { store } = openStore();
  await load(store, {}, [[1, "a"]]);
  const first = store.statement("SELECT id FROM orders");
  expect(store.statement("SELECT id FROM orders")).toBe(first);
  for (let n = 0; n < 2000; n++) {
    expect(store.statement(`SELECT id + ${n} FROM orders WHERE id = ?`).get(1)).toEqual([1 + n]);
  }
  expect(first.all()).toEqual([[1]]);
  expect(first.get()).toEqual([1]);
});

test("a closed store refuses everything, and can be closed twice", async () => {
  const { store } = openStore();
  await load(store, {}, [[1, "a"]]);
  await Promise.all([store.close(), store.close()]);
  expect(store.tables.size).toBe(0);
  await expect(store.drop(["1"])).rejects.toMatchObject({ code: "ERR_SQLMEM_CLOSED" });
  await expect(store.ensureIndex("1", ["id"])).rejects.toMatchObject({ code: "ERR_SQLMEM_CLOSED" });
  await expect(scan(store, "SELECT 1")).rejects.toMatchObject({ code: "ERR_SQLMEM_CLOSED" });
  await expect(store.saveSnapshotFile()).rejects.toMatchObject({ code: "ERR_SQLMEM_CLOSED" });
  expect(() => store.statement("SELECT 1")).toThrow();
});
