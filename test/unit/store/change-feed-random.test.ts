import { expect, test } from "vitest";
import type { LoadTable, StoredTable } from "../../../src/store/contract.ts";
import type { Store } from "../../../src/store/store.ts";
import { openStore, writeStreams } from "../../support/store-fixture.ts";
import { decoderUrl, type SyntheticMessage, type SyntheticTuple } from "../../support/synthetic-decoder.ts";
import { answer, compareTexts, type OpenedFeed, openFeed, watchedTable } from "../../support/synthetic-feed.ts";

// Random transactions over two tables, in commits whose order is not that of their ids, loads and drops among them. After
// each visible commit the store is what a model says. `SEED=… vitest run` repeats a run.

const TRANSACTIONS = 250;

/** Wire texts by column. */
type Row = readonly (string | null)[];
type State = ReadonlyMap<string, ReadonlyMap<string, Row>>;

interface Spec {
  readonly table: LoadTable;
  readonly names: readonly string[];
  /** Of the key, among `names`. */
  readonly key: readonly number[];
  readonly value: (random: Random, column: number) => string | null;
  /** The row as the load brings it. */
  readonly load: (row: Row) => (string | number | bigint | null)[];
}

type Random = (below: number) => number;

function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const WORDS = ["a", "B", "b", "Zebra", "zoo", "", "apple", "Äpfel", "mm", "m"];

function word(random: Random): string {
  return `${WORDS[random(WORDS.length)]}${random(3) === 0 ? random(40) : ""}`;
}

const SPECS: readonly Spec[] = [
  {
    table: watchedTable({
      id: "1",
      table: "items",
      columns: { id: "integer", name: "text", "name:rank": { rank: 0 }, amount: "integer", ratio: "float" },
      dictionaries: [{ column: "name", codec: "text", keep: false }],
    }),
    names: ["id", "name", "amount", "ratio", "not cached"],
    key: [0],
    value: (random, column) => {
      if (column === 0) return String(random(60));
      if (random(8) === 0) return null;
      if (column === 1) return word(random);
      if (column === 2) return random(20) === 0 ? String(2n ** 60n + BigInt(random(1000))) : String(random(30) - 10);
      if (column === 3) return ["NaN", "-0", "0", "0.5", "1e300", "7"][random(6)] ?? null;
      return String(random(5));
    },
    load: ([id, name, amount, ratio]) => [
      Number(id),
      name ?? null,
      name ?? null,
      amount == null ? null : BigInt(amount),
      ratio == null ? null : Number(ratio),
    ],
  },
  {
    table: watchedTable({
      id: "2",
      table: "pairs",
      columns: { left: "text", right: "integer", note: "text" },
      watched: { relations: ["21", "22"], key: ["left", "right"] },
      rowidColumn: null,
    }),
    names: ["left", "right", "note"],
    key: [0, 1],
    value: (random, column) => {
      if (column === 0) return word(random);
      if (column === 1) return String(random(4));
      return random(3) === 0 ? null : word(random);
    },
    load: ([left, right, note]) => [left ?? null, Number(right), note ?? null],
  },
];

interface Transaction {
  readonly id: number;
  readonly messages: readonly SyntheticMessage[];
}

/** What happened: `states[n]` is what is there after the first `n` transactions. */
function historyOf(random: Random): { readonly transactions: Transaction[]; readonly states: State[] } {
  const states: State[] = [new Map(SPECS.map(({ table }) => [table.id, new Map()]))];
  const transactions: Transaction[] = [];
  const ids = Array.from({ length: TRANSACTIONS }, (_, index) => index + 1000);
  for (let index = 0; index < TRANSACTIONS; index++) {
    // A neighbour began earlier and commits later.
    const other = Math.min(TRANSACTIONS - 1, index + random(4));
    [ids[index], ids[other]] = [ids[other] ?? 0, ids[index] ?? 0];
  }
  for (const id of ids) {
    const tables = new Map([...(states.at(-1) ?? [])].map(([table, rows]) => [table, new Map(rows)]));
    const messages: SyntheticMessage[] = [];
    const changes = random(10) === 0 ? random(60) : random(5);
    for (let change = 0; change < changes; change++) {
      const spec = SPECS[random(SPECS.length)];
      const rows = tables.get(spec?.table.id ?? "");
      if (spec !== undefined && rows !== undefined) changeOne(random, spec, rows, messages);
    }
    states.push(tables);
    transactions.push({ id, messages });
  }
  return { transactions, states };
}

function keyOf(spec: Spec, row: Row): string {
  return JSON.stringify(spec.key.map((column) => row[column]));
}

