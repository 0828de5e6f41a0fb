import { OptionsError } from "../errors.ts";

/**
 * What an answer from the cache promises.
 *
 * - `manual`: what was fetched, until `invalidate()`; own writes are seen.
 * - `{ ttl }`: the same, and nothing that was fetched more than so many milliseconds ago.
 * - `session`: own writes at once, writes of others at most `maxLagMs` late, transactions whole.
 * - `strict`: everything that was committed before the query was sent; costs a round trip.
 */
export type FreshnessLevel = "manual" | { readonly ttl: number } | "session" | "strict";

/** For one query, what is asked beyond the engine's own level. */
export interface ReadOptions {
  /**
   * The level of this query. A level above `manual` needs an engine that follows changes, so one whose own level is
   * `session` or `strict`.
   * @default the engine's own
   */
  readonly freshness?: FreshnessLevel | undefined;
  /** The answer shows everything that was committed so many milliseconds before the query, or the database answers. */
  readonly maxAgeMs?: number | undefined;
  /** A token of `write()` or `token()`, of this or another process: the answer shows what it stands for. */
  readonly after?: string | undefined;
}

/** What one query requires of the cache. */
export interface Requirement {
  /** Everything committed before the call is shown. */
  readonly strict: boolean;
  /** Everything committed so many milliseconds before the call is shown; `null`: any age will do. */
  readonly maxAgeMs: number | null;
  readonly after: string | null;
  /** Own writes are shown, too. */
  readonly ownWrites: boolean;
}

/** True for a level that needs a change source. */
export function followsChanges(level: FreshnessLevel): boolean {
  return level === "session" || level === "strict";
}

export function isLevel(value: unknown): value is FreshnessLevel {
  if (value === "manual" || value === "session" || value === "strict") return true;
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 1 || !("ttl" in value)) return false;
  return typeof value.ttl === "number" && value.ttl > 0 && value.ttl <= MAX_TTL_MS;
}

/** How a level is described where another value was given. */
export const LEVELS = '"manual", { ttl: milliseconds }, "session" or "strict"';

/** Timers count milliseconds in 31 bits. */
const MAX_TTL_MS = 2_147_483_647;

/**
 * The engine's level and what a query asks beyond it, as one requirement.
 *
 * @throws OptionsError for a value that is none, or one that the engine cannot keep
 */
export function requirementOf(level: FreshnessLevel, maxLagMs: number, options: ReadOptions = {}): Requirement {
  for (const name of Object.keys(options)) {
    if (name !== "freshness" && name !== "maxAgeMs" && name !== "after") {
      throw new OptionsError(`execute() has no option "${name}"; known are freshness, maxAgeMs, after.`);
    }
  }
  const { freshness = level, maxAgeMs = null, after = null } = options;
  if (!isLevel(freshness)) {
    throw new OptionsError(`The option freshness must be ${LEVELS}, received ${JSON.stringify(freshness)}.`);
  }
  if (followsChanges(freshness) && !followsChanges(level)) {
    throw new OptionsError(
      `The option freshness: "${freshness}" of a query needs an engine that follows changes: make it with freshness: "session".`,
    );
  }
  if (maxAgeMs !== null && !(typeof maxAgeMs === "number" && maxAgeMs >= 0)) {
    throw new OptionsError(
      `The option maxAgeMs must be a number of milliseconds, received ${JSON.stringify(maxAgeMs)}.`,
    );
  }
  if (after !== null && typeof after !== "string") {
    throw new OptionsError(`The option after must be a token of write() or token(), received ${typeof after}.`);
  }
  const ofLevel = typeof freshness === "object" ? freshness.ttl : freshness === "session" ? maxLagMs : null;
  return {
    strict: freshness === "strict",
    maxAgeMs: ofLevel === null ? maxAgeMs : Math.min(ofLevel, maxAgeMs ?? ofLevel),
    after,
    ownWrites: freshness !== "manual" || !followsChanges(level),
  };
}
