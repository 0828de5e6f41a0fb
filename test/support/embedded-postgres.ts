import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A PostgreSQL from npm that lives as long as this process, or until `stop()`. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Of the superuser `postgres`, who needs no password, in the database `postgres`. */
  readonly url: string;
  /** Ends all connections, stops the server and removes its files. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL on a free port with its files in a temporary directory.
 *
 * The server belongs to a keeper process (`embedded-keeper.ts`) in a session of its own, which stops it and removes the
 * files as soon as its stdin ends: on `stop()`, on Ctrl-C, and also when this process is killed.
 */
export async function startEmbeddedPostgres(): Promise<EmbeddedPostgres> {
  const keeper = spawn(process.execPath, [fileURLToPath(new URL("./embedded-keeper.ts", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  // A keeper that died already has said why on stdout; the write error adds nothing.
  keeper.stdin.on("error", () => {});
  const exited = new Promise<void>((resolve) => keeper.once("exit", () => resolve()));
  const answer = await firstLine(keeper.stdout, exited);
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
  return { url: answer, stop, [Symbol.asyncDispose]: stop };
}

async function firstLine(stream: NodeJS.ReadableStream, exited: Promise<void>): Promise<string> {
  const lines = createInterface({ input: stream });
  const line = new Promise<string>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
  });
  const answer = await Promise.race([line, exited.then(() => line)]);
  lines.close();
  return answer;
}
