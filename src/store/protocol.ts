import type { MessagePort } from "node:worker_threads";
import { SnapshotFileError, StoreError } from "../errors.ts";
import type {
  LoadResult,
  LoadSpec,
  OriginIdentity,
  ScannedTable,
  Snapshot,
  SortAnswer,
  SortQuestion,
  StoredTable,
  StoreRow,
  StoreValue,
} from "./contract.ts";
import type { ScanState } from "./stoppable.ts";

/** What the store worker is started with. */
export interface StoreWorkerData {
  readonly directory: string;
  readonly file: string;
  readonly cacheDb: string | null;
  readonly maxBytes: number;
}

/** Main → store worker. Those with a `request` are answered once, by a reply or within an `advance`. */
export type Command =
  | { readonly kind: "acknowledge" }
  | { readonly kind: "begin-load"; readonly request: number; readonly load: number; readonly spec: LoadSpec }
  | { readonly kind: "chunk"; readonly load: number; readonly buffer: ArrayBuffer; readonly length: number }
  | { readonly kind: "end-stream"; readonly request: number; readonly load: number }
  | {
      readonly kind: "finish-load";
      readonly request: number;
      readonly load: number;
      readonly handOff: HandOff | null;
    }
  | { readonly kind: "abort-load"; readonly request: number; readonly load: number }
  | {
      readonly kind: "ensure-index";
      readonly request: number;
      readonly id: string;
      readonly columns: readonly string[];
    }
  | { readonly kind: "drop"; readonly request: number; readonly ids: readonly string[] }
  | { readonly kind: "restore"; readonly request: number; readonly identity: OriginIdentity }
  | { readonly kind: "save"; readonly request: number }
  | { readonly kind: "save-now"; readonly port: MessagePort; readonly signal: Int32Array<SharedArrayBuffer> }
  | { readonly kind: "close"; readonly request: number }
  | FeedCommand;

/** What concerns a change feed, each of which has a number. */
export type FeedCommand =
  | { readonly kind: "feed-open"; readonly request: number; readonly feed: number; readonly decoder: string }
  | { readonly kind: "feed-batch"; readonly feed: number; readonly buffer: ArrayBuffer }
  | {
      readonly kind: "feed-retain";
      readonly request: number;
      readonly feed: number;
      readonly tables: readonly { readonly id: string; readonly relations: readonly string[] }[];
    }
  | { readonly kind: "feed-release"; readonly feed: number; readonly ids: readonly string[] }
  | { readonly kind: "feed-settled"; readonly feed: number; readonly below: bigint }
  | {
      readonly kind: "feed-sorted";
      readonly feed: number;
      readonly question: number;
      readonly answer: SortAnswer | WireError;
    }
  | { readonly kind: "feed-close"; readonly feed: number };

export function isFeedCommand(command: Command): command is FeedCommand {
  return command.kind.startsWith("feed-");
}

export interface HandOff {
  readonly snapshot: Snapshot;
  readonly timeoutMs: number;
}

export interface Reply {
  readonly request: number;
  readonly outcome:
    | { readonly kind: "done"; readonly value: ReplyValue }
    | { readonly kind: "failed"; readonly error: WireError };
}

/** A `fault` is to be reported, though the request was carried out. */
export type ReplyValue =
  | LoadResult
  | { readonly kind: "fault"; readonly error: WireError }
  | { readonly kind: "transactions"; readonly transactions: readonly number[] }
  | null;

/** What readers are to see from now on. The worker changes nothing visible until it is acknowledged. */
export interface Advance {
  readonly kind: "advance";
  /** The visible commit that the new snapshot must show; equal to the last one if only the WAL is to be let go. */
  readonly commit: number;
  readonly changed: readonly StoredTable[];
  /** Tables whose rows have changed, and nothing that a plan rests on. */
  readonly touched: readonly TouchedTable[];
  readonly removed: readonly string[];
  /** The ids of the drop command that this answers: main hides them from the command until here. */
  readonly dropped: readonly string[];
  /** The store's file, when it is another one than before. */
  readonly file: string | null;
  readonly bytes: number;
  readonly reply: Reply | null;
  readonly feed: FeedProgress | null;
}

export type TouchedTable = Pick<StoredTable, "id" | "rows" | "bytes" | "rowsCommit" | "dictionaryCommit">;

