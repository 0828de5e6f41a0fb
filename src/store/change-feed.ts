import type { ChangeFeed, ChangeFeedOptions } from "./contract.ts";
import { asStoreError, decodeError, encodeError, type FeedNotice, type FeedProgress } from "./protocol.ts";
import type { WorkerLink } from "./worker-link.ts";

/** Messages that come in one turn travel together, in buffers of about this size. */
const BUFFER_BYTES = 64 * 1024;
/** Before each message stands its length. */
const LENGTH_BYTES = 4;

interface Waiting extends PromiseWithResolvers<void> {
  readonly bytes: number;
}

/**
 * Main's end of a change feed. Messages are only copied here; the store worker reads and applies them.
 *
 * ```
 *  open ──close()──► closed
 *    └──onFailed──► failed      (in both nothing is taken any more, and nobody waits)
 * ```
 */
export class WorkerChangeFeed implements ChangeFeed {
  readonly #number: number;
  readonly #link: WorkerLink;
  readonly #options: ChangeFeedOptions;
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  #flush: NodeJS.Immediate | null = null;
  #sent = 0;
  #received = 0;
  #waitingInWorker = 0;
  #position = -1n;
  #waiting: Waiting[] = [];
  #ended = false;

  constructor(number: number, link: WorkerLink, options: ChangeFeedOptions) {
    this.#number = number;
    this.#link = link;
    this.#options = options;
  }

  push(message: Uint8Array): void {
    if (this.#ended) return;
    const size = LENGTH_BYTES + message.length;
    if (this.#filled + size > this.#buffer.length) {
      this.#send();
      if (size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size);
    }
    this.#buffer.writeUInt32LE(message.length, this.#filled);
    this.#buffer.set(message, this.#filled + LENGTH_BYTES);
    this.#filled += size;
    this.#flush ??= setImmediate(() => this.#send());
  }

  get waitingBytes(): number {
    return this.#filled + this.#sent - this.#received + this.#waitingInWorker;
  }

  drained(bytes: number): Promise<void> {
    if (this.#ended || this.waitingBytes <= bytes) return Promise.resolve();
    const waiting = { bytes, ...Promise.withResolvers<void>() };
    this.#waiting.push(waiting);
    this.#link.hold();
    return waiting.promise;
  }

  async retain(
    tables: readonly { readonly id: string; readonly relations: readonly string[] }[],
  ): Promise<readonly number[]> {
    if (this.#ended) throw asStoreError("it has ended", "The change feed");
    this.#send();
    const reply = await this.#link.request({ kind: "feed-retain", feed: this.#number, tables });
    return reply?.kind === "transactions" ? reply.transactions : [];
  }

  release(ids: readonly string[]): void {
    this.#post({ kind: "feed-release", feed: this.#number, ids });
  }

  settled(below: bigint): void {
    this.#post({ kind: "feed-settled", feed: this.#number, below });
  }

  close(): void {
    if (!this.#ended) {
      this.#end();
      this.#link.post({ kind: "feed-close", feed: this.#number });
    }
  }

  /** What the worker says of this feed; readers see what it has applied. */
  progress({ received, waiting, position, applied, givenUp }: FeedProgress): void {
    if (this.#ended) return;
    this.#received = received;
    this.#waitingInWorker = waiting;
    const still = this.waitingBytes;
    const drained = this.#waiting.filter(({ bytes }) => still <= bytes);
    if (drained.length > 0) {
      this.#waiting = this.#waiting.filter(({ bytes }) => still > bytes);
      this.#settle(drained);
    }
    for (const [why, ids] of Map.groupBy(givenUp, (table) => table.why)) {
      this.#options.onGivenUp(
        ids.map(({ id }) => id),
        why,
      );
    }
    if (applied !== null) this.#options.onApplied(applied);
    if (position !== null && position > this.#position) {
      this.#position = position;
      this.#options.onPosition(position);
    }
  }

  notice(notice: Exclude<FeedNotice, { kind: "feed-progress" }>): void {
    if (this.#ended) return;
    if (notice.kind === "feed-failed") this.fail(decodeError(notice.error));
    else void this.#sort(notice);
  }

  fail(error: Error): void {
    if (!this.#ended) {
      this.#end();
      this.#options.onFailed(error);
    }
  }

  async #sort({ question, codec, questions }: Extract<FeedNotice, { kind: "feed-sort" }>): Promise<void> {
    this.#link.hold();
    try {
      const answer = await this.#options.sort(codec, questions);
      this.#post({ kind: "feed-sorted", feed: this.#number, question, answer });
    } catch (error) {
      this.#post({ kind: "feed-sorted", feed: this.#number, question, answer: encodeError(error) });
    } finally {
      this.#link.release();
    }
  }

  /** Commands are carried out after all messages that were pushed before. */
  #post(command: Parameters<WorkerLink["post"]>[0]): void {
    if (!this.#ended) {
      this.#send();
      this.#link.post(command);
    }
  }

  #send(): void {
    if (this.#flush !== null) clearImmediate(this.#flush);
    this.#flush = null;
    if (this.#filled === 0) return;
    // Exactly as long as what is in it: a transaction that waits for its end keeps the memory that its rows came in.
    const buffer = new ArrayBuffer(this.#filled);
    new Uint8Array(buffer).set(this.#buffer.subarray(0, this.#filled));
    this.#sent += this.#filled;
    this.#filled = 0;
    if (this.#buffer.length > BUFFER_BYTES) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#link.post({ kind: "feed-batch", feed: this.#number, buffer }, [buffer]);
  }

  #end(): void {
    this.#ended = true;
    if (this.#flush !== null) clearImmediate(this.#flush);
    this.#flush = null;
    this.#filled = 0;
    this.#settle(this.#waiting.splice(0));
  }

  #settle(waiting: readonly Waiting[]): void {
    for (const { resolve } of waiting) {
      this.#link.release();
      resolve();
    }
  }
}
