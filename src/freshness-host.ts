import { diagnostics, type FreshnessEvent } from "./diagnostics.ts";
import type { FreshnessHost } from "./freshness/freshness.ts";
import type { Loader } from "./load/loader.ts";
import type { Wanted } from "./load/wanted.ts";
import { logger } from "./logging.ts";
import type { WriteThrough } from "./write-through.ts";

/** The parts of the engine that the clock of freshness acts on. */
export interface FreshnessHostParts {
  readonly loader: Loader;
  /** Made after the clock, which it needs. */
  writes(): WriteThrough;
  onFault(error: unknown): void;
}

/** What is to be done when the clock of freshness says that something is wrong. */
export function freshnessHost({ loader, writes, onFault }: FreshnessHostParts): FreshnessHost {
  const namesOf = (ids: readonly string[] | "all"): readonly string[] | "all" =>
    ids === "all"
      ? ids
      : loader.loaded.filter(({ table }) => ids.includes(table.id)).map(({ table }) => `${table.schema}.${table.name}`);
  /** What was loaded when changes were lost. */
  let hot: readonly Wanted[] = [];
  return {
    forgetRows(ids, why) {
      logger.info("rows are fetched again", { tables: namesOf(ids), why });
      if (ids === "all" && loader.loaded.length > 0) hot = loader.loaded;
      loader.invalidate(ids);
    },
    forgetDefinitions(ids, why) {
      logger.info("definitions are read again", { tables: namesOf(ids), why });
      if (ids === "all") writes().forgetAll();
      else writes().forget(ids);
    },
    expireRows: (before) => loader.expire(before),
    recovered() {
      const wanted = hot;
      hot = [];
      loader.loadAgain(wanted).catch(onFault);
    },
    onFault,
    onState(state) {
      logger.info("changes of the database", { state });
      const event: FreshnessEvent = { state };
      if (diagnostics.freshness.hasSubscribers) diagnostics.freshness.publish(event);
    },
  };
}
