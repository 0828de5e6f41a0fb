import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { SnapshotFileError, StoreError } from "../../../src/errors.ts";
import { decodeJson, encodeJson } from "../../../src/store/json.ts";
import { chooseDictionaryName, chooseTableName, foldName } from "../../../src/store/names.ts";
import { decodeError, encodeError } from "../../../src/store/protocol.ts";
import { StatementCache } from "../../../src/store/statement-cache.ts";

test("meta JSON keeps every number that a bound can be", () => {
  const values = [0, -0, 1.5, Infinity, -Infinity, NaN, 2n ** 63n, null, "$bigint", { a: [-0] }];
  expect(decodeJson(encodeJson(values))).toEqual(values);
});

test("a name is chosen that is free and not reserved", () => {
  const table = { id: "9", schema: "public", table: "t" };
  const taken = new Set<string>();
  const names: string[] = [];
  for (let n = 0; n < 6; n++) {
    const name = chooseTableName(table, (folded) => taken.has(folded));
    taken.add(foldName(name));
    names.push(name);
  }
  expect(names).toEqual(["t", "public.t", "public.t#9", "#9", "##9#2", "##9#3"]);
  expect(chooseTableName({ ...table, schema: "sqlite_x" }, () => false)).toBe("#9");
  expect(chooseDictionaryName("t", "c", (folded) => folded === "t:c:dictionary")).toBe("#t:c:dictionary");
});

test("errors keep class, codes, message and cause between threads", () => {
  const sqlite = Object.assign(new Error("no such table"), { code: "ERR_SQLITE_ERROR", errcode: 1 });
  for (const error of [new StoreError("s", { cause: sqlite }), new SnapshotFileError("f", { cause: sqlite }), sqlite]) {
    const copy = decodeError(structuredClone(encodeError(error)));
    expect(copy).toEqual(error);
    expect(copy.constructor).toBe(error.constructor);
    expect(copy.cause).toEqual(error.cause);
  }
  expect(decodeError(encodeError("text")).message).toBe("text");
});

test("the statement cache is bounded, keeps what is used, and what has fallen out still works", () => {
  const db = new DatabaseSync(":memory:");
  const cache = new StatementCache(db, 10);
  const often = cache.get("SELECT 1");
  const rare = cache.get("SELECT 2");
  for (let n = 0; n < 100; n++) {
    cache.get(`SELECT ${n} + 1`);
    expect(cache.get("SELECT 1")).toBe(often);
    expect(cache.size).toBeLessThanOrEqual(10);
  }
  expect(cache.get("SELECT 2")).not.toBe(rare);
  expect(rare.all()).toEqual([[2]]);
  db.close();
});
