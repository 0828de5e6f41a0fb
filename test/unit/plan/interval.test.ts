import fc from "fast-check";
import { expect, test } from "vitest";
import { combine, contains, INT64, type Interval, point, rangeOfType, union } from "../../../src/plan/interval.ts";

const interval = fc
  .tuple(fc.bigInt(-50n, 50n), fc.bigInt(-50n, 50n))
  .map(([a, b]): Interval => (a < b ? { low: a, high: b } : { low: b, high: a }));

const OPERATORS = {
  "+": (x: bigint, y: bigint) => x + y,
  "-": (x: bigint, y: bigint) => x - y,
  "*": (x: bigint, y: bigint) => x * y,
  "/": (x: bigint, y: bigint) => x / y,
  "%": (x: bigint, y: bigint) => x % y,
} as const;

test.each(Object.keys(OPERATORS) as (keyof typeof OPERATORS)[])("x %s y lies in the combined range", (operator) => {
  fc.assert(
    fc.property(interval, interval, fc.nat(100), fc.nat(100), (a, b, i, j) => {
      const x = a.low + (BigInt(i) % (a.high - a.low + 1n));
      const y = b.low + (BigInt(j) % (b.high - b.low + 1n));
      const range = combine(operator, a, b);
      if (range === null) {
        expect(contains(b, point(0n))).toBe(true);
        return;
      }
      expect(contains(range, point(OPERATORS[operator](x, y)))).toBe(true);
    }),
  );
});

test.each(["/", "%"] as const)("x %s y has no range where y can be zero", (operator) => {
  expect(combine(operator, point(1n), { low: -1n, high: 1n })).toBeNull();
  expect(combine(operator, point(1n), { low: 0n, high: 1n })).toBeNull();
  expect(combine(operator, point(1n), { low: -1n, high: 0n })).toBeNull();
});

test("the one overflow of a division shows", () => {
  const range = combine("/", point(INT64.low), point(-1n));
  expect(range).not.toBeNull();
  expect(range !== null && contains(INT64, range)).toBe(false);
});

test("ranges of types", () => {
  expect(rangeOfType("int2")).toEqual({ low: -32768n, high: 32767n });
  expect(rangeOfType("int4")).toEqual({ low: -2147483648n, high: 2147483647n });
  expect(rangeOfType("int8")).toEqual(INT64);
  expect(rangeOfType("timestamp")).toEqual(INT64);
});

test("a union holds both", () => {
  fc.assert(
    fc.property(interval, interval, (a, b) => {
      expect(contains(union(a, b), a) && contains(union(a, b), b)).toBe(true);
    }),
  );
});
