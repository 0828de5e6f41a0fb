import { StoreError } from "../../errors.ts";
import type { ChangeDecoder, ChangeHandler, CreateChangeDecoder, StreamRelation, StreamTuple } from "../contract.ts";

/** Past these a transaction is not kept any more, only which relations it changes. */
const KEPT_ROWS = 200_000;
const KEPT_BYTES = 64 * 1024 * 1024;

const LENGTH_BYTES = 4;

export type Change =
  | { readonly kind: "insert"; readonly relation: StreamRelation; readonly row: StreamTuple }
  | {
      readonly kind: "update";
      readonly relation: StreamRelation;
      readonly old: StreamTuple | null;
      readonly row: StreamTuple;
    }
  | { readonly kind: "delete"; readonly relation: StreamRelation; readonly old: StreamTuple }
  | { readonly kind: "truncate"; readonly relation: StreamRelation };

/** A committed transaction of the stream. */
export interface Transaction {
  /** The lower 32 bits of its id. */
  readonly id: number;
  /** `null`: they were too many. */
  readonly changes: readonly Change[] | null;
  /** Ids of all relations that it changes. */
  readonly relations: ReadonlySet<string>;
  readonly bytes: number;
}

interface OpenTransaction {
  readonly id: number;
  changes: Change[] | null;
  readonly relations: Set<string>;
  bytes: number;
}

/** What a stream comes to, in its order. */
export interface TransactionHandler {
  transaction(transaction: Transaction, position: bigint): void;
  /** Nothing of the stream before the position is missing. */
  reached(position: bigint): void;
}

/** Puts the messages of a change stream together to transactions. Rows stay in the memory that they came in. */
export class TransactionReader implements ChangeHandler {
  readonly #decoder: ChangeDecoder;
  readonly #handler: TransactionHandler;
  readonly #relations = new Map<string, StreamRelation>();
  #open: OpenTransaction | null = null;

  constructor(create: CreateChangeDecoder, handler: TransactionHandler) {
    this.#handler = handler;
    this.#decoder = create(this);
  }

  /** Reads a batch: messages, each after its length. Throws on what the decoder does not know. */
  read(batch: ArrayBuffer): void {
    const view = new DataView(batch);
    for (let at = 0; at < batch.byteLength; ) {
      const length = view.getUint32(at, true);
      at += LENGTH_BYTES;
      this.#decoder.push(new Uint8Array(batch, at, length));
      if (this.#open !== null) {
        this.#open.bytes += length;
        if (this.#open.bytes > KEPT_BYTES) this.#open.changes = null;
      }
      at += length;
    }
  }

  begin(transaction: number): void {
    if (this.#open !== null) throw new StoreError("A transaction of the change stream began inside another one");
    this.#open = { id: transaction, changes: [], relations: new Set(), bytes: 0 };
  }

  relation(relation: StreamRelation): void {
    this.#relations.set(relation.id, relation);
  }

  insert(relation: string, row: StreamTuple): void {
    this.#add({ kind: "insert", relation: this.#relation(relation), row });
  }

  update(relation: string, old: StreamTuple | null, row: StreamTuple): void {
    this.#add({ kind: "update", relation: this.#relation(relation), old, row });
  }

  delete(relation: string, old: StreamTuple): void {
    this.#add({ kind: "delete", relation: this.#relation(relation), old });
  }

  truncate(relations: readonly string[]): void {
    for (const relation of relations) this.#add({ kind: "truncate", relation: this.#relation(relation) });
  }

  commit(position: bigint): void {
    const { id, changes, relations, bytes } = this.#current();
    this.#open = null;
    this.#handler.transaction({ id, changes, relations, bytes }, position);
  }

  reached(position: bigint): void {
    if (this.#open === null) this.#handler.reached(position);
  }

  #add(change: Change): void {
    const open = this.#current();
    open.relations.add(change.relation.id);
    if (open.changes !== null && open.changes.push(change) > KEPT_ROWS) open.changes = null;
  }

  #relation(id: string): StreamRelation {
    const relation = this.#relations.get(id);
    if (relation === undefined) throw new StoreError(`The change stream has not described relation ${id}`);
    return relation;
  }

  #current(): OpenTransaction {
    if (this.#open === null) throw new StoreError("The change stream has a change outside of a transaction");
    return this.#open;
  }
}
