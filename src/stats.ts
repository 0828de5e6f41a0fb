import type { Freshness, FreshnessStats } from "./freshness/freshness.ts";
import type { BypassReason } from "./outcome.ts";
import type { StoreApi } from "./store/contract.ts";
import { NOTHING_VERIFIED, type Verification, type VerificationStats } from "./verification.ts";

/** Counters since the engine was made, and what it holds. */
export interface EngineStats {
  /** Queries answered from memory. */
  readonly hits: number;
  /** Queries that had to wait for a load, or were answered by the origin while one ran. */
  readonly misses: number;
  /** Statements that the origin answered, or that were refused. */
  readonly bypasses: number;
  readonly bypassesByReason: Readonly<Partial<Record<BypassReason, number>>>;
  /** Fetches of a table from the origin. */
  readonly loads: number;
  /** Hits that were asked of the origin again (option `verify`). */
  readonly verification: VerificationStats;
  /** How changes of the database are followed. */
  readonly freshness: FreshnessStats;
  readonly tables: readonly TableStats[];
  /** Bytes of the store: tables, indexes, dictionaries. */
  readonly bytes: number;
}

export interface TableStats {
  readonly schema: string;
  readonly table: string;
  /** Cached columns; a column can be kept in more than one encoding (`name`, `name:rank`). */
  readonly columns: readonly string[];
  readonly indexes: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  /** Milliseconds since the rows were fetched. */
  readonly ageMs: number;
}

/** The counters behind `stats()`. */
export class Statistics {
  hits = 0;
  misses = 0;
  bypasses = 0;
  loads = 0;
  readonly #reasons: Partial<Record<BypassReason, number>> = {};

  countBypass(reason: BypassReason): void {
    this.bypasses += 1;
    this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1;
  }

  report(
    store: StoreApi,
    verification: Verification | null,
    freshness: Freshness,
    now: number = Date.now(),
  ): EngineStats {
    return {
      hits: this.hits,
      misses: this.misses,
      bypasses: this.bypasses,
      bypassesByReason: { ...this.#reasons },
      loads: this.loads,
      verification: verification?.stats ?? NOTHING_VERIFIED,
      freshness: freshness.stats(),
      tables: [...store.tables.values()].map((stored) => ({
        schema: stored.schema,
        table: stored.table,
        columns: [...stored.columns.keys()],
        indexes: [...stored.indexes.keys()],
        rows: stored.rows,
        bytes: stored.bytes,
        ageMs: Math.max(0, now - stored.loadedAt),
      })),
      bytes: store.bytes,
    };
  }
}
