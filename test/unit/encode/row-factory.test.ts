import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createRowFactory } from "../../../src/encode/row-factory.ts";

test("keys in order, decoders applied, NULL never decoded", () => {
  const decode = (value: unknown): unknown => ({ value });
  const build = createRowFactory(["b", "a", "c"], [null, decode, decode]);
  expect(build([1, "x", null])).toStrictEqual({ b: 1, a: { value: "x" }, c: null });
  expect(Object.keys(build([1, 2, 3]))).toEqual(["b", "a", "c"]);
  expect(Object.getPrototypeOf(build([1, 2, 3]))).toBe(Object.prototype);
});

test("of two columns of one name the last value counts, at the first one's place", () => {
  const build = createRowFactory(["x", "y", "x"], [null, null, null]);
  expect(Object.entries(build([1, 2, 3]))).toEqual([
    ["x", 3],
    ["y", 2],
  ]);
});

test("no name is code", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.string().filter((name) => name !== "__proto__"),
        { maxLength: 5 },
      ),
      (names) => {
        const build = createRowFactory(
          names,
          names.map(() => null),
        );
        const row = build(names.map((_, index) => index));
        expect(row).toStrictEqual(Object.fromEntries(names.map((name, index) => [name, index])));
      },
    ),
  );
  const names = ['"', "\\", "\n", "\u2028", "`", "});", "constructor", "toString", "0", ""];
  const build = createRowFactory(
    names,
    names.map(() => null),
  );
  expect(build(names.map(String))).toEqual(Object.fromEntries(names.map((name) => [name, name])));
});

test("works where code must not be made from strings", () => {
  const module = fileURLToPath(new URL("../../../src/encode/row-factory.ts", import.meta.url));
  const program = `
    const { createRowFactory } = await import(${JSON.stringify(module)});
    const build = createRowFactory(["a", "b", "a"], [null, (value) => value + 1, null]);
    process.stdout.write(JSON.stringify([build([1, 2, 3]), build([1, null, null])]));`;
  const flags = ["--disallow-code-generation-from-strings", "--input-type=module", "--eval", program];
  const output = execFileSync(process.execPath, flags, { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } });
  expect(JSON.parse(output)).toEqual([
    { a: 3, b: 3 },
    { a: null, b: null },
  ]);
});
