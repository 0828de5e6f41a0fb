import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { messageReader, textAt } from "./protocol-messages.ts";

/** A TCP proxy in front of a PostgreSQL that knows what reached it, and can fail in the ways that networks do. */
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
  /** Those of them that asked for a walsender, whether or not that was passed on. */
  readonly replications: number;
  /** Forgets all counts. */
  clear(): void;
  /** Cuts the present connections, all or those of a kind; new ones are accepted. By a reset: nothing is sent any more. */
  dropConnections(kind?: ConnectionKind, how?: "end" | "reset"): void;
  /** When this text comes, it is not passed on, and connections are reset, all or those of a kind; once. */
  dropAt(text: string, to: "server" | "client", kind?: ConnectionKind): void;
  /**
   * From now on every byte of these connections is lost, in both directions and without a word, as behind a firewall that
   * has forgotten them. They stay dead; new ones are swallowed too, until `resume`.
   */
  swallow(kind?: ConnectionKind): void;
  /**
   * Holds back bytes and ends of connections, on new connections too: a network that stands still. All of them, in both
   * directions, unless told.
   */
  pause(which?: Traffic): void;
  /** Lets everything through again, held bytes first, and without delay; what was swallowed stays lost. */
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
  swallowed: boolean;
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
  let [messages, executes, copyData, copyBytes, connections, replications] = [0, 0, 0, 0, 0, 0];
  let held: Traffic | null = null;
  let hole: Traffic | null = null;
  let dropAt: { readonly text: string; readonly to: "server" | "client"; readonly kind?: ConnectionKind } | null = null;
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
  const dropConnections = (kind?: ConnectionKind, how: "end" | "reset" = "end"): void => {
    for (const pair of pairs) {
      if (kind !== undefined && pair.kind !== kind) continue;
      pairs.delete(pair);
      for (const socket of socketsOf(pair)) {
        if (how === "end") socket.destroy();
        else socket.resetAndDestroy();
      }
    }
  };
  const listener = createServer((client) => {
    connections++;
    const server = connect(Number(target.port || 5432), target.hostname);
    const pair: Pair = { client, server, kind: null, swallowed: false };
    pairs.add(pair);
    const cut = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of socketsOf(pair)) {
      socket.setNoDelay(true);
      // A death that is not heard of: the client's side stays, as it would.
      const onEnd = (): void => {
        if (!pair.swallowed || socket === client) cut();
      };
      socket.on("error", onEnd);
      socket.on("close", onEnd);
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
      if (pair.swallowed) return;
      if (dropAt !== null && concerns({ to: dropAt.to }, pair, from) && chunk.includes(dropAt.text)) {
        const { kind } = dropAt;
        dropAt = null;
        dropConnections(kind, "reset");
        return;
      }
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
        if (pair.kind === "replication") replications++;
        if (hole !== null && concerns(hole, pair, client)) pair.swallowed = true;
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
    get replications() {
      return replications;
    },
    clear() {
      statements = [];
      [messages, executes, copyData, copyBytes, connections, replications] = [0, 0, 0, 0, 0, 0];
    },
    dropConnections,
    dropAt(text, to, kind) {
      dropAt = kind === undefined ? { text, to } : { text, to, kind };
    },
    swallow(kind) {
      hole = kind === undefined ? {} : { kind };
      for (const pair of pairs) if (concerns(hole, pair, pair.client)) pair.swallowed = true;
    },
    pause,
    pauseAfter(statement) {
      pauseAt = statement;
    },
    resume() {
      [held, late, hole] = [null, null, null];
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
