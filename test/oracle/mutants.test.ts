import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { newestServer } from "../support/postgres.ts";
import { hunt, UNCHANGED } from "./hunt.ts";
import { MUTANTS } from "./mutants.ts";
import { RELATED_MUTANTS } from "./mutants-related.ts";
import { patched } from "./mutate.ts";

test.each([...MUTANTS, ...RELATED_MUTANTS])("fits the sources: $name", async (mutant) => {
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
  "overflow not looked for",
  "alternatives fix a column",
  "NULLS default as in SQLite",
  "DISTINCT dropped",
];

const QUICK_RELATED = [
  "a left join loses the rows that match nothing",
  "UNION keeps equal rows",
  "the frame of a window dropped",
  "FILTER dropped",
];

const options = { seed: 1, maxQueries: 10_000 };

test.each([false, true])(
  "the sources survive as they are (several tables: %s)",
  { timeout: 300_000 },
  async (related) => {
    // Most are killed by fewer; that more find nothing is what `oracle.test.ts` shows.
    const result = await hunt(UNCHANGED, { ...options, maxQueries: 3000, related, server: newestServer().name });
    expect(result).toMatchObject({ kind: "survived" });
  },
);

test.each([...QUICK, ...QUICK_RELATED])("killed: %s", { timeout: 240_000 }, async (name) => {
  const mutant = [...MUTANTS, ...RELATED_MUTANTS].find((candidate) => candidate.name === name);
  if (mutant === undefined) throw new Error(`no mutant "${name}"`);
  const related = RELATED_MUTANTS.includes(mutant);
  const result = await hunt(mutant, { ...options, related, server: newestServer().name });
  expect(result).toMatchObject({ kind: "killed" });
});
