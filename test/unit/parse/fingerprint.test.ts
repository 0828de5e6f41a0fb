import fc from "fast-check";
import { parseSync } from "libpg-query";
import { beforeAll, describe, expect, test } from "vitest";
import { blankComments } from "../../../src/dialects/postgres/blank-comments.ts";
import { loadParser } from "../../../src/dialects/postgres/parse.ts";
import { tokenize } from "../../../src/dialects/postgres/tokenize.ts";
import { type Fingerprint, fingerprint } from "../../../src/parse/fingerprint.ts";
import type { Token } from "../../../src/parse/token.ts";
import { readFixture } from "./fixture.ts";

beforeAll(loadParser);

function of(sql: string): Fingerprint {
  return fingerprint(tokenize(sql) ?? expect.fail(`not tokenized: ${sql}`));
}

describe("one shape", () => {
  test.each([
    ["values", "select a from t where b = 5 and c = 'x'", "select a from t where b = 77 and c = 'it''s'"],
    ["spellings of a string", "select 'a'", "select $$b$$"],
    ["escapes", "select 'a'", "select E'\\n'"],
    ["joined strings", "select 'a'", "select 'b'\n'c'"],
    ["white space", "select a,b from t", "select  a ,\n\tb from t "],
    ["comments", "select a from t", "select/**/a--x\nfrom t"],
    ["signs", "select a-5", "select a - 6"],
    ["decimals", "select 1.5", "select .5e3"],
    ["numbers of one width", "select 3000000000", "select 9223372036854775807"],
  ])("%s", (_, one, other) => {
    expect(of(one).shape).toBe(of(other).shape);
  });
});

describe("different shapes", () => {
  test.each([
    ["kinds of constants", "select 5", "select '5'"],
    ["integers and decimals", "select 5", "select 5.0"],
    ["int4 and int8", "select 2147483647", "select 2147483649"],
    ["int8 and numeric", "select 9223372036854775807", "select 9223372036854775809"],
    ["-2147483648, an int4, and other int8", "select -2147483648", "select -2147483649"],
    ["-9223372036854775808, an int8, and other numerics", "select -9223372036854775808", "select -9223372036854775809"],
    ["quoted names and strings", "select 'a'", 'select "a"'],
    ["quoted and plain names", 'select "A"', "select A"],
    ["one name with a blank and two", 'select "a b"', 'select "a" "b"'],
    ["a quote in a name and two names", 'select "a"" ""b"', 'select "a" "b"'],
    ["parameters and constants", "select $1", "select 1"],
    ["parameters", "select $1", "select $2"],
    ["one operator and two", "select a <= b", "select a < = b"],
    ["a cast and two colons", "select a::b", "select a: :b"],
    ["a string and a type's constant", "select e'a'", "select e 'a'"],
    ["spellings that stay as they are", "select 0xFF", "select 0xFE"],
    ["one string and two", "select 'a'\n'b'", "select 'a' 'b'"],
    ["a shape's marker and what it stands for", "select '' x", "select ' x"],
  ])("%s", (_, one, other) => {
    expect(of(one).shape).not.toBe(tokenize(other) === null ? null : of(other).shape);
  });
});

const PADDING = fc.constantFrom(" ", "  ", "\n", "\t", " -- c 'x'\n", "/* ' */", " /* a /* b */ */ ");
const INT4 = fc.integer({ min: 0, max: 2147483647 }).map(String);
const INT8 = fc.bigInt({ min: 2147483649n, max: 9223372036854775807n }).map(String);
const DECIMAL = fc.tuple(fc.nat(), fc.nat()).map(([whole, part]) => `${whole}.${part}`);
const STRING = fc.string({ unit: "grapheme", maxLength: 8 }).filter((text) => !text.includes("\0"));

/** Another value that the same marker stands for, as the text of a constant and as its value. */
function replacement(token: Token): fc.Arbitrary<{ readonly text: string; readonly value: string }> {
  const plain = (text: string) => ({ text, value: text });
  switch (token.kind) {
    case "string":
      return STRING.map((value) => ({ text: `'${value.replaceAll("'", "''")}'`, value }));
    case "decimal":
      return token.value === "9223372036854775808" ? fc.constant(plain(token.value)) : DECIMAL.map(plain);
    case "integer":
      if (token.value === "2147483648") return fc.constant(plain(token.value));
      return (BigInt(token.value) <= 2147483647n ? INT4 : INT8).map(plain);
    default:
      return fc.constant(plain(token.value));
  }
}

const LITERALS: ReadonlySet<string> = new Set(["integer", "decimal", "string"]);

/** The same statement with other constants, white space and comments. */
function variants(tokens: readonly Token[]): fc.Arbitrary<{ readonly sql: string; readonly literals: string[] }> {
  const pieces = tokens.map((token) => fc.tuple(PADDING, replacement(token)));
  return fc.tuple(...pieces).map((parts) => ({
    // a line comment needs its line break before the first token too
    sql: parts.map(([padding, { text }]) => padding + text).join(""),
    literals: parts.flatMap(([, { value }], index) => (LITERALS.has(tokens[index]?.kind ?? "") ? [value] : [])),
  }));
}

/** The tree without places and without the values of constants, wherever the grammar put them. */
function treeOf(sql: string): unknown {
  const parts = new Set(["location", "stmt_len", "stmt_location", "list_start", "list_end"]);
  const places = new Set([...parts, "rexpr_list_start", "rexpr_list_end", "name_location", "typmod"]);
  const walk = (node: unknown, constant: boolean): unknown => {
    if (Array.isArray(node)) return node.map((each) => walk(each, false));
    if (typeof node !== "object" || node === null) return node;
    const entries = Object.entries(node).filter(([key]) => !places.has(key));
    return Object.fromEntries(
      entries.map(([key, value]) => {
        if (constant && key !== "isnull" && key !== "boolval") return [key, "constant"];
        return [key, walk(value, key === "A_Const" || key === "Integer")];
      }),
    );
  };
  try {
    return walk(parseSync(blankComments(sql, tokenize(sql) ?? [])).stmts, false);
  } catch {
    return "unparsable";
  }
}

const STATEMENTS = ["queries.sql", "refusals.sql"]
  .flatMap(readFixture)
  .map(({ sql }) => ({ sql, tokens: tokenize(sql) ?? [] }))
  // adjacent strings on different lines would become one
  .filter(({ tokens }) => tokens.length > 0);

test("texts of one shape have one tree, and give back their constants", () => {
  const cases = fc.constantFrom(...STATEMENTS).chain(({ sql, tokens }) => fc.tuple(fc.constant(sql), variants(tokens)));
  fc.assert(
    fc.property(cases, ([sql, variant]) => {
      const { shape, literals } = of(variant.sql);
      expect(shape).toBe(of(sql).shape);
      expect(literals.map((literal) => literal.value)).toEqual(variant.literals);
      expect(treeOf(variant.sql)).toEqual(treeOf(sql));
    }),
    { numRuns: 3_000 },
  );
});

test("a shape is a text of its own shape", () => {
  const pieces = fc.constantFrom(
    "a",
    '"b c"',
    "5",
    "3000000001",
    "1.5",
    "'x'",
    "$1",
    "=",
    "<=",
    "-",
    "::",
    "(",
    ")",
    "*",
    ".",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const { shape } = of(parts.join(" "));
      expect(of(shape).shape).toBe(shape);
    }),
    { numRuns: 5_000 },
  );
});
