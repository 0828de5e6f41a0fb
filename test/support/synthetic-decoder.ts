/**
 * A decoder module as the store worker loads one, for a bulk format of the tests' own: a row is a line, its values are
 * separated by tabs and written as JSON, `NULL` and `NaN` aside; integers of any size.
 */
import type { ColumnFacts } from "../../src/store/column-set.ts";
import type {
  CreateChangeDecoder,
  CreateRowDecoder,
  CreateTextReader,
  StoreValue,
  StreamTuple,
} from "../../src/store/contract.ts";

/** `rank` looks the text up in the dictionary at that position. */
export type SyntheticCodec = "integer" | "float" | "text" | "bytes" | { readonly rank: number };

export type SyntheticValue = number | bigint | string | Uint8Array | null;

export const decoderUrl: string = import.meta.url;

/** A chunk with these rows. */
export function encodeRows(rows: readonly (readonly SyntheticValue[])[]): Uint8Array {
  return new TextEncoder().encode(rows.map((row) => `${row.map(encodeValue).join("\t")}\n`).join(""));
}

function encodeValue(value: SyntheticValue): string {
  if (value === null) {
    return "NULL";
  }
  if (typeof value === "bigint" || Number.isNaN(value)) {
    return String(value);
  }
  if (Object.is(value, -0)) {
    return "-0";
  }
  return JSON.stringify(value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value);
}

const NEWLINE = 10;

export const createRowDecoder: CreateRowDecoder = (codecs, batch, batchRows, flush, dictionaries) => {
  const facts = codecs.map(() => new Facts());
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let tail: Uint8Array = new Uint8Array(0);
  let rows = 0;
  let filled = 0;

  const decode = (text: string, codec: SyntheticCodec): StoreValue => {
    if (text === "NULL") {
      return null;
    }
    if (text === "NaN") {
      return text;
    }
    if (codec === "integer") {
      const integer = BigInt(text);
      return BigInt.asIntN(54, integer) === integer ? Number(integer) : integer;
    }
    if (codec === "float") {
      return Number(text);
    }
    const value: string = JSON.parse(text);
    if (codec === "text") {
      return value;
    }
    if (codec === "bytes") {
      return new Uint8Array(Buffer.from(value, "hex"));
    }
    const rank = dictionaries[codec.rank]?.get(value);
    if (rank === undefined) {
      throw new Error(`synthetic: ${text} is not in dictionary ${codec.rank}`);
    }
    return rank;
  };

  const addLine = (line: string): void => {
    const texts = line.split("\t");
    if (texts.length !== codecs.length) {
      throw new Error(`synthetic: ${texts.length} values for ${codecs.length} columns`);
    }
    for (const [column, text] of texts.entries()) {
      const value = decode(text, codecs[column] as SyntheticCodec);
      batch[filled * codecs.length + column] = value;
      facts[column]?.see(value);
    }
    rows += 1;
    filled += 1;
    if (filled === batchRows) {
      flush(filled);
      filled = 0;
    }
  };

  return {
    push(chunk) {
      const bytes = new Uint8Array(tail.length + chunk.length);
      bytes.set(tail);
      bytes.set(chunk, tail.length);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        addLine(decoder.decode(bytes.subarray(start, end)));
        start = end + 1;
      }
      tail = bytes.slice(start);
    },
    end() {
      if (tail.length > 0) {
        throw new Error("synthetic: the stream ended within a row");
      }
      if (filled > 0) {
        flush(filled);
        filled = 0;
      }
    },
    get rows() {
      return rows;
    },
    get facts() {
      return facts.map((fact) => fact.asFacts());
    },
  };
};

class Facts {
  #min: number | bigint | null = null;
  #max: number | bigint | null = null;
  #hasNull = false;
  #hasNaN = false;
  #hasNegativeZero = false;

  see(value: StoreValue): void {
    if (typeof value === "number" || typeof value === "bigint") {
      this.#min = this.#min === null || value < this.#min ? value : this.#min;
      this.#max = this.#max === null || value > this.#max ? value : this.#max;
      this.#hasNegativeZero ||= Object.is(value, -0);
    }
    this.#hasNull ||= value === null;
    this.#hasNaN ||= value === "NaN";
  }

  asFacts(): ColumnFacts {
    return {
      min: this.#min,
      max: this.#max,
      hasNull: this.#hasNull,
      hasNaN: this.#hasNaN,
      hasNegativeZero: this.#hasNegativeZero,
    };
  }
}

/** A row of the change stream: wire texts, `0` for what is left out. */
export type SyntheticTuple = readonly (string | null | 0)[];

/** A message of the change stream, as JSON. */
export type SyntheticMessage =
  | { readonly begin: number }
  | { readonly relation: string; readonly name: string; readonly columns: readonly string[] }
  | { readonly insert: string; readonly row: SyntheticTuple }
  | { readonly update: string; readonly old?: SyntheticTuple; readonly row: SyntheticTuple }
  | { readonly delete: string; readonly old: SyntheticTuple }
  | { readonly truncate: readonly string[] }
  /** Digits. */
  | { readonly commit: string }
  | { readonly reached: string };

export const createChangeDecoder: CreateChangeDecoder = (handler) => ({
  push(bytes) {
    const message = JSON.parse(new TextDecoder().decode(bytes)) as SyntheticMessage;
    if ("begin" in message) handler.begin(message.begin);
    else if ("relation" in message) {
      const columns = message.columns.map((name, index) => ({ name, isKey: index === 0 }));
      handler.relation({ id: message.relation, schema: "public", name: message.name, columns });
    } else if ("insert" in message) handler.insert(message.insert, tuple(message.row));
    else if ("update" in message) {
      handler.update(message.update, message.old === undefined ? null : tuple(message.old), tuple(message.row));
    } else if ("delete" in message) handler.delete(message.delete, tuple(message.old));
    else if ("truncate" in message) handler.truncate(message.truncate);
    else if ("commit" in message) handler.commit(BigInt(message.commit));
    else if ("reached" in message) handler.reached(BigInt(message.reached));
    else throw new Error(`synthetic: ${JSON.stringify(message)}`);
  },
});

function tuple(row: SyntheticTuple): StreamTuple {
  return {
    text(column) {
      const text = row[column];
      return text === 0 ? undefined : (text ?? null);
    },
  };
}

export const createTextReader: CreateTextReader = (codec) => (text) => {
  if (text === "NaN" && codec !== "text") return text;
  switch (codec as SyntheticCodec) {
    case "integer": {
      const integer = BigInt(text);
      return BigInt.asIntN(54, integer) === integer ? Number(integer) : integer;
    }
    case "float":
      return Number(text);
    case "bytes":
      return new Uint8Array(Buffer.from(text, "hex"));
    default:
      return text;
  }
};
