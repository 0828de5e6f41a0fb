import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

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
  /** Cuts the present connections, all or those of a kind; new ones are accepted. */
  dropConnections(kind?: ConnectionKind): void;
  /**
   * Holds back bytes and ends of connections, on new connections too: a network that swallows packets. All of them, in both
   * directions, unless told.
   */
  pause(which?: Traffic): void;
  /** Lets everything through again, held bytes first, and without delay. */
  resume(): void;
  /** Passes bytes on so many milliseconds after they came. */
  delay(milliseconds: number, which?: Traffic): void;
  /** Passes this statement on when it comes next, and pauses: whatever answers it is held back. */
  pauseAfter(statement: string | RegExp): void;
  /**
   * Cuts the connection on which the server's COPY data, from now on and over all connections, reaches `bytes`; once.
   */
  stopAfterBytes(bytes: number): void;
  close(): Promise<void>;
}

/** A connection to a walsender, or any other. */
type ConnectionKind = "replication" | "ordinary";

/** A part of what passes through; all of it where nothing is said. */
interface Traffic {
  readonly kind?: ConnectionKind;
  readonly to?: "server" | "client";
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Known when the start-up message is. */
  kind: ConnectionKind | null;
}

const PROTOCOL_3 = 196_608;
const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

/** Starts a proxy in front of the server of `url`, on a free port of this machine. */
export async function startCountingProxy(url: string): Promise<CountingProxy> {
  const target = new URL(url);
  const pairs = new Set<Pair>();
  let statements: string[] = [];
  let [messages, executes, copyData, copyBytes, connections] = [0, 0, 0, 0, 0];
  let held: Traffic | null = null;
  let late: (Traffic & { readonly milliseconds: number }) | null = null;
  let copyBytesLeft: number | null = null;
  let pauseAt: string | RegExp | null = null;

  const isHeld = (pair: Pair, from: Socket): boolean => held !== null && concerns(held, pair, from);
  const holdBack = (pair: Pair): void => {
    for (const socket of socketsOf(pair)) if (isHeld(pair, socket)) socket.pause();
  };
  const pause = (which: Traffic = {}): void => {
    held = which;
    for (const pair of pairs) holdBack(pair);
  };
  const listener = createServer((client) => {
    connections++;
    const server = connect(Number(target.port || 5432), target.hostname);
    const pair: Pair = { client, server, kind: null };
    pairs.add(pair);
    const cut = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of socketsOf(pair)) {
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
      if (pauseAt !== null && (type === "P" || type === "Q") && matches(statements.at(-1) ?? "", pauseAt)) {
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

    const passOn = (chunk: Buffer, from: Socket, to: Socket): void => {
      if (to.destroyed) return;
      if (!to.write(chunk)) {
        from.pause();
        to.once("drain", () => {
          if (!isHeld(pair, from)) from.resume();
        });
      }
    };
    /** Chunks that are on their way, by where they came from: none overtakes another. */
    const underWay = new Map<Socket, { chunks: number; last: Promise<void> }>();
    const forward = (chunk: Buffer, from: Socket, to: Socket): void => {
      const milliseconds = late !== null && concerns(late, pair, from) ? late.milliseconds : 0;
      const way = underWay.get(from) ?? { chunks: 0, last: Promise.resolve() };
      if (milliseconds === 0 && way.chunks === 0) {
        passOn(chunk, from, to);
        return;
      }
      underWay.set(from, way);
      way.chunks++;
      const copy = Buffer.from(chunk);
      way.last = Promise.all([way.last, sleep(milliseconds)]).then(() => {
        way.chunks--;
        passOn(copy, from, to);
      });
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
        pair.kind = startup.subarray(8, length).includes("\0replication\0") ? "replication" : "ordinary";
        if (isHeld(pair, client) || isHeld(pair, server)) {
          holdBack(pair);
          if (isHeld(pair, client)) {
            client.unshift(startup);
            startup = Buffer.alloc(0);
            return;
          }
        }
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
    holdBack(pair);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (typeof address !== "object" || !address) throw new Error("the proxy has no port");
  const own = new URL(url);
  own.hostname = "127.0.0.1";
  own.port = String(address.port);

  const dropConnections = (kind?: ConnectionKind): void => {
    for (const pair of pairs) {
      if (kind !== undefined && pair.kind !== kind) continue;
      pairs.delete(pair);
      for (const socket of socketsOf(pair)) socket.destroy();
    }
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
      held = null;
      late = null;
      for (const pair of pairs) for (const socket of socketsOf(pair)) socket.resume();
    },
    delay(milliseconds, which = {}) {
      late = { ...which, milliseconds };
    },
    stopAfterBytes(bytes) {
      copyBytesLeft = bytes;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function matches(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? text === wanted : wanted.test(text);
}

function socketsOf({ client, server }: Pair): readonly [Socket, Socket] {
  return [client, server];
}

/** Where the kind is asked for, a connection is none of it until it has said what it is. */
function concerns({ kind, to }: Traffic, pair: Pair, from: Socket): boolean {
  return (
    (kind === undefined || kind === pair.kind) && (to === undefined || (to === "server") === (from === pair.client))
  );
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
