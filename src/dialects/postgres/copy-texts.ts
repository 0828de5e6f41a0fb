import { FieldReader, wrongLength } from "./copy-field.ts";
import { keyOfBinary, readBinaryNumeric } from "./numeric-key.ts";

export class TextReader extends FieldReader {
  read(bytes: Buffer, at: number, length: number): string {
    return bytes.toString("utf8", at, at + length);
  }
}

/** Where the text ends without the blanks that char(n) is padded with and does not compare. */
function trimmedEnd(bytes: Buffer, at: number, length: number): number {
  let end = at + length;
  while (end > at && bytes[end - 1] === 0x20) end--;
  return end;
}

export class CharReader extends FieldReader {
  read(bytes: Buffer, at: number, length: number): string {
    return bytes.toString("utf8", at, trimmedEnd(bytes, at, length));
  }
}

/** `jsonb_send`: one byte for the version of the format, then the text. */
export class JsonbReader extends FieldReader {
  read(bytes: Buffer, at: number, length: number): string {
    if (bytes[at] !== 1) throw new Error(`jsonb in version ${bytes[at]} of its format`);
    return bytes.toString("utf8", at + 1, at + length);
  }
}

export class UuidReader extends FieldReader {
  read(bytes: Buffer, at: number, length: number): string {
    if (length !== 16) throw wrongLength("uuid", length);
    const hex = bytes.toString("hex", at, at + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

/** The position of the text in a dictionary. */
export class RankReader extends FieldReader {
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #trim: boolean;

  constructor(ranks: ReadonlyMap<string, number>, trim: boolean) {
    super();
    this.#ranks = ranks;
    this.#trim = trim;
  }

  read(bytes: Buffer, at: number, length: number): number {
    const end = this.#trim ? trimmedEnd(bytes, at, length) : at + length;
    const rank = this.#ranks.get(bytes.toString("utf8", at, end));
    if (rank === undefined) throw new Error("A value without a rank: it is not among the distinct values");
    return rank;
  }
}

export class NumericKeyReader extends FieldReader {
  read(bytes: Buffer, at: number): Uint8Array {
    return keyOfBinary(readBinaryNumeric(bytes, at));
  }
}
