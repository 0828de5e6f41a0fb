import path from "node:path";
import { inspect } from "node:util";
import { backupIntervalDefault, cacheDbDefault, MAX_INTERVAL_SECONDS, readEnvironment } from "./config.ts";
import { OptionsError, type SqlmemError } from "./errors.ts";
import type { ChangeSourceKind } from "./freshness/change-source.ts";
import { type FreshnessLevel, followsChanges, isLevel, LEVELS } from "./freshness/level.ts";

/** How an engine behaves. Options win over environment variables, and those over the defaults. */
export interface EngineOptions {
  /**
   * What happens to a statement that the cache cannot answer exactly. `strict`: it raises, nothing reaches the origin.
   * `transparent`: it goes to the origin unchanged.
   * @default "strict"
   */
  readonly mode?: "strict" | "transparent" | undefined;
  /**
   * Strict mode answers queries over more than one table too. Joins are refused without it (`join`): each table that
   * they name is fetched.
   * @default false
   */
  readonly joins?: boolean | undefined;
  /**
   * Strict mode answers `SELECT *` too. Wildcards are refused without it (`wildcard`): they fetch all columns.
   * @default false
   */
  readonly wildcards?: boolean | undefined;
  /**
   * What happens to a statement that writes. `block`: it raises `ReadOnlyError`. `pass`: it goes to the origin, and the
   * tables that it touches are invalidated; not possible in strict mode.
   * @default "block" in strict mode, "pass" in transparent mode
   */
  readonly writes?: "pass" | "block" | undefined;
  /**
   * The snapshot file: what is cached, saved for the next start. A path, relative to the working directory; `false`
   * (or an empty string) turns it off.
   * @default SQLMEM_CACHE_DB, else "cache.db"
   */
  readonly cacheDb?: string | false | undefined;
  /**
   * Seconds between two saves of the snapshot file; it is written only if something changed. `0`: only when the engine
   * is closed or the process ends.
   * @default SQLMEM_BACKUP_INTERVAL, else 3600
   */
  readonly backupIntervalSeconds?: number | undefined;
  /**
   * Bytes that the cached tables may take together; the least recently used ones make room.
   * @default 1_073_741_824 (1 GiB)
   */
  readonly maxBytes?: number | undefined;
  /**
   * Rows of the largest table that is cached; queries of larger ones are not answered from the cache
   * (`table-too-large`).
   * @default 5_000_000
   */
  readonly maxTableRows?: number | undefined;
  /**
   * Threads for queries that would hold up the event loop.
   * @default 1
   */
  readonly scanWorkers?: number | undefined;
  /**
   * The share of the hits, 0 to 1, that are asked of the origin again after they were answered, to be compared. A wrong
   * answer is reported to `onError`, and the origin answers statements of its shape from then on (`quarantined`).
   * @default 0
   */
  readonly verify?: number | undefined;
  /**
   * What answers from the cache promise. `manual`: rows are right until `invalidate()`. `{ ttl }`: no row was fetched more
   * than so many milliseconds ago. `session`: own writes are seen at once, writes of others at most `maxLagMs` late.
   * `strict`: all that was committed before the query is seen. The last two follow the database's changes.
   * @default "manual"
   */
  readonly freshness?: FreshnessLevel | undefined;
  /**
   * How late a write of others may be seen at level `session`, in milliseconds; when that cannot be said, the database
   * answers.
   * @default 1000
   */
  readonly maxLagMs?: number | undefined;
  /**
   * How changes are followed at the levels `session` and `strict`: `stream` (logical decoding), or without the rights for
   * that `touch-log`, `snapshot` or `notify`. See docs/freshness.md.
   * @default "stream"
   */
  readonly changeSource?: ChangeSourceKind | undefined;
  /**
   * The publication that the change stream reads, made by an administrator with all tables that are to be cached.
   * @default none: SQLmem makes one of its own, and drops it at the end
   */
  readonly publication?: string | undefined;
  /**
   * Called with each fault of the cache itself: a load that failed, a snapshot file that could not be used. Such a fault
   * fails no query that the origin can answer; it is logged too.
   * @default none
   */
  readonly onError?: ((error: SqlmemError) => void) | undefined;
  /**
   * A file with `SQLMEM_…` variables, relative to the working directory; `false` reads none. The variables of the process
   * win over those of the file.
   * @default ".env", if there is one
   */
  readonly envFile?: string | false | undefined;
}

