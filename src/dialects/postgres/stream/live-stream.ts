import { setImmediate as nextTurn } from "node:timers/promises";
import type { ChangeFeed } from "../../../store/contract.ts";
import { PositionGate } from "./position-gate.ts";
import type { ReplicationConnection } from "./replication-connection.ts";

/** Bytes that may wait for the store before the server has to wait, and at how many it may go on. */
const PAUSE_BYTES = 8 << 20;
const RESUME_BYTES = 2 << 20;
/**
 * Bytes of one turn of the event loop after which the rest has to wait for the next one. A socket that is full is read up
 * to 32 times a turn, 64 KB each (libuv's `uv__read`); so it is once or twice. Beside a transaction of 100,000 rows the
 * delay of the event loop was 4.93 ms (p99) instead of 5.10 ms.
 */
const TURN_BYTES = 32 << 10;
/** How often the server hears of what was taken: well within any `wal_sender_timeout` that makes sense. */
const STATUS_MS = 2000;
/** When somebody waits: milliseconds until the server is asked where it is, and asked to flush what it has written. */
const PRESS_MS: readonly number[] = [1, 2, 10, 50, 250];

const KEEPALIVE = 0x6b;
const REPLY_REQUESTED_AT = 17;

export interface LiveStreamParts {
  readonly connection: ReplicationConnection;
  /** Has the server flush its log up to the position: what is not flushed is not streamed. */
  readonly flush: (position: bigint) => Promise<void>;
  readonly lost: (error: Error) => void;
}

/**
 * The stream between START_REPLICATION and its end: payloads go to the feed, positions that readers see go back to the
 * server.
 */
export class LiveStream {
  readonly #parts: LiveStreamParts;
  readonly #gate = new PositionGate();
  #feed: ChangeFeed | undefined;
  #status: NodeJS.Timeout | undefined;
  #press: NodeJS.Timeout | undefined;
  #paused = false;
  #turnBytes = 0;
  #over = false;
  #heardAt = performance.now();

  constructor(parts: LiveStreamParts) {
    this.#parts = parts;
  }

  get position(): bigint {
    return this.#gate.position;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Milliseconds since the server was last heard, 0 where it is not listened to at the moment. */
  get silentMs(): number {
    return this.#paused ? 0 : performance.now() - this.#heardAt;
  }

  /** @throws if the stream has ended */
  get feed(): ChangeFeed {
    if (this.#feed === undefined || this.#over) throw new Error("The change stream has ended");
    return this.#feed;
  }

  async start(sql: string, feed: ChangeFeed): Promise<void> {
    this.#feed = feed;
    await this.#parts.connection.stream(sql, {
      message: (payload) => this.#message(feed, payload),
      ended: (error) => this.lose(error),
    });
    this.#heardAt = performance.now();
    this.#status = setInterval(() => this.#parts.connection.status(this.#gate.position, false), STATUS_MS);
    this.#status.unref();
  }

  #message(feed: ChangeFeed, payload: Uint8Array): void {
    this.#heardAt = performance.now();
    try {
      feed.push(payload);
    } catch (error) {
      this.lose(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (payload[0] === KEEPALIVE && payload[REPLY_REQUESTED_AT] === 1) {
      this.#parts.connection.status(this.#gate.position, false);
    }
    if (this.#turnBytes === 0) {
      setImmediate(() => {
        this.#turnBytes = 0;
      });
    }
    this.#turnBytes += payload.length;
    // The connection that is being closed must be read to its end.
    if (this.#paused || this.#over) return;
    if (feed.waitingBytes > PAUSE_BYTES) this.#pauseUntil(feed.drained(RESUME_BYTES));
    else if (this.#turnBytes > TURN_BYTES) this.#pauseUntil(nextTurn());
  }

  /** The server hears of us meanwhile: the timer goes on. */
  #pauseUntil(done: Promise<void>): void {
    this.#paused = true;
    this.#parts.connection.pause();
    const resume = (): void => {
      this.#paused = false;
      this.#heardAt = performance.now();
      if (!this.#over) this.#parts.connection.resume();
    };
    done.then(resume, resume);
  }

  /** The store says what readers see. */
  advance(position: bigint): void {
    this.#gate.advance(position);
    if (this.#gate.target === null) clearTimeout(this.#press);
  }

  /** Resolves to true once readers see everything before the position. */
  async wait(position: bigint, timeoutMs: number): Promise<boolean> {
    if (this.#over) return false;
    const isFirst = this.#gate.target === null;
    const reached = this.#gate.wait(position, timeoutMs);
    if (isFirst) this.#pressLater(0);
    return await reached;
  }

  /**
   * A walsender tells of its position by itself before it sleeps if it has not heard that we have it (WalSndWaitForWal).
   * What it cannot send is what is not flushed: commits under `synchronous_commit = off`, and whatever else stands in the
   * log before the position, until the WAL writer wakes up, which takes it from 0.2 to 5 seconds.
   */
  #pressLater(step: number): void {
    clearTimeout(this.#press);
    this.#press = setTimeout(() => {
      const target = this.#gate.target;
      if (target === null || this.#over) return;
      this.#parts.connection.status(this.#gate.position, true);
      if (step > 0) void this.#parts.flush(target);
      this.#pressLater(step + 1);
    }, PRESS_MS[step] ?? PRESS_MS.at(-1));
  }

  lose(error: Error): void {
    if (this.#over) return;
    void this.close(true);
    this.#parts.lost(error);
  }

  /** Resolves when the server's session has ended; without waiting for that if it is lost. */
  async close(lost = false): Promise<void> {
    this.#over = true;
    clearInterval(this.#status);
    clearTimeout(this.#press);
    this.#gate.close();
    this.#feed?.close();
    await this.#parts.connection.close(lost);
  }
}
