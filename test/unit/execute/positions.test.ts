import { expect, test } from "vitest";
import type { Column } from "../../../src/catalog.ts";
import { Positions } from "../../../src/execute/positions.ts";
import type { Store } from "../../../src/store/store.ts";
import { openStore } from "../../support/store-fixture.ts";
import { compareTexts, loadLive, type OpenedFeed, openFeed, watchedTable } from "../../support/synthetic-feed.ts";

const TABLE = watchedTable({
  columns: { id: "integer", name: "text", "name:rank": { rank: 0 } },
  dictionaries: [{ column: "name", codec: "text", keep: true }],
});

// Positions look at nothing else of it.
const COLUMN = { name: "name" } as Column;

interface Opened {
  readonly store: Store;
  readonly feed: OpenedFeed;
  readonly positions: Positions;
  readonly questions: (readonly string[])[];
  /** The texts before a text, by its threshold; `null` if the origin would have to be asked. */
  before(text: string, through?: boolean): unknown[] | null;
  resolve(text: string): Promise<void>;
}

async function open(texts: readonly string[]): Promise<Opened> {
  const { store } = openStore();
  const feed = await openFeed(store);
  feed.send({ reached: "0" }, { relation: "1", name: "orders", columns: ["id", "name"] });
  await loadLive(store, feed, [TABLE], [texts.map((text) => [text]), texts.map((text, id) => [id, text, text])]);
  const positions = new Positions(store);
  const questions: (readonly string[])[] = [];
  const stored = () => {
    const table = store.tables.get("1");
    if (table === undefined) throw new Error("not loaded");
    return table;
  };
  return {
    store,
    feed,
    positions,
    questions,
    before: (text, through = false) => {
      const threshold = positions.lookup(stored(), "name", text, through);
      if (threshold === null) return null;
      return store
        .statement('SELECT name FROM orders WHERE "name:rank" < ? ORDER BY "name:rank"')
        .all(threshold)
        .flat();
    },
    resolve: (text) =>
      positions.resolve("1", COLUMN, text, (_, candidates, value) => {
        questions.push(candidates);
        return Promise.resolve(candidates.map((one) => compareTexts(one, value) < 0));
      }),
  };
}

test("a text that the column holds has its rank", async () => {
  const { before, questions } = await open(["a", "b", "c"]);
  expect(before("b")).toEqual(["a"]);
  expect(before("b", true)).toEqual(["a", "b"]);
  expect(questions).toEqual([]);
});

test.each([
  ["A", []],
  ["aa", ["a"]],
  ["B!", ["a", "b"]],
  ["z", ["a", "b", "c"]],
])("another one, %s, is asked for once", async (text, expected) => {
  const { before, resolve, questions } = await open(["a", "b", "c"]);
  expect(before(text)).toBe(null);
  await resolve(text);
  expect(before(text)).toEqual(expected);
  expect(before(text, true)).toEqual(expected);
  await resolve(text);
  expect(questions).toEqual([["a", "b", "c"]]);
});

test("in an empty column all texts have a place", async () => {
  const { before, resolve, questions } = await open([]);
  await resolve("x");
  expect(before("x")).toEqual([]);
  expect(questions).toEqual([]);
});

test("a text that comes right beside it has it asked for again, others do not", async () => {
  const { before, resolve, questions, feed } = await open(["a", "d", "g"]);
  await resolve("e");
  feed.transact(100, [{ insert: "1", row: ["10", "b"] }]);
  await feed.reached(100);
  expect(before("e")).toEqual(["a", "b", "d"]);
  feed.transact(101, [{ insert: "1", row: ["11", "f"] }]);
  await feed.reached(101);
  expect(before("e")).toBe(null);
  questions.length = 0;
  await resolve("e");
  expect(questions).toEqual([["f"]]);
  expect(before("e")).toEqual(["a", "b", "d"]);
  // The text itself.
  feed.transact(102, [{ insert: "1", row: ["12", "e"] }]);
  await feed.reached(102);
  expect(before("e", true)).toEqual(["a", "b", "d", "e"]);
});

test("a large column takes three rounds, wherever its texts came from", async () => {
  const texts = Array.from({ length: 30_000 }, (_, n) => String(n).padStart(6, "0"));
  const { before, resolve, questions, feed } = await open(texts);
  // Many texts in one gap: ranks are not evenly spread any more.
  feed.transact(
    100,
    Array.from(
      { length: 2000 },
      (_, n) => ({ insert: "1", row: [String(100_000 + n), `000500x${String(n).padStart(5, "0")}`] }) as const,
    ),
  );
  await feed.reached(100);
  await resolve("000500x01000y");
  expect(before("000500x01000y")).toHaveLength(501 + 1001);
  await resolve("020000x");
  expect(before("020000x")).toHaveLength(20_001 + 2000);
  expect(questions.length).toBeLessThanOrEqual(8);
  expect(questions.every((candidates) => candidates.length <= 128)).toBe(true);
});

test("the text at a position", async () => {
  const { store, positions } = await open(["a", "b"]);
  const table = store.tables.get("1");
  if (table === undefined) throw new Error("not loaded");
  expect(positions.textAt(table, "name", 2 ** 17)).toBe("b");
  expect(() => positions.textAt(table, "name", 1)).toThrow("no value at position 1");
});
