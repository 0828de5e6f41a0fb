import type { ChangeDecoder, ChangeHandler, CreateChangeDecoder, StreamTuple } from "../../../store/contract.ts";

// Runs in the store worker; knows neither the driver nor a connection.
export { createTextReader } from "./text-reader.ts";

/**
 * Decodes what a logical walsender puts into CopyData: XLogData with messages of `pgoutput` in version 1 of its
 * protocol, and keepalives.
 *
 * https://www.postgresql.org/docs/current/protocol-replication.html
 * https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export const createChangeDecoder: CreateChangeDecoder = (handler) => new PgoutputDecoder(handler);

const XLOG_DATA = 0x77;
const KEEPALIVE = 0x6b;
/** Type byte, start and end of the WAL, time. */
const XLOG_DATA_HEADER = 25;
const KEEPALIVE_LENGTH = 18;

const CHAR = {
  begin: 0x42,
  commit: 0x43,
  delete: 0x44,
  insert: 0x49,
  message: 0x4d,
  newTuple: 0x4e,
  origin: 0x4f,
  oldTuple: 0x4f,
  keyTuple: 0x4b,
  relation: 0x52,
  truncate: 0x54,
  update: 0x55,
  type: 0x59,
  null: 0x6e,
  unchanged: 0x75,
  text: 0x74,
} as const;

class PgoutputDecoder implements ChangeDecoder {
  readonly #handler: ChangeHandler;
  /** Number of columns of each relation that was described. */
  readonly #widths = new Map<string, number>();
  #inTransaction = false;

  constructor(handler: ChangeHandler) {
    this.#handler = handler;
  }

  push(message: Uint8Array): void {
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    if (bytes[0] === KEEPALIVE) {
      if (bytes.length !== KEEPALIVE_LENGTH) throw new Error(`A keepalive of ${bytes.length} bytes in the stream`);
      // Not the end of the WAL, as the documentation has it, but what was decoded and sent (WalSndKeepalive in
      // src/backend/replication/walsender.c). Inside of a transaction it says nothing that the commit does not.
      if (!this.#inTransaction) this.#handler.reached(bytes.readBigUInt64BE(1));
      return;
    }
    if (bytes[0] !== XLOG_DATA) throw new Error(`A message of type ${bytes[0]} in the change stream`);
    this.#change(bytes);
  }

  #change(bytes: Buffer): void {
    const reader = new MessageReader(bytes, XLOG_DATA_HEADER);
    const type = reader.byte();
    switch (type) {
      case CHAR.insert: {
        const relation = this.#relationOfRow(reader);
        this.#expect(reader, CHAR.newTuple);
        const row = this.#tuple(reader, relation);
        reader.end();
        this.#handler.insert(relation, row);
        break;
      }
      case CHAR.update: {
        const relation = this.#relationOfRow(reader);
        let part = reader.byte();
        let old: StreamTuple | null = null;
        if (part === CHAR.keyTuple || part === CHAR.oldTuple) {
          old = this.#tuple(reader, relation);
          part = reader.byte();
        }
        if (part !== CHAR.newTuple) throw new Error(`A part ${part} of an UPDATE in the change stream`);
        const row = this.#tuple(reader, relation);
        reader.end();
        this.#handler.update(relation, old, row);
        break;
      }
      case CHAR.delete: {
        const relation = this.#relationOfRow(reader);
        const part = reader.byte();
        if (part !== CHAR.keyTuple && part !== CHAR.oldTuple) {
          throw new Error(`A part ${part} of a DELETE in the change stream`);
        }
        const old = this.#tuple(reader, relation);
        reader.end();
        this.#handler.delete(relation, old);
        break;
      }
      case CHAR.begin: {
        if (this.#inTransaction) throw new Error("A transaction inside another one in the change stream");
        reader.skip(16);
        const transaction = reader.uint32();
        reader.end();
        this.#inTransaction = true;
        this.#handler.begin(transaction);
        break;
      }
      case CHAR.commit: {
        this.#expectTransaction();
        if (reader.byte() !== 0) throw new Error("Flags of a COMMIT that are not known in the change stream");
        reader.skip(8);
        const position = reader.uint64();
        reader.skip(8);
        reader.end();
        this.#inTransaction = false;
        this.#handler.commit(position);
        break;
      }
      case CHAR.relation:
        this.#relation(reader);
        break;
      case CHAR.truncate: {
        this.#expectTransaction();
        const count = reader.uint32();
        reader.skip(1);
        const relations: string[] = [];
        for (let index = 0; index < count; index++) relations.push(String(reader.uint32()));
        reader.end();
        this.#handler.truncate(relations);
        break;
      }
      // Names of types, where a transaction came from, and what applications send one another.
      case CHAR.type:
      case CHAR.origin:
      case CHAR.message:
        break;
      default:
        throw new Error(`A message "${String.fromCharCode(type)}" of pgoutput that is not known`);
    }
  }

  #relation(reader: MessageReader): void {
    const id = String(reader.uint32());
    const schema = reader.string();
    const name = reader.string();
    reader.skip(1);
    const count = reader.uint16();
    const columns: { name: string; isKey: boolean }[] = [];
    for (let index = 0; index < count; index++) {
      const flags = reader.byte();
      columns.push({ name: reader.string(), isKey: (flags & 1) !== 0 });
      reader.skip(8);
    }
    reader.end();
    this.#widths.set(id, count);
    // The system's own schema is sent as no name.
    this.#handler.relation({ id, schema: schema === "" ? "pg_catalog" : schema, name, columns });
  }