function changeOne(random: Random, spec: Spec, rows: Map<string, Row>, messages: SyntheticMessage[]): void {
  const relations = spec.table.watched?.relations ?? [];
  const relation = relations[random(relations.length)] ?? "";
  const fresh = spec.names.map((_, column) => spec.value(random, column));
  const existing = [...rows.values()][random(rows.size)];
  const kind = random(20);
  if (kind === 0 && relations.length === 1) {
    rows.clear();
    messages.push({ truncate: [relation] });
  } else if (existing === undefined || kind < 8) {
    const key = keyOf(spec, fresh);
    if (rows.has(key)) return;
    rows.set(key, fresh);
    messages.push({ insert: relation, row: fresh });
  } else if (kind < 12) {
    rows.delete(keyOf(spec, existing));
    messages.push({ delete: relation, old: onlyKey(spec, existing) });
  } else {
    const kept = spec.names.map(() => random(3) > 0);
    const moves = random(3) === 0;
    const next = existing.map((value, column) => {
      const isKey = spec.key.includes(column);
      return (isKey ? moves : !kept[column]) ? (fresh[column] ?? null) : value;
    });
    const [from, to] = [keyOf(spec, existing), keyOf(spec, next)];
    if (from !== to && rows.has(to)) return;
    rows.delete(from);
    rows.set(to, next);
    // What is kept may be left out (an unchanged value that is stored apart), also when the key changes.
    const row: SyntheticTuple = next.map((value, column) =>
      value === existing[column] && !spec.key.includes(column) && random(2) === 0 ? 0 : value,
    );
    const old = from === to && random(2) === 0 ? {} : { old: onlyKey(spec, existing) };
    messages.push({ update: relation, ...old, row });
  }
}

function onlyKey(spec: Spec, row: Row): SyntheticTuple {
  return row.map((value, column) => (spec.key.includes(column) ? value : null));
}

/** What of the model is stored, in the order of the key. */
function expectedRows(spec: Spec, state: State | undefined): string[] {
  const rows = [...(state?.get(spec.table.id)?.values() ?? [])];
  return rows.map((row) => JSON.stringify(row.filter((_, column) => spec.names[column] !== "not cached"))).sort();
}

function storedRows(store: Store, spec: Spec, { storeName }: StoredTable): string[] {
  const columns = spec.names.filter((name) => spec.table.columns.some(({ column }) => column === name));
  const select = columns.map((name) => (name === "ratio" ? `"ratio"` : `CAST("${name}" AS TEXT)`));
  const rows = store.statement(`SELECT ${select.join(", ")} FROM "${storeName}"`).all();
  return rows
    .map((row) => JSON.stringify(row.map((value) => (typeof value === "number" ? numberText(value) : value))))
    .sort();
}

function numberText(value: number): string {
  if (Object.is(value, -0)) return "-0";
  return value === 1e300 ? "1e300" : String(value);
}

