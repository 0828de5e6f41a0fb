import { createChangeDecoder, createTextReader } from "../../src/dialects/postgres/stream/change-decode.ts";
import type {
  ChangeFeed,
  ChangeFeedOptions,
  ChangeHandler,
  Snapshot,
  StoreValue,
  StreamRelation,
  StreamTuple,
  WatchedTable,
} from "../../src/store/contract.ts";

/** A physical column of a followed table. */
export interface FollowedColumn {
  readonly column: string;
  readonly codec: unknown;
}

type Change =
  | { readonly kind: "insert"; readonly relation: string; readonly row: StreamTuple }
  | { readonly kind: "update"; readonly relation: string; readonly old: StreamTuple | null; readonly row: StreamTuple }
  | { readonly kind: "delete"; readonly relation: string; readonly old: StreamTuple }
  | { readonly kind: "truncate"; readonly relations: readonly string[] };

interface Transaction {
  readonly id: number;
  readonly changes: readonly Change[];
  readonly relations: ReadonlyMap<string, StreamRelation>;
}

interface Followed {
  readonly watched: WatchedTable;
  readonly columns: readonly FollowedColumn[];
  readonly keyAt: readonly number[];
  readonly rows: Map<string, StoreValue[]>;
}

/** A change feed that keeps tables in memory, decoding on this thread: what a store makes of the stream. */
export class RecordingFeed implements ChangeFeed {
  readonly options: ChangeFeedOptions;
  readonly transactions: Transaction[] = [];
  position = 0n;
  waitingBytes = 0;
  closed = false;
  /** Set by a test: nothing is applied while it is true. */
  held = false;
  readonly #relations = new Map<string, StreamRelation>();
  readonly #tables = new Map<string, Followed>();
  readonly #retained = new Map<string, { readonly relations: ReadonlySet<string>; readonly since: Transaction[] }>();
  readonly #decoder: ReturnType<typeof createChangeDecoder>;
  readonly #queue: Uint8Array[] = [];
  readonly #drained: (() => void)[] = [];
  #recent: number[] = [];
  #open: { id: number; changes: Change[] } | undefined;
  #moved: (() => void)[] = [];

