/** Engines that follow changes, for tests of single changes: what is cached is compared with the origin. */
import { expect } from "vitest";
import type { EngineOptions } from "../../src/options.ts";
import { isHit } from "./attach.ts";
import { type OpenedEngine, openEngine, type SharedDatabase, until } from "./engine.ts";
import { expectCleanOrigin } from "./freshness-witness.ts";

export interface Followed extends OpenedEngine {
  /** Asks until the cache answers each of these, with everything that is committed now, and expects what the origin says. */
  expectSame(...queries: readonly string[]): Promise<void>;
  /** The same, and nothing was fetched for it. */
  expectInPlace(...queries: readonly string[]): Promise<void>;
  /** No answer of the cache is wrong that is asked for from `maxLagMs` after this call on, until the cache answers again. */
  expectRightSoon(...queries: readonly string[]): Promise<void>;
  /** Closes the engine; nothing may be left on the server. */
  leave(): Promise<void>;
}

const FOLLOWED_LAG_MS = 300;

/** Transparent, of level `session`. */
export async function openFollowed(
  database: SharedDatabase,
  options: EngineOptions = {},
  patienceMs = 15_000,
): Promise<Followed> {
  const opened = await openEngine(database, {
    mode: "transparent",
    freshness: "session",
    maxLagMs: FOLLOWED_LAG_MS,
    ...options,
  });
  const { engine, bare } = opened;
  await engine.ready();
  const expectSame = async (...queries: readonly string[]): Promise<void> => {
    const after = await engine.token();
    for (const sql of queries) {
      let ours: unknown;
      const ask = async (): Promise<void> => {
        ours = await engine.execute(sql, [], { after });
      };
      await until(`a hit: ${sql}`, () => isHit(engine, ask), patienceMs);
      expect({ sql, rows: ours }).toEqual({ sql, rows: await bare(sql) });
    }
  };
  return {
    ...opened,
    expectSame,
    async expectInPlace(...queries) {
      const { loads } = engine.stats();
      await expectSame(...queries);
      expect(engine.stats().loads).toBe(loads);
    },
    async expectRightSoon(...queries) {
      const deadline = performance.now() + FOLLOWED_LAG_MS;
      const theirs = await Promise.all(queries.map((sql) => outcomeOf(bare(sql))));
      while (performance.now() <= deadline) await new Promise((resolve) => setTimeout(resolve, 5));
      for (const [index, sql] of queries.entries()) {
        await until(`right, and settled: ${sql}`, async () => {
          const before = engine.stats();
          expect({ sql, ...(await outcomeOf(engine.execute(sql))) }).toEqual({ sql, ...theirs[index] });
          const { hits, bypassesByReason } = engine.stats();
          // What is not answered from the cache any more is settled, too, unless that is of the moment.
          const passing = before.bypassesByReason["not-fresh"] !== bypassesByReason["not-fresh"];
          return hits > before.hits || (engine.stats().bypasses > before.bypasses && !passing);
        });
      }
    },
    async leave() {
      await opened.close();
      await expectCleanOrigin(database);
    },
  };
}

async function outcomeOf(promise: Promise<unknown>): Promise<{ rows: unknown } | { error: string }> {
  return promise.then(
    (rows) => ({ rows }),
    (error: Error) => ({ error: error.message }),
  );
}
