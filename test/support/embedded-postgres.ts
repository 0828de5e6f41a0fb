import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A PostgreSQL from npm that lives as long as this process, or until `stop()`. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Of the superuser `postgres`, who needs no password, in the database `postgres`. */
  readonly url: string;
  /** Ends the server, not its files: a fast shutdown, an immediate one, or SIGKILL. Resolves when it has ended. */
  shutdown(how: "fast" | "immediate" | "kill"): Promise<void>;
  /** After a shutdown: has it back at the same URL. Resolves when it accepts connections. */
  startAgain(): Promise<void>;
  /** Ends all connections, stops the server and removes its files. */
  stop(): Promise<void>;
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
  const answer = await firstLine(keeper.stdout, exited);
  if (!answer.startsWith("postgresql://")) {
    keeper.stdin.end();
    throw new Error(`The embedded PostgreSQL did not start: ${answer || "its keeper process ended without a word"}`);
  }
  // Neither the process nor its pipes may keep a finished program alive.
  keeper.unref();
  for (const pipe of [keeper.stdin, keeper.stdout]) (pipe as { unref?: () => void }).unref?.();

  const command = async (text: string): Promise<void> => {
    keeper.stdin.write(`${text}\n`);
    const said = await firstLine(keeper.stdout, exited);
    if (said !== "done") throw new Error(`The embedded PostgreSQL, told to ${text}: ${said || "no answer"}`);
  };
  const stop = async (): Promise<void> => {
    keeper.ref();
    keeper.stdin.end();
    if (keeper.exitCode === null && keeper.signalCode === null) await exited;
  };
  return {
    url: answer,
    shutdown: (how) => command(how),
    startAgain: () => command("start"),
    stop,
    [Symbol.asyncDispose]: stop,
  };
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