  constructor(options: ChangeFeedOptions) {
    this.options = options;
    const add = (change: Change): void => void this.#open?.changes.push(change);
    const handler: ChangeHandler = {
      begin: (id) => {
        this.#open = { id, changes: [] };
      },
      relation: (relation) => void this.#relations.set(relation.id, relation),
      insert: (relation, row) => add({ kind: "insert", relation, row }),
      update: (relation, old, row) => add({ kind: "update", relation, old, row }),
      delete: (relation, old) => add({ kind: "delete", relation, old }),
      truncate: (relations) => add({ kind: "truncate", relations }),
      commit: (position) => {
        if (this.#open !== undefined) this.#commit({ ...this.#open, relations: new Map(this.#relations) });
        this.#open = undefined;
        this.#advance(position);
      },
      reached: (position) => this.#advance(position),
    };
    this.#decoder = createChangeDecoder(handler);
  }

  push(message: Uint8Array): void {
    this.waitingBytes += message.length;
    // A copy; `slice` of a Buffer is a view.
    this.#queue.push(new Uint8Array(message));
    if (!this.held) this.flow();
  }

  /** Applies what waits. */
  flow(): void {
    this.held = false;
    for (const message of this.#queue.splice(0)) {
      this.waitingBytes -= message.length;
      try {
        if (!this.closed) this.#decoder.push(message);
      } catch (error) {
        this.closed = true;
        this.options.onFailed(error as Error);
      }
    }
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  async retain(tables: readonly { readonly id: string; readonly relations: readonly string[] }[]): Promise<number[]> {
    for (const { id, relations } of tables) this.#retained.set(id, { relations: new Set(relations), since: [] });
    return [...this.#recent];
  }

  release(ids: readonly string[]): void {
    for (const id of ids) this.#retained.delete(id);
  }

  settled(below: bigint): void {
    const low = Number(below & 0xffff_ffffn);
    this.#recent = this.#recent.filter((id) => ((id - low) | 0) >= 0);
  }

  close(): void {
    this.closed = true;
  }

  /** Puts the rows of a load in place, and what was streamed since that its snapshot does not show. */
  async finish(
    id: string,
    watched: WatchedTable,
    columns: readonly FollowedColumn[],
    rows: readonly StoreValue[][],
    snapshot: Snapshot,
  ): Promise<void> {
    await this.reach(snapshot.position);
    const key = watched.key ?? [];
    const keyAt = key.map((name) => columns.findIndex(({ column }) => column === name));
    const followed: Followed = { watched, columns, keyAt, rows: new Map() };
    for (const row of rows) followed.rows.set(keyText(followed, row), row);
    const since = this.#retained.get(id)?.since ?? [];
    this.#retained.delete(id);
    this.#tables.set(id, followed);
    for (const transaction of since) {
      if (!visible(snapshot.transactions, transaction.id)) this.#apply(id, followed, transaction);
    }
  }

  async reach(position: bigint): Promise<void> {
    while (this.position < position) await new Promise<void>((resolve) => this.#moved.push(resolve));
  }

  rows(id: string): StoreValue[][] {
    return [...(this.#tables.get(id)?.rows.values() ?? [])];
  }

  #commit(transaction: Transaction): void {
    if (transaction.changes.length === 0) return;
    this.transactions.push(transaction);
    this.#recent.push(transaction.id);
    for (const { relations, since } of this.#retained.values()) {
      if (transaction.changes.some((change) => relationsOf(change).some((relation) => relations.has(relation)))) {
        since.push(transaction);
      }
    }
    for (const [id, followed] of this.#tables) this.#apply(id, followed, transaction);
    this.options.onApplied({
      transactions: 1,
      changes: transaction.changes.length,
      ids: [...this.#tables.keys()],
    });
  }

  #apply(id: string, table: Followed, transaction: Transaction): void {
    for (const change of transaction.changes) {
      if (!relationsOf(change).some((relation) => table.watched.relations.includes(relation))) continue;
      if (table.watched.key === null || (change.kind === "truncate" && table.watched.relations.length > 1)) {
        this.#tables.delete(id);
        this.options.onGivenUp([id], `a ${change.kind}`);
        return;
      }
      if (change.kind === "truncate") {
        table.rows.clear();
        continue;
      }
      const relation = transaction.relations.get(change.relation);
      if (relation === undefined) throw new Error(`relation ${change.relation} was not described`);
      if (change.kind === "insert") {
        const row = read(table, relation, change.row, undefined);
        table.rows.set(keyText(table, row), row);
      } else {
        const named = change.kind === "delete" ? change.old : (change.old ?? change.row);
        const key = keyText(table, read(table, relation, named, undefined));
        const old = table.rows.get(key);
        if (old === undefined) throw new Error(`a ${change.kind} of a row that is not there: ${key}`);
        table.rows.delete(key);
        if (change.kind === "update") {
          const row = read(table, relation, change.row, old);
          table.rows.set(keyText(table, row), row);
        }
      }
    }
  }

  #advance(position: bigint): void {
    if (position <= this.position) return;
    this.position = position;
    this.options.onPosition(position);
    for (const resolve of this.#moved.splice(0)) resolve();
  }
}

function relationsOf(change: Change): readonly string[] {
  return change.kind === "truncate" ? change.relations : [change.relation];
}

function keyText(table: Followed, row: readonly StoreValue[]): string {
  return table.keyAt.map((at) => `${typeof row[at]}:${row[at]}`).join("|");
}

function read(
  table: Followed,
  relation: StreamRelation,
  tuple: StreamTuple,
  old: readonly StoreValue[] | undefined,
): StoreValue[] {
  return table.columns.map(({ column, codec }, index) => {
    const text = tuple.text(relation.columns.findIndex(({ name }) => name === column));
    if (text === undefined) return old?.[index] ?? null;
    return text === null ? null : createTextReader(codec)(text);
  });
}

/** Written on its own, against the server's documentation: not what is under test. */
function visible(snapshot: string, low: number): boolean {
  const [xmin = "0", xmax = "0", xip = ""] = snapshot.split(":");
  const is = (text: string): number => Number(BigInt(text) & 0xffff_ffffn);
  if (((low - is(xmin)) | 0) < 0) return true;
  if (((low - is(xmax)) | 0) >= 0) return false;
  return !xip.split(",").some((text) => text !== "" && is(text) === low);
}
