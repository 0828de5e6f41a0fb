import type pg from "pg";
import { FreshnessError } from "../../../errors.ts";
import { textOnly } from "../text-only.ts";

/** A server that takes longer for one of the small queries here is taken for lost: a dead network gives no error. */
const ANSWER_MS = 10_000;

/**
 * The one connection of a change source. It is never replaced: what the source knows rests on the same server having
 * been there all the time, and no server's sessions outlive a crash, a restart or a failover.
 */
export class GateConnection {
  readonly client: pg.Client;
  readonly #onLost: (error: Error) => void;
  #ended = false;
  #asked = 0;

  /** @param onLost called once, unless `close` was */
  constructor(client: pg.Client, onLost: (error: Error) => void) {
    this.client = client;
    this.#onLost = onLost;
    client.on("error", (error) => this.fail(error));
    client.on("end", () => this.fail(new Error("Connection terminated")));
    this.#keepProcess(false);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The one text that a query yields. Rejects with the origin's error, and after some seconds in any case. */
  async ask(sql: string, values: readonly unknown[], name?: string): Promise<string> {
    if (this.#ended) throw new Error("The connection of the change source is closed");
    return await this.limited(textOnly(this.client, sql, values, name));
  }

  /** The same for what else is done on the client. */
  async limited<Result>(action: Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    if (this.#asked++ === 0) this.#keepProcess(true);
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new FreshnessError(`The origin has not answered the change source for ${ANSWER_MS / 1000} s.`);
        reject(error);
        this.fail(error);
      }, ANSWER_MS).unref();
    });
    try {
      return await Promise.race([action, late]);
    } finally {
      clearTimeout(timer);
      if (--this.#asked === 0) this.#keepProcess(false);
    }
  }

  /** A program that has nothing else to do ends, though nobody has closed the engine. */
  #keepProcess(keep: boolean): void {
    const { client } = this;
    const change = keep ? ("ref" in client ? client.ref : null) : "unref" in client ? client.unref : null;
    if (typeof change === "function") change.call(client);
  }

  /** Gives the connection up. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.client.end().catch(() => {});
    this.#onLost(error);
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#keepProcess(true);
    await this.client.end().catch(() => {});
  }
}
