import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { servers } from "../support/postgres.ts";
import { campaign } from "./campaign.ts";
import { failureText, summary } from "./report.ts";
import { engineFactory } from "./subject.ts";

const seed = Number(process.env.SQLMEM_FUZZ_SEED ?? 20_261_122);
const maxQueries = Number(process.env.SQLMEM_FUZZ_QUERIES ?? 8_000);
const MINUTES = 60_000;

test.each(servers())("$name: the engine answers as the bare driver does", { timeout: 9 * MINUTES }, async (server) => {
  const startedAt = Date.now();
  const factory = await engineFactory(fileURLToPath(new URL("../../src/index.ts", import.meta.url)));
  const tally = await campaign({ server, factory, seed, maxQueries, maxMs: 8 * MINUTES, shrinkMs: 20_000 });
  process.stdout.write(`${server.name}, SQLMEM_FUZZ_SEED=${seed}\n${summary(tally, startedAt)}\n`);
  expect(tally.failures.map(failureText)).toEqual([]);
  expect(tally.queries).toBeGreaterThanOrEqual(maxQueries);
  // A cache that answers nothing is never wrong.
  expect(tally.cached / tally.queries).toBeGreaterThan(0.2);
  expect(tally.staleHits).toBeGreaterThan(0);
});
