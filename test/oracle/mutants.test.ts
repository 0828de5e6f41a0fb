import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { newestServer } from "../support/postgres.ts";
import { hunt, UNCHANGED } from "./hunt.ts";
import { MUTANTS } from "./mutants.ts";
import { patched } from "./mutate.ts";

test.each(MUTANTS)("fits the sources: $name", async (mutant) => {
  const text = await readFile(new URL(`../../src/${mutant.file}`, import.meta.url), "utf8");
  expect(patched(text, mutant)).not.toBe(text);
});

/** Found within seconds; `node test/oracle/run-mutants.ts` hunts all of them. */
const QUICK = [
  "text sorted by bytes instead of the origin's collation",
  "NULLS clause dropped",
  "LIKE through SQLite's own LIKE",
  "char(n) shown without its blanks",
  "decimals shown without zeros at the end",
  "boolean as a digit",
  "division by zero not looked for",
  "overflow not looked for",
  "alternatives fix a column",
  "NULLS default as in SQLite",
  "DISTINCT dropped",
];

const options = { seed: 1, maxQueries: 10_000 };

test("the sources survive as they are", { timeout: 300_000 }, async () => {
  const result = await hunt(UNCHANGED, { ...options, server: newestServer().name });
  expect(result).toMatchObject({ kind: "survived" });
});

test.each(QUICK)("killed: %s", { timeout: 240_000 }, async (name) => {
  const mutant = MUTANTS.find((candidate) => candidate.name === name);
  if (mutant === undefined) throw new Error(`no mutant "${name}"`);
  const result = await hunt(mutant, { ...options, server: newestServer().name });
  expect(result).toMatchObject({ kind: "killed" });
});
