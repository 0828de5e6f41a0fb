import { expect, test } from "vitest";
import { servers } from "../support/postgres.ts";
import { type RunOptions, run } from "./run.ts";

const seed = Number(process.env.SQLMEM_CONSISTENCY_SEED ?? 20_261_127);
const maxReads = Number(process.env.SQLMEM_CONSISTENCY_READS ?? 2500);
const MINUTE = 60_000;

const server = servers().find(({ walLevel }) => walLevel === "logical");

function options(more: Partial<RunOptions>): RunOptions {
  if (server === undefined) throw new Error("there is no server whose changes can be followed");
  return {
    server,
    seed,
    level: "session",
    maxLagMs: 300,
    faults: false,
    sabotage: "none",
    maxReads,
    maxMs: 2 * MINUTE,
    maxViolations: 5,
    ...more,
  };
}

test.skipIf(server === undefined).each([
  ["session", false],
  ["session", true],
  ["strict", false],
  ["strict", true],
] as const)("level %s keeps its promise, with faults: %s", { timeout: 4 * MINUTE }, async (level, faults) => {
  const { report, hits } = await run(options({ level, faults }));
  expect(report.violations).toEqual([]);
  // A cache that answers nothing is never wrong, nor is one that is never written to.
  expect(report.total("read")).toBeGreaterThan(maxReads / 4);
  expect(hits).toBeGreaterThan(report.total("read") / 20);
  expect(report.total("write")).toBeGreaterThan(report.total("read") / 10);
});

test.skipIf(server === undefined).each([
  ["stale", ["stale", "own write missed", "token missed"]],
  ["torn", ["torn"]],
] as const)("it can fail: answers that are %s are found out", { timeout: 4 * MINUTE }, async (sabotage, kinds) => {
  // A torn answer of one row is a stale one as well: those must not end the run before the others are found.
  const { report } = await run(options({ sabotage, maxReads: 20_000, maxViolations: 300 }));
  const found = report.violations.map(({ kind }) => kind);
  expect(kinds.some((kind) => found.includes(kind))).toBe(true);
});
