import pg from "pg";
import { CachingEngine, type EngineOptions } from "../src/index.ts";
import { startEmbeddedPostgres } from "../test/support/embedded-postgres.ts";
import { createDatabase, type TestDatabase } from "../test/support/postgres.ts";
import type { Bench } from "./bench.ts";
import type { Quantity } from "./report.ts";
import { milliseconds } from "./report.ts";

/** Where the parts of the bench that follow changes run. */
export interface Following extends AsyncDisposable {
  readonly database: TestDatabase;
  /** Past any engine. */
  readonly bare: pg.Pool;
  /** Transparent, of level `session` unless told; closed at the end. */
  openEngine(options?: EngineOptions): CachingEngine;
}

/** A database of its own, on the bench's server if that decodes its log, else on one from npm, which commits as a server does. */
export async function openFollowing(bench: Bench, setup: readonly string[]): Promise<Following> {
  const stack = new AsyncDisposableStack();
  try {
    let { server } = bench.database;
    if (server.walLevel !== "logical") {
      const embedded = stack.use(await startEmbeddedPostgres({ synchronous_commit: "on" }));
      server = { ...server, name: "embedded", walLevel: "logical", url: embedded.url, collations: ["C"] };
    }
    const database = stack.use(await createDatabase(server, { setup }));
    const pool = (): pg.Pool => {
      const made = new pg.Pool({ connectionString: database.url });
      made.on("error", () => {});
      stack.defer(() => made.end());
      return made;
    };
    return {
      database,
      bare: pool(),
      openEngine(options = {}) {
        const engine = new CachingEngine(pool(), {
          mode: "transparent",
          freshness: "session",
          cacheDb: false,
          envFile: false,
          ...options,
        });
        stack.defer(() => engine.close());
        return engine;
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Asks until the cache answers. */
export async function untilHit(engine: CachingEngine, ask: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const { hits } = engine.stats();
    await ask();
    if (engine.stats().hits > hits) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Durations in milliseconds, as the columns of a line. */
export function distribution(values: readonly number[]): Readonly<Record<string, Quantity>> {
  const at = (share: number): Quantity => milliseconds(percentile(values, share));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
}
