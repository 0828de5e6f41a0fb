import { beforeAll, describe, expect, test } from "vitest";
import { loadParser, parse } from "../../../src/dialects/postgres/parse.ts";
import { plainInsert } from "../../../src/dialects/postgres/plain-insert.ts";
import { tokenize } from "../../../src/dialects/postgres/tokenize.ts";
import { readFixture } from "./fixture.ts";

beforeAll(loadParser);

describe("says of an INSERT what the grammar says", () => {
  test.each([
    "INSERT INTO t VALUES (1)",
    'insert into "users" ("name", "note") values ($1, $2), ($3, $4) returning "id";',
    'Insert Into S."T ""x""" (a) Values (nextval(\'s\'), Lower($1), my."F"(2))',
    "INSERT INTO t SELECT f(a) FROM u WHERE b IN (1, 2)",
    "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
    "INSERT INTO t SELECT * FROM dblink_exec('delete from u')",
  ])("%s", (sql) => {
    const tokens = tokenize(sql) ?? [];
    const grammar = parse(sql, tokens);
    const plain = plainInsert(tokens) ?? expect.fail("not read");
    expect(grammar).toMatchObject({ kind: "write", command: plain.command, changes: plain.changes });
    const functions = "functions" in grammar ? grammar.functions : [];
    expect(plain.functions).toEqual(expect.arrayContaining([...functions]));
  });
});

test.each([
  "INSERT INTO t WITH d AS (DELETE FROM u RETURNING *) SELECT * FROM d",
  "WITH d AS (DELETE FROM u RETURNING *) INSERT INTO t SELECT * FROM d",
  "INSERT INTO t VALUES (1); DELETE FROM u",
  "INSERT INTO db.s.t VALUES (1)",
  `INSERT INTO ${"é".repeat(40)} VALUES (1)`,
  "INSERT INTO (a) VALUES (1)",
])("leaves to the grammar: %s", (sql) => {
  expect(plainInsert(tokenize(sql) ?? [])).toBeNull();
});

test("nothing but an INSERT is read without the grammar", () => {
  for (const { sql, expected } of ["queries.sql", "refusals.sql", "session.sql", "writes.sql"].flatMap(readFixture)) {
    if (plainInsert(tokenize(sql) ?? []) !== null) expect(expected).toMatch(/^write INSERT/);
  }
});

test("a long INSERT does not wait for the grammar", () => {
  const rows = Array.from({ length: 10_000 }, (_, row) => `($${row * 3 + 1}, $${row * 3 + 2}, $${row * 3 + 3})`);
  const sql = `INSERT INTO s.t (a, b, c) VALUES ${rows.join(", ")}`;
  expect(parse(sql, tokenize(sql) ?? [])).toEqual({
    kind: "write",
    command: "INSERT",
    changes: [["s", "t"]],
    changesSession: false,
    functions: [],
  });
});
