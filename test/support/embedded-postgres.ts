import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestServer } from "./postgres.ts";

/** A PostgreSQL from npm that lives as long as this process, or until `stop()`. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Of the superuser `postgres`, who needs no password, in the database `postgres`. */
  readonly url: string;
  /**
   * `fast` ends all connections and writes everything down; `immediate` is a crash of the server, `kill` one of its main
   * process. It stays down.
   */
  shutDown(how: "fast" | "immediate" | "kill"): Promise<void>;
  /** After `shutDown`, on the same port with the same files. */
  startAgain(): Promise<void>;
  /** Ends all connections, stops the server and removes its files. */
  stop(): Promise<void>;
}

/** A server that a test has started for itself, as one that test databases are made on. */
export function ownServer({ url }: Pick<EmbeddedPostgres, "url">): TestServer {
  return { name: "own", version: 18, walLevel: "logical", url, collations: ["C"] };
}

/**
 * Starts a PostgreSQL on a free port with its files in a temporary directory. `settings` win over those of the keeper.
 *
 * The server belongs to a keeper process (`embedded-keeper.ts`) in a session of its own, which stops it and removes the
 * files as soon as its stdin ends: on `stop()`, on Ctrl-C, and also when this process is killed.
 */
export async function startEmbeddedPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<EmbeddedPostgres> {
  const script = fileURLToPath(new URL("./embedded-keeper.ts", import.meta.url));
  const keeper = spawn(process.execPath, [script, JSON.stringify(settings)], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  // A keeper that died already has said why on stdout; the write error adds nothing.
  keeper.stdin.on("error", () => {});
  const exited = new Promise<void>((resolve) => keeper.once("exit", () => resolve()));
  const lines = linesOf(keeper.stdout);
  const answer = await lines.next();
  if (!answer.startsWith("postgresql://")) {
    keeper.stdin.end();
    throw new Error(`The embedded PostgreSQL did not start: ${answer || "its keeper process ended without a word"}`);
  }
  // Neither the process nor its pipes may keep a finished program alive.
  keeper.unref();
  for (const pipe of [keeper.stdin, keeper.stdout]) (pipe as { unref?: () => void }).unref?.();

  const stop = async (): Promise<void> => {
    keeper.ref();
    keeper.stdin.end();
    if (keeper.exitCode === null && keeper.signalCode === null) await exited;
  };
  const ask = async (command: string, expected: string): Promise<void> => {
    keeper.stdin.write(`${command}\n`);
    const said = await lines.next();
    if (said !== expected) throw new Error(`The embedded PostgreSQL: ${command}: ${said || "its keeper has ended"}`);
  };
  return {
    url: answer,
    shutDown: (how) => ask(how, "down"),
    startAgain: () => ask("start", "up"),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** One line after the other; empty at the end. */
function linesOf(stream: NodeJS.ReadableStream): { next(): Promise<string> } {
  const said: string[] = [];
  let ended = false;
  let wake = Promise.withResolvers<void>();
  const lines = createInterface({ input: stream });
  const tell = (): void => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  lines.on("line", (line) => {
    said.push(line);
    tell();
  });
  lines.once("close", () => {
    ended = true;
    tell();
  });
  return {
    async next() {
      while (said.length === 0 && !ended) await wake.promise;
      return said.shift() ?? "";
    },
  };
}
