import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { globOfRegex, globPattern } from "../../../src/execute/glob.ts";

test.each([
  ["", ""],
  ["abc", "abc"],
  ["%", "*"],
  ["_", "?"],
  ["a%b_c", "a*b?c"],
  ["\\%\\_\\\\", "%_\\"],
  ["\\a", "a"],
  ["*?[", "[*][?][[]"],
  ["\\*", "[*]"],
  ["]^-", "]^-"],
  ["%%__", "**??"],
  ["😀_", "😀?"],
])("LIKE %j is GLOB %j", (like, glob) => {
  expect(globPattern(like)).toBe(glob);
});

test.each(["\\", "a\\", "%\\\\\\"])("LIKE %j, which would raise, is none", (like) => {
  expect(globPattern(like)).toBeUndefined();
});

/** LIKE as the origin defines it, character by character. */
function like(text: readonly string[], pattern: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return text.length === 0;
  if (head === "%") return text.some((_, index) => like(text.slice(index), rest)) || like([], rest);
  if (head === "_") return text.length > 0 && like(text.slice(1), rest);
  const literal = head === "\\" ? rest[0] : head;
  return text[0] === literal && like(text.slice(1), head === "\\" ? rest.slice(1) : rest);
}

test("GLOB of the pattern matches what LIKE matches", () => {
  using db = new DatabaseSync(":memory:");
  const statement = db.prepare("SELECT ? GLOB ? AS matches");
  const character = fc.constantFrom("a", "b", "A", "%", "_", "\\", "*", "?", "[", "]", "^", "-", "ä", "😀", "\n");
  const strings = fc.array(character, { maxLength: 6 });
  fc.assert(
    fc.property(strings, strings, (text, pattern) => {
      const glob = globPattern(pattern.join(""));
      fc.pre(glob !== undefined);
      expect(statement.get(text.join(""), glob)).toEqual({ matches: like(text, pattern) ? 1 : 0 });
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["a!%b", "!", "a%b"],
  ["a\\%", "", "a\\*"],
  ["a\\%!_", "!", "a\\*_"],
])("LIKE %j ESCAPE %j is GLOB %j", (like, escaping, glob) => {
  expect(globPattern(like, escaping)).toBe(glob);
});

test.each([
  ["", "**"],
  ["abc", "*abc*"],
  ["^a.c$", "a?c"],
  ["^$", ""],
  ["a\\.b\\*", "*a.b[*]*"],
  ["%_", "*%_*"],
])("the regular expression %j is GLOB %j", (regex, glob) => {
  expect(globOfRegex(regex)).toBe(glob);
});

test.each(["a+", "a*", "a?", "(a)", "[a]", "a|b", "a{2}", "\\d", "\\ma", "a^b", "a$b", "***=a", "a\\"])(
  "the regular expression %j is none of these",
  (regex) => {
    expect(globOfRegex(regex)).toBeUndefined();
  },
);
