import { describe, expect, it } from "vitest";
import { sameRows } from "../../src/same-rows.ts";

const many = Array.from({ length: 3000 }, (_, id) => ({ id, name: `name ${id % 7}` }));

describe("the same rows", () => {
  it.each([
    [[], []],
    [[{ a: 1 }], [{ a: 1 }]],
    [
      [{ a: 1 }, { a: 2 }, { a: 1 }],
      [{ a: 1 }, { a: 1 }, { a: 2 }],
    ],
    [[{ a: Number.NaN }], [{ a: Number.NaN }]],
    [
      [{ a: new Date(5) }, { a: null }],
      [{ a: null }, { a: new Date(5) }],
    ],
    [
      [{ a: Buffer.from("x") }, { a: 1n }],
      [{ a: 1n }, { a: Buffer.from("x") }],
    ],
    [
      [{ a: { x: [1, { y: null }], z: 2 } }, { a: 1 }],
      [{ a: 1 }, { a: { z: 2, x: [1, { y: null }] } }],
    ],
    [many, many.toReversed()],
    [many.map(() => ({ a: 1 })), many.map(() => ({ a: 1 }))],
  ])("%#", async (a, b) => {
    expect(await sameRows(a, b)).toBe(true);
    expect(await sameRows(b, a)).toBe(true);
  });
});

describe("other rows", () => {
  it.each([
    [[], [{ a: 1 }]],
    [[{ a: 1 }], [{ a: "1" }]],
    [[{ a: 0 }], [{ a: -0 }]],
    [[{ a: 1 }], [{ b: 1 }]],
    [[{ a: null }], [{ a: undefined }]],
    [[{ a: new Date(5) }], [{ a: new Date(6) }]],
    [[{ a: 1 }], [{ a: 1n }]],
    [
      [{ a: 1 }, { a: 1 }, { a: 2 }],
      [{ a: 1 }, { a: 2 }, { a: 2 }],
    ],
    [
      [{ a: "x".repeat(1000) }, { a: 1 }],
      [{ a: 1 }, { a: `${"x".repeat(999)}y` }],
    ],
    [many, many.with(2999, { id: 0, name: "other" })],
  ])("%#", async (a, b) => {
    expect(await sameRows(a, b)).toBe(false);
    expect(await sameRows(b, a)).toBe(false);
  });
});
