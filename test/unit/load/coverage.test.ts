import { expect, test } from "vitest";
import { covers, union } from "../../../src/load/coverage.ts";
import { ITEMS } from "../plan/items.ts";
import { planned, storedAlone, wanted } from "../plan/planning.ts";

test("a plan's columns, each in the encodings that it uses", () => {
  const set = wanted(planned(`SELECT id, "a:rank", seen FROM items WHERE name < 'm' ORDER BY exact`));
  expect([...set.columns.keys()].sort()).toEqual(["a:rank:value", "exact:key", "id", "name:rank", "seen:text"]);
  expect(set.columns.get("name:rank")).toEqual({ column: "name", encoding: "rank" });
  expect(set.columns.get("a:rank:value")).toEqual({ column: "a:rank", encoding: "value" });
  expect([...set.dictionaries]).toEqual(["name"]);
});

test("a plan without columns needs the rows: the primary key, else the first column", () => {
  const asked = { fields: ["n:int8"] };
  const sql = "SELECT count(*) AS n FROM items";
  expect([...wanted(planned(sql, asked)).columns.keys()]).toEqual(["id"]);
  const table = { ...ITEMS, primaryKey: [], columns: ITEMS.columns.slice(1) };
  expect([...wanted(planned(sql, { ...asked, table })).columns.keys()]).toEqual(["small"]);
});

test("a table covers what it was loaded for, and what needs less", () => {
  const loaded = storedAlone(planned("SELECT id, name FROM items WHERE name < 'm'"));
  const covered = (sql: string): boolean => covers(loaded, wanted(planned(sql)));
  expect(covered("SELECT id, name FROM items WHERE name < 'm'")).toBe(true);
  expect(covered("SELECT name FROM items WHERE id = 1")).toBe(true);
  expect(covered("SELECT id FROM items ORDER BY name")).toBe(true);
  expect(covered("SELECT small FROM items")).toBe(false);
  expect(covered("SELECT id FROM items WHERE title < 'm'")).toBe(false);
});

test("a column loaded for its order covers no look-up of constants in it", () => {
  const loaded = storedAlone(planned("SELECT name FROM items ORDER BY name"));
  expect(covers(loaded, wanted(planned("SELECT name FROM items ORDER BY name")))).toBe(true);
  expect(covers(loaded, wanted(planned("SELECT name FROM items WHERE name < 'm'")))).toBe(false);
});

test("the text of a value does not cover the value", () => {
  const loaded = storedAlone(planned("SELECT seen FROM items"));
  expect(covers(loaded, wanted(planned("SELECT seen FROM items WHERE seen IS NULL")))).toBe(false);
});

test("a union covers both", () => {
  const a = wanted(planned("SELECT id FROM items WHERE name < 'm'"));
  const b = wanted(planned("SELECT small FROM items WHERE title < 'm'"));
  const both = union(a, b);
  expect([...both.columns.keys()].sort()).toEqual(["id", "name:rank", "small", "title:rank"]);
  expect([...both.dictionaries].sort()).toEqual(["name", "title"]);
  expect([...a.columns.keys()].sort()).toEqual(["id", "name:rank"]);
});
