import { stat } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { CachingEngine } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { LOADING_QUERY, WARMING_QUERY } from "./load.ts";
import { atMost, milliseconds, type Section } from "./report.ts";
import { median } from "./rounds.ts";

const NANOSECONDS = 1e6;
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

/** What happened between the turns of one stretch of time. */
interface Stretch {
  readonly delays: ReturnType<typeof monitorEventLoopDelay>;
  /** Milliseconds of processor time that this thread took between two turns of a timer: stalls of our own making. */
  readonly work: readonly number[];
}

/** Delays of the event loop, by what went on meanwhile. */
class Delays {
  readonly #stretches = new Map<string, Stretch[]>();

  async during(name: string, action: () => Promise<void>): Promise<void> {
    const delays = monitorEventLoopDelay({ resolution: 1 });
    const stopCounting = countWork();
    delays.enable();
    await action();
    delays.disable();
    this.#stretches.set(name, [...this.#of(name), { delays, work: stopCounting() }]);
  }

  get names(): readonly string[] {
    return [...this.#stretches.keys()];
  }

  /** Milliseconds; the median of the stretches. */
  percentile(name: string, percentile: number): number {
    return median(this.#of(name).map(({ delays }) => delays.percentile(percentile))) / NANOSECONDS;
  }

  max(name: string): number {
    return Math.max(...this.#of(name).map(({ delays }) => delays.max)) / NANOSECONDS;
  }

  /** As `percentile`, of the processor time. */
  work(name: string, percentile: number): number {
    return median(this.#of(name).map(({ work }) => work[Math.floor((work.length - 1) * (percentile / 100))] ?? 0));
  }

  turns(name: string): number {
    return this.#of(name).reduce((sum, { delays }) => sum + delays.count, 0);
  }

  #of(name: string): readonly Stretch[] {
    return this.#stretches.get(name) ?? [];
  }
}

/** Begins to note this thread's processor time once a millisecond; the function ends that and gives it in order of size. */
function countWork(): () => readonly number[] {
  const work: number[] = [];
  let last = threadMilliseconds();
  const timer = setInterval(() => {
    const now = threadMilliseconds();
    work.push(now - last);
    last = now;
  }, 1);
  return () => {
    clearInterval(timer);
    return work.sort((a, b) => a - b);
  };
}

function threadMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function sectionOf(delays: Delays): Section {
  const measurements = delays.names.map((name) => ({
    name,
    quantities: {
      p50: milliseconds(delays.percentile(name, 50)),
      p99: milliseconds(delays.percentile(name, 99)),
      max: milliseconds(delays.max(name)),
      "own work, p99": milliseconds(delays.work(name, 99)),
      "own work, max": milliseconds(delays.work(name, 100)),
    },
  }));
  return {
    title: "Delay of the event loop",
    measurements,
    notes: [
      "The time between two turns of a timer that is due each millisecond: about 1 ms when nothing is late.",
      "Own work: processor time of the main thread between two turns; the rest of a delay is other threads' and processes'.",
      `Turns: ${delays.names.map((name) => `${name} ${delays.turns(name)}`).join(", ")}`,
    ],
    targets: [LOAD, SAVE, SCAN].map((name) =>
      atMost(`event loop, ${name}`, delays.percentile(name, 99), 5, "ms (p99)"),
    ),
  };
}
