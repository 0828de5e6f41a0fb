import { closeSync, mkdirSync, openSync } from "node:fs";
import path from "node:path";
import { pino } from "pino";
import { createStream } from "rotating-file-stream";
import { debugDefault, readEnvironment } from "./config.ts";
import { OptionsError } from "./errors.ts";
import type { BypassReason, Outcome } from "./outcome.ts";

/** How much a sink gets: its level and everything above. */
export type LogLevel = "DEBUG" | "INFO" | "WARNING" | "ERROR";

export interface SinkOptions {
  /**
   * `DEBUG` shows each query, with its parameters.
   * @default "DEBUG" if SQLMEM_DEBUG is true, else "INFO"
   */
  readonly level?: LogLevel | undefined;
  /**
   * For files: the size at which the file is renamed to `name.1` (and that to `name.2` …, up to `name.5`) and a new one
   * begins; a number and `KB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`.
   * @default none: the file grows
   */
  readonly rotation?: string | undefined;
}

/** One destination of the log. */
export interface Sink extends AsyncDisposable {
  /** Ends the logging to this destination; a file is flushed and closed, a stream is left as it is. */
  close(): Promise<void>;
}

/** What the destination of a sink must be able to do. */
interface Destination {
  write(line: string): void;
  close(): Promise<void>;
}

/** Details of a line; never credentials, and values of parameters only at level DEBUG. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One query, as `logger.query` takes it. */
export interface QueryRecord {
  readonly outcome: Outcome;
  readonly reason: BypassReason | null;
  readonly milliseconds: number;
  readonly sql: string;
  readonly params: readonly unknown[] | undefined;
}

const PINO_LEVELS = { DEBUG: "debug", INFO: "info", WARNING: "warn", ERROR: "error" } as const;
const LABELS: Readonly<Record<string, LogLevel>> = { debug: "DEBUG", info: "INFO", warn: "WARNING", error: "ERROR" };
const KEPT_FILES = 5;

// One log per process, as one process has one stderr: engines share it. Silent until a sink is added.
const sinks = pino.multistream([]);
const root = pino(
  {
    level: "silent",
    base: { name: "sqlmem" },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: LABELS[label] ?? label }) },
  },
  sinks,
);

/**
 * What the rest of SQLmem logs with. `debugEnabled` is false unless a sink takes debug lines: check it before building
 * the arguments on a path that is taken for each query.
 */
export const logger: {
  debugEnabled: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  /** A fault: its message, code and stack, and those of its causes. */
  error(message: string, fault: unknown, fields?: LogFields): void;
  query(record: QueryRecord): void;
} = {
  debugEnabled: false,
  debug: (message, fields) => root.debug(fields ?? {}, message),
  info: (message, fields) => root.info(fields ?? {}, message),
  warning: (message, fields) => root.warn(fields ?? {}, message),
  error: (message, fault, fields) => {
    if (root.level !== "silent") root.error({ ...fields, error: describeFault(fault) }, message);
  },
  query: (record) => {
    if (!logger.debugEnabled) return;
    root.debug(
      {
        ...(record.reason !== null && { reason: record.reason }),
        ms: Math.round(record.milliseconds * 1000) / 1000,
        sql: record.sql,
        ...(record.params?.length && { params: record.params.map(describeParameter) }),
      },
      record.outcome,
    );
  },
};

/**
 * Sends the log of all engines in this process to a stream or a file; there is none before the first call.
 * A line is one JSON object, or a short text where the stream is a terminal.
 *
 * @param destination a stream such as `process.stderr`, or the path of a file, to which lines are appended
 * @throws OptionsError also when the file cannot be opened
 */
export function addSink(destination: NodeJS.WritableStream | string, options: SinkOptions = {}): Sink {
  const { level, rotationBytes } = resolveSinkOptions(destination, options);
  const target = typeof destination === "string" ? openFile(destination, rotationBytes) : wrapStream(destination);
  sinks.add({ level: PINO_LEVELS[level], stream: target });
  applyLevels();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      // pino's declarations leave out the `id` that `remove` wants.
      const entry = sinks.streams.find(({ stream }) => stream === target) as { readonly id?: number } | undefined;
      if (entry?.id !== undefined) sinks.remove(entry.id);
      applyLevels();
      await target.close();
    })();
    return closed;
  };
  return { close, [Symbol.asyncDispose]: close };
}

/** The logger's own level is that of its most talkative sink; without one it does nothing at all. */
function applyLevels(): void {
  const lowest = Math.min(...sinks.streams.map((stream) => Number(stream.level)));
  root.level = Number.isFinite(lowest) ? (pino.levels.labels[lowest] ?? "silent") : "silent";
  logger.debugEnabled = root.level === "debug";
}

