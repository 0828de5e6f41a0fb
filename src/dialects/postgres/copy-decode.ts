import type { CreateRowDecoder, RowDecoder, StoreValue } from "../../store/contract.ts";
import type { FieldCodec, FieldReader } from "./copy-field.ts";
import {
  BoolReader,
  DateReader,
  Float8Reader,
  Int2Reader,
  Int4Reader,
  Int8Reader,
  ScaledReader,
  TimestampReader,
} from "./copy-numbers.ts";
import { CharReader, JsonbReader, NumericKeyReader, RankReader, TextReader, UuidReader } from "./copy-texts.ts";

/** Decodes `COPY … TO STDOUT (FORMAT binary)` with its CopyData framing, in the store worker. */
export const createRowDecoder: CreateRowDecoder = (codecs, batch, batchRows, flush, dictionaries) =>
  new CopyDecoder(codecs as readonly FieldCodec[], batch, batchRows, flush, dictionaries);

/** Type byte and length of a protocol message; the length counts itself but not the type. */
const HEADER = 5;
const COPY_DATA = 0x64;
const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");

/**
 * The stream is the server's CopyData messages as they came. "Messages sent from the backend will always correspond to
 * single data rows" (https://www.postgresql.org/docs/current/protocol-message-formats.html): a row never has to be put
 * together from several, so that chunk borders are a matter of whole messages. The first one starts with the file
 * header, the last one is the trailer.
 */
class CopyDecoder implements RowDecoder {
  readonly #readers: readonly FieldReader[];
  /** For each field of the stream the first column that reads it; further columns follow in `#next`. */
  readonly #firstColumn: Int32Array;
  /** For each column the next one that reads the same field, or -1. */
  readonly #next: Int32Array;
  readonly #batch: StoreValue[];
  readonly #batchRows: number;
  readonly #flush: (rows: number) => void;
  #batched = 0;
  #rows = 0;
  #started = false;
  #ended = false;
  /** The beginning of a message whose end is in the next chunk. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(
    codecs: readonly FieldCodec[],
    batch: StoreValue[],
    batchRows: number,
    flush: (rows: number) => void,
    dictionaries: readonly ReadonlyMap<string, number>[],
  ) {
    this.#readers = codecs.map((codec) => createFieldReader(codec, dictionaries));
    const fields = fieldsOf(codecs);
    this.#firstColumn = Int32Array.from(fields, (field) => codecs.findIndex((codec) => codec.field === field));
    this.#next = Int32Array.from(codecs, (codec, column) =>
      codecs.findIndex((other, position) => position > column && other.field === codec.field),
    );
    this.#batch = batch;
    this.#batchRows = batchRows;
    this.#flush = flush;
  }

  get rows(): number {
    return this.#rows;
  }

  get facts(): RowDecoder["facts"] {
    return this.#readers.map((reader) => reader.facts());
  }

  push(chunk: Uint8Array): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#rest.length > 0) {
      const missing = this.#missing(bytes);
      if (missing > bytes.length) {
        this.#rest = Buffer.concat([this.#rest, bytes]);
        return;
      }
      const message = Buffer.concat([this.#rest, bytes.subarray(0, missing)]);
      this.#rest = message.subarray(0, 0);
      this.#messages(message);
      bytes = bytes.subarray(missing);
    }
    const used = this.#messages(bytes);
    // A copy: the chunk's memory is used again.
    if (used < bytes.length) this.#rest = Buffer.from(bytes.subarray(used));
  }

  end(): void {
    if (!this.#ended || this.#rest.length > 0) throw new Error("The COPY stream broke off");
    if (this.#batched > 0) this.#flush(this.#batched);
    this.#batched = 0;
  }

  /** How many bytes of the chunk complete the message that `#rest` begins; more than there are if it does not end in it. */
  #missing(bytes: Buffer): number {
    const have = this.#rest.length;
    if (have + bytes.length < HEADER) return bytes.length + 1;
    const byteAt = (index: number): number => (index < have ? this.#rest[index] : bytes[index - have]) ?? 0;
    const length = byteAt(1) * 0x1000000 + ((byteAt(2) << 16) | (byteAt(3) << 8) | byteAt(4));
    return 1 + length - have;
  }

