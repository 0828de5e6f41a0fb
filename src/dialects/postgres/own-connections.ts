import pg from "pg";
import { Checkout } from "./checkout.ts";

/** What the code needs of the options of a pool; the rest is passed through. */
export type PoolOptions = pg.PoolConfig & { readonly binary?: boolean };
export type ClientClass = new (options: PoolOptions) => pg.Client;

/** How long an own connection stays open without being used. */
const IDLE_MS = 10_000;
/**
 * How long connecting may take where the user's pool says nothing: something may accept a connection and never answer.
 * Of each connection, not of the pool, where it would also count the time that one waits for another to become free.
 */
const CONNECT_MS = 10_000;

interface OwnConnectionsSetup {
  /** So many at a time; who needs one more waits. */
  readonly size: number;
  /**
   * A connection is given up, and with it what runs on it, if that takes longer: a network that swallows everything gives
   * no error. From when the connection is there: to wait for one has no limit. `null`: what takes its time, as a load.
   */
  readonly limitMs: number | null;
  /** Readies a new connection, within the limit of what it is first used for. */
  readonly prepare: (client: pg.Client) => Promise<void>;
}

/**
 * Connections that SQLmem opens itself, with the options of the user's pool, so that its own work neither waits for nor
 * takes the pool's clients. Opened on demand, closed when idle; an idle one does not keep the process alive.
 */
export class OwnConnections {
  readonly #pool: pg.Pool;
  readonly #checkout: Checkout;
  readonly #setup: OwnConnectionsSetup;
  readonly #prepared = new WeakSet<pg.Client>();
  readonly #leased = new Set<pg.Client>();

  constructor(options: PoolOptions, Client: ClientClass, setup: OwnConnectionsSetup) {
    this.#pool = new pg.Pool(ownOptions(options, Client, setup.size));
    this.#checkout = new Checkout(this.#pool);
    this.#setup = setup;
    // A connection that breaks fails the query that runs on it, if any; the events say nothing more.
    this.#pool.on("error", ignore);
    this.#pool.on("connect", (client) => client.on("error", ignore));
  }

  /** Runs the action on a connection of its own. Rejects with what connecting or the action rejects with. */
  async use<Result>(action: (client: pg.Client) => Promise<Result>): Promise<Result> {
    const { limitMs, prepare } = this.#setup;
    const client = await this.#checkout.client();
    this.#leased.add(client);
    let broken = true;
    const timer = limitMs === null ? undefined : setTimeout(() => abandon(client), limitMs);
    try {
      if (!this.#prepared.has(client)) {
        await prepare(client);
        this.#prepared.add(client);
      }
      const result = await action(client);
      // A connection that is still in a transaction would show the next action an old snapshot.
      broken = client.getTransactionStatus?.() !== "I";
      return result;
    } catch (error) {
      broken = !isStatementError(error) || client.getTransactionStatus?.() !== "I";
      throw error;
    } finally {
      clearTimeout(timer);
      this.#leased.delete(client);
      client.release(broken);
    }
  }

  /** As `use`, once more if the connection turns out to have died while it was idle. For actions without effects. */
  async useAgain<Result>(action: (client: pg.Client) => Promise<Result>): Promise<Result> {
    const reused = this.#pool.idleCount > 0;
    try {
      return await this.use(action);
    } catch (error) {
      if (!reused || this.#checkout.closed || isStatementError(error)) throw error;
      return await this.use(action);
    }
  }

  /** Breaks off what is running. */
  async close(): Promise<void> {
    if (this.#checkout.closed) return;
    this.#checkout.close();
    const ended = this.#pool.end();
    for (const client of this.#leased) void client.end().catch(ignore);
    await ended;
  }
}

/** An error of one statement, after which the connection is as good as before. */
export function isStatementError(error: unknown): boolean {
  return error instanceof Error && "severity" in error && error.severity === "ERROR";
}

/** Ends a connection at once, without a word to the server: what runs on it is rejected. */
function abandon(client: pg.Client): void {
  (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream.destroy();
}

function ignore(): void {}

/** A connection for as long as someone needs it, in no pool. Rejects with what connecting or `prepare` rejects with. */
export async function ownConnection(
  options: PoolOptions,
  Client: ClientClass,
  prepare: (client: pg.Client) => Promise<void>,
): Promise<pg.Client> {
  const client = new (withConnectLimit(Client))(connectionOptions(options));
  client.on("error", ignore);
  try {
    await client.connect();
    await prepare(client);
    return client;
  } catch (error) {
    await client.end().catch(ignore);
    throw error;
  }
}

function withConnectLimit(Client: ClientClass): ClientClass {
  return class extends Client {
    constructor(options: PoolOptions) {
      super(Object.assign(connectionOptions(options), { connectionTimeoutMillis: connectLimit(options) }));
    }
  };
}

export function connectLimit({ connectionTimeoutMillis }: PoolOptions): number {
  return connectionTimeoutMillis || CONNECT_MS;
}

function ownOptions(options: PoolOptions, Client: ClientClass, size: number): pg.PoolConfig {
  return Object.assign(connectionOptions(options), {
    Client: withConnectLimit(Client),
    max: size,
    idleTimeoutMillis: IDLE_MS,
    allowExitOnIdle: true,
  });
}

/** What is the connections' own in the options of the user's pool. */
export function connectionOptions(options: PoolOptions): pg.PoolConfig {
  // By descriptor: pg-pool makes the password not enumerable.
  const own: Record<string, unknown> = Object.defineProperties({}, Object.getOwnPropertyDescriptors(options));
  // Of the pool, not of its connections; or in the way of a bulk copy.
  for (const name of [
    "max",
    "poolSize",
    "min",
    "maxUses",
    "maxLifetimeSeconds",
    "onConnect",
    "verify",
    "log",
    "types",
    "pipeline",
    "binary",
    "query_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
  ]) {
    delete own[name];
  }
  own.fallback_application_name ??= "sqlmem";
  return own;
}