/** How far a feed has come. */
export interface FeedProgress {
  readonly feed: number;
  /** Bytes of all batches that were read. */
  readonly received: number;
  /** Bytes of transactions that are complete, and wait. */
  readonly waiting: number;
  readonly position: bigint | null;
  readonly applied: { readonly transactions: number; readonly changes: number; readonly ids: readonly string[] } | null;
  readonly givenUp: readonly GivenUp[];
}

export interface GivenUp {
  readonly id: string;
  readonly why: string;
}

/** Store worker → main. */
export type Notice =
  | { readonly kind: "reply"; readonly reply: Reply; readonly bytes: number }
  | Advance
  | {
      readonly kind: "credit";
      readonly load: number;
      /** The chunk's memory, given back. */
      readonly buffer: ArrayBuffer;
      readonly tooLarge: boolean;
      readonly error: WireError | null;
      readonly bytes: number;
    }
  | FeedNotice;

export type FeedNotice =
  | { readonly kind: "feed-progress"; readonly progress: FeedProgress; readonly bytes: number }
  | {
      readonly kind: "feed-sort";
      readonly feed: number;
      readonly question: number;
      readonly codec: unknown;
      readonly questions: readonly SortQuestion[];
      readonly bytes: number;
    }
  | { readonly kind: "feed-failed"; readonly feed: number; readonly error: WireError; readonly bytes: number };

/** What a scan worker is started with. */
export interface ScanWorkerData {
  /** URL of the module that exports `registerFunctions`. */
  readonly functions: string;
  readonly state: ScanState;
}

/** Main → scan worker, in this order: what functions look up, then the scans that call them. */
export type ScanMessage =
  | { readonly kind: "provide"; readonly key: string; readonly resource: unknown }
  | ScanRequest
  /** The next rows are wanted. */
  | { readonly kind: "more" }
  /** The rest of them is not. */
  | { readonly kind: "drop" };

export interface ScanRequest {
  readonly kind: "scan";
  readonly file: string;
  readonly sql: string;
  readonly values: readonly StoreValue[];
  readonly tables: readonly ScannedTable[];
}

/** Scan worker → main. */
export type ScanReply =
  /** After `more` rows of the same result the next ones follow, when they are asked for. */
  | {
      readonly kind: "rows";
      readonly rows: readonly StoreRow[];
      readonly commit: number;
      readonly milliseconds: number;
      readonly more: boolean;
    }
  | { readonly kind: "moved" }
  | { readonly kind: "failed"; readonly error: WireError };

/** An error on its way between threads: structured cloning would lose its class and codes. */
export interface WireError {
  readonly kind: "store" | "snapshot-file" | "other";
  readonly message: string;
  readonly stack: string | undefined;
  /** Own fields of SQLite's and the system's errors: `code`, `errcode`, `errstr`, `errno`, `syscall`. */
  readonly fields: Readonly<Record<string, string | number>>;
  readonly cause: WireError | null;
}

const FIELDS = ["code", "errcode", "errstr", "errno", "syscall"] as const;

export function encodeError(error: unknown): WireError {
  if (!(error instanceof Error)) {
    return { kind: "other", message: String(error), stack: undefined, fields: {}, cause: null };
  }
  const kind =
    error instanceof SnapshotFileError ? "snapshot-file" : error instanceof StoreError ? "store" : ("other" as const);
  const fields: Record<string, string | number> = {};
  if (kind === "other") {
    for (const field of FIELDS) {
      const value: unknown = Reflect.get(error, field);
      if (typeof value === "string" || typeof value === "number") {
        fields[field] = value;
      }
    }
  }
  const cause = error.cause === undefined ? null : encodeError(error.cause);
  return { kind, message: error.message, stack: error.stack, fields, cause };
}

export function decodeError(wire: WireError): Error {
  const options = wire.cause === null ? {} : { cause: decodeError(wire.cause) };
  switch (wire.kind) {
    case "store":
      return new StoreError(wire.message, options);
    case "snapshot-file":
      return new SnapshotFileError(wire.message, options);
    case "other": {
      const error = Object.assign(new Error(wire.message, options), wire.fields);
      if (wire.stack !== undefined) {
        error.stack = wire.stack;
      }
      return error;
    }
  }
}

/** The error as one of the store's own, with the first error as its cause. */
export function asStoreError(error: unknown, doing: string): Error {
  if (error instanceof StoreError || error instanceof SnapshotFileError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError(`${doing}: ${message}`, { cause: error });
}
