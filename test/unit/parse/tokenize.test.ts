import fc from "fast-check";
import { scanSync } from "libpg-query";
import { beforeAll, describe, expect, test } from "vitest";
import { loadParser } from "../../../src/dialects/postgres/parse.ts";
import { tokenize } from "../../../src/dialects/postgres/tokenize.ts";
import { readFixture } from "./fixture.ts";

beforeAll(loadParser);

const FIXTURES = ["queries.sql", "refusals.sql", "writes.sql", "session.sql"];

/**
 * Places of the tokens as Postgres' own scanner sees them, in bytes; `null` where it raises. Its JSON does not escape
 * control characters: then there is no answer.
 */
function scanned(sql: string): string[] | null | undefined {
  try {
    const tokens = scanSync(sql).tokens.filter((token) => !token.tokenName.endsWith("COMMENT"));
    return tokens.map((token) => `${token.start}-${token.end}`);
  } catch (error) {
    return error instanceof Error && error.message.startsWith("Bad control character") ? undefined : null;
  }
}

function expectAgreement(sql: string): void {
  const mine = tokenized(sql);
  if (mine === null || mine.length === 0) return;
  const theirs = scanned(sql);
  if (theirs !== undefined) expect(mine).toEqual(theirs);
}

function tokenized(sql: string): string[] | null {
  const bytes = (index: number) => Buffer.byteLength(sql.slice(0, index));
  return tokenize(sql)?.map((token) => `${bytes(token.start)}-${bytes(token.end)}`) ?? null;
}

function values(sql: string): string[] | null {
  return tokenize(sql)?.map((token) => `${token.kind} ${token.value}`) ?? null;
}

const ATOMS = [
  ..."()[],;.:+-*/<>=~!@#%^&|?` \n\t$'\"\\{}",
  ...["select", "a", "é", "日本", "😀", "x$y", "_a1", "e", "E", "n", "U&", "b", "date", "\u00a0", "\v"],
  ...['"x y"', '"q""q"', "'s'", "'it''s'", "''", "E'\\n'", "e'it''s'", "N'x'", "B'1'", "X'1F'", "U&'x'", 'U&"x"'],
  ...["$1", "$23", "$$d$$", "$t$a$$b$t$", "$é$x$é$", "$1a", "$a"],
  ...["5", "007", "1.5", ".5", "5.", "1e5", "1E-5", "1.5e+3", "1_000", "0xFF", "0o7", "0b11", "1a", "1e", "1..2"],
  ...["--c\n", "--c", "/*c*/", "/*a/*b*/c*/", "/*", "'a'\n'b'", "'a' \n\t 'b'", "E'a'\n'b'"],
  ...["<=", "<>", "!=", "=>", "::", ":=", "||", "->>", "@-", "#-", "<-", "=-"],
];

describe("agrees with Postgres' scanner", () => {
  test.each(FIXTURES.flatMap(readFixture))("$sql", ({ sql }) => {
    expectAgreement(sql);
  });

  test("on random texts, wherever it is sure", () => {
    const texts = fc.array(fc.constantFrom(...ATOMS), { minLength: 1, maxLength: 8 }).map((atoms) => atoms.join(""));
    fc.assert(
      fc.property(texts, (sql) => {
        expectAgreement(sql);
      }),
      { numRuns: 20_000 },
    );
  });

  test("on any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (sql) => {
        expectAgreement(sql);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("reads", () => {
  test.each([
    ["'it''s'", ["string it's"]],
    ["'a'\n 'b'", ["string ab"]],
    ["e'\\\\ \\n \\t'", ["string \\ \n \t"]],
    ["$$a'b$$ $x$$$y$x$", ["string a'b", "string $$y"]],
    ["5 007 0 2147483648", ["integer 5", "integer 7", "integer 0", "integer 2147483648"]],
    ["9223372036854775807 9223372036854775808", ["integer 9223372036854775807", "decimal 9223372036854775808"]],
    ["1.50 .5 5. 1e5 1E-5", ["decimal 1.50", "decimal .5", "decimal 5.", "decimal 1e5", "decimal 1E-5"]],
    ["1_000 0xFF 0o7 0b1", ["symbol 1_000", "symbol 0xFF", "symbol 0o7", "symbol 0b1"]],
    ["a=-5", ["word a", "symbol =", "symbol -", "integer 5"]],
    ["a@-5", ["word a", "symbol @-", "integer 5"]],
    ["a<-- x\nb", ["word a", "symbol <", "word b"]],
    ["a*/* x */b", ["word a", "symbol *", "word b"]],
    ['"a""b"."c d"', ['quoted "a""b"', "symbol .", 'quoted "c d"']],
    ["a::int b:=c d[1:2]", "a :: int b := c d [ 1 : 2 ]"],
    ["$1 $23", ["parameter $1", "parameter $23"]],
    ["date'2020-01-01'", ["word date", "string 2020-01-01"]],
    ["/* a /* b */ c */ x -- y", ["word x"]],
  ])("%s", (sql, expected) => {
    if (typeof expected === "string")
      expect(
        tokenize(sql)
          ?.map((token) => token.value)
          .join(" "),
      ).toBe(expected);
    else expect(values(sql)).toEqual(expected);
  });
});

test.each([
  ["an open string", "'a"],
  ["an open identifier", '"a'],
  ["an empty identifier", '""'],
  ["an open comment", "/* /* */"],
  ["an open dollar quote", "$a$ $b$"],
  ["an escape that depends on the encoding", "E'\\u0041'"],
  ["an escape that depends on a setting", "E'\\''"],
  ["an escape by number", "E'\\101'"],
  ["a bit string", "B'1'"],
  ["a national string", "N'a'"],
  ["a Unicode string", "U&'a'"],
  ["a Unicode identifier", 'U&"a"'],
  ["a comment inside of a joined string", "'a' -- b\n 'c'"],
  ["a number with a letter behind it", "1a"],
  ["a parameter with a letter behind it", "$1a"],
  ["a number that the longest match reads otherwise", "1e5$a$x$a$"],
  ["a NUL", "select 'a\0b'"],
  ["half of a surrogate pair", "select '\ud83d'"],
  ["a backslash", "\\d"],
])("is not sure of %s", (_, sql) => {
  expect(tokenize(sql)).toBeNull();
});
