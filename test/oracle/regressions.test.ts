import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { collationAvailable, createDatabase, servers, type TestCollation } from "../support/postgres.ts";
import { parseRegression, replay, serializeRegression } from "./regression.ts";
import { UNORDERED } from "./statement.ts";
import { engineFactory } from "./subject.ts";

const directory = new URL("./regressions/", import.meta.url);
const files = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(".json")).sort();
const factory = await engineFactory(fileURLToPath(new URL("../../src/index.ts", import.meta.url)));

describe.each(servers())("$name: what was wrong once", (server) => {
  test.each(files)("%s", async (name) => {
    const regression = parseRegression(await readFile(new URL(name, directory), "utf8"));
    const collation = regression.collation as TestCollation;
    if (!collationAvailable(server, collation)) return;
    await using database = await createDatabase(server, { collation });
    expect(await replay(regression, database.url, factory)).toEqual([]);
  });
});

test("a regression file keeps the JS values of its parameters", () => {
  const params = [1n, -0, Number.NaN, undefined, new Date(5), [null, 2n], "a", Buffer.from("a"), true];
  const steps = [{ sql: "SELECT 1", params, check: UNORDERED }];
  const regression = { note: "", collation: "C", session: "", setup: [], steps };
  expect(parseRegression(serializeRegression(regression))).toEqual(regression);
});
