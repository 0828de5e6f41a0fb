/** Processes of their own for tests, read line by line. None outlives its test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export class Child {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  readonly #closed: Promise<unknown>;
  #wake = Promise.withResolvers<void>();
  #ended = false;

  /** `script` beside this file, with one JSON argument. */
  constructor(
    script: string,
    job: unknown,
    options: { readonly env?: NodeJS.ProcessEnv; readonly stdin?: "pipe" } = {},
  ) {
    const file = fileURLToPath(new URL(script, import.meta.url));
    this.process = spawn(process.execPath, [file, JSON.stringify(job)], {
      stdio: [options.stdin ?? "ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_OPTIONS: "", ...options.env },
    });
    this.#closed = once(this.process, "close").then(() => {
      this.#ended = true;
      this.#wake.resolve();
    });
    if (this.process.stdout !== null) {
      createInterface({ input: this.process.stdout }).on("line", (line) => {
        this.lines.push(line);
        this.#wake.resolve();
        this.#wake = Promise.withResolvers();
      });
    }
    onTestFinished(async () => {
      this.process.kill("SIGKILL");
      await this.#closed;
    });
  }

  /** Resolves to the first line that starts so. */
  async line(start: string): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => line.startsWith(start));
      if (found !== undefined) {
        return found;
      }
      if (this.#ended) {
        throw new Error(`the child ended before it said "${start}": ${this.lines.join(" | ")}`);
      }
      await this.#wake.promise;
    }
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.#closed;
  }

  /** The exit code. */
  async end(): Promise<number | null> {
    await this.#closed;
    return this.process.exitCode;
  }
}