/** Options after defaults, environment and checks. Frozen. */
export interface ResolvedOptions {
  readonly mode: "strict" | "transparent";
  /** Of strict mode. */
  readonly joins: boolean;
  /** Of strict mode. */
  readonly wildcards: boolean;
  readonly writes: "pass" | "block";
  /** An absolute path; `null` without snapshot file. */
  readonly cacheDb: string | null;
  readonly backupIntervalSeconds: number;
  readonly maxBytes: number;
  readonly maxTableRows: number;
  readonly scanWorkers: number;
  /** A share of the hits. */
  readonly verify: number;
  readonly freshness: FreshnessLevel;
  readonly maxLagMs: number;
  readonly changeSource: ChangeSourceKind;
  readonly publication: string | null;
  /** The user's own function: may throw. */
  readonly onError: ((error: SqlmemError) => void) | null;
}

const CHANGE_SOURCES: readonly ChangeSourceKind[] = ["stream", "touch-log", "snapshot", "notify"];

const NAMES: readonly (keyof EngineOptions)[] = [
  "mode",
  "joins",
  "wildcards",
  "writes",
  "cacheDb",
  "backupIntervalSeconds",
  "maxBytes",
  "maxTableRows",
  "scanWorkers",
  "verify",
  "freshness",
  "maxLagMs",
  "changeSource",
  "publication",
  "onError",
  "envFile",
];

/** Checks the options once; whatever is wrong raises an `OptionsError` that says what to write instead. */
export function resolveOptions(
  options: EngineOptions = {},
  variables: Readonly<Record<string, string | undefined>> = process.env,
): ResolvedOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new OptionsError(`The options must be an object, received ${described(options)}.`);
  }
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name as keyof EngineOptions)) throw new OptionsError(unknownOption(name));
  }
  const { envFile } = options;
  check("envFile", envFile, envFile === undefined || envFile === false || isPath(envFile), "a path or false");

  // Apply defaults
  const environment = readEnvironment(envFile, variables);
  const mode = options.mode ?? "strict";
  const joins = options.joins ?? false;
  const wildcards = options.wildcards ?? false;
  const writes = options.writes ?? (mode === "strict" ? "block" : "pass");
  const cacheDb = options.cacheDb ?? cacheDbDefault(environment) ?? "cache.db";
  const backupIntervalSeconds = options.backupIntervalSeconds ?? backupIntervalDefault(environment) ?? 3600;
  const maxBytes = options.maxBytes ?? 1_073_741_824;
  const maxTableRows = options.maxTableRows ?? 5_000_000;
  const scanWorkers = options.scanWorkers ?? 1;
  const verify = options.verify ?? 0;
  const freshness = options.freshness ?? "manual";
  const maxLagMs = options.maxLagMs ?? 1000;
  const changeSource = options.changeSource ?? "stream";
  const publication = options.publication ?? null;
  const onError = options.onError ?? null;

  // Validate arguments
  check("mode", mode, mode === "strict" || mode === "transparent", '"strict" or "transparent"');
  check("joins", joins, typeof joins === "boolean", "true or false");
  check("wildcards", wildcards, typeof wildcards === "boolean", "true or false");
  check("writes", writes, writes === "pass" || writes === "block", '"pass" or "block"');
  check("cacheDb", cacheDb, cacheDb === false || cacheDb === "" || isPath(cacheDb), "a path or false");
  check(
    "backupIntervalSeconds",
    backupIntervalSeconds,
    isNumber(backupIntervalSeconds, 0, MAX_INTERVAL_SECONDS),
    `a number of seconds between 0 and ${MAX_INTERVAL_SECONDS}`,
  );
  check("maxBytes", maxBytes, isInteger(maxBytes, 1), "a positive whole number of bytes");
  check("maxTableRows", maxTableRows, isInteger(maxTableRows, 1), "a positive whole number of rows");
  check("scanWorkers", scanWorkers, isInteger(scanWorkers, 1, 64), "a whole number between 1 and 64");
  check("verify", verify, isNumber(verify, 0, 1), "a share between 0 and 1");
  check("freshness", freshness, isLevel(freshness), LEVELS);
  check("maxLagMs", maxLagMs, isNumber(maxLagMs, 10, 3_600_000), "a number of milliseconds between 10 and 3600000");
  check("changeSource", changeSource, CHANGE_SOURCES.includes(changeSource), `one of "${CHANGE_SOURCES.join('", "')}"`);
  check("publication", publication, publication === null || isPath(publication), "the name of a publication");
  check("onError", onError, onError === null || typeof onError === "function", "a function");

  // Validate interpreted options
  for (const name of ["maxLagMs", "changeSource", "publication"] as const) {
    if (followsChanges(freshness) || options[name] === undefined) continue;
    throw new OptionsError(
      `The option ${name} says how changes are followed; received freshness: ${described(freshness)}, which follows none. ` +
        `Set freshness: "session" or "strict", or leave ${name} out.`,
    );
  }
  if (publication !== null && changeSource !== "stream") {
    throw new OptionsError(
      `The option publication is read by changeSource: "stream"; received changeSource: "${changeSource}". Leave one of them out.`,
    );
  }
  if (mode === "strict" && writes === "pass") {
    throw new OptionsError(
      'The option writes: "pass" needs mode: "transparent"; received mode: "strict", which never sends a write to the ' +
        'origin. Set mode: "transparent", or leave writes out.',
    );
  }
  for (const name of ["joins", "wildcards"] as const) {
    if (mode === "strict" || options[name] === undefined) continue;
    throw new OptionsError(
      `The option ${name} says what mode: "strict" takes; received mode: "transparent", which refuses nothing. ` +
        `Leave ${name} out.`,
    );
  }
  if (cacheDb === ":memory:" || (typeof cacheDb === "string" && cacheDb.startsWith("file:"))) {
    throw new OptionsError(
      `The option cacheDb must be the path of a file, received ${described(cacheDb)}. The cache itself is always in ` +
        "memory; cacheDb: false turns the file off.",
    );
  }
  return Object.freeze({
    mode,
    joins,
    wildcards,
    writes,
    cacheDb: cacheDb === false || cacheDb === "" ? null : path.resolve(cacheDb),
    backupIntervalSeconds,
    maxBytes,
    maxTableRows,
    scanWorkers,
    verify,
    freshness: typeof freshness === "object" ? Object.freeze({ ...freshness }) : freshness,
    maxLagMs,
    changeSource,
    publication,
    onError,
  });
}

