/**
 * A program of its own with an engine that follows changes. Run as `node followed-child.ts '{…}'`. Counts up the row `$id` of
 * `counters` through `write()`, prints `wrote <value> <token>` for each time, and reads the row `1`; `stale <text>` if an answer was
 * below what it was asked to see. Ends by a signal, or after `rounds`.
 */
import pg from "pg";
import { CachingEngine } from "../../src/index.ts";

export interface FollowedChildJob {
  readonly url: string;
  readonly id: number;
  readonly rounds: number;
}

const { url, id, rounds }: FollowedChildJob = JSON.parse(process.argv[2] ?? "{}");

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const pool = new pg.Pool({ connectionString: url });
const bare = new pg.Pool({ connectionString: url });
const engine = new CachingEngine(pool, { mode: "transparent", freshness: "session", cacheDb: false, envFile: false });
await engine.ready();
const read = "SELECT v FROM counters WHERE id = $1";
for (let round = 0; round < rounds; round++) {
  const { rows, token } = await engine.write<{ v: number }>("UPDATE counters SET v = v + 1 WHERE id = $1 RETURNING v", [
    id,
  ]);
  say(`wrote ${rows[0]?.v} ${token}`);
  const own = await engine.execute<{ v: number }>(read, [id]);
  if (own[0]?.v !== rows[0]?.v) say(`stale own write: ${own[0]?.v} for ${rows[0]?.v}`);
  const committed = (await bare.query<{ v: number }>(read, [1])).rows[0]?.v ?? Number.NaN;
  const seen = await engine.execute<{ v: number }>(read, [1], { freshness: "strict" });
  if (!((seen[0]?.v ?? Number.NaN) >= committed)) say(`stale strict read: ${seen[0]?.v} for ${committed}`);
}
say(`hits ${engine.stats().hits}`);
await engine.close();
await Promise.all([pool.end(), bare.end()]);
say("closed");
