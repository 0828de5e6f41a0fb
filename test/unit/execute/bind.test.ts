import { expect, test, vi } from "vitest";
import { createBinders } from "../../../src/dialects/postgres/parameters.ts";
import { type BoundValue, createBinder, UnknownPosition } from "../../../src/execute/bind.ts";
import type { Binding, TableColumn } from "../../../src/plan/term.ts";
import { ITEMS, types } from "../plan/items.ts";

const BINDERS = createBinders({ utc: () => true, dateText: (date) => date.toISOString() });
const NOT_ASKED = (): number | null => {
  throw new Error("no position was to be asked for");
};

function bind(binding: Binding, positions = NOT_ASKED): (value: unknown) => BoundValue {
  return createBinder(binding, BINDERS, positions);
}

function column(name: string): TableColumn {
  const found = ITEMS.columns.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no column ${name}`);
  return { table: ITEMS, column: found };
}

const value = (kind: Parameters<typeof types.builtin>[0]): Binding => ({ kind: "value", type: types.builtin(kind) });

const array = (element: Binding): Binding => ({ kind: "array", element, beside: { outerJoins: false } });

test("values, scaled numbers and keys are the origin's to bind", () => {
  expect(bind(value("int4"))("7")).toBe(7);
  expect(bind(value("int4"))("07")).toBeUndefined();
  expect(bind({ kind: "scaled", scale: 2, integer: null })("1.005")).toBe(100.5);
  expect(bind({ kind: "scaled", scale: 2, integer: types.builtin("int4") })("1.5")).toBeUndefined();
  expect(bind({ kind: "key" })("1.50")).toEqual(bind({ kind: "key" })("1.5"));
});

test.each([
  [0, 0],
  [10, 10],
  ["25", 25],
  ["007", 7],
  [7n, 7],
  [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [null, -1],
  [undefined, -1],
])("a row count of %s is %j", (given, bound) => {
  expect(bind({ kind: "rowCount", ifNull: -1 })(given)).toBe(bound);
});

test.each([-1, "-1", 1.5, "1.5", "1e3", "", " 1", Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -1n, 2n ** 53n, true])(
  "a row count of %s is the origin's to judge",
  (given) => {
    expect(bind({ kind: "rowCount", ifNull: 0 })(given)).toBeUndefined();
  },
);

test.each([
  ["a%_", "a*?"],
  ["[*]", "[[][*]]"],
  [null, null],
  [undefined, null],
  ["a\\", undefined],
  ["a\0", undefined],
  ["\ufffd", undefined],
  ["\uffff", undefined],
  ["\ud800", undefined],
  [7, undefined],
])("the pattern %j is %j", (given, bound) => {
  expect(bind({ kind: "glob", pattern: { syntax: "like", escape: "\\", fold: false } })(given)).toBe(bound);
});

test.each([
  ["sad", 0],
  ["happy", 2],
  [null, null],
  [undefined, null],
  ["Happy", undefined],
  ["constructor", undefined],
  [1, undefined],
])("the label %j is %j", (given, bound) => {
  expect(bind({ kind: "ordinal", type: column("mood").column.type })(given)).toBe(bound);
});

test("a position is looked up for the text that the column would hold", () => {
  const lookup = vi.fn(() => 3);
  expect(bind({ kind: "position", column: column("iso"), through: true }, lookup)("ab ")).toBe(3);
  expect(lookup).toHaveBeenCalledWith(column("iso"), "ab", true);
});

test("a position that is not known yet names its text", () => {
  const bound = bind({ kind: "position", column: column("name"), through: false }, () => null)("x");
  expect(bound).toBeInstanceOf(UnknownPosition);
  expect(bound).toMatchObject({ column: column("name"), text: "x" });
});

test("a position of zero is one", () => {
  expect(bind({ kind: "position", column: column("name"), through: false }, () => 0)("x")).toBe(0);
});

test.each([
  [null, null],
  [{}, undefined],
  ["a\0", undefined],
])("for %j no position is asked for", (given, bound) => {
  expect(bind({ kind: "position", column: column("name"), through: false })(given)).toBe(bound);
});

test.each<[Binding, unknown, string]>([
  [value("int4"), [1, "2", null], "[1,2,null]"],
  [value("int4"), [], "[]"],
  [value("int4"), "{1,2}", "[1,2]"],
  [value("text"), '{a," b"}', '["a"," b"]'],
  [value("text"), ["a", 'quote "', "\n", 7], '["a","quote \\"","\\n","7"]'],
  [value("bool"), [true, "f"], "[1,0]"],
  [{ kind: "scaled", scale: 2, integer: null }, ["1.5", 2, "0.001"], "[150,200,0.5]"],
  [value("float8"), [0.1, -1.5e-300, 1e300], "[0.1,-1.5e-300,1e+300]"],
  [value("int8"), ["9007199254740991"], "[9007199254740991]"],
])("an array of %j", (element, given, json) => {
  expect(bind(array(element))(given)).toBe(json);
});

test.each<[string, Binding, unknown]>([
  ["no array", value("int4"), "1,2"],
  ["an array that breaks off", value("int4"), "{1,2"],
  ["an array in a literal", value("int4"), "{{1},{2}}"],
  ["NULL in a literal", value("int4"), "{1,NULL}"],
  ["NULL", value("int4"), null],
  ["an array in an array", value("int4"), [[1], [2]]],
  ["an element in another spelling", value("int4"), [1, "1.0"]],
  ["an integer beyond 2^53", value("int8"), ["9007199254740993"]],
  ["a key", { kind: "key" }, ["1.5"]],
])("%s is not bound as an array", (_, element, given) => {
  expect(bind(array(element))(given)).toBeUndefined();
});

test("an empty array is not bound beside an outer join", () => {
  const beside = bind({ kind: "array", element: value("int4"), beside: { outerJoins: true } });
  expect([beside([]), beside("{}"), beside([1])]).toEqual([undefined, undefined, "[1]"]);
});
