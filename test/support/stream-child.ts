// A program that follows a table and waits to be killed. Argument: {"url": …, "table": …}. Prints "following".
import { openOrigin } from "../../src/dialects/postgres/connect.ts";
import { RecordingFeed } from "./recording-feed.ts";

const { url, table: name } = JSON.parse(process.argv[2] ?? "{}") as { readonly url: string; readonly table: string };
const origin = openOrigin(url);
const source = origin.changeSource({
  kind: "stream",
  maxLagMs: 1000,
  publication: null,
  openFeed: async (options) => new RecordingFeed(options),
  onFault: (error) => process.stdout.write(`${error.message}\n`),
});
await source.start({
  stale: () => {},
  redefined: () => {},
  lost: (error) => process.stdout.write(`${error.message}\n`),
});
const table = await origin.catalog.table([name]);
if ("kind" in table) throw new Error(table.detail);
const columns = table.columns.map((column) => ({ column, encoding: "value" as const }));
const watch = await source.watch([{ table, columns, dictionaries: [] }]);
process.stdout.write("kind" in watch ? `${watch.detail}\n` : "following\n");
setInterval(() => {}, 60_000);