  /** Decodes the complete messages and returns where they end. */
  #messages(bytes: Buffer): number {
    const end = bytes.length;
    let at = 0;
    while (at + HEADER <= end) {
      if (bytes[at] !== COPY_DATA) throw new Error(`A message of type ${bytes[at]} in the COPY stream`);
      const next = at + 1 + bytes.readUInt32BE(at + 1);
      if (next > end) break;
      this.#row(bytes, at + HEADER, next);
      at = next;
    }
    return at;
  }

  #row(bytes: Buffer, from: number, to: number): void {
    let at = from;
    if (!this.#started) {
      at = this.#fileHeader(bytes, at, to);
      // A server may send the header on its own.
      if (at === to) return;
    }
    if (this.#ended) throw new Error("A row after the end of the COPY stream");
    const fields = this.#firstColumn.length;
    const count = bytes.readInt16BE(at);
    at += 2;
    if (count === -1) {
      this.#ended = true;
      return;
    }
    if (count !== fields) throw new Error(`A row of ${count} fields in the COPY stream, not ${fields}`);
    const base = this.#batched * this.#readers.length;
    for (let field = 0; field < fields; field++) {
      if (at + 4 > to) throw new Error("A row of the COPY stream is shorter than its fields");
      const length = bytes.readInt32BE(at);
      at += 4;
      if (length > to - at) throw new Error("A field of the COPY stream is longer than its row");
      let column = this.#firstColumn[field] as number;
      do {
        const reader = this.#readers[column] as FieldReader;
        if (length < 0) {
          reader.hasNull = true;
          this.#batch[base + column] = null;
        } else {
          this.#batch[base + column] = reader.read(bytes, at, length);
        }
        column = this.#next[column] as number;
      } while (column >= 0);
      if (length > 0) at += length;
    }
    if (at !== to) throw new Error("A row of the COPY stream is longer than its fields");
    this.#rows++;
    if (++this.#batched === this.#batchRows) {
      this.#batched = 0;
      this.#flush(this.#batchRows);
    }
  }

  #fileHeader(bytes: Buffer, from: number, to: number): number {
    const start = from + SIGNATURE.length;
    if (to < start + 8 || !bytes.subarray(from, start).equals(SIGNATURE)) {
      throw new Error("The stream is not COPY in binary format");
    }
    // Flags: bit 16 would announce oids, which no supported server sends; the other high bits are critical too.
    if (bytes.readUInt32BE(start) > 0xffff) throw new Error("The COPY stream has flags that are not known");
    this.#started = true;
    return start + 8 + bytes.readUInt32BE(start + 4);
  }
}

/** The fields of the stream, in order: those of the codecs, each once. */
export function fieldsOf(codecs: readonly FieldCodec[]): readonly string[] {
  return [...new Set(codecs.map((codec) => codec.field))];
}

function createFieldReader(codec: FieldCodec, dictionaries: readonly ReadonlyMap<string, number>[]): FieldReader {
  switch (codec.as) {
    case "int2":
      return new Int2Reader();
    case "int4":
      return new Int4Reader();
    case "int8":
      return new Int8Reader();
    case "date":
      return new DateReader();
    case "timestamp":
      return new TimestampReader();
    case "bool":
      return new BoolReader();
    case "float8":
      return new Float8Reader();
    case "text":
      return new TextReader();
    case "char":
      return new CharReader();
    case "jsonb":
      return new JsonbReader();
    case "uuid":
      return new UuidReader();
    case "numericKey":
      return new NumericKeyReader();
    case "scaled":
      return new ScaledReader(codec.scale);
    case "ordinal":
      return new RankReader(new Map(codec.labels.map((label, index) => [label, index])), false);
    case "textRank":
    case "charRank": {
      const ranks = dictionaries[codec.dictionary];
      if (ranks === undefined) throw new Error(`There is no dictionary ${codec.dictionary} for ${codec.field}`);
      return new RankReader(ranks, codec.as === "charRank");
    }
    default:
      return codec satisfies never;
  }
}
