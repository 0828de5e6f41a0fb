import { beforeAll, describe, expect, test } from "vitest";
import { loadParser, parse } from "../../../src/dialects/postgres/parse.ts";
import { tokenize } from "../../../src/dialects/postgres/tokenize.ts";
import { readFixture } from "./fixture.ts";
import { printStatement } from "./print-query.ts";

beforeAll(loadParser);

describe.each(["queries.sql", "tables.sql", "refusals.sql", "writes.sql", "session.sql"])("%s", (name) => {
  test.each(readFixture(name))("$line: $sql", ({ sql, expected }) => {
    expect(printStatement(parse(sql, tokenize(sql) ?? []))).toBe(expected);
  });
});
