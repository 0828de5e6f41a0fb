import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Worker } from "node:worker_threads";
import type { Bench } from "./bench.ts";
import { LOADING_QUERY, WARMING_QUERY } from "./load.ts";
import { atMost, type Measurement, type Section } from "./report.ts";

const SAMPLE_MS = 50;
const MB = 1_000_000;

/** Bytes at one moment. */
interface Sample {
  readonly mainHeap: number;
  readonly mainExternal: number;
  readonly workerHeap: number;
  readonly workerExternal: number;
  /** Private memory of the process, where the system tells: without the store's file, which is mapped. */
  readonly anonymous: number;
}

/** How much memory of JavaScript's a load takes, on the main thread and in the store's worker. */
export async function measureMemory(bench: Bench): Promise<readonly Section[]> {
  let worker: Worker | undefined;
  process.once("worker", (started) => {
    worker = started;
  });
  await using engine = bench.openEngine();
  await engine.execute(WARMING_QUERY);
  await collectGarbage();
  const before = await sample(worker);
  const samples: Sample[] = [];
  const stop = new AbortController();
  const sampling = (async () => {
    while (!stop.signal.aborted) {
      samples.push(await sample(worker));
      await sleep(SAMPLE_MS);
    }
  })();
  try {
    await engine.execute(LOADING_QUERY);
  } finally {
    stop.abort();
    await sampling;
  }
  return [sectionOf(before, samples)];
}

function sectionOf(before: Sample, samples: readonly Sample[]): Section {
  const growth = (bytesOf: (sample: Sample) => number): number =>
    (Math.max(...samples.map(bytesOf)) - bytesOf(before)) / MB;
  const line = (name: string, bytesOf: (sample: Sample) => number): Measurement => ({
    name,
    quantities: { growth: { value: growth(bytesOf), unit: "MB" } },
  });
  const all = (one: Sample): number => one.mainHeap + one.mainExternal + one.workerHeap + one.workerExternal;
  return {
    title: "Memory while the whole table is loaded: peak, less what it was before",
    measurements: [
      line("main thread, heap", (one) => one.mainHeap),
      line("main thread, external (buffers)", (one) => one.mainExternal),
      line("store worker, heap", (one) => one.workerHeap),
      line("store worker, external (buffers)", (one) => one.workerExternal),
      line("all of these together", all),
      line("process, anonymous memory (SQLite's caches too)", (one) => one.anonymous),
    ],
    notes: [`${samples.length} samples`],
    targets: [atMost("JavaScript memory growth while loading", growth(all), 64, "MB")],
  };
}

async function sample(worker: Worker | undefined): Promise<Sample> {
  // A worker that has ended rejects; its load then fails with the reason.
  const statistics = await worker?.getHeapStatistics().catch(() => undefined);
  const { heapTotal, external } = process.memoryUsage();
  return {
    mainHeap: heapTotal,
    mainExternal: external,
    workerHeap: statistics?.total_heap_size ?? 0,
    workerExternal: statistics?.external_memory ?? 0,
    anonymous: await anonymousMemory(),
  };
}

async function anonymousMemory(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

/** Growth is to start from what is in use. Twice: buffers are given back by a thread that runs behind the collector. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  for (let run = 0; run < 2; run++) {
    collect();
    await sleep(200);
  }
}
