import type { BypassReason } from "./outcome.ts";

/** Stable: code may compare with them. Each has a section in `docs/errors.md`. */
export type SqlmemErrorCode =
  | "ERR_SQLMEM_READ_ONLY"
  | "ERR_SQLMEM_UNSUPPORTED_QUERY"
  | "ERR_SQLMEM_OPTIONS"
  | "ERR_SQLMEM_CLOSED"
  | "ERR_SQLMEM_FRESHNESS"
  | "ERR_SQLMEM_LOAD"
  | "ERR_SQLMEM_STORE"
  | "ERR_SQLMEM_SNAPSHOT_FILE"
  | "ERR_SQLMEM_VERIFICATION";

/** What all errors of SQLmem's own have in common. Errors of the origin are never wrapped in one. */
export abstract class SqlmemError extends Error {
  abstract readonly code: SqlmemErrorCode;

  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    // On the prototype, as in the language's own errors: it does not show among the fields of each error.
    Object.defineProperty(this, "name", { value: new.target.name, configurable: true, writable: true });
  }
}

/** A statement that writes, where writes are blocked. Nothing was sent to the origin. */
export class ReadOnlyError extends SqlmemError {
  readonly code = "ERR_SQLMEM_READ_ONLY";
  /** What would have written, as a person names it: `INSERT`, `SELECT … FOR UPDATE`, `nextval()`. */
  readonly command: string;

  constructor(message: string, options: { readonly command: string; readonly cause?: unknown }) {
    super(message, causeOf(options));
    this.command = options.command;
  }
}

/** A read that cannot be answered exactly from the cache, in strict mode. Nothing was sent to the origin. */
export class UnsupportedQueryError extends SqlmemError {
  readonly code = "ERR_SQLMEM_UNSUPPORTED_QUERY";
  /** Why, as a stable code: a section of `docs/limits.md`. */
  readonly reason: BypassReason;

  constructor(message: string, options: { readonly reason: BypassReason; readonly cause?: unknown }) {
    super(message, causeOf(options));
    this.reason = options.reason;
  }
}

/** A wrong option, environment variable or argument. The message names it, what was received, and what to write. */
export class OptionsError extends SqlmemError {
  readonly code = "ERR_SQLMEM_OPTIONS";
}

/** The engine was used after `close()`. */
export class ClosedError extends SqlmemError {
  readonly code = "ERR_SQLMEM_CLOSED";
}

/**
 * The origin does not support the freshness that was asked for, or changes of it cannot be followed any more. At the
 * start it is thrown; the message names the statement or setting that an administrator has to change. Later it goes to
 * `onError`; queries pass through until changes are followed again.
 */
export class FreshnessError extends SqlmemError {
  readonly code = "ERR_SQLMEM_FRESHNESS";
}

/** Copying a table from the origin failed on SQLmem's side. Goes to `onError`; the query passed through. */
export class LoadError extends SqlmemError {
  readonly code = "ERR_SQLMEM_LOAD";
}

/** The in-memory store or one of its threads failed. Goes to `onError`; the query passed through. */
export class StoreError extends SqlmemError {
  readonly code = "ERR_SQLMEM_STORE";
}

/** The snapshot file could not be used or written. Goes to `onError`; the cache goes on without it. */
export class SnapshotFileError extends SqlmemError {
  readonly code = "ERR_SQLMEM_SNAPSHOT_FILE";
}

/**
 * A verification found a wrong answer (option `verify`). Goes to `onError`; statements of that shape go to the origin from
 * then on. The message has what is needed to look into it, and no value: not of a parameter, a constant or a row.
 */
export class VerificationError extends SqlmemError {
  readonly code = "ERR_SQLMEM_VERIFICATION";
}

function causeOf(options: { readonly cause?: unknown }): { cause?: unknown } | undefined {
  return options.cause === undefined ? undefined : { cause: options.cause };
}
