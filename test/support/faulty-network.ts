import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Which connections a fault concerns. */
type Reach = "replication" | "all";

/** A network between a program and its PostgreSQL that can fail in the ways that networks do. */
export interface FaultyNetwork {
  /** The server's URL by way of this network. */
  readonly url: string;
  /**
   * From now on every byte of these connections is lost, in both directions and without a word, as behind a firewall that
   * has forgotten them. They stay dead; new ones are swallowed too, until `heal`.
   */
  blackHole(reach: Reach): void;
  /** Ends these connections by a reset. New ones are let through. */
  cut(reach: Reach): void;
  /** New connections are let through again. */
  heal(): void;
  /** Calls back at each chunk of a client, before it is passed on; `cut` in there keeps it from the server. */
  onClientData(listener: ((chunk: Buffer, replication: boolean) => void) | null): void;
  /** The same for what the server says. */
  onServerData(listener: ((chunk: Buffer, replication: boolean) => void) | null): void;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  replication: boolean;
  swallowed: boolean;
}

/** Starts one in front of the server of `url`, on a free port of this machine. */
export async function startFaultyNetwork(url: string): Promise<FaultyNetwork> {
  const target = new URL(url);
  const links = new Set<Link>();
  let hole: Reach | null = null;
  let onClient: ((chunk: Buffer, replication: boolean) => void) | null = null;
  let onServer: ((chunk: Buffer, replication: boolean) => void) | null = null;
  const concerns = (reach: Reach, { replication }: Link): boolean => reach === "all" || replication;

  const listener = createServer((client) => {
    const server = connect(Number(target.port || 5432), target.hostname);
    const link: Link = { client, server, replication: false, swallowed: false };
    links.add(link);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.on("error", () => {});
      from.on("close", () => {
        // A death that is not heard of, either: the server's side stays, as it would.
        if (link.swallowed && from === server) return;
        links.delete(link);
        to.destroy();
      });
    }
    let isFirst = true;
    client.on("data", (chunk: Buffer) => {
      // The start-up message is the first one: the tests use no TLS.
      if (isFirst) link.replication = chunk.includes("replication\0database");
      isFirst = false;
      onClient?.(chunk, link.replication);
      if (hole !== null && concerns(hole, link)) link.swallowed = true;
      if (!link.swallowed && !server.destroyed) server.write(chunk);
    });
    server.on("data", (chunk: Buffer) => {
      onServer?.(chunk, link.replication);
      if (!link.swallowed && !client.destroyed) client.write(chunk);
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (typeof address !== "object" || !address) throw new Error("the network has no port");
  const own = new URL(url);
  own.hostname = "127.0.0.1";
  own.port = String(address.port);
  const cut = (reach: Reach): void => {
    for (const link of links) {
      if (!concerns(reach, link)) continue;
      for (const socket of [link.client, link.server]) socket.resetAndDestroy();
    }
  };
  return {
    url: own.href,
    blackHole(reach) {
      hole = reach;
      for (const link of links) if (concerns(reach, link)) link.swallowed = true;
    },
    cut,
    heal() {
      hole = null;
    },
    onClientData(listening) {
      onClient = listening;
    },
    onServerData(listening) {
      onServer = listening;
    },
    async close() {
      if (!listener.listening) return;
      const closed = once(listener, "close");
      listener.close();
      cut("all");
      await closed;
    },
  };
}
