import { expect, test } from "vitest";
import type { Store } from "../../../src/store/store.ts";
import { openStore, writeStreams } from "../../support/store-fixture.ts";
import { decoderUrl, type SyntheticMessage } from "../../support/synthetic-decoder.ts";
import {
  answer,
  compareTexts,
  type FeedBehaviour,
  loadLive,
  type OpenedFeed,
  openFeed,
  watchedTable,
} from "../../support/synthetic-feed.ts";

const STEP = 2 ** 16;

const TABLE = watchedTable({
  columns: { id: "integer", name: "text", "name:rank": { rank: 0 } },
  dictionaries: [{ column: "name", codec: "text", keep: false }],
});
const ORDERS: SyntheticMessage = { relation: "1", name: "orders", columns: ["id", "name"] };

async function named(
  texts: readonly string[],
  behaviour?: FeedBehaviour,
): Promise<{ readonly store: Store; readonly feed: OpenedFeed }> {
  const { store } = openStore();
  const feed = await openFeed(store, behaviour);
  feed.send({ reached: "0" }, ORDERS);
  const sorted = [...texts].sort(compareTexts);
  await loadLive(store, feed, [TABLE], [sorted.map((text) => [text]), texts.map((text, id) => [id, text, text])]);
  return { store, feed };
}

function dictionaryOf(store: Store): [number, string][] {
  const name = store.tables.get("1")?.dictionaries.get("name");
  return store.statement(`SELECT rank, value FROM "${name}" ORDER BY rank`).all() as [number, string][];
}

/** Ids in the order of their texts' ranks. */
function ordered(store: Store): unknown[] {
  return store.statement('SELECT name FROM orders ORDER BY "name:rank", id').all().flat();
}

const add = (id: number, text: string): SyntheticMessage => ({ insert: "1", row: [String(id), text] });

test("ranks of a watched table are spaced, and its dictionaries are kept", async () => {
  const { store } = await named(["b", "a", "C"]);
  expect(dictionaryOf(store)).toEqual([
    [STEP, "a"],
    [2 * STEP, "b"],
    [3 * STEP, "C"],
  ]);
});

test("new texts come in front, between and behind, without a change of other ranks", async () => {
  const { store, feed } = await named(["b", "d", "f"]);
  const before = store.tables.get("1");
  feed.transact(100, [add(10, "a"), add(11, "C"), add(12, "e1"), add(13, "e2"), add(14, "z"), add(15, "b")]);
  await feed.reached(100);
  const words = ["a", "b", "b", "C", "d", "e1", "e2", "f", "z"];
  expect(ordered(store)).toEqual(words);
  const dictionary = dictionaryOf(store);
  expect(dictionary.map(([, text]) => text)).toEqual([...new Set(words)]);
  expect(dictionary).toEqual(
    expect.arrayContaining([
      [STEP, "b"],
      [2 * STEP, "d"],
      [3 * STEP, "f"],
    ]),
  );
  const after = store.tables.get("1");
  expect(after?.dictionaryCommit).toBe(after?.rowsCommit);
  expect(after?.dictionaryCommit).toBeGreaterThan(before?.dictionaryCommit ?? 0);
  // One question for all of them.
  expect(feed.sorted).toHaveLength(1);
});

test("a text that is known is not asked for, and no text is ever forgotten", async () => {
  const { store, feed } = await named(["b", "d"]);
  const commit = store.tables.get("1")?.dictionaryCommit;
  feed.transact(100, [{ delete: "1", old: ["0", null] }]);
  feed.transact(101, [add(10, "b"), { update: "1", row: ["1", "b"] }]);
  await feed.reached(101);
  expect(feed.sorted).toEqual([]);
  expect(ordered(store)).toEqual(["b", "b"]);
  expect(dictionaryOf(store).map(([, text]) => text)).toEqual(["b", "d"]);
  expect(store.tables.get("1")?.dictionaryCommit).toBe(commit);
});

test("an empty dictionary asks for the order of the new texts only", async () => {
  const { store, feed } = await named([]);
  feed.transact(100, [add(1, "x")]);
  await feed.reached(100);
  expect(feed.sorted).toEqual([]);
  feed.transact(101, [add(2, "y"), add(3, "w")]);
  await feed.reached(101);
  expect(ordered(store)).toEqual(["w", "x", "y"]);
});

