/** `node test/oracle/run-mutants.ts [--only text] [--queries N]`: which mutants does the harness kill, and how fast? */
import { parseArgs } from "node:util";
import { newestServer, startServers } from "../support/postgres.ts";
import { type Hunt, type HuntOptions, hunt, UNCHANGED } from "./hunt.ts";
import { MUTANTS } from "./mutants.ts";
import { RELATED_MUTANTS } from "./mutants-related.ts";
import type { Mutant } from "./mutate.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    queries: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
  },
});

await using _running = await startServers();
const server = newestServer().name;
const shared = { seed: Number(values.seed), maxQueries: Number(values.queries), server };
let survived = 0;
for (const related of [false, true]) {
  const mutants = (related ? RELATED_MUTANTS : MUTANTS).filter(({ name }) => name.includes(values.only));
  if (mutants.length > 0) await huntAll(mutants, { ...shared, related });
}
process.exitCode = survived > 0 ? 1 : 0;

async function huntAll(mutants: readonly Mutant[], options: HuntOptions): Promise<void> {
  const baseline = await hunt(UNCHANGED, options);
  if (baseline.kind === "killed") throw new Error(`The sources are wrong as they are: ${baseline.how}`);
  for (const mutant of mutants) report(mutant, await hunt(mutant, options));
}

function report(mutant: Mutant, result: Hunt): void {
  if (result.kind === "killed") {
    process.stdout.write(
      `killed after ${String(result.after).padStart(6)} queries: ${mutant.name}\n    ${result.how}\n`,
    );
  } else {
    survived++;
    process.stdout.write(
      `SURVIVED: ${mutant.name}\n    ${result.output.trim().split("\n").slice(-3).join("\n    ")}\n`,
    );
  }
}
