import { describe, expect, test } from "vitest";
import { createChangeDecoder } from "../../../../src/dialects/postgres/stream/change-decode.ts";
import {
  endOfLog,
  positionText,
  readPosition,
  readPositionOf,
  tokenText,
} from "../../../../src/dialects/postgres/stream/position.ts";
import { showsAll } from "../../../../src/dialects/postgres/stream/snapshot.ts";
import type { ChangeHandler, StreamTuple } from "../../../../src/store/contract.ts";

describe("positions", () => {
  test("as the server writes them", () => {
    expect(readPosition("16/B374D848")).toBe(0x16b374d848n);
    expect(positionText(0x16b374d848n)).toBe("16/B374D848");
    for (const wrong of ["", "16", "16/", "G/0", "123456789/0", " 1/0"]) expect(readPosition(wrong)).toBeNull();
  });

  test("the end of a record that ends with its page, or with its segment", () => {
    const sizes = { block: 8192n, segment: 16n << 20n };
    const page = 3n * 8192n;
    expect(endOfLog(page + 24n, sizes)).toBe(page);
    expect(endOfLog(page + 40n, sizes)).toBe(page + 40n);
    expect(endOfLog(page + 32n, sizes)).toBe(page + 32n);
    expect(endOfLog(sizes.segment + 40n, sizes)).toBe(sizes.segment);
    expect(endOfLog(page + 4000n, sizes)).toBe(page + 4000n);
  });

  test("tokens of this cluster and of others", () => {
    const token = tokenText("7", 0x1_0000_0001n);
    expect(token).toBe("sqlmem1:7:1/1");
    expect(readPositionOf(token, "7")).toBe(0x1_0000_0001n);
    expect(readPositionOf(token, "8")).toBeNull();
  });
});

describe("what a snapshot shows", () => {
  test("finished transactions, not running ones nor those to come", () => {
    expect(showsAll("10:20:12,15", [])).toBe(true);
    expect(showsAll("10:20:12,15", [9, 10, 11, 13, 19])).toBe(true);
    for (const hidden of [12, 15, 20, 21, 1000]) expect(showsAll("10:20:12,15", [9, hidden])).toBe(false);
    expect(showsAll("10:10:", [9])).toBe(true);
    expect(showsAll("10:10:", [10])).toBe(false);
  });

  test("across the end of 32 bits", () => {
    const epoch = 1n << 32n;
    const snapshot = `${epoch - 5n}:${epoch + 5n}:${epoch - 3n},${epoch + 2n}`;
    expect(showsAll(snapshot, [4_294_967_290, 4_294_967_292, 0, 1, 4])).toBe(true);
    for (const hidden of [4_294_967_293, 2, 5, 6]) expect(showsAll(snapshot, [hidden])).toBe(false);
  });
});

const NOTHING: ChangeHandler = {
  begin: () => {},
  relation: () => {},
  insert: () => {},
  update: () => {},
  delete: () => {},
  truncate: () => {},
  commit: () => {},
  reached: () => {},
};

/** XLogData around a message of pgoutput, written in hex. */
function data(hex: string): Uint8Array {
  return Buffer.from(`77${"00".repeat(24)}${hex.replaceAll(" ", "")}`, "hex");
}

const BEGIN = data(`42 ${"00".repeat(16)} 000002a1`);
const COMMIT = data(`43 00 ${"00".repeat(8)} 0000000100000005 ${"00".repeat(8)}`);
/** Relation 16: `public.t (a, b)`, `a` its key. */
const RELATION = data(
  `52 00000010 ${Buffer.from("public\0t\0").toString("hex")} 64 0002 01 6100 00000017ffffffff 00 6200 00000019ffffffff`,
);
const INSERT = data("49 00000010 4e 0002 74 00000001 37 6e");

describe("messages of pgoutput", () => {
  test("a transaction, and positions outside of it", () => {
    const said: unknown[] = [];
    const texts = (row: StreamTuple): unknown[] => [row.text(0), row.text(1)];
    const decoder = createChangeDecoder({
      begin: (id) => said.push(["begin", id]),
      relation: ({ id, schema, name, columns }) =>
        said.push([id, schema, name, ...columns.map((column) => column.isKey)]),
      insert: (id, row) => said.push(["insert", id, ...texts(row)]),
      update: (id, old, row) => said.push(["update", id, old === null ? null : texts(old), ...texts(row)]),
      delete: (id, old) => said.push(["delete", id, ...texts(old)]),
      truncate: (ids) => said.push(["truncate", ...ids]),
      commit: (position) => said.push(["commit", position]),
      reached: (position) => said.push(["reached", position]),
    });
    const keepalive = Buffer.from(`6b 0000000000000009 ${"00".repeat(8)} 00`.replaceAll(" ", ""), "hex");
    for (const message of [
      keepalive,
      BEGIN,
      RELATION,
      keepalive,
      INSERT,
      data("55 00000010 4b 0002 74 00000001 37 6e 4e 0002 74 00000001 38 75"),
      data("55 00000010 4e 0002 74 00000001 38 6e"),
      data("44 00000010 4f 0002 74 00000001 38 74 00000000"),
      data("54 00000002 01 00000010 00000011"),
      data("4d 00 00"),
      COMMIT,
    ]) {
      decoder.push(message);
    }
    expect(said).toEqual([
      ["reached", 9n],
      ["begin", 0x2a1],
      ["16", "public", "t", true, false],
      ["insert", "16", "7", null],
      ["update", "16", ["7", null], "8", undefined],
      ["update", "16", null, "8", null],
      ["delete", "16", "8", ""],
      ["truncate", "16", "17"],
      ["commit", 0x1_0000_0005n],
    ]);
  });

  test.each([
    ["an empty message", [Buffer.alloc(0)]],
    ["another envelope", [Buffer.from("7800", "hex")]],
    ["another message", [BEGIN, data("53 00000001")]],
    ["a change outside of a transaction", [RELATION, INSERT]],
    ["a transaction in a transaction", [BEGIN, BEGIN]],
    ["a commit of none", [COMMIT]],
    ["a relation that was not described", [BEGIN, INSERT]],
    ["a value in binary", [BEGIN, RELATION, data("49 00000010 4e 0002 62 00000001 37 6e")]],
    ["a row of another width", [BEGIN, RELATION, data("49 00000010 4e 0001 6e")]],
    ["a row that breaks off", [BEGIN, RELATION, data("49 00000010 4e 0002 74 00000005 37")]],
    ["a row that goes on", [BEGIN, RELATION, data("49 00000010 4e 0002 6e 6e 6e")]],
    ["an old row that is not announced", [BEGIN, RELATION, data("44 00000010 4e 0002 6e 6e")]],
  ])("%s is refused", (_, messages) => {
    const decoder = createChangeDecoder(NOTHING);
    expect(() => {
      for (const message of messages) decoder.push(message);
    }).toThrow();
  });
});
