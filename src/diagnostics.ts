import { type Channel, channel } from "node:diagnostics_channel";
import type { FreshnessState } from "./freshness/freshness.ts";
import { logger } from "./logging.ts";
import type { BypassReason, Outcome } from "./outcome.ts";

/** What `sqlmem:query` publishes of each query: of `execute`, and of attached clients. */
export interface QueryEvent {
  readonly outcome: Outcome;
  readonly reason: BypassReason | null;
  readonly milliseconds: number;
  readonly sql: string;
}

/** What `sqlmem:load` publishes of each table that was fetched. */
export interface LoadEvent {
  readonly schema: string;
  readonly table: string;
  readonly rows: number;
  readonly milliseconds: number;
}

/** What `sqlmem:freshness` publishes when changes come to be followed, or are not any more. */
export interface FreshnessEvent {
  readonly state: FreshnessState;
}

/**
 * Events for tracing, as `node:diagnostics_channel` has them: free while nobody subscribes. A subscriber that throws is
 * reported by Node itself and disturbs nothing here.
 */
export const diagnostics: {
  readonly query: Channel;
  readonly load: Channel;
  readonly freshness: Channel;
} = {
  query: channel("sqlmem:query"),
  load: channel("sqlmem:load"),
  freshness: channel("sqlmem:freshness"),
};

/** Somebody wants to hear of each query. */
export function observed(): boolean {
  return logger.debugEnabled || diagnostics.query.hasSubscribers;
}

/** Tells the log and the subscribers of a query; `params` are for the log alone. */
export function observe(event: QueryEvent, params: readonly unknown[] | undefined): void {
  logger.query({ ...event, params });
  if (diagnostics.query.hasSubscribers) diagnostics.query.publish(event);
}
