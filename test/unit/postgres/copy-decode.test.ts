import { describe, expect, test } from "vitest";
import { createRowDecoder } from "../../../src/dialects/postgres/copy-decode.ts";
import type { FieldCodec } from "../../../src/dialects/postgres/copy-field.ts";
import type { RowDecoder, StoreValue } from "../../../src/store/contract.ts";

const SIGNATURE = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)]);
const TRAILER = Buffer.from([0xff, 0xff]);

function message(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(5);
  header[0] = 0x64;
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

function row(...fields: readonly (Buffer | null)[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeInt16BE(fields.length);
  return Buffer.concat([
    count,
    ...fields.flatMap((field) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(field === null ? -1 : field.length);
      return field === null ? [length] : [length, field];
    }),
  ]);
}

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const codecs: readonly FieldCodec[] = [
  { field: "a", as: "int4" },
  { field: "b", as: "text" },
  { field: "b", as: "textRank", dictionary: 0 },
];
const ranks = new Map([
  ["", 0],
  ["ä🙂", 1],
  ["x".repeat(300), 2],
]);

function decoder(batchRows = 2): { decoder: RowDecoder; rows: StoreValue[][] } {
  const batch: StoreValue[] = [];
  const rows: StoreValue[][] = [];
  const flush = (count: number): void => {
    for (let index = 0; index < count; index++)
      rows.push(batch.slice(index * codecs.length, (index + 1) * codecs.length));
  };
  return { decoder: createRowDecoder(codecs, batch, batchRows, flush, [ranks]), rows };
}

const stream = Buffer.concat([
  message(SIGNATURE, row(int4(-7), Buffer.from("ä🙂"))),
  message(row(null, Buffer.alloc(0))),
  message(row(int4(2_000_000_000), Buffer.from("x".repeat(300)))),
  message(row(int4(0), null)),
  message(row(int4(1), Buffer.alloc(0))),
  message(TRAILER),
]);
const expected = [
  [-7, "ä🙂", 1],
  [null, "", 0],
  [2_000_000_000, "x".repeat(300), 2],
  [0, null, null],
  [1, "", 0],
];

describe("the COPY decoder", () => {
  test("one field can fill two columns; facts", () => {
    const { decoder: decode, rows } = decoder();
    decode.push(stream);
    decode.end();
    expect(rows).toEqual(expected);
    expect(decode.rows).toBe(5);
    expect(decode.facts[0]).toMatchObject({ min: -7, max: 2_000_000_000, hasNull: true });
    expect(decode.facts[2]).toMatchObject({ min: null, max: null, hasNull: true });
  });

  test("borders of chunks fall anywhere, and the memory of a chunk is used again", () => {
    for (let size = 1; size < stream.length + 1; size++) {
      const { decoder: decode, rows } = decoder(3);
      const memory = Buffer.alloc(size);
      for (let at = 0; at < stream.length; at += size) {
        const part = stream.subarray(at, at + size);
        memory.fill(0xee);
        part.copy(memory);
        decode.push(memory.subarray(0, part.length));
        memory.fill(0xee);
      }
      decode.end();
      expect(rows).toEqual(expected);
    }
  });

  test("a header on its own, and no rows at all", () => {
    const { decoder: decode, rows } = decoder();
    decode.push(message(SIGNATURE));
    decode.push(message(TRAILER));
    decode.end();
    expect(rows).toEqual([]);
  });

  test.each<[string, Buffer]>([
    ["ends before its trailer", stream.subarray(0, stream.length - 7)],
    ["ends inside a message", stream.subarray(0, stream.length - 3)],
    ["nothing at all", Buffer.alloc(0)],
    ["not COPY in binary format", message(Buffer.from("1\tone\n2\ttwo\nthree\n"))],
    ["another message", Buffer.from([0x63, 0, 0, 0, 4])],
    ["too few fields", message(SIGNATURE, row(int4(1)))],
    ["too many fields", message(SIGNATURE, row(int4(1), null, null))],
    ["a field longer than its row", message(SIGNATURE, Buffer.from([0, 2, 0, 0, 0, 9, 0, 0]))],
    ["a row longer than its fields", message(SIGNATURE, row(int4(1), null), Buffer.from([1]))],
    ["an int4 of three bytes", message(SIGNATURE, row(Buffer.alloc(3), null))],
    ["a text without a rank", message(SIGNATURE, row(int4(1), Buffer.from("unheard of")))],
    ["a row after the end", Buffer.concat([message(SIGNATURE), message(TRAILER), message(row(null, null))])],
    ["critical flags", message(Buffer.from("PGCOPY\n\xff\r\n\0\0\x01\0\0\0\0\0\0", "latin1"), row(null, null))],
  ])("refuses a stream: %s", (_name, bytes) => {
    const { decoder: decode } = decoder();
    expect(() => {
      decode.push(bytes);
      decode.end();
    }).toThrow();
  });

  test("timestamps that do not fit when counted from 1970 are refused, not wrapped", () => {
    const batch: StoreValue[] = [];
    const decode = createRowDecoder([{ field: "t", as: "timestamp" } satisfies FieldCodec], batch, 1, () => {}, []);
    const late = Buffer.alloc(8);
    late.writeBigInt64BE(9_223_371_331_199_999_999n);
    expect(() => decode.push(message(SIGNATURE, row(late)))).toThrow(/294246/);
  });
});