  #relationOfRow(reader: MessageReader): string {
    this.#expectTransaction();
    return String(reader.uint32());
  }

  #tuple(reader: MessageReader, relation: string): StreamTuple {
    const width = this.#widths.get(relation);
    const columns = reader.uint16();
    if (columns !== width) {
      throw new Error(
        `A row of ${columns} columns of relation ${relation}, which was described with ${width ?? "none"}`,
      );
    }
    const values = new Int32Array(columns);
    for (let column = 0; column < columns; column++) {
      const kind = reader.byte();
      if (kind === CHAR.text) values[column] = reader.value();
      else if (kind === CHAR.null) values[column] = NULL;
      else if (kind === CHAR.unchanged) values[column] = UNCHANGED;
      else throw new Error(`A value in a format "${String.fromCharCode(kind)}" in the change stream`);
    }
    return new Tuple(reader.bytes, values);
  }

  #expect(reader: MessageReader, expected: number): void {
    const found = reader.byte();
    if (found !== expected) throw new Error(`A part ${found} of a change in the stream, not ${expected}`);
  }

  #expectTransaction(): void {
    if (!this.#inTransaction) throw new Error("A change outside of a transaction in the stream");
  }
}

const NULL = -1;
const UNCHANGED = -2;

/** A row that is read when it is asked for: where its values begin in the message; their length stands before them. */
class Tuple implements StreamTuple {
  readonly #bytes: Buffer;
  readonly #values: Int32Array;

  constructor(bytes: Buffer, values: Int32Array) {
    this.#bytes = bytes;
    this.#values = values;
  }

  text(column: number): string | null | undefined {
    const at = this.#values[column];
    if (at === undefined) throw new RangeError(`There is no column ${column} in the row`);
    if (at === NULL) return null;
    if (at === UNCHANGED) return undefined;
    return this.#bytes.toString("utf8", at, at + this.#bytes.readInt32BE(at - 4));
  }
}

/** Reads one message from the front; throws where it is shorter than it should be. */
class MessageReader {
  readonly bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.#at = at;
  }

  byte(): number {
    return this.bytes.readUInt8(this.#at++);
  }

  uint16(): number {
    const value = this.bytes.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  uint32(): number {
    const value = this.bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  uint64(): bigint {
    const value = this.bytes.readBigUInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  string(): string {
    const end = this.bytes.indexOf(0, this.#at);
    if (end < 0) throw new RangeError("A name in the change stream has no end");
    const text = this.bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** Passes a value with its length before it; returns where it begins. */
  value(): number {
    const length = this.bytes.readInt32BE(this.#at);
    const start = this.#at + 4;
    if (length < 0 || length > this.bytes.length - start) throw new RangeError("A value is longer than its message");
    this.#at = start + length;
    return start;
  }

  end(): void {
    if (this.#at !== this.bytes.length)
      throw new RangeError("A message of the change stream is not as long as it says");
  }
}