function check(name: string, value: unknown, valid: boolean, expected: string): void {
  if (!valid) throw new OptionsError(`The option ${name} must be ${expected}, received ${described(value)}.`);
}

function isPath(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

function isNumber(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && value >= min && value <= max;
}

function isInteger(value: unknown, min: number, max: number = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && isNumber(value, min, max);
}

function described(value: unknown): string {
  const text = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Words that people try for an option whose name looks different. */
const SYNONYMS: Readonly<Record<string, keyof EngineOptions>> = {
  cachefile: "cacheDb",
  consistency: "freshness",
  env: "envFile",
  join: "joins",
  memory: "maxBytes",
  maxmemory: "maxBytes",
  maxrows: "maxTableRows",
  maxsize: "maxBytes",
  readonly: "writes",
  snapshotfile: "cacheDb",
  staleness: "maxLagMs",
  strict: "mode",
  star: "wildcards",
  transparent: "mode",
  ttl: "freshness",
  workers: "scanWorkers",
};

function unknownOption(name: string): string {
  const nearest = nearestOption(name);
  const hint = nearest ? `did you mean "${nearest}"?` : `known are ${NAMES.join(", ")}.`;
  return `There is no option "${name}"; ${hint}`;
}

function nearestOption(name: string): string | undefined {
  const wanted = name
    .toLowerCase()
    .replaceAll(/[-_ ]/g, "")
    .replace(/^sqlmem/, "");
  const synonym = SYNONYMS[wanted];
  if (synonym) return synonym;
  const ranked = NAMES.map((candidate) => {
    const known = candidate.toLowerCase();
    const partOf = wanted.length >= 4 && (known.startsWith(wanted) || wanted.startsWith(known));
    return { candidate, distance: partOf ? 0 : editDistance(wanted, known) };
  }).sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.floor(wanted.length / 4)) ? best.candidate : undefined;
}

/** Insertions, deletions and replacements between two short words (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
