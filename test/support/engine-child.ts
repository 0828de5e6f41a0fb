/**
 * A program of its own with an engine, for tests of how it starts and ends. Run as `node engine-child.ts '{…}'`; prints
 * one line per step, none with `silent`.
 */
import pg from "pg";
import { addSink, CachingEngine, type EngineOptions } from "../../src/index.ts";

export interface EngineChildJob {
  readonly url: string;
  readonly options: EngineOptions;
  readonly queries: readonly string[];
  /**
   * How it ends: `close` and all is given back; `idle` with nothing left to do, the engine open; `idle-pool` the same
   * after the pool's end; `exit` by process.exit(3); `throw` an uncaught exception; `wait` until a signal comes.
   */
  readonly end: "close" | "idle" | "idle-pool" | "exit" | "throw" | "wait";
  /** Listens for SIGTERM and SIGINT itself: exits by code 7 a little later, or stays. */
  readonly listener?: "exits" | "stays";
  readonly silent?: boolean;
  /** The path of a sink. */
  readonly sink?: string;
}

const job: EngineChildJob = JSON.parse(process.argv[2] ?? "{}");

function say(line: string): void {
  if (job.silent !== true) process.stdout.write(`${line}\n`);
}

if (job.sink !== undefined) addSink(job.sink);
const pool = new pg.Pool({ connectionString: job.url, allowExitOnIdle: true });
const engine = new CachingEngine(pool, { ...job.options, onError: (error) => say(`fault ${error.message}`) });
for (const sql of job.queries) {
  const before = engine.stats();
  const rows = await engine.execute(sql).catch((error: Error) => error.message);
  say(`${engine.stats().hits > before.hits ? "hit" : "miss"} ${JSON.stringify(rows)}`);
}
if (job.listener !== undefined) {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      say(`heard ${signal}`);
      if (job.listener === "exits") setTimeout(() => process.exit(7), 20);
    });
  }
}
switch (job.end) {
  case "close":
    await engine.close();
    await pool.end();
    break;
  case "idle-pool":
    await pool.end();
    break;
  case "exit":
    process.exit(3);
    break;
  case "throw":
    setTimeout(() => {
      throw new Error("the program's own mistake");
    });
    break;
  case "wait":
    setInterval(() => {}, 1000);
    break;
}
say("end");
