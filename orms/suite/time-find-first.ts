// node suite/time-find-first.ts <program> [rounds]
//
// Prints, as JSON, the microseconds that one `findFirst` of a library takes without the cache and with it. `npm run bench` runs
// it: in a process for each, as some libraries change the driver's global type parsers.

import { setTimeout as sleep } from "node:timers/promises";
import { CachingEngine } from "../../src/index.ts";
import { openDatabase } from "../database/open.ts";
import { loadProgram } from "../programs.ts";
import { findFirstTimes } from "./find-first.ts";

/** For what is asked to be fetched. */
const FETCHED_MS = 20_000;

const [name = "", rounds = "40"] = process.argv.slice(2);
const program = await loadProgram(name);
await using database = await openDatabase(`time_${name}`);
const engine = new CachingEngine(database.url, { cacheDb: false, envFile: false });
const plain = await program.open({ url: database.url, attach: (target) => target });
const cached = await program.open({ url: database.url, attach: (target) => engine.attach(target) });

for (const until = performance.now() + FETCHED_MS; performance.now() < until && engine.stats().hits === 0; ) {
  await cached.findFirst();
  await sleep(20);
}
const before = engine.stats();
const times = await findFirstTimes(plain, cached, Number(rounds));
const { hits, bypasses, misses } = engine.stats();
const answered = hits - before.hits;
const others = bypasses - before.bypasses + misses - before.misses;
console.log(JSON.stringify({ ...times, answered: answered / (answered + others) }));

await Promise.all([plain.close(), cached.close()]);
await engine.close();
