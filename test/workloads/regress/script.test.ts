import { describe, expect, it } from "vitest";
import { visibleToAll } from "./classify.ts";
import { readScript } from "./script.ts";

const statements = (text: string, variables: Readonly<Record<string, string>> = {}) =>
  readScript(text, variables).map(({ line, sql }) => `${line}: ${sql}`);

describe("readScript", () => {
  it("ends a statement at a semicolon outside of texts, names, comments and parentheses", () => {
    expect(statements("SELECT 'a;b', \"c;d\" -- e;f\n;\nSELECT /* g; /* h; */ ; */ 1;\nSELECT (2;3);")).toEqual([
      "1: SELECT 'a;b', \"c;d\" -- e;f",
      "3: SELECT /* g; /* h; */ ; */ 1",
      "4: SELECT (2;3)",
    ]);
  });

  it("reads escapes only where they are: E'' texts, doubled quotes, dollar quotes", () => {
    expect(statements("SELECT E'a\\';b';SELECT 'a\\';SELECT 'it''s;';SELECT $f$ ; $$ ; $f$;SELECT $1;")).toEqual([
      "1: SELECT E'a\\';b'",
      "1: SELECT 'a\\'",
      "1: SELECT 'it''s;'",
      "1: SELECT $f$ ; $$ ; $f$",
      "1: SELECT $1",
    ]);
  });

  it("leaves out backslash commands, and the statement that one ends", () => {
    expect(statements("\\pset null x\nSELECT 1;\nSELECT 2 AS a \\gset\nSELECT 3;\n-- the end\n")).toEqual([
      "2: SELECT 1",
      "4: SELECT 3",
    ]);
  });

  it("follows \\set and :'name', and leaves casts and slices alone", () => {
    const text = "\\set file :dir '/a.data'\nCOPY t FROM :'file';\nSELECT a::text, b[1:2], c::'x';";
    expect(statements(text, { dir: "/d" })).toEqual([
      "2: COPY t FROM '/d/a.data'",
      "3: SELECT a::text, b[1:2], c::'x'",
    ]);
  });

  it("takes the lines after COPY … FROM stdin as its data", () => {
    expect(readScript("COPY t (a) FROM stdin;\n1\n2;3\n\\.\nSELECT 1;\n", {})).toEqual([
      { line: 1, sql: "COPY t (a) FROM stdin", data: "1\n2;3\n" },
      { line: 5, sql: "SELECT 1", data: null },
    ]);
  });
});

describe("visibleToAll", () => {
  it("makes a temporary table one of all sessions", () => {
    expect(visibleToAll("create temp table t (a int) on commit drop")).toBe("create table t (a int) ");
    expect(visibleToAll("CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1")).toBe("CREATE OR REPLACE VIEW v AS SELECT 1");
    expect(visibleToAll("select 1 as a into temp table t")).toBe("select 1 as a into t");
  });
});
