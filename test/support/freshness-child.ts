/**
 * A program of its own that follows changes, for tests of several processes and of their deaths. Run as
 * `node freshness-child.ts '{"url": …}'`; prints "live", then does what it is told by lines on stdin, until
 * that ends.
 */
import { createInterface } from "node:readline";
import pg from "pg";
import { CachingEngine } from "../../src/index.ts";

const { url, name, maxLagMs } = JSON.parse(process.argv[2] ?? "{}") as {
  readonly url: string;
  readonly name: string;
  readonly maxLagMs: number;
};
const pool = new pg.Pool({ connectionString: url, application_name: name });
const engine = new CachingEngine(pool, {
  mode: "transparent",
  freshness: "session",
  maxLagMs,
  cacheDb: false,
  envFile: false,
});
await engine.ready();
process.stdout.write("live\n");

/** `7 write SQL`: answers `7 done` and its token. `8 read TOKEN SQL`: `8 hit`, or `8 done`, and the rows. */
for await (const line of createInterface({ input: process.stdin })) {
  const [number = "", command = "", ...words] = line.split(" ");
  const before = engine.stats().hits;
  const [first = "", ...rest] = words;
  const said =
    command === "write"
      ? (await engine.write(words.join(" "))).token
      : JSON.stringify(await engine.execute(rest.join(" "), [], { after: first }));
  process.stdout.write(`${number} ${engine.stats().hits > before ? "hit" : "done"} ${said}\n`);
}
await engine.close();
await pool.end();
