import type pg from "pg";

/**
 * Takes clients from a pool until it is closed. A pool that is ended forgets who still waits for a client, for ever
 * (pg-pool 3, `end`): here they are told.
 */
export class Checkout {
  readonly #pool: pg.Pool;
  readonly #waiting = new Set<(error: Error) => void>();
  #closed = false;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Rejects with what connecting rejects with. */
  client(): Promise<pg.PoolClient> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#pool.connect().then(
        (client) => {
          this.#waiting.delete(reject);
          if (this.#closed) client.release(true);
          else resolve(client);
        },
        (error: unknown) => {
          this.#waiting.delete(reject);
          reject(error);
        },
      );
    });
  }

  close(): void {
    this.#closed = true;
    for (const reject of this.#waiting) reject(closedError());
    this.#waiting.clear();
  }
}

function closedError(): Error {
  return new Error("The connections to the origin have been closed");
}
