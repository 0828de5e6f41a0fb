import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CachingEngine } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { DELAY_NOTES, Delays } from "./delays.ts";
import { LOADING_QUERY, WARMING_QUERY } from "./load.ts";
import { atMost, type Section } from "./report.ts";

const IDLE_MS = 1500;
const SAVE_INTERVAL_SECONDS = 0.2;
const AGGREGATE = "SELECT status, count(*) AS orders, max(id) AS last FROM orders WHERE id >= $1 GROUP BY status";
const AGGREGATES = 3;

const IDLE = "idle";
const LOAD = "load of the whole table";
const SAVE = "save of the snapshot file";
const SCAN = "aggregate over the whole table";

/** How late the event loop gets to what is due, while the engine is at its heaviest work. */
export async function measureEventLoop(bench: Bench): Promise<readonly Section[]> {
  const delays = new Delays();
  const cacheDb = join(bench.directory, "cache.db");
  await using engine = bench.openEngine({ cacheDb, backupIntervalSeconds: SAVE_INTERVAL_SECONDS });
  await engine.execute(WARMING_QUERY);
  await nextSave(cacheDb, 0);
  for (let round = 0; round < 3 * bench.effort; round++) await measureRound(engine, cacheDb, delays);
  return [sectionOf(delays)];
}

async function measureRound(engine: CachingEngine, cacheDb: string, delays: Delays): Promise<void> {
  await delays.during(IDLE, () => sleep(IDLE_MS));
  const saved = await savedAt(cacheDb);
  await delays.during(LOAD, async () => void (await engine.execute(LOADING_QUERY)));
  await delays.during(SAVE, async () => void (await nextSave(cacheDb, saved)));
  await delays.during(SCAN, async () => {
    for (let first = 1; first <= AGGREGATES; first++) await engine.execute(AGGREGATE, [first]);
  });
  const full = await savedAt(cacheDb);
  await engine.invalidate("orders");
  await nextSave(cacheDb, full);
}

/** The engine saves by itself soon after a change; the file is replaced when it has. */
async function nextSave(path: string, previous: number): Promise<number> {
  for (;;) {
    const now = await savedAt(path);
    if (now > previous) return now;
    await sleep(5);
  }
}

async function savedAt(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.ctimeMs ?? 0;
}

function sectionOf(delays: Delays): Section {
  return {
    title: "Delay of the event loop",
    measurements: delays.measurements(),
    notes: [...DELAY_NOTES, `Turns: ${delays.names.map((name) => `${name} ${delays.turns(name)}`).join(", ")}`],
    targets: [LOAD, SAVE, SCAN].map((name) =>
      atMost(`event loop, ${name}`, delays.percentile(name, 99), 5, "ms (p99)"),
    ),
  };
}