function check(store: Store, spec: Spec, state: State | undefined, versions: Map<string, string>): void {
  const stored = store.tables.get(spec.table.id);
  if (stored === undefined) return;
  expect(storedRows(store, spec, stored)).toEqual(expectedRows(spec, state));
  expect(stored.rows).toBe(state?.get(spec.table.id)?.size);
  expect(stored.rows).toBeLessThanOrEqual(stored.rowBound);
  // Facts are those of the version, and hold.
  const facts = JSON.stringify([[...stored.columns], [...stored.indexes], stored.rowBound], (_, value) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
  const version = [stored.version, ...stored.indexes.keys()].join(" ");
  expect(versions.get(version) ?? facts).toBe(facts);
  versions.set(version, facts);
  for (const [name, { min, max, hasNull, hasNaN, hasNegativeZero }] of stored.columns) {
    if (name === "name:rank") continue;
    for (const [text] of store
      .statement(
        `SELECT CASE typeof("${name}") WHEN 'integer' THEN CAST("${name}" AS TEXT) ELSE "${name}" END FROM "${stored.storeName}"`,
      )
      .all()) {
      if (text === null) expect(hasNull).toBe(true);
      else if (text === "NaN") expect(hasNaN || name !== "ratio").toBe(true);
      else if (name === "id" || name === "amount" || name === "right" || name === "ratio") {
        if (Object.is(text, -0)) expect(hasNegativeZero).toBe(true);
        const value = typeof text === "number" ? text : BigInt(String(text));
        expect(min !== null && min <= value && max !== null && max >= value).toBe(true);
      }
    }
  }
  for (const { columns, largestGroup } of stored.indexes.values()) {
    const list = columns.map((column) => `"${column}"`).join(", ");
    const [largest] =
      store
        .statement(
          `SELECT max(n) FROM (SELECT count(*) AS n FROM "${stored.storeName}"
           WHERE ${columns.map((column) => `"${column}" IS NOT NULL`).join(" AND ")} GROUP BY ${list})`,
        )
        .get() ?? [];
    expect(Number(largest ?? 0)).toBeLessThanOrEqual(largestGroup);
  }
  checkRanks(store, stored);
}

function checkRanks(store: Store, stored: StoredTable): void {
  const dictionary = stored.dictionaries.get("name");
  if (dictionary === undefined) return;
  const texts = store.statement(`SELECT value FROM "${dictionary}" ORDER BY rank`).all().map(String);
  expect(texts).toEqual([...texts].sort(compareTexts));
  const wrong = store
    .statement(
      `SELECT count(*) FROM "${stored.storeName}" t LEFT JOIN "${dictionary}" d ON d.rank = t."name:rank"
       WHERE t.name IS NOT d.value`,
    )
    .get();
  expect(wrong).toEqual([0]);
}

/** A snapshot that shows the first transactions of the history, and no other. */
function snapshotOf(transactions: readonly Transaction[], count: number): string {
  const shown = new Set(transactions.slice(0, count).map(({ id }) => id));
  const xmax = Math.max(1000, ...[...shown].map((id) => id + 1));
  const running = Array.from({ length: xmax - 1000 }, (_, index) => index + 1000).filter((id) => !shown.has(id));
  return `${running[0] ?? xmax}:${xmax}:${running.join(",")}`;
}

async function run(seed: number): Promise<void> {
  const random = randomOf(seed);
  const { transactions, states } = historyOf(random);
  const { store } = openStore();
  const versions = new Map<string, string>();
  let failure: unknown = null;
  const feed: OpenedFeed = await openFeed(store, {
    // The origin takes its time, in which loads end and tables are dropped.
    sort: async (_, questions) => {
      for (let turns = random(20); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      return answer(questions, compareTexts);
    },
    onPosition: (position) => {
      try {
        for (const spec of SPECS) check(store, spec, states[Number(position)], versions);
      } catch (error) {
        failure ??= error;
      }
    },
  });
  for (const { table, names } of SPECS) {
    for (const relation of table.watched?.relations ?? []) feed.send({ relation, name: table.table, columns: names });
  }
  feed.send({ reached: "0" });
  // All relations are known: none is a new part of the table that has several.
  await feed.feed.retain(SPECS.map(({ table: { id, watched } }) => ({ id, relations: watched?.relations ?? [] })));
  feed.feed.release(SPECS.map(({ table }) => table.id));
  let sent = 0;
  const loads: Promise<unknown>[] = [];
  const loading = new Set<Spec>();
  while (sent < TRANSACTIONS) {
    const step = random(10);
    if (step === 0) {
      const spec = SPECS[random(SPECS.length)];
      const others = SPECS.filter((other) => other !== spec && random(3) === 0);
      const specs = [spec, ...others].filter((one): one is Spec => one !== undefined && !loading.has(one));
      if (specs.length === 0) continue;
      for (const one of specs) loading.add(one);
      const tables = specs.map(({ table }) => table);
      const streamed = sent;
      const recent = await feed.feed.retain(
        tables.map(({ id, watched }) => ({ id, relations: watched?.relations ?? [] })),
      );
      const shown = Math.min(TRANSACTIONS, streamed + random(6));
      expect(recent.every((id) => transactions.slice(0, shown).some((one) => one.id === id))).toBe(true);
      const streams = specs.flatMap((one) => {
        const rows = [...(states[shown]?.get(one.table.id)?.values() ?? [])];
        const texts = [...new Set(rows.map((row) => row[1]).filter((text) => text != null))].sort(compareTexts);
        return [...(one.table.dictionaries.length > 0 ? [texts.map((text) => [text])] : []), rows.map(one.load)];
      });
      const sink = await store.beginLoad({ decoder: decoderUrl, tables });
      await writeStreams(sink, streams);
      const finished = sink.finish({
        snapshot: { transactions: snapshotOf(transactions, shown), position: BigInt(shown) },
        timeoutMs: 60_000,
      });
      loads.push(
        finished.then(async (result) => {
          expect(result.kind).toBe("loaded");
          for (const one of specs) loading.delete(one);
          for (const { table } of specs) {
            const columns = table.id === "1" ? ["amount"] : ["note"];
            if (random(2) === 0) await store.ensureIndex(table.id, columns).catch(() => undefined);
          }
        }),
      );
    } else if (step === 1 && random(5) === 0) {
      await store.drop([SPECS[random(SPECS.length)]?.table.id ?? ""]);
    } else if (step === 2) {
      feed.feed.settled(BigInt(Math.min(...transactions.slice(sent).map(({ id }) => id), 1000 + TRANSACTIONS)));
    } else {
      for (let count = random(6); count >= 0 && sent < TRANSACTIONS; count--) {
        const transaction = transactions[sent];
        sent += 1;
        if (transaction !== undefined) feed.transact(transaction.id, transaction.messages, sent);
      }
      if (random(3) === 0) await new Promise((resolve) => setImmediate(resolve));
      if (random(20) === 0) await feed.reached(sent);
    }
  }
  await feed.reached(TRANSACTIONS);
  await Promise.all(loads);
  expect(feed.failures).toEqual([]);
  expect(feed.givenUp).toEqual([]);
  if (failure !== null) throw failure;
  for (const spec of SPECS) check(store, spec, states[TRANSACTIONS], versions);
  expect(loads.length).toBeGreaterThan(0);
}

const FIRST = Number(process.env.SEED ?? Date.now() % 1_000_000);
const RUNS = process.env.SEED === undefined ? 5 : Number(process.env.RUNS ?? 1);

test.each(Array.from({ length: RUNS }, (_, index) => FIRST + index))(
  "the store is the model after each visible commit (SEED=%d)",
  run,
  60_000,
);
