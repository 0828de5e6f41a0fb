import type { Readable } from "node:stream";
import type pg from "pg";

/** Takes bytes of the stream; awaited before much more is read from the server. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void>;

/** Rows are handed over in pieces of about this size. */
const PIECE_BYTES = 1 << 16;
/** Bytes that may wait for the taker before the socket is paused. */
const HIGH_WATER_BYTES = 1 << 20;
/** Bytes that one turn of the event loop may take: a fast server would fill it with up to 2 MB in one go. */
const TURN_BYTES = 1 << 18;

const COPY_DATA = 0x64;
const HEADER = 5;

/**
 * Runs `COPY … TO STDOUT` and hands over its CopyData messages with their framing, many in one piece: what takes them
 * apart runs in another thread. Resolves when the server has finished and everything was taken; rejects with the
 * server's error or the taker's.
 *
 * On the callback that the driver has for these messages. pg-copy-streams costs the same time (0.2 µs per row of this
 * thread), but takes the socket away from the driver to read it, and takes off the framing that makes rows easy to tell
 * apart.
 */
export function copyOut(client: pg.ClientBase, sql: string, take: TakeChunk): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOutQuery(sql, take, resolve, reject) as unknown as pg.Submittable);
  });
}

interface Wire {
  query(text: string): void;
  readonly stream: Readable;
}

class CopyOutQuery {
  readonly #sql: string;
  readonly #take: TakeChunk;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #stream: Readable | undefined;
  #piece: Buffer = Buffer.allocUnsafe(PIECE_BYTES);
  #used = 0;
  #waitingBytes = 0;
  #turnBytes = 0;
  #turn: NodeJS.Immediate | undefined;
  /** Everything handed to the taker so far, in order. Never rejects. */
  #taken: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(sql: string, take: TakeChunk, resolve: () => void, reject: (error: unknown) => void) {
    this.#sql = sql;
    this.#take = take;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(wire: Wire): void {
    this.#stream = wire.stream;
    wire.query(this.#sql);
  }

  handleCopyData({ chunk }: { readonly chunk: Uint8Array }): void {
    const size = HEADER + chunk.length;
    if (this.#used + size > this.#piece.length) {
      this.#hand();
      this.#piece = Buffer.allocUnsafe(Math.max(PIECE_BYTES, size));
    }
    const at = this.#used;
    this.#piece[at] = COPY_DATA;
    this.#piece.writeUInt32BE(size - 1, at + 1);
    this.#piece.set(chunk, at + HEADER);
    this.#used = at + size;
  }

  /** Hands over what is there; its memory is the taker's from now on. */
  #hand(): void {
    const bytes = this.#used;
    if (bytes === 0) return;
    const piece = this.#piece.subarray(0, bytes);
    this.#used = 0;
    this.#waitingBytes += bytes;
    this.#turnBytes += bytes;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#turnBytes = 0;
      this.#flow();
    });
    this.#flow();
    this.#taken = this.#taken.then(() => this.#give(piece));
  }

  async #give(piece: Uint8Array): Promise<void> {
    try {
      if (this.#failure === undefined) await this.#take(piece);
    } catch (error) {
      this.#failure ??= { error };
      // The server would go on sending; nobody needs this connection any more.
      this.#stream?.destroy();
    }
    this.#waitingBytes -= piece.length;
    this.#flow();
  }

  /** Reads on, or lets the server wait. */
  #flow(): void {
    if (this.#waitingBytes >= HIGH_WATER_BYTES || this.#turnBytes >= TURN_BYTES) this.#stream?.pause();
    else this.#stream?.resume();
  }

  handleCommandComplete(): void {
    this.#hand();
  }

  handleError(error: Error): void {
    this.#failure ??= { error };
    this.#finish();
  }

  handleReadyForQuery(): void {
    this.#finish();
  }

  #finish(): void {
    this.#stream?.resume();
    clearImmediate(this.#turn);
    // From here on the socket is the driver's.
    this.#stream = undefined;
    void this.#taken.then(() => {
      if (this.#failure === undefined) this.#resolve();
      else this.#reject(this.#failure.error);
    });
  }
}
