import type { LoadResult, LoadSink } from "./contract.ts";
import { asStoreError, decodeError, type HandOff, type Notice } from "./protocol.ts";
import type { WorkerLink } from "./worker-link.ts";

/** Bytes sent at once: many small chunks (a driver may hand out single rows) cost one message. */
const BUFFER_BYTES = 128 * 1024;

/** Bytes that may be on their way to the worker before `write` waits. */
const IN_FLIGHT_BYTES = 4 * 1024 * 1024;

type Credit = Extract<Notice, { kind: "credit" }>;

/**
 * Main's end of one load. Chunks are copied into buffers that travel to the worker and back, so a load of any size uses
 * the same few megabytes, and no memory of the driver's is taken from it.
 *
 * ```
 *  streaming ──finish() or abort()──► ended
 * ```
 */
export class WorkerLoadSink implements LoadSink {
  readonly #number: number;
  readonly #link: WorkerLink;
  readonly #onEnd: () => void;
  readonly #asResult: (result: LoadResult) => LoadResult;
  readonly #free: ArrayBuffer[] = [];
  #buffer: Uint8Array | null = null;
  #filled = 0;
  #inFlight = 0;
  #waiting: PromiseWithResolvers<void> | null = null;
  #error: Error | null = null;
  #tooLarge = false;
  #ended = false;

  constructor(number: number, link: WorkerLink, onEnd: () => void, asResult: (result: LoadResult) => LoadResult) {
    this.#number = number;
    this.#link = link;
    this.#onEnd = onEnd;
    this.#asResult = asResult;
  }

  get tooLarge(): boolean {
    return this.#tooLarge;
  }

  write(chunk: Uint8Array): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) {
      return Promise.reject(refusal);
    }
    if (this.#tooLarge) {
      return Promise.resolve();
    }
    for (let taken = 0; taken < chunk.length; ) {
      this.#buffer ??= new Uint8Array(this.#free.pop() ?? new ArrayBuffer(BUFFER_BYTES));
      const part = chunk.subarray(taken, taken + BUFFER_BYTES - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === BUFFER_BYTES) {
        this.#send();
      }
    }
    return this.#inFlight <= IN_FLIGHT_BYTES ? Promise.resolve() : this.#wait();
  }

  async endStream(): Promise<void> {
    this.#throwRefusal();
    this.#send();
    const limit = await this.#link.request({ kind: "end-stream", load: this.#number });
    this.#tooLarge ||= limit !== null;
  }

  async finish(handOff?: HandOff): Promise<LoadResult> {
    this.#throwRefusal();
    this.#end();
    const result = await this.#link.request({
      kind: "finish-load",
      load: this.#number,
      handOff: handOff ?? null,
    });
    if (result === null || (result.kind !== "loaded" && result.kind !== "too-large")) {
      throw asStoreError(result, "The load failed");
    }
    return this.#asResult(result);
  }

  async abort(): Promise<void> {
    if (!this.#ended) {
      this.#end();
      this.fail(asStoreError("the load has ended", "The load failed"));
      if (this.#link.ended === null) {
        await this.#link.request({ kind: "abort-load", load: this.#number });
      }
    }
  }

  /** The worker is done with a chunk. */
  credit({ buffer, tooLarge, error }: Credit): void {
    this.#free.push(buffer);
    this.#inFlight -= BUFFER_BYTES;
    this.#tooLarge ||= tooLarge;
    if (error !== null) {
      this.fail(decodeError(error));
    } else if (this.#waiting !== null && this.#inFlight <= IN_FLIGHT_BYTES / 2) {
      this.#waiting.resolve();
      this.#stopWaiting();
    }
  }

  /** From now on everything but `abort` rejects. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#waiting?.reject(this.#error);
    this.#stopWaiting();
  }

  #send(): void {
    const buffer = this.#buffer?.buffer;
    if (buffer instanceof ArrayBuffer && this.#filled > 0) {
      this.#inFlight += BUFFER_BYTES;
      this.#link.post({ kind: "chunk", load: this.#number, buffer, length: this.#filled }, [buffer]);
      this.#buffer = null;
      this.#filled = 0;
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting === null) {
      this.#waiting = Promise.withResolvers();
      this.#link.hold();
    }
    return this.#waiting.promise;
  }

  #stopWaiting(): void {
    if (this.#waiting !== null) {
      this.#waiting = null;
      this.#link.release();
    }
  }

  #end(): void {
    this.#ended = true;
    this.#buffer = null;
    this.#filled = 0;
    this.#onEnd();
  }

  #refusal(): Error | null {
    if (this.#error !== null) {
      return this.#error;
    }
    return this.#link.ended ?? (this.#ended ? asStoreError("the load has ended", "The load failed") : null);
  }

  #throwRefusal(): void {
    const refusal = this.#refusal();
    if (refusal !== null) {
      throw refusal;
    }
  }
}
