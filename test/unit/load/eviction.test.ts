import { expect, test } from "vitest";
import { TableUse } from "../../../src/load/eviction.ts";
import type { StoreApi, StoredTable } from "../../../src/store/contract.ts";

function storeOf(tables: Readonly<Record<string, number>>): StoreApi {
  const stored = Object.entries(tables).map(([id, bytes]) => [id, { id, bytes } as StoredTable] as const);
  const bytes = stored.reduce((sum, [, table]) => sum + table.bytes, 0);
  return { tables: new Map(stored), bytes } as unknown as StoreApi;
}

function used(...ids: readonly string[]): TableUse {
  const use = new TableUse();
  for (const id of ids) use.touch([use.of(id)]);
  return use;
}

test("nothing goes while all fits", () => {
  expect(used("a", "b").leastRecent(storeOf({ a: 50, b: 50 }), 100, new Set(["b"]))).toEqual([]);
});

test("the least recently used goes first, and no more than needed", () => {
  const use = used("a", "b", "c", "a");
  expect(use.leastRecent(storeOf({ a: 40, b: 40, c: 40 }), 100, new Set(["c"]))).toEqual(["b"]);
  expect(use.leastRecent(storeOf({ a: 40, b: 40, c: 40 }), 50, new Set(["c"]))).toEqual(["b", "a"]);
});

test("one that was never used goes before all others", () => {
  expect(used("a", "b").leastRecent(storeOf({ a: 40, b: 40, restored: 40 }), 100, new Set(["b"]))).toEqual([
    "restored",
  ]);
});

test("what was just loaded stays, whatever its size", () => {
  expect(used("a").leastRecent(storeOf({ a: 40, big: 400 }), 100, new Set(["big"]))).toEqual(["a"]);
});
