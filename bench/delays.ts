import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Measurement, milliseconds } from "./report.ts";
import { median } from "./rounds.ts";

const INTERVAL_MS = 1;

export const DELAY_NOTES: readonly string[] = [
  "Delay: how late a timer is that is due each millisecond. What monitorEventLoopDelay of Node gives is that millisecond more.",
  "Own work: processor time of the main thread between two turns; the rest of a delay is other threads' and processes'.",
  "Linux gives a core to who waits for it at its next tick: 4 ms later, where CONFIG_HZ is 250.",
];

/** What happened between the turns of one stretch of time. */
interface Stretch {
  readonly delays: ReturnType<typeof monitorEventLoopDelay>;
  /** Milliseconds of processor time that this thread took between two turns of a timer: stalls of our own making. */
  readonly work: readonly number[];
}

/** Delays of the event loop, by what went on meanwhile. */
export class Delays {
  readonly #stretches = new Map<string, Stretch[]>();

  async during(name: string, action: () => Promise<void>): Promise<void> {
    const delays = monitorEventLoopDelay({ resolution: INTERVAL_MS });
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
    return median(this.#of(name).map(({ delays }) => lateness(delays.percentile(percentile))));
  }

  max(name: string): number {
    return Math.max(...this.#of(name).map(({ delays }) => lateness(delays.max)));
  }

  /** As `percentile`, of the processor time. */
  work(name: string, percentile: number): number {
    return median(this.#of(name).map(({ work }) => work[Math.floor((work.length - 1) * (percentile / 100))] ?? 0));
  }

  measurements(): readonly Measurement[] {
    return this.names.map((name) => ({
      name,
      quantities: {
        p50: milliseconds(this.percentile(name, 50)),
        p99: milliseconds(this.percentile(name, 99)),
        max: milliseconds(this.max(name)),
        "own work, p99": milliseconds(this.work(name, 99)),
        "own work, max": milliseconds(this.work(name, 100)),
      },
    }));
  }

  turns(name: string): number {
    return this.#of(name).reduce((sum, { delays }) => sum + delays.count, 0);
  }

  #of(name: string): readonly Stretch[] {
    return this.#stretches.get(name) ?? [];
  }
}

/** The histogram holds what lies between two turns of the timer, in nanoseconds. */
function lateness(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - INTERVAL_MS);
}

/** Begins to note this thread's processor time once a millisecond; the function ends that and gives it in order of size. */
function countWork(): () => readonly number[] {
  const work: number[] = [];
  let last = threadMilliseconds();
  const timer = setInterval(() => {
    const now = threadMilliseconds();
    work.push(now - last);
    last = now;
  }, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    return work.sort((a, b) => a - b);
  };
}

function threadMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
