import { describe, expect, test } from "vitest";
import type { ColumnType, TypeKind } from "../../../src/catalog.ts";
import { createBinders } from "../../../src/dialects/postgres/parameters.ts";

const session = { utc: (): boolean => true, dateText: (date: Date): string => date.toISOString() };
const elsewhere = { ...session, utc: (): boolean => false };

function type(kind: TypeKind, more: Partial<ColumnType> = {}): ColumnType {
  return { kind, oid: 0, name: kind, modifier: -1, precision: null, labels: [], collation: null, ...more };
}

const { value, scaled, key } = createBinders(session);

describe("binding", () => {
  const cases: readonly (readonly [kind: TypeKind, given: unknown, bound: unknown])[] = [
    ["int4", 5, 5],
    ["int4", -0, 0],
    ["int4", "5", 5],
    ["int4", "-0", 0],
    ["int4", 5n, 5],
    ["int4", 2.5, undefined],
    ["int4", 2 ** 31, undefined],
    ["int4", "05", undefined],
    ["int4", " 5", undefined],
    ["int4", "", undefined],
    ["int4", true, undefined],
    ["int4", new Date(), undefined],
    ["int4", [5], undefined],
    ["int8", "9007199254740993", 9007199254740993n],
    // What pg sends for it: the shortest digits, not the value.
    ["int8", 2 ** 60, 1152921504606847000n],
    ["int8", 2 ** 70, undefined],
    ["bool", true, 1],
    ["bool", "f", 0],
    ["bool", 1, undefined],
    ["float8", -0, 0],
    ["float8", "-0", -0],
    ["float8", "1e400", undefined],
    ["float8", "1e-400", undefined],
    ["float8", Number.NaN, undefined],
    ["text", "a", "a"],
    ["text", 1.5, "1.5"],
    ["text", "a\0b", undefined],
    ["text", "\ud83d", undefined],
    ["text", {}, undefined],
    ["text", Buffer.from("a"), undefined],
    ["char", "ab  ", "ab"],
    ["uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ["uuid", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", undefined],
    ["date", "2024-02-29", 19_782],
    ["date", "2023-02-29", undefined],
    ["date", "2024-02-29T23:59:59.999Z", 19_782],
    ["date", "infinity", 2_147_483_647],
    ["date", new Date(Number.NaN), undefined],
    ["timestamp", "1970-01-01 00:00:00.000001+02", 1],
    ["timestamp", "1970-01-01T00:01", 60_000_000],
    ["timestamp", "1970-01-01 24:00:00", undefined],
    ["timestamp", "today", undefined],
    ["timestamptz", "1970-01-01T00:00:00+02:00", -7_200_000_000],
    ["timestamptz", "1970-01-01", 0],
    ["timestamptz", new Date(1500), 1_500_000],
    ["json", "{}", undefined],
    ["wire", "x", undefined],
  ];

  test("each type takes its own spellings", () => {
    for (const [kind, given, bound] of cases)
      expect([kind, given, value(type(kind))(given)]).toEqual([kind, given, bound]);
  });

  test("NULL and undefined are NULL for every type", () => {
    for (const kind of [
      "int2",
      "int4",
      "int8",
      "bool",
      "float8",
      "text",
      "char",
      "uuid",
      "date",
      "timestamp",
      "timestamptz",
      "numeric",
      "enum",
      "json",
      "wire",
    ] as const) {
      expect([kind, value(type(kind))(null), value(type(kind))(undefined)]).toEqual([kind, null, null]);
    }
    expect([scaled(2, null)(null), key()(undefined)]).toEqual([null, null]);
  });

  test("objects that turn themselves into parameters are not looked into", () => {
    const given = { toPostgres: () => "5", toString: () => "5" };
    for (const kind of ["int4", "text", "date", "uuid", "numeric"] as const)
      expect(value(type(kind))(given)).toBe(undefined);
  });

  test("a time without offset is the origin's to read, unless its session is in UTC", () => {
    const bind = createBinders(elsewhere).value(type("timestamptz"));
    expect(bind("2020-01-01 00:00:00")).toBe(undefined);
    expect(bind("2020-01-01 00:00:00Z")).toBe(1_577_836_800_000_000);
  });

  test("enums take their labels only", () => {
    const bind = value(type("enum", { labels: ["a", "b"] }));
    expect([bind("b"), bind("c"), bind(1)]).toEqual(["b", undefined, undefined]);
  });

  test("scaled numbers: exact, or the half between two", () => {
    const bind = scaled(2, null);
    const given = [
      1,
      "1.5",
      "1.50",
      "1.505",
      "-1.505",
      "-0.001",
      0.07,
      "92233720368547758.07",
      "92233720368547758.08",
      "1e5",
      "70368744177664.001",
    ];
    expect(given.map(bind)).toEqual([
      100,
      150,
      150,
      150.5,
      -150.5,
      -0.5,
      7,
      9223372036854775807n,
      undefined,
      undefined,
      undefined,
    ]);
    expect(value(type("numeric", { precision: [10, 2] }))("1.505")).toBe(undefined);
    const integer = scaled(2, type("int4"));
    expect([integer(5), integer("5.0"), integer(3e9)]).toEqual([500, undefined, undefined]);
  });

  test("numbers without a scale of their own keep the text that the origin shows", () => {
    expect(["007.50", "-0.00", "5", 1.25, ".5", "-5.", "."].map(value(type("numeric")))).toEqual([
      "7.50",
      "0.00",
      "5",
      "1.25",
      "0.5",
      "-5",
      undefined,
    ]);
  });
});