function resolveSinkOptions(
  destination: unknown,
  options: SinkOptions,
): { readonly level: LogLevel; readonly rotationBytes: number | null } {
  for (const name of Object.keys(options)) {
    if (name !== "level" && name !== "rotation") {
      throw new OptionsError(`addSink has no option "${name}"; known are level, rotation.`);
    }
  }
  // Apply defaults
  const level = options.level ?? (debugDefault(readEnvironment()) ? "DEBUG" : "INFO");
  const { rotation } = options;

  // Validate arguments
  const isStream =
    typeof destination === "object" &&
    destination !== null &&
    "write" in destination &&
    typeof destination.write === "function";
  if (!isStream && (typeof destination !== "string" || destination === "")) {
    throw new OptionsError(`addSink needs a writable stream or the path of a file, received ${typeof destination}.`);
  }
  if (!Object.hasOwn(PINO_LEVELS, level)) {
    throw new OptionsError(`The option level must be "DEBUG", "INFO", "WARNING" or "ERROR", received "${level}".`);
  }
  const rotationBytes = rotation === undefined ? null : parseSize(rotation);

  // Validate interpreted options
  if (rotationBytes !== null && isStream) {
    throw new OptionsError("The option rotation is for files; pass the path of a file instead of a stream.");
  }
  return { level, rotationBytes };
}

const UNITS: Readonly<Record<string, number>> = {
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

/** `10 MB` → 10 000 000. */
function parseSize(text: string): number {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*([kmg]i?b)\s*$/i.exec(text);
  const bytes = Math.floor(Number(parts?.[1]) * (UNITS[parts?.[2]?.toLowerCase() ?? ""] ?? Number.NaN));
  if (bytes >= 1) return bytes;
  throw new OptionsError(`The option rotation must be a size such as "10 MB" or "512 KiB", received "${text}".`);
}

function wrapStream(stream: NodeJS.WritableStream): Destination {
  const human = "isTTY" in stream && stream.isTTY === true;
  let usable = true;
  // A closed pipe behind stderr must not end the program because of a log line.
  const onError = (): void => {
    usable = false;
  };
  stream.on("error", onError);
  return {
    write: (line) => {
      if (usable && stream.writable) stream.write(human ? humanLine(line) : line);
    },
    close: async () => {
      stream.off("error", onError);
    },
  };
}

function openFile(name: string, rotationBytes: number | null): Destination {
  const file = path.resolve(name);
  // Opened here and now so that a wrong path is the caller's error, not a line lost later.
  let descriptor: number;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    descriptor = openSync(file, "a");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionsError(`The log file ${file} cannot be opened: ${why}. Pass a path that can be written.`, {
      cause: error,
    });
  }
  if (rotationBytes === null) {
    // Buffered and written off the event loop; pino flushes it when the process ends.
    const stream = pino.destination({ dest: descriptor, sync: false });
    stream.on("error", () => {});
    return {
      write: (line) => {
        stream.write(line);
      },
      close: () =>
        new Promise((resolve) => {
          stream.once("close", resolve);
          stream.end();
        }),
    };
  }
  closeSync(descriptor);
  const stream = createStream((index) => path.basename(file) + (index ? `.${index}` : ""), {
    path: path.dirname(file),
    size: `${rotationBytes}B`,
    rotate: KEPT_FILES,
  });
  stream.on("error", () => {});
  return {
    write: (line) => {
      stream.write(line);
    },
    close: () =>
      new Promise((resolve) => {
        stream.end(() => resolve());
      }),
  };
}

/** `12:00:01.250 DEBUG hit 0.02 ms SELECT …`: the same content for a person's eyes. */
function humanLine(line: string): string {
  const { time, level, name: _, msg, reason, ms, sql, error, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const parts = [String(time).slice(11, 23), String(level).padEnd(7), msg];
  if (reason !== undefined) parts.push(`(${reason})`);
  if (typeof ms === "number") parts.push(`${ms.toFixed(ms < 10 ? 3 : 1)} ms`);
  if (sql !== undefined) parts.push(String(sql).replaceAll(/\s+/g, " ").trim());
  if (Object.keys(rest).length > 0) parts.push(JSON.stringify(rest));
  if (error !== undefined) parts.push(`\n  ${(error as { stack: string }).stack.replaceAll("\n", "\n  ")}`);
  return `${parts.join(" ")}\n`;
}

/** Only what is known to be harmless: drivers hang connection options on their errors. */
function describeFault(fault: unknown): LogFields {
  if (!(fault instanceof Error)) return { message: withoutCredentials(String(fault)), stack: "" };
  const stacks: string[] = [];
  let error: unknown = fault;
  for (let depth = 0; error instanceof Error && depth < 5; depth++, error = error.cause) {
    stacks.push(error.stack ?? String(error));
  }
  return {
    name: fault.name,
    message: withoutCredentials(fault.message),
    ...("code" in fault && { code: fault.code }),
    stack: withoutCredentials(stacks.join("\ncaused by ")),
  };
}

/** `postgresql://user:secret@host` → `postgresql://user:***@host`. */
function withoutCredentials(text: string): string {
  return text.replaceAll(/(\w+:\/\/[^\s:/@]*):[^\s/]*@/g, "$1:***@");
}

const LONGEST_PARAMETER = 200;

function describeParameter(value: unknown): unknown {
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (value instanceof Uint8Array) return `<${value.byteLength} bytes>`;
  if (Array.isArray(value)) return value.slice(0, 20).map(describeParameter);
  const text = typeof value === "object" ? `<${value.constructor?.name ?? "object"}>` : String(value);
  return text.length > LONGEST_PARAMETER ? `${text.slice(0, LONGEST_PARAMETER)}…` : text;
}
