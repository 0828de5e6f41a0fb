import type { Readable } from "node:stream";
import type pg from "pg";
import type { ClientClass, PoolOptions } from "../own-connections.ts";
import { connectionOptions, connectLimit } from "../own-connections.ts";
import { TEXT_TYPES } from "../text-only.ts";

/** How long the server may take to close its side. */
const CLOSE_MS = 2000;
/** How long a statement may take, unless told: after that the connection is dead. */
const STATEMENT_MS = 10_000;
/** Milliseconds from 1970-01-01 to 2000-01-01, the server's epoch. */
const EPOCH_MILLISECONDS = 946_684_800_000;

/** What the code uses of the driver's connection. */
interface Wire {
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  once(event: string, listener: () => void): void;
  /** Says goodbye. */
  end(): void;
  readonly stream: Readable & { unref?(): void; destroy(): void };
}

/** What arrives once the stream has started. */
export interface StreamListener {
  /** One CopyData payload; its memory is used again after the call. */
  message(payload: Uint8Array): void;
  /** The connection is of no use any more. Called once. */
  ended(error: Error): void;
}

/**
 * A connection to a walsender. It takes statements, by the simple protocol only, until `stream` is called.
 *
 * https://www.postgresql.org/docs/current/protocol-replication.html
 */
export class ReplicationConnection {
  readonly #client: pg.Client;
  readonly #wire: Wire;
  #listener: StreamListener | undefined;
  #failure: Error | undefined;
  #closing = false;

  private constructor(client: pg.Client) {
    this.#client = client;
    this.#wire = (client as unknown as { readonly connection: Wire }).connection;
    client.on("error", (error) => this.#end(error));
    client.on("end", () => this.#end(new Error("The server closed the replication connection")));
  }

  /** Rejects with the driver's or the server's error. */
  static async open(options: PoolOptions, Client: ClientClass): Promise<ReplicationConnection> {
    const own = {
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      ...connectionOptions(options),
      connectionTimeoutMillis: connectLimit(options),
    };
    const client = new Client(Object.assign(own, { replication: "database" }));
    const connection = new ReplicationConnection(client);
    await client.connect();
    return connection;
  }

  /** The rows of a statement without parameters, as the server's texts. */
  async query(sql: string, limitMs: number = STATEMENT_MS): Promise<readonly (readonly (string | null)[])[]> {
    const query: pg.QueryArrayConfig = { text: sql, rowMode: "array", types: TEXT_TYPES };
    const result = await this.#limited(this.#client.query<(string | null)[]>(query), limitMs);
    return result.rows;
  }

  /** A network that swallows everything gives no error: the connection is given up, and with it what waits for it. */
  async #limited<Result>(result: Promise<Result>, limitMs: number): Promise<Result> {
    const timer = setTimeout(
      () => this.#end(new Error(`The server has not answered on the replication connection for ${limitMs} ms`)),
      limitMs,
    );
    try {
      return await result;
    } finally {
      clearTimeout(timer);
    }
  }

  escape(text: string): string {
    return this.#client.escapeLiteral(text);
  }

  /** Runs START_REPLICATION; resolves once the stream has begun. */
  stream(sql: string, listener: StreamListener): Promise<void> {
    const begun = new Promise<void>((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const ended = (error: Error): void => {
        reject(error);
        this.#end(error);
      };
      const over = (): void => ended(new Error("The server ended the change stream"));
      this.#wire.once("copyDone", over);
      this.#wire.once("replicationStart", () => {
        this.#listener = listener;
        // The stream alone does not keep a program from its end.
        this.#wire.stream.unref?.();
        resolve();
      });
      const query = {
        submit: (wire: Wire) => wire.query(sql),
        handleCopyData: ({ chunk }: { readonly chunk: Uint8Array }) => this.#listener?.message(chunk),
        handleCommandComplete: over,
        handleReadyForQuery: over,
        handleError: ended,
      };
      this.#client.query(query as unknown as pg.Submittable);
    });
    return this.#limited(begun, STATEMENT_MS);
  }

  /** Tells the server what was taken, and asks it for where it is. */
  status(position: bigint, reply: boolean): void {
    if (this.#failure !== undefined || this.#closing) return;
    const message = Buffer.allocUnsafe(34);
    message[0] = 0x72;
    for (const at of [1, 9, 17]) message.writeBigUInt64BE(position, at);
    message.writeBigInt64BE(BigInt(Date.now() - EPOCH_MILLISECONDS) * 1000n, 25);
    message[33] = reply ? 1 : 0;
    this.#wire.sendCopyFromChunk(message);
  }

  pause(): void {
    this.#wire.stream.pause();
  }

  resume(): void {
    this.#wire.stream.resume();
  }

  /**
   * The server's session has ended when this resolves, with its slot and its locks, if the server answers at all. The
   * driver's own end() drops the socket while the stream runs, and the session would live a little longer.
   *
   * @param lost nothing is expected of the server any more
   */
  async close(lost = false): Promise<void> {
    this.#closing = true;
    this.#listener = undefined;
    // What is still on its way must be read, or the socket would not be seen to close.
    this.#wire.stream.resume();
    const timer = setTimeout(() => this.#wire.stream.destroy(), CLOSE_MS);
    if (!lost && this.#failure === undefined && !this.#wire.stream.destroyed) {
      const ended = new Promise<void>((resolve) => this.#wire.once("end", resolve));
      this.#wire.end();
      await ended;
    }
    await this.#client.end().catch(() => {});
    clearTimeout(timer);
  }

  #end(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const listener = this.#listener;
    this.#listener = undefined;
    if (!this.#closing) this.#wire.stream.destroy();
    listener?.ended(error);
  }
}
