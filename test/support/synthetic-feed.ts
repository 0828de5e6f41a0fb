/** A change feed of the synthetic decoder: what a test pushes, and what was said of it. */
import type { ChangeFeed, LoadResult, LoadTable, SortAnswer, SortQuestion } from "../../src/store/contract.ts";
import type { Store } from "../../src/store/store.ts";
import { loadTable, type Rows, type TableOptions, writeStreams } from "./store-fixture.ts";
import { decoderUrl, type SyntheticMessage } from "./synthetic-decoder.ts";

export interface OpenedFeed {
  readonly feed: ChangeFeed;
  /** The last position that readers see. */
  position(): bigint;
  readonly applied: { transactions: number; changes: number; ids: readonly string[] }[];
  readonly givenUp: { ids: readonly string[]; why: string }[];
  readonly failures: Error[];
  readonly sorted: (readonly SortQuestion[])[];
  /** Pushes messages. */
  send(...messages: readonly SyntheticMessage[]): void;
  /** Pushes a transaction; its position is the number of its commit unless given. */
  transact(id: number, messages: readonly SyntheticMessage[], position?: number): void;
  /** Resolves once readers see all before the position. */
  reached(position: number | bigint): Promise<void>;
  /** Resolves once tables were given up or the feed has failed. */
  ended(): Promise<void>;
}

export interface FeedBehaviour {
  /** The origin's order of texts. */
  readonly compare?: (a: string, b: string) => number;
  readonly sort?: (codec: unknown, questions: readonly SortQuestion[]) => Promise<SortAnswer>;
  readonly onPosition?: (position: bigint) => void;
  readonly onApplied?: (ids: readonly string[]) => void;
}

/** Unlike that of code units, as an origin's order is: letters of either case together. */
export function compareTexts(a: string, b: string): number {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()];
  if (x !== y) return x < y ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

export function answer(questions: readonly SortQuestion[], compare: (a: string, b: string) => number): SortAnswer {
  return {
    before: questions.map(({ text, candidates }) => candidates.filter((one) => compare(one, text) < 0).length),
    order: questions
      .map((_, index) => index)
      .sort((a, b) => compare(questions[a]?.text ?? "", questions[b]?.text ?? "")),
  };
}

export async function openFeed(store: Store, behaviour: FeedBehaviour = {}): Promise<OpenedFeed> {
  const { compare = compareTexts } = behaviour;
  let position = -1n;
  const waiting = new Set<() => void>();
  const check = (): void => {
    for (const one of waiting) one();
  };
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      // Nothing else keeps the process alive while it waits for the store's worker.
      const timer = setInterval(() => undefined, 1000);
      const one = (): void => {
        if (!condition()) return;
        waiting.delete(one);
        clearInterval(timer);
        resolve();
      };
      waiting.add(one);
      one();
    });
  const applied: OpenedFeed["applied"] = [];
  const givenUp: OpenedFeed["givenUp"] = [];
  const failures: Error[] = [];
  const sorted: (readonly SortQuestion[])[] = [];
  const feed = await store.openFeed({
    decoder: decoderUrl,
    sort: (codec, questions) => {
      sorted.push(questions);
      return behaviour.sort?.(codec, questions) ?? Promise.resolve(answer(questions, compare));
    },
    onPosition: (next) => {
      position = next;
      behaviour.onPosition?.(next);
      check();
    },
    onApplied: (counts) => {
      applied.push(counts);
      behaviour.onApplied?.(counts.ids);
    },
    onGivenUp: (ids, why) => {
      givenUp.push({ ids, why });
      check();
    },
    onFailed: (error) => {
      failures.push(error);
      check();
    },
  });
  const send = (...messages: readonly SyntheticMessage[]): void => {
    for (const message of messages) feed.push(new TextEncoder().encode(JSON.stringify(message)));
  };
  return {
    feed,
    position: () => position,
    applied,
    givenUp,
    failures,
    sorted,
    send,
    transact: (id, messages, at = id) => send({ begin: id }, ...messages, { commit: String(at) }),
    reached: (wanted) => until(() => position >= wanted || failures.length > 0),
    ended: () => until(() => givenUp.length + failures.length > 0),
  };
}

/** A watched table: its key is its first column, its relation has its own id. */
export function watchedTable({ columns = { id: "integer", name: "text" }, ...options }: TableOptions = {}): LoadTable {
  const [key = ""] = Object.keys(columns);
  const id = options.id ?? "1";
  return loadTable({ columns, watched: { relations: [id], key: [key] }, rowidColumn: key, ...options });
}

export interface HandOffOptions {
  /** Transactions that it shows: all below 100, unless given. */
  readonly transactions?: string;
  readonly position?: number;
  readonly timeoutMs?: number;
}

/** Retains, loads, and hands off. */
export async function loadLive(
  store: Store,
  { feed }: OpenedFeed,
  tables: readonly LoadTable[],
  streams: readonly Rows[],
  { transactions = "100:100:", position = 0, timeoutMs = 10_000 }: HandOffOptions = {},
): Promise<LoadResult> {
  await feed.retain(tables.map(({ id, watched }) => ({ id, relations: watched?.relations ?? [] })));
  const sink = await store.beginLoad({ decoder: decoderUrl, tables });
  await writeStreams(sink, streams);
  return await sink.finish({ snapshot: { transactions, position: BigInt(position) }, timeoutMs });
}
