import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy in front of a PostgreSQL that knows what reached it. */
export interface CountingProxy extends AsyncDisposable {
  /** The server's URL with this proxy's address. */
  readonly url: string;
  /** The SQL text of each Parse and Query message since the start or `clear()`, in order. */
  readonly statements: readonly string[];
  /** All messages of clients after their start-up and authentication, whatever their type. */
  readonly messages: number;
  /** Execute messages: a statement that was prepared before has no Parse. */
  readonly executes: number;
  /** CopyData messages of the server and of clients. */
  readonly copyData: number;
  /** Bytes of the server's CopyData messages. */
  readonly copyBytes: number;
  /** Connections opened since the start or `clear()`. */
  readonly connections: number;
  /** Forgets all counts. */
  clear(): void;
  /** Cuts all present connections; new ones are accepted. */
  dropConnections(): void;
  /** Holds back all bytes, in both directions and on new connections too. */
  pause(): void;
  resume(): void;
  /** Passes this statement on when it comes next, and pauses: whatever answers it is held back. */
  pauseAfter(statement: string): void;
  /**
   * Cuts the connection on which the server's COPY data, from now on and over all connections, reaches `bytes`; once.
   */
  stopAfterBytes(bytes: number): void;
  close(): Promise<void>;
}

const PROTOCOL_3 = 196_608;
const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

/** Starts a proxy in front of the server of `url`, on a free port of this machine. */
export async function startCountingProxy(url: string): Promise<CountingProxy> {
  const target = new URL(url);
  const pairs = new Set<readonly [client: Socket, server: Socket]>();
  let statements: string[] = [];
  let [messages, executes, copyData, copyBytes, connections] = [0, 0, 0, 0, 0];
  let paused = false;
  let copyBytesLeft: number | null = null;
  let pauseAt: string | null = null;

  const pause = (): void => {
    paused = true;
    for (const pair of pairs) for (const socket of pair) socket.pause();
  };
  const listener = createServer((client) => {
    connections++;
    const server = connect(Number(target.port || 5432), target.hostname);
    const pair = [client, server] as const;
    pairs.add(pair);
    const cut = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", cut);
      socket.on("close", cut);
    }

    const onClientMessage = (type: string, body: Buffer): void => {
      if (type === "p") return; // password, SASL
      messages++;
      if (type === "Q") statements.push(textAt(body, 0));
      else if (type === "P") statements.push(textAt(body, body.indexOf(0) + 1));
      else if (type === "E") executes++;
      else if (type === "d") copyData++;
      if (pauseAt !== null && type === "P" && statements.at(-1) === pauseAt) {
        pauseAt = null;
        pause();
      }
    };
    const fromClient = messageReader(onClientMessage);
    const fromServer = messageReader((type, body) => {
      if (type !== "d") return;
      copyData++;
      copyBytes += body.length;
      if (copyBytesLeft !== null) copyBytesLeft -= body.length;
    });

    const forward = (chunk: Buffer, from: Socket, to: Socket): void => {
      if (to.destroyed) return;
      if (!to.write(chunk)) {
        from.pause();
        to.once("drain", () => {
          if (!paused) from.resume();
        });
      }
    };

    let startup: Buffer | null = Buffer.alloc(0);
    client.on("data", (received: Buffer) => {
      let chunk = received;
      while (startup) {
        startup = Buffer.concat([startup, chunk]);
        chunk = Buffer.alloc(0);
        if (startup.length < 8) return;
        const length = startup.readInt32BE(0);
        if (startup.length < length) return;
        const code = startup.readInt32BE(4);
        const rest = startup.subarray(length);
        if (code === SSL_REQUEST || code === GSS_REQUEST) {
          client.write("N");
          startup = Buffer.alloc(0);
          chunk = rest;
          if (rest.length === 0) return;
          continue;
        }
        if (code !== CANCEL_REQUEST && code < PROTOCOL_3) return cut();
        forward(startup.subarray(0, length), client, server);
        startup = null;
        chunk = rest;
      }
      if (chunk.length === 0) return;
      fromClient(chunk);
      forward(chunk, client, server);
    });
    server.on("data", (chunk: Buffer) => {
      fromServer(chunk);
      if (copyBytesLeft !== null && copyBytesLeft <= 0) {
        copyBytesLeft = null;
        cut();
        return;
      }
      forward(chunk, server, client);
    });
    if (paused) for (const socket of pair) socket.pause();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (typeof address !== "object" || !address) throw new Error("the proxy has no port");
  const own = new URL(url);
  own.hostname = "127.0.0.1";
  own.port = String(address.port);

  const dropConnections = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    pairs.clear();
  };
  const close = async (): Promise<void> => {
    if (!listener.listening) return;
    const closed = once(listener, "close");
    listener.close();
    dropConnections();
    await closed;
  };
  return {
    url: own.href,
    get statements() {
      return statements;
    },
    get messages() {
      return messages;
    },
    get executes() {
      return executes;
    },
    get copyData() {
      return copyData;
    },
    get copyBytes() {
      return copyBytes;
    },
    get connections() {
      return connections;
    },
    clear() {
      statements = [];
      [messages, executes, copyData, copyBytes, connections] = [0, 0, 0, 0, 0];
    },
    dropConnections,
    pause,
    pauseAfter(statement) {
      pauseAt = statement;
    },
    resume() {
      paused = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    stopAfterBytes(bytes) {
      copyBytesLeft = bytes;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Cuts a stream of chunks into typed protocol messages; chunk borders fall anywhere. */
function messageReader(onMessage: (type: string, body: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let needed = 5;
  return (chunk) => {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < needed) return;
    const bytes = pending.length === 1 ? chunk : Buffer.concat(pending);
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      needed = left < 5 ? 5 : 1 + bytes.readInt32BE(at + 1);
      if (left < needed) break;
      onMessage(String.fromCharCode(bytes[at] ?? 0), bytes.subarray(at + 5, at + needed));
      at += needed;
    }
    pending = at < bytes.length ? [bytes.subarray(at)] : [];
    pendingBytes = bytes.length - at;
  };
}

/** The zero-terminated text that starts at `start`. */
function textAt(body: Buffer, start: number): string {
  return body.toString("utf8", start, body.indexOf(0, start));
}
