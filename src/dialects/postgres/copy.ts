import type { Socket } from "node:net";
import type pg from "pg";

/** Takes bytes of the stream; what it returns is awaited before more is read from the server than is on its way. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void>;

/** Bytes that may wait for the taker before the socket is paused. */
const HIGH_WATER_BYTES = 1 << 20;

/**
 * Runs `COPY … TO STDOUT` and hands over the server's CopyData messages as they are, framing included: what takes them
 * apart runs in another thread, so that this one only looks at the header of each message. (pg-copy-streams copies
 * every message here: three times the main-thread time, measured in `docs/design.md`.) Resolves when the server has
 * finished and everything was taken; rejects with the server's error or the taker's.
 */
export function copyOut(client: pg.ClientBase, sql: string, take: TakeChunk): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOutQuery(sql, take, resolve, reject) as unknown as pg.Submittable);
  });
}

interface Wire {
  query(text: string): void;
  readonly stream: Socket;
}

const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const ERROR = 0x45;
const READY_FOR_QUERY = 0x5a;
const HEADER = 5;

type DataListener = (chunk: Buffer) => void;

/**
 * While it runs it stands between the socket and pg's own parser, which gets everything that is not CopyData:
 *
 *     submit ─► attached ── CopyDone, ErrorResponse or ReadyForQuery seen ─► detached ─► handleReadyForQuery | handleError
 *
 * Once detached pg's parser reads on from the message that ended it.
 */
class CopyOutQuery {
  readonly #sql: string;
  readonly #take: TakeChunk;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  readonly #onData: DataListener = (chunk) => this.#read(chunk);
  #socket: Socket | undefined;
  #parser: DataListener | undefined;
  /** Header bytes of a message that began at the end of a chunk. */
  readonly #header = Buffer.alloc(HEADER);
  #headerBytes = 0;
  /** Bytes of the current message that are still to come, and whether they are data. */
  #remaining = 0;
  #isData = false;
  #waitingBytes = 0;
  /** Everything handed to the taker so far, in order. */
  #taken: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(sql: string, take: TakeChunk, resolve: () => void, reject: (error: unknown) => void) {
    this.#sql = sql;
    this.#take = take;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(wire: Wire): Error | undefined {
    const listeners = wire.stream.listeners("data") as DataListener[];
    const parser = listeners[0];
    if (parser === undefined || listeners.length !== 1) {
      return new Error("SQLmem cannot read a COPY stream: the connection's socket has listeners that it does not know");
    }
    this.#socket = wire.stream;
    this.#parser = parser;
    wire.stream.removeListener("data", parser);
    wire.stream.on("data", this.#onData);
    wire.query(this.#sql);
    return undefined;
  }

  #read(chunk: Buffer): void {
    const parser = this.#parser;
    if (parser === undefined) return;
    let at = 0;
    // Start of the run of data messages that is handed over in one piece; -1: there is none.
    let run = this.#isData && (this.#remaining > 0 || this.#headerBytes > 0) ? 0 : -1;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const end = Math.min(chunk.length, at + this.#remaining);
        if (!this.#isData) parser(chunk.subarray(at, end));
        this.#remaining -= end - at;
        at = end;
        continue;
      }
      // A header. Its first byte decides who gets the message, the rest of it may be in the next chunk.
      if (this.#headerBytes === 0) {
        const type = chunk[at];
        this.#isData = type === COPY_DATA;
        if (!this.#isData && run >= 0) {
          this.#hand(chunk, run, at);
          run = -1;
        }
        if (type === COPY_DONE || type === ERROR || type === READY_FOR_QUERY) {
          this.#detach();
          parser(chunk.subarray(at));
          return;
        }
        if (this.#isData && run < 0) run = at;
      }
      if (this.#headerBytes === 0 && at + HEADER <= chunk.length) {
        this.#remaining = chunk.readUInt32BE(at + 1) - 4;
        if (!this.#isData) parser(chunk.subarray(at, at + HEADER));
        at += HEADER;
        continue;
      }
      const have = Math.min(HEADER - this.#headerBytes, chunk.length - at);
      chunk.copy(this.#header, this.#headerBytes, at, at + have);
      if (!this.#isData) parser(chunk.subarray(at, at + have));
      this.#headerBytes += have;
      at += have;
      if (this.#headerBytes === HEADER) {
        this.#headerBytes = 0;
        this.#remaining = this.#header.readUInt32BE(1) - 4;
      }
    }
    if (run >= 0) this.#hand(chunk, run, chunk.length);
  }

  #hand(chunk: Buffer, from: number, to: number): void {
    if (to === from || this.#failure !== undefined) return;
    const bytes = to - from;
    this.#waitingBytes += bytes;
    if (this.#waitingBytes >= HIGH_WATER_BYTES) this.#socket?.pause();
    const piece = bytes === chunk.length ? chunk : chunk.subarray(from, to);
    this.#taken = this.#taken
      .then(() => (this.#failure === undefined ? this.#take(piece) : undefined))
      .catch((error: unknown) => {
        this.#failure ??= { error };
        // The server would go on sending; nobody needs this connection any more.
        this.#socket?.destroy();
      })
      .then(() => {
        this.#waitingBytes -= bytes;
        if (this.#waitingBytes < HIGH_WATER_BYTES / 2 && this.#parser !== undefined) this.#socket?.resume();
      });
  }

  #detach(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#parser === undefined) return;
    socket.removeListener("data", this.#onData);
    socket.on("data", this.#parser);
    this.#parser = undefined;
    // Removing the last listener does not pause a socket, but this class may have.
    socket.resume();
  }

  handleError(error: Error): void {
    this.#detach();
    this.#failure ??= { error };
    const { error: cause } = this.#failure;
    void this.#taken.then(() => this.#reject(cause));
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#detach();
    void this.#taken.then(() => {
      if (this.#failure === undefined) this.#resolve();
      else this.#reject(this.#failure.error);
    });
  }
}
