/**
 * A program of its own that follows changes, for tests of several processes and of their deaths. Run as
 * `node freshness-child.ts '{"url": …}'`; prints "live", then does what it is told by lines on stdin.
 */
import { createInterface } from "node:readline";
import pg from "pg";
import { CachingEngine } from "../../src/index.ts";

const { url, maxLagMs } = JSON.parse(process.argv[2] ?? "{}") as { readonly url: string; readonly maxLagMs: number };
const pool = new pg.Pool({ connectionString: url });
const engine = new CachingEngine(pool, {
  mode: "transparent",
  freshness: "session",
  maxLagMs,
  cacheDb: false,
  envFile: false,
});
await engine.ready();
process.stdout.write("live\n");

/** `write SQL`: answers with its token. `read TOKEN SQL`: with the rows. `close`: ends. */
for await (const line of createInterface({ input: process.stdin })) {
  const [command = "", first = "", ...rest] = line.split(" ");
  if (command === "close") break;
  const before = engine.stats().hits;
  const said =
    command === "write"
      ? (await engine.write([first, ...rest].join(" "))).token
      : JSON.stringify(await engine.execute(rest.join(" "), [], { after: first }));
  process.stdout.write(`${engine.stats().hits > before ? "hit" : "done"} ${said}\n`);
}
await engine.close();
await pool.end();
process.stdout.write("closed\n");
