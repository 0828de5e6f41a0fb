/**
 * Queries over the join graphs of the Join Order Benchmark through an engine, against the bare driver:
 * `node test/workloads/job.ts`.
 *
 *   --titles <n>      3000 films unless told; the largest table has six times as many rows
 *   --only <6a>       one query
 *   --folder <path>   other queries over the same tables: the files `*.sql` of a folder, one statement each
 *   --collation <c>   `C` unless told; `en_US`, `icu`, … of the database
 */
import { parseArgs } from "node:util";
import type { TestCollation } from "../support/postgres.ts";
import { withCommandDatabase } from "./command-database.ts";
import { filmQueries, loadFilms, queriesOfFolder } from "./job/load.ts";
import { reportText } from "./print-report.ts";
import { WorkloadSession } from "./session.ts";

const { values: options } = parseArgs({
  options: {
    titles: { type: "string", default: "3000" },
    only: { type: "string" },
    folder: { type: "string" },
    collation: { type: "string", default: "C" },
  },
});
const { only, folder } = options;

await withCommandDatabase(
  async ({ url }) => {
    await loadFilms(url, Number(options.titles));
    await using session = new WorkloadSession(url);
    const reports = [];
    for (const query of folder === undefined ? filmQueries() : queriesOfFolder(folder)) {
      if (only === undefined || only === query.name) reports.push(await session.ask(query));
    }
    process.stdout.write(`${reportText(reports)}\n`);
    process.exitCode = reports.some(({ difference }) => difference !== null) ? 1 : 0;
  },
  { collation: options.collation as TestCollation },
);
