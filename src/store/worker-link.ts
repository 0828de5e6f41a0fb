import { type MessagePort, Worker } from "node:worker_threads";
import { ClosedError, StoreError } from "../errors.ts";
import {
  type Command,
  decodeError,
  type Notice,
  type Reply,
  type ReplyValue,
  type StoreWorkerData,
} from "./protocol.ts";

type Request = Extract<Command, { request: number }>;
/** A command before it has its number. */
export type Unnumbered = Request extends infer R ? (R extends Request ? Omit<R, "request"> : never) : never;

interface Pending {
  resolve(value: ReplyValue): void;
  reject(error: Error): void;
}

/**
 * Main's end of the store worker: requests with their answers, and a worker that keeps the process alive only while
 * somebody waits for it.
 *
 * ```
 *  running ──close()──► closing ──► closed
 *     └──crash──► failed           (in both, every request rejects)
 * ```
 */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  readonly #onCrash: (error: Error) => void;
  #lastRequest = 0;
  #holds = 0;
  /** Why requests are refused: set from `closing` on. */
  #ended: Error | null = null;
  /** Nothing more is sent, not even an acknowledgement. */
  #lost = false;

  /** `onNotice` passes replies on to `settle`; `onCrash` is called at most once, after all requests have rejected. */
  constructor(data: StoreWorkerData, onNotice: (notice: Notice) => void, onCrash: (error: Error) => void) {
    this.#onCrash = onCrash;
    const entry = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
    // No execArgv: what the program preloads for itself is not meant for this thread.
    this.#worker = new Worker(new URL(entry, import.meta.url), {
      workerData: data,
      name: "sqlmem-store",
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on("message", onNotice);
    this.#worker.on("error", (error) => this.fail(error));
    this.#worker.on("messageerror", (error) => this.fail(error));
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        if (this.#ended === null || code !== 0) {
          this.fail(new Error(`it ended with exit code ${code}`));
        } else {
          this.#end(this.#ended);
        }
        resolve();
      });
    });
  }

  /** Rejects with the worker's error, or at once if the link has ended. */
  request(command: Unnumbered): Promise<ReplyValue> {
    return this.#ended === null ? this.#request(command) : Promise.reject(this.#ended);
  }

  #request(command: Unnumbered): Promise<ReplyValue> {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    return new Promise<ReplyValue>((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      this.hold();
      this.#worker.postMessage({ ...command, request });
    });
  }

  /** Sends what has no answer of its own. */
  post(command: Exclude<Command, Request>, transfer: readonly (ArrayBuffer | MessagePort)[] = []): void {
    if (!this.#lost) {
      this.#worker.postMessage(command, transfer);
    }
  }

  settle({ request, outcome }: Reply): void {
    const pending = this.#pending.get(request);
    if (pending !== undefined) {
      this.#pending.delete(request);
      this.release();
      if (outcome.kind === "done") {
        pending.resolve(outcome.value);
      } else {
        pending.reject(decodeError(outcome.error));
      }
    }
  }

  /** Why the link has ended, or `null`. */
  get ended(): Error | null {
    return this.#ended;
  }

  /** Keeps the process alive until as many calls of `release`. */
  hold(): void {
    this.#holds += 1;
    if (this.#holds === 1) {
      this.#worker.ref();
    }
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0) {
      this.#worker.unref();
    }
  }

  /** The worker is lost, or can no longer be trusted. */
  fail(cause: Error): void {
    if (!this.#lost) {
      const error = new StoreError(`The store's worker thread failed: ${cause.message}`, { cause });
      this.#end(error);
      void this.#worker.terminate().catch(() => undefined);
      this.#onCrash(error);
    }
  }

  /** Lets the worker finish what was asked of it before, then ends it. Never rejects: a crash goes to `onCrash`. */
  async close(): Promise<void> {
    if (this.#ended === null) {
      const closed = this.#request({ kind: "close" });
      this.#ended = new ClosedError("The store is closed");
      await closed.catch(() => undefined);
    }
    this.#worker.ref();
    await this.#exited;
  }

  #end(error: Error): void {
    this.#ended = error;
    this.#lost = true;
    for (const [request, pending] of this.#pending) {
      this.#pending.delete(request);
      this.release();
      pending.reject(error);
    }
  }
}
