/**
 * The SELECTs of PostgreSQL's own regression tests through an engine, against the bare driver:
 * `node test/workloads/regress.ts --folder postgresql-15.18/src/test/regress`.
 *
 * The folder is of PostgreSQL's sources (`apt-get source postgresql-15`), and the server must be able to read its data.
 * Each file gets a database of its own, prepared by `test_setup.sql`.
 *
 *   --folder <path>     `src/test/regress`
 *   --only <a,b>        some files, without `.sql`
 *   --list <path>       writes each SELECT with its outcome and reason into a file, as JSON
 *   --collation <c>     `C` unless told
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createDatabase, startServers, type TestCollation } from "../support/postgres.ts";
import { detailsText, sumsText } from "./print-report.ts";
import { REGRESS_FILES } from "./regress/files.ts";
import { runRegressFile } from "./regress/run-file.ts";
import { type QueryReport, WorkloadSession } from "./session.ts";

const { values: options } = parseArgs({
  options: {
    folder: { type: "string" },
    only: { type: "string" },
    list: { type: "string" },
    collation: { type: "string", default: "C" },
  },
});
const { folder, list } = options;
if (folder === undefined) throw new Error("--folder: src/test/regress of PostgreSQL's sources");
const files = options.only?.split(",") ?? REGRESS_FILES;

await using running = await startServers({ SQLMEM_TEST_SERVERS: "postgres", ...process.env });
const [server] = running.servers;
if (server === undefined) throw new Error("no PostgreSQL to run on");
const all: QueryReport[] = [];
for (const file of files) {
  await using database = await createDatabase(server, { collation: options.collation as TestCollation });
  // The tests' own time limit: some look for plans that never end.
  await using session = new WorkloadSession(database.url, { runs: 2, settings: "-c statement_timeout=10000" });
  await runRegressFile(session, folder, "test_setup");
  const reports = await runRegressFile(session, folder, file);
  all.push(...reports);
  const count = (outcome: QueryReport["outcome"]) => reports.filter((report) => report.outcome === outcome).length;
  const different = reports.filter(({ difference }) => difference !== null);
  process.stdout.write(
    `${file.padEnd(20)} ${reports.length} SELECTs: ${count("cache")} cache, ${count("origin")} origin, ` +
      `${count("error")} error, ${count("unsteady")} unsteady, ${count("unordered")} unordered, ${count("late")} late; ${different.length} different\n`,
  );
  for (const { name, sql, difference } of different) process.stdout.write(`  ${name}: ${difference}\n    ${sql}\n`);
}
process.stdout.write(`\n${sumsText(all)}\n\n${detailsText(all)}\n`);
if (list !== undefined) writeFileSync(list, `${JSON.stringify(all, null, 1)}\n`);
process.exitCode = all.some(({ difference }) => difference !== null) ? 1 : 0;
