/**
 * Looks for answers of the cache that break what the levels of freshness promise, for as long as you like.
 *
 *   node test/consistency/main.ts --minutes 10 --seed 7 --level session --faults
 *
 *   --minutes <n>      how long (1)
 *   --reads <n>        or how many reads
 *   --seed <n>         what everyone does (the time); the order in which it happens is the machine's
 *   --level <level>    session (the default) or strict
 *   --max-lag <ms>     of the engines (300)
 *   --faults           connections cut, held back and slowed down, walsenders ended and frozen, changes of definitions,
 *                      TRUNCATE, transactions of very many rows, an event loop that is blocked
 *   --violations <n>   ends with so many (20)
 *   --sabotage <how>   `stale`: some answers come from an old copy; `torn`: columns from two moments. To see it found out
 *
 * Ends with code 1 if there was a violation.
 */
import { parseArgs } from "node:util";
import { startServers } from "../support/postgres.ts";
import { type Outcome, run } from "./run.ts";
import type { Sabotage } from "./subject.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    reads: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    level: { type: "string", default: "session" },
    "max-lag": { type: "string", default: "300" },
    faults: { type: "boolean", default: false },
    violations: { type: "string", default: "20" },
    sabotage: { type: "string", default: "none" },
  },
});

const seed = number("seed", values.seed);
const level = oneOf("level", values.level, ["session", "strict"] as const);
const sabotage: Sabotage = oneOf("sabotage", values.sabotage, ["none", "stale", "torn"] as const);
const minutes = values.minutes ?? (values.reads === undefined ? "1" : "Infinity");

await using running = await startServers();
const server = running.servers.find(({ walLevel }) => walLevel === "logical");
if (server === undefined) throw new Error("There is no server here whose wal_level is logical");
say(`${server.name}, --seed ${seed} --level ${level}${values.faults ? " --faults" : ""}`);
const outcome = await run({
  server,
  seed,
  level,
  sabotage,
  faults: values.faults,
  maxLagMs: number("max-lag", values["max-lag"]),
  maxMs: number("minutes", minutes) * 60_000,
  maxReads: number("reads", values.reads ?? "Infinity"),
  maxViolations: number("violations", values.violations),
  onProgress: (report, hits) => {
    const [reads, writes] = [report.total("read"), report.total("write")];
    say(
      `  ${Math.round(report.elapsedMs / 1000)} s: ${reads} reads, ${hits} hits, ${writes} writes, ${report.violations.length} violations`,
    );
  },
});
say(summary(outcome));
process.exitCode = outcome.report.violations.length === 0 ? 0 : 1;

function summary({ report, hits, losses, bypasses, slotsLeftMs }: Outcome): string {
  const reads = report.total("read");
  const table = (title: string, counts: ReadonlyMap<string, number>): string =>
    [title, ...[...counts].toSorted().map(([name, count]) => `  ${String(count).padStart(8)}  ${name}`)].join("\n");
  return [
    ...report.violations.map(({ kind, text }) => `VIOLATION, ${kind}: ${text}`),
    table("operations", report.operations),
    table("errors of the origin and the driver", report.errors),
    `answers of the origin: ${bypasses.map((reasons) => JSON.stringify(reasons)).join(" ")}`,
    `${reads} reads, ${hits} of them hits (${((100 * hits) / Math.max(1, reads)).toFixed(1)} %), ${report.total("write")} writes, ${losses} losses`,
    `slots were there for ${Math.round(slotsLeftMs)} ms after the engines were closed`,
    `seed ${seed}: ${report.violations.length} violations`,
  ].join("\n");
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`--${name} takes a number, received ${text}`);
  return value;
}

function oneOf<const Value extends string>(name: string, text: string, known: readonly Value[]): Value {
  const found = known.find((value) => value === text);
  if (found === undefined) throw new Error(`--${name} takes ${known.join(" or ")}, received ${text}`);
  return found;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
