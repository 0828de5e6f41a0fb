/**
 * The 22 queries of TPC-H through an engine, against the bare driver: `node test/workloads/tpch.ts`.
 *
 *   --scale <n>  0.01 (60,000 line items) unless told; 1 is the specification's 6 million
 *   --only <Q5>  one query
 *   --pieces     the expressions of the queries instead, each over one table
 *   --style <s>  `literal` unless told; `parameter`: the specification's parameters are sent as $1, $2 …
 */
import { parseArgs } from "node:util";
import { withCommandDatabase } from "./command-database.ts";
import { reportText } from "./print-report.ts";
import { WorkloadSession } from "./session.ts";
import { loadTpch, tpchPieces, tpchQueries } from "./tpch/load.ts";

const { values: options } = parseArgs({
  options: {
    scale: { type: "string", default: "0.01" },
    only: { type: "string" },
    pieces: { type: "boolean", default: false },
    style: { type: "string", default: "literal" },
  },
});
const { only, pieces, style } = options;
if (style !== "literal" && style !== "parameter") throw new Error(`--style is literal or parameter, not ${style}`);

await withCommandDatabase(async ({ url }) => {
  await loadTpch(url, Number(options.scale));
  await using session = new WorkloadSession(url);
  const reports = [];
  for (const query of pieces ? tpchPieces() : tpchQueries(style)) {
    if (only === undefined || only === query.name) reports.push(await session.ask(query));
  }
  process.stdout.write(`${reportText(reports)}\n`);
  process.exitCode = reports.some(({ difference }) => difference !== null) ? 1 : 0;
});