test("a large dictionary is searched in few questions of few candidates", async () => {
  const texts = Array.from({ length: 20_000 }, (_, n) => `text ${String(n).padStart(6, "0")}`);
  const { store, feed } = await named(texts);
  feed.transact(100, [add(30_000, "text 012345x"), add(30_001, "text 000000x"), add(30_002, "u"), add(30_003, "a")]);
  await feed.reached(100);
  expect(feed.sorted.length).toBeLessThanOrEqual(4);
  expect(feed.sorted.flat().every(({ candidates }) => candidates.length <= 100)).toBe(true);
  const all = ordered(store);
  expect(all).toEqual([...all].sort((a, b) => compareTexts(String(a), String(b))));
  expect(all).toHaveLength(20_004);
});

test("the batch waits for its texts, what was seen before stays, other commands go on", async () => {
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { store, feed } = await named(["b", "d"], {
    sort: async (codec, questions) => {
      expect(codec).toBe("text");
      asked.resolve();
      await go.promise;
      return answer(questions, compareTexts);
    },
  });
  feed.transact(100, [{ update: "1", row: ["0", "c"] }]);
  await asked.promise;
  feed.transact(101, [{ delete: "1", old: ["1", null] }]);
  await store.ensureIndex("1", ["name"]);
  expect(feed.position()).toBe(0n);
  expect(feed.feed.waitingBytes).toBeGreaterThan(0);
  expect(ordered(store)).toEqual(["b", "d"]);
  go.resolve();
  await feed.reached(101);
  expect(ordered(store)).toEqual(["c"]);
});

test("a gap that is exhausted has the dictionary numbered anew, in the same commit", async () => {
  const { store, feed } = await named(["a", "z"]);
  const version = store.tables.get("1")?.version;
  // Each one between the last and "z", and then each between "a" and the last: the gaps are halved.
  const words = Array.from({ length: 40 }, (_, n) => `m${"x".repeat(n)}`);
  for (const [index, text] of words.entries()) {
    feed.transact(100 + index, [add(10 + index, text)]);
    await feed.reached(100 + index);
    const all = ordered(store);
    expect(all).toEqual(["a", ...words.slice(0, index + 1), "z"]);
  }
  expect(store.tables.get("1")?.version).toBeGreaterThan((version ?? 0) + 1);
  const wrong = store.statement(
    `SELECT count(*) FROM orders o LEFT JOIN "${store.tables.get("1")?.dictionaries.get("name")}" d
     ON d.rank = o."name:rank" WHERE d.value IS NOT o.name`,
  );
  expect(wrong.get()).toEqual([0]);
});

test("texts that cannot be sorted give the table up, not the feed", async () => {
  const { store, feed } = await named(["b"], { sort: () => Promise.reject(new Error("no connection")) });
  feed.transact(100, [add(1, "c"), add(2, "d")]);
  await feed.reached(100);
  expect(feed.givenUp).toEqual([{ ids: ["1"], why: expect.stringContaining("no connection") }]);
  expect(feed.failures).toEqual([]);
  expect(store.tables.size).toBe(0);
});

test("very many new texts at once give the table up", async () => {
  const { feed } = await named(["b"]);
  feed.transact(
    100,
    Array.from({ length: 5001 }, (_, n) => add(10 + n, `text ${n}`)),
  );
  await feed.reached(100);
  expect(feed.givenUp).toEqual([{ ids: ["1"], why: expect.stringContaining("5000 new texts") }]);
});

test("texts that came during a load are placed before it is handed off", async () => {
  const { store } = openStore();
  const feed = await openFeed(store);
  feed.send({ reached: "0" }, ORDERS);
  await feed.feed.retain([{ id: "1", relations: ["1"] }]);
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [TABLE] });
  await writeStreams(sink, [
    [["b"], ["d"]],
    [
      [0, "b", "b"],
      [1, "d", "d"],
    ],
  ]);
  feed.transact(100, [add(2, "c"), add(3, "a")], 1);
  feed.transact(101, [{ update: "1", row: ["2", "E"] }], 2);
  await feed.reached(2);
  const finishing = sink.finish({ snapshot: { transactions: "100:100:", position: 2n }, timeoutMs: 10_000 });
  expect(await finishing).toMatchObject({ kind: "loaded" });
  expect(ordered(store)).toEqual(["a", "b", "d", "E"]);
  feed.transact(102, [add(4, "Dd")], 3);
  await feed.reached(3);
  expect(ordered(store)).toEqual(["a", "b", "d", "Dd", "E"]);
});
