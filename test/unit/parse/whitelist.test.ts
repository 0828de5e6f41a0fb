import fc from "fast-check";
import { type ParseResult, parseSync, type SelectStmt } from "libpg-query";
import { beforeAll, describe, expect, test } from "vitest";
import { blankComments } from "../../../src/dialects/postgres/blank-comments.ts";
import { lowerQuery } from "../../../src/dialects/postgres/lower-query.ts";
import { Lowering } from "../../../src/dialects/postgres/lowering.ts";
import { loadParser, parse } from "../../../src/dialects/postgres/parse.ts";
import { tokenize } from "../../../src/dialects/postgres/tokenize.ts";
import type { Statement } from "../../../src/parse/statement.ts";
import { readFixture } from "./fixture.ts";

beforeAll(loadParser);

function read(sql: string): Statement {
  return parse(sql, tokenize(sql) ?? []);
}

function selectOf(tree: ParseResult): SelectStmt {
  const node = tree.stmts?.[0]?.stmt;
  if (node === undefined || !("SelectStmt" in node)) return expect.fail("not a SELECT");
  return node.SelectStmt;
}

/** Nodes that hold one value, and can hold nothing else. */
const VALUES: ReadonlySet<string> = new Set(["String", "Integer", "A_Star", "ival", "fval", "sval", "boolval"]);

/** All nodes of a tree that have fields; `{ ColumnRef: … }` around a node only says its kind. */
function nodesIn(node: unknown): object[] {
  if (typeof node !== "object" || node === null) return [];
  const below = Object.entries(node).flatMap(([key, value]) => (VALUES.has(key) ? [] : nodesIn(value)));
  const keys = Object.keys(node);
  const wrapper = keys.length === 1 && /^[A-Z]/.test(keys[0] ?? "");
  return Array.isArray(node) || wrapper ? below : [node, ...below];
}

describe("the whitelist is closed: a field that nobody reads refuses", () => {
  const queries = [...readFixture("queries.sql"), ...readFixture("tables.sql")];
  test.each(queries)("$sql", ({ sql }) => {
    const tokens = tokenize(sql) ?? [];
    const count = nodesIn(selectOf(parseSync(blankComments(sql, tokens)))).length;
    for (let index = 0; index < count; index++) {
      const select = selectOf(parseSync(blankComments(sql, tokens)));
      const node = nodesIn(select)[index] ?? {};
      Reflect.set(node, "newField", true);
      const lowering = new Lowering(sql, tokens);
      lowerQuery(select, lowering);
      expect(lowering.refusal, JSON.stringify(node)).not.toBeNull();
    }
  });
});

describe("never a read", () => {
  const cores = [
    "SELECT nextval('s')",
    "SELECT a FROM t FOR UPDATE",
    "WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d",
    "WITH d AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM d",
    "SELECT a FROM t WHERE pg_try_advisory_lock(a)",
    "VALUES (set_config('a', 'b', true))",
  ];
  const wrappers: ((inner: string) => string)[] = [
    (inner) => `SELECT * FROM (${inner}) AS s`,
    (inner) => `WITH c AS (${inner}) SELECT 1 FROM c`,
    (inner) => `SELECT (${inner}) AS é`,
    (inner) => `SELECT a FROM t WHERE EXISTS (${inner})`,
    (inner) => `SELECT a FROM t WHERE a = ANY (${inner}) ORDER BY 1`,
    (inner) => `SELECT a FROM t GROUP BY a HAVING count(*) > (${inner})`,
    (inner) => `SELECT a FROM t ORDER BY (${inner}) LIMIT 1`,
    (inner) => `SELECT a FROM t LIMIT (${inner})`,
    (inner) => `SELECT CASE WHEN a IN (${inner}) THEN ARRAY(${inner}) END FROM t`,
    (inner) => `SELECT a FROM t LEFT JOIN LATERAL (${inner}) AS l ON true`,
    (inner) => `(${inner}) UNION ALL SELECT 1`,
    (inner) => `SELECT sum(a) FILTER (WHERE a > (${inner})) OVER (ORDER BY (${inner})) FROM t`,
  ];
  const roots: ((inner: string) => string)[] = [
    (inner) => inner,
    (inner) => `EXPLAIN (ANALYZE, VERBOSE) ${inner}`,
    (inner) => `COPY (${inner}) TO STDOUT`,
    (inner) => `SELECT 1; ${inner};`,
    (inner) => `/* SELECT */ ${inner} -- read`,
  ];

  test("a write, however deep", () => {
    const texts = fc
      .tuple(
        fc.constantFrom(...cores),
        fc.array(fc.constantFrom(...wrappers), { maxLength: 4 }),
        fc.constantFrom(...roots),
      )
      .map(([core, layers, root]) => root(layers.reduce((inner, wrap) => wrap(inner), core)));
    fc.assert(
      fc.property(texts, (sql) => {
        expect(read(sql).kind).toBe("write");
      }),
      { numRuns: 1_000 },
    );
  });

  test("a text with a NUL, whatever stands before it", () => {
    expect(read("SELECT a FROM t\0; DELETE FROM t")).toMatchObject({ kind: "unparsable" });
  });

  test("a text that the parser fails on", () => {
    const sql = `SELECT a${"+a".repeat(100_000)} FROM t`;
    expect(read(sql)).toMatchObject({ kind: "write", changes: "all" });
  });
});

test("functions are named wherever they are called, also in what is refused", () => {
  const sql = `SELECT f(a), s.g(DISTINCT h(1)) FILTER (WHERE i(b)) FROM t JOIN j() ON k(t.a)
    WHERE a IN (SELECT l(x) FROM u ORDER BY m(x)) GROUP BY n(a) HAVING o(1) LIMIT p()`;
  const statement = read(sql);
  const names = "functions" in statement ? statement.functions.map((name) => name.join(".")) : [];
  expect(names.toSorted()).toEqual(["f", "h", "i", "j", "k", "l", "m", "n", "o", "p", "s.g"]);
});

test("a constant keeps its slot behind characters of any width", () => {
  const names = fc.string({ unit: "grapheme", maxLength: 6 }).filter((text) => !/[\0"]/.test(text));
  fc.assert(
    fc.property(names, fc.nat(), (name, value) => {
      const sql = `/* ${name.replaceAll("/", "")} */ SELECT '${name.replaceAll("'", "''")}' AS "x${name}" FROM t WHERE a = -${value}`;
      fc.pre(!/\*\s*$/.test(name) && !name.includes("*"));
      const statement = read(sql);
      expect(statement).toMatchObject({
        kind: "query",
        query: {
          body: {
            targets: [{ expression: { kind: "literal", text: name, slot: 0 } }],
            where: { right: { kind: "literal", text: String(value), negated: true, slot: 1 } },
          },
        },
      });
    }),
    { numRuns: 1_000 },
  );
});

test("no constants are taken from a text that was not tokenized", () => {
  expect(parse("SELECT a FROM t WHERE b = $1", [])).toMatchObject({ kind: "query", pinned: [] });
  expect(parse("SELECT a FROM t WHERE b = 5", [])).toMatchObject({ kind: "read", reason: "non-canonical-literal" });
});
