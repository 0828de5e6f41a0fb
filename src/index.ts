export { createEngine } from "./create-engine.ts";
export type { FreshnessEvent, LoadEvent, QueryEvent } from "./diagnostics.ts";
export { CachingEngine } from "./engine.ts";
export {
  ClosedError,
  FreshnessError,
  LoadError,
  OptionsError,
  ReadOnlyError,
  SnapshotFileError,
  SqlmemError,
  type SqlmemErrorCode,
  StoreError,
  UnsupportedQueryError,
  VerificationError,
} from "./errors.ts";
export type { ExplainedTable, Explanation } from "./explain.ts";
export type { ChangeSourceKind } from "./freshness/change-source.ts";
export type { FreshnessState, FreshnessStats } from "./freshness/freshness.ts";
export type { FreshnessLevel, ReadOptions } from "./freshness/level.ts";
export { addSink, type LogLevel, type Sink, type SinkOptions } from "./logging.ts";
export type { EngineOptions } from "./options.ts";
export { BYPASS_REASONS, type BypassReason, type Outcome } from "./outcome.ts";
export type { EngineStats, TableStats } from "./stats.ts";
export type { VerificationStats } from "./verification.ts";
