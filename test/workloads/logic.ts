/**
 * Queries in the manner of sqllogictest through an engine, against the bare driver: `node test/workloads/logic.ts`.
 *
 *   --seed <n>    1 unless told
 *   --each <n>    of each kind; 60 unless told
 *   --only <a,b>  some kinds of select, compound, join, aggregate, group, index, window, nested
 *   --show        each query with its outcome, too
 */
import { parseArgs } from "node:util";
import { Random } from "../oracle/random.ts";
import { withCommandDatabase } from "./command-database.ts";
import { loadTables } from "./load-tables.ts";
import { KINDS_OF_QUERIES, makeQueries } from "./logic/generate.ts";
import { makeRows, SCHEMA } from "./logic/tables.ts";
import { detailsText, sumsText } from "./print-report.ts";
import { WorkloadSession } from "./session.ts";

const { values: options } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    each: { type: "string", default: "60" },
    only: { type: "string" },
    show: { type: "boolean", default: false },
  },
});
const seed = Number(options.seed);

await withCommandDatabase(async ({ url }) => {
  await loadTables(url, SCHEMA, makeRows(new Random(seed)));
  await using session = new WorkloadSession(url, { runs: 2 });
  const reports = [];
  const kinds = options.only?.split(",") ?? KINDS_OF_QUERIES;
  for (const query of kinds.flatMap((kind) => makeQueries(seed, Number(options.each), kind))) {
    const report = await session.ask(query);
    reports.push(report);
    const { name, outcome, reason, detail, difference, sql } = report;
    if (options.show || difference !== null) {
      process.stdout.write(`${name} ${outcome} ${reason ?? ""} ${detail ?? ""}\n  ${sql}\n`);
    }
  }
  process.stdout.write(`${sumsText(reports)}\n\n${detailsText(reports)}\n`);
  process.exitCode = reports.some(({ difference }) => difference !== null) ? 1 : 0;
});
