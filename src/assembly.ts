import { AttachedCache } from "./attached-cache.ts";
import { diagnostics, type LoadEvent } from "./diagnostics.ts";
import type { Attachments, Origin } from "./dialects/dialect.ts";
import { type OriginBase, openOrigin } from "./dialects/postgres/connect.ts";
import { postgres } from "./dialects/postgres/dialect.ts";
import { Positions } from "./execute/positions.ts";
import { Runner } from "./execute/runner.ts";
import { faultReporter } from "./faults.ts";
import { Freshness } from "./freshness/freshness.ts";
import { followsChanges } from "./freshness/level.ts";
import { freshnessHost } from "./freshness-host.ts";
import { Lifetime } from "./lifetime.ts";
import { TableUse } from "./load/eviction.ts";
import { Loader, type LoaderOptions } from "./load/loader.ts";
import { logger } from "./logging.ts";
import type { ResolvedOptions } from "./options.ts";
import { Planner, type PlannerOrigin } from "./plan/planner.ts";
import { createPlannerOrigin } from "./planner-origin.ts";
import { Statistics } from "./stats.ts";
import { Store } from "./store/store.ts";
import { Verification } from "./verification.ts";
import { WriteThrough } from "./write-through.ts";

/** What an engine is made of. */
export interface EngineParts {
  readonly origin: Origin;
  readonly store: Store;
  readonly loader: Loader;
  readonly planner: Planner;
  readonly plannerOrigin: PlannerOrigin;
  readonly runner: Runner;
  readonly writes: WriteThrough;
  readonly freshness: Freshness;
  readonly statistics: Statistics;
  readonly lifetime: Lifetime;
  /** `null` unless hits are verified. */
  readonly verification: Verification | null;
  readonly attached: AttachedCache;
  readonly attachments: Attachments;
  onFault(error: unknown): void;
}

/**
 * Makes the parts of an engine and joins them; nothing is connected.
 *
 * @throws OptionsError for a base that cannot be used
 */
export function assemble(base: OriginBase, options: ResolvedOptions): EngineParts {
  const { cacheDb, maxBytes, maxTableRows, scanWorkers, backupIntervalSeconds, verify } = options;
  const { freshness: level, maxLagMs, changeSource, publication } = options;
  const origin = openOrigin(base);
  const onFault = faultReporter(options.onError);
  const use = new TableUse();
  const statistics = new Statistics();
  const planner = new Planner(postgres);
  const store = Store.open({ cacheDb, maxBytes, scanWorkers, onFault, functions: postgres.functions });
  const openFeed: Store["openFeed"] = (feed) => store.openFeed(feed);
  const source = followsChanges(level)
    ? origin.changeSource({ kind: changeSource, maxLagMs, publication, openFeed, onFault })
    : null;
  const onLoad: LoaderOptions["onLoad"] = (table, rows, at) => {
    statistics.loads += 1;
    freshness.fetched(at);
    reportLoad({ schema: table.schema, table: table.name, rows, milliseconds: performance.now() - at });
  };
  const loader = new Loader(origin, store, use, { maxBytes, maxTableRows, onFault, source, onLoad });
  const host = freshnessHost({ loader, writes: () => writes, onFault });
  const freshness: Freshness = new Freshness({ level, maxLagMs, source, sourceKind: changeSource, host });
  const writes = new WriteThrough(origin, loader, planner, freshness);
  const runner = new Runner(origin, store, loader, use, new Positions(store), onFault);
  const plannerOrigin = createPlannerOrigin(origin, runner);
  const parts = { origin, store, loader, planner, plannerOrigin, runner, writes, freshness, statistics, onFault };
  const lifetime = new Lifetime(parts, cacheDb === null ? 0 : backupIntervalSeconds);
  const verification = verify === 0 ? null : new Verification(verify, parts);
  const attached = new AttachedCache({ ...parts, lifetime, verification });
  return { ...parts, lifetime, verification, attached, attachments: origin.attachments(attached) };
}

function reportLoad(event: LoadEvent): void {
  const { schema, table, rows, milliseconds } = event;
  logger.info("loaded", { table: `${schema}.${table}`, rows, ms: Math.round(milliseconds) });
  if (diagnostics.load.hasSubscribers) diagnostics.load.publish(event);
}
