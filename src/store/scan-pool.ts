import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { ClosedError, StoreError } from "../errors.ts";
import type { ScanBatch, ScanLimits, ScanOutcome } from "./contract.ts";
import { decodeError, type ScanMessage, type ScanReply, type ScanRequest, type ScanWorkerData } from "./protocol.ts";
import { BUSY, createScanState, type ScanState, STOP } from "./stoppable.ts";

/** A scan that takes longer is given up, and its thread with it: a statement can be one that never ends. */
const TIME_LIMIT_MS = 60_000;

interface Scan extends PromiseWithResolvers<ScanOutcome> {
  readonly request: ScanRequest;
  readonly take: Take;
  /** First rows are here. */
  begun: boolean;
  /** Ends its patience first, and then itself. */
  limit: NodeJS.Timeout | undefined;
  /** Nobody waits for its result any more: it goes on while no other scan needs its thread. */
  overdue: boolean;
}

type ScanRows = Extract<ScanReply, { kind: "rows" }>;
type Take = (batch: ScanBatch) => Promise<boolean>;

/** One scan thread, and the scan that it is at. */
interface Thread {
  readonly worker: Worker;
  scan: Scan | null;
  /** Ends the scan that it is at. */
  timer: NodeJS.Timeout | undefined;
  readonly state: ScanState;
}

/**
 * Runs scans on up to `size` threads, in the order in which they were asked for. A thread is started when one is needed,
 * stays, and keeps the process alive only while it is at work.
 */
export class ScanPool {
  readonly #size: number;
  readonly #onFault: (error: Error) => void;
  readonly #functions: string;
  readonly #timeLimitMs: number;
  readonly #threads = new Set<Thread>();
  readonly #resources = new Map<string, unknown>();
  readonly #waiting: Scan[] = [];
  #closed = false;

  /** `functions`: URL of the module whose functions the statements call. */
  constructor(size: number, functions: string, onFault: (error: Error) => void, timeLimitMs: number = TIME_LIMIT_MS) {
    this.#timeLimitMs = timeLimitMs;
    this.#size = Math.max(1, size);
    this.#functions = functions;
    this.#onFault = onFault;
  }

  run(request: Omit<ScanRequest, "kind">, take: Take, limits?: ScanLimits): Promise<ScanOutcome> {
    if (this.#closed) {
      return Promise.reject(new ClosedError("The store is closed"));
    }
    const scan: Scan = {
      request: { kind: "scan", ...request },
      take,
      begun: false,
      limit: undefined,
      overdue: false,
      ...Promise.withResolvers<ScanOutcome>(),
    };
    if (limits !== undefined) {
      const { patienceMs, limitMs } = limits;
      scan.limit = setTimeout(() => this.#endPatience(scan, limitMs - patienceMs), patienceMs).unref();
    }
    this.#waiting.push(scan);
    this.#dispatch();
    return scan.promise;
  }

  /** What functions can look up from the next scan on. */
  provide(key: string, resource: unknown): void {
    this.#resources.set(key, resource);
    for (const { worker } of this.#threads) {
      send(worker, { kind: "provide", key, resource });
    }
  }

  /** Scans that are not done reject. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new ClosedError("The store was closed during the scan");
    for (const scan of this.#waiting.splice(0)) {
      scan.reject(error);
    }
    const threads = [...this.#threads];
    this.#threads.clear();
    for (const thread of threads) {
      thread.scan?.reject(error);
      thread.scan = null;
    }
    await Promise.all(threads.map(end));
  }

  /** For the end of the process: threads give up what they are at before node terminates them. */
  stopNow(): void {
    for (const { state } of this.#threads) Atomics.store(state, STOP, 1);
    for (const { state } of this.#threads) Atomics.wait(state, BUSY, 1, GRACE_MS);
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idleThread();
      const scan = thread === null ? undefined : this.#waiting.shift();
      if (thread === null || scan === undefined) {
        return;
      }
      thread.scan = scan;
      thread.timer = setTimeout(() => this.#lose(thread, TAKES_TOO_LONG), this.#timeLimitMs).unref();
      thread.worker.ref();
      Atomics.store(thread.state, BUSY, 1);
      send(thread.worker, scan.request);
    }
  }

  #endPatience(scan: Scan, leftMs: number): void {
    const place = this.#waiting.indexOf(scan);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      scan.resolve("queued");
      return;
    }
    if (scan.begun) return;
    scan.overdue = true;
    scan.resolve("late");
    scan.limit = setTimeout(() => this.#giveUp(scan), leftMs).unref();
    this.#dispatch();
  }

  #giveUp(scan: Scan): void {
    for (const thread of this.#threads) {
      if (thread.scan === scan) this.#remove(thread);
    }
  }

  #remove(thread: Thread): void {
    this.#threads.delete(thread);
    clearTimeout(thread.timer);
    clearTimeout(thread.scan?.limit);
    thread.scan = null;
    void end(thread).catch(() => undefined);
  }

