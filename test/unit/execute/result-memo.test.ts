import { expect, test } from "vitest";
import { ResultMemo } from "../../../src/execute/result-memo.ts";
import type { Program } from "../../../src/plan/compile.ts";
import type { StoredTable } from "../../../src/store/contract.ts";

function table(id: string, rowsCommit: number): StoredTable {
  return { id, rowsCommit } as StoredTable;
}

function program(...ids: readonly string[]): Program {
  return { sql: "SELECT 1", outputs: [{}], stored: ids.map((id) => table(id, 1)) } as unknown as Program;
}

test("a result is right until rows of one of its tables change", () => {
  const memo = new ResultMemo();
  const ofBoth = program("a", "b");
  memo.remember(ofBoth, [1], [[7]], 5);
  const tables = (a: number, b: number) =>
    new Map([table("a", a), table("b", b), table("c", 9)].map((one) => [one.id, one]));
  expect(memo.recall(ofBoth, [1], tables(1, 5))).toEqual([[7]]);
  expect(memo.recall(ofBoth, [1], tables(1, 6))).toBe(null);
  expect(memo.recall(ofBoth, [1], tables(6, 1))).toBe(null);
  expect(memo.recall(ofBoth, [1], new Map([["a", table("a", 1)]]))).toBe(null);
  expect(memo.recall(ofBoth, ["1"], tables(1, 5))).toBe(null);
  expect(memo.recall(program("a", "b"), [1], tables(1, 5))).toBe(null);
});
