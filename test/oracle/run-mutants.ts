/** `node test/oracle/run-mutants.ts [--only text] [--queries N]`: which mutants does the harness kill, and how fast? */
import { parseArgs } from "node:util";
import { newestServer, startServers } from "../support/postgres.ts";
import { hunt, UNCHANGED } from "./hunt.ts";
import { MUTANTS } from "./mutants.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    queries: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
  },
});

await using _running = await startServers();
const server = newestServer().name;
const options = { seed: Number(values.seed), maxQueries: Number(values.queries), server };
const baseline = await hunt(UNCHANGED, options);
if (baseline.kind === "killed") throw new Error(`The sources are wrong as they are: ${baseline.how}`);
let survived = 0;
for (const mutant of MUTANTS.filter(({ name }) => name.includes(values.only))) {
  const result = await hunt(mutant, options);
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
process.exitCode = survived > 0 ? 1 : 0;