  #idleThread(): Thread | null {
    for (const thread of this.#threads) {
      if (thread.scan === null) {
        return thread;
      }
    }
    if (this.#threads.size < this.#size) return this.#start();
    for (const thread of this.#threads) {
      if (thread.scan?.overdue !== true) continue;
      this.#remove(thread);
      return this.#start();
    }
    return null;
  }

  #start(): Thread {
    const entry = import.meta.url.endsWith(".ts") ? "./scan-worker.ts" : "./scan-worker.js";
    const state = createScanState();
    const workerData: ScanWorkerData = { functions: this.#functions, state };
    const worker = new Worker(new URL(entry, import.meta.url), { name: "sqlmem-scan", execArgv: [], workerData });
    for (const [key, resource] of this.#resources) {
      send(worker, { kind: "provide", key, resource });
    }
    const thread: Thread = { worker, scan: null, timer: undefined, state };
    this.#threads.add(thread);
    worker.unref();
    worker.on("message", (reply: ScanReply) => this.#receive(thread, reply));
    worker.on("error", (error) => this.#lose(thread, error));
    worker.on("messageerror", (error) => this.#lose(thread, error));
    worker.on("exit", (code) => this.#lose(thread, new Error(`it ended with exit code ${code}`)));
    return thread;
  }

  #receive(thread: Thread, reply: ScanReply): void {
    const { scan } = thread;
    clearTimeout(thread.timer);
    clearTimeout(scan?.limit);
    if (reply.kind !== "rows" || !reply.more) this.#release(thread);
    if (scan === null) return;
    if (reply.kind === "moved") scan.resolve("moved");
    else if (reply.kind === "failed") scan.reject(decodeError(reply.error));
    else void this.#hand(thread, scan, reply);
  }

  async #hand(thread: Thread, scan: Scan, { more, rows, commit, milliseconds }: ScanRows): Promise<void> {
    const isWhole = !scan.begun && !more;
    scan.begun = true;
    // Messages are received as many at a time as there are: what is to be done between them is done in between.
    if (!isWhole) await setImmediate();
    let goesOn = false;
    try {
      goesOn = await scan.take({ rows, commit, milliseconds, isWhole });
      if (!more || !goesOn) scan.resolve(goesOn ? "done" : "moved");
    } catch (error) {
      scan.reject(error);
    }
    if (!more || thread.scan !== scan) return;
    send(thread.worker, { kind: goesOn ? "more" : "drop" });
    if (!goesOn) this.#release(thread);
  }

  #release(thread: Thread): void {
    thread.scan = null;
    thread.worker.unref();
    this.#dispatch();
  }

  /** The thread is gone; the next scan starts another. */
  #lose(thread: Thread, cause: Error): void {
    if (!this.#threads.has(thread)) return;
    const error = new StoreError(`A scan thread failed: ${cause.message}`, { cause });
    thread.scan?.reject(error);
    this.#remove(thread);
    this.#onFault(error);
    this.#dispatch();
  }
}

/** A thread has so long to give up by itself: at the next function that its statement calls. */
const GRACE_MS = 1000;

async function end({ worker, state }: Thread): Promise<void> {
  Atomics.store(state, STOP, 1);
  await Atomics.waitAsync(state, BUSY, 1, GRACE_MS).value;
  await worker.terminate();
}

const TAKES_TOO_LONG = new Error(`it took longer than ${TIME_LIMIT_MS / 1000} seconds`);

function send(worker: Worker, message: ScanMessage): void {
  worker.postMessage(message);
}
