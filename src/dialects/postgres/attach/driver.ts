import type { EventEmitter } from "node:events";
import type { Parser } from "../../../encode/parsing-factory.ts";

// What the code needs of pg (8.11 to 8.23, pg-pool 3.6 to 3.14) beyond its declared types. Properties that begin with an
// underscore are the driver's own; each is read defensively where versions differ.

export interface DriverTypes {
  /** In those of a client: the parsers that it alone has, by type id. */
  readonly text?: Readonly<Record<string, unknown>>;
  getTypeParser(typeId: number, format: "text"): Parser;
}

/** Emits each message of the server, under its name, before and after the client has handled it. */
export type DriverConnection = Pick<EventEmitter, "prependListener" | "on" | "removeListener"> & {
  readonly parsedStatements?: Readonly<Record<string, string>>;
};

export type QueryFunction = (this: unknown, ...args: readonly unknown[]) => unknown;

/** A `pg.Client`. */
export interface DriverClient extends EventEmitter {
  query: QueryFunction;
  readonly connection: DriverConnection;
  readonly constructor: unknown;
  /** True when the server has answered everything that was sent; `undefined` before the connection is made. */
  readonly readyForQuery?: boolean;
  readonly binary?: boolean;
  readonly processID?: number | null;
  readonly _types?: DriverTypes;
  readonly _queryable?: boolean;
  readonly _ending?: boolean;
  readonly _connected?: boolean;
  readonly _Promise?: PromiseConstructor;
  /** Sent nothing of these yet. Before 8.17: `queryQueue`. */
  readonly _queryQueue?: unknown[];
  readonly queryQueue?: unknown[];
  /** In pipeline mode: sent, not answered. */
  readonly _sentQueryQueue?: readonly unknown[];
  getTransactionStatus?(): string | null;
  getTypeParser(typeId: number, format: "text"): Parser;
}

/** A `pg.Pool`. */
export interface DriverPool extends EventEmitter {
  query: QueryFunction;
  readonly Client: { readonly prototype: object };
  readonly options: { readonly max?: number };
  readonly Promise?: PromiseConstructor;
  readonly ending?: boolean;
  readonly idleCount: number;
  readonly totalCount: number;
  readonly waitingCount: number;
  readonly _clients?: readonly DriverClient[];
  readonly _idle?: readonly { readonly client: DriverClient }[];
}

/** A query as an object, as `client.query` takes it. */
export interface QueryConfig {
  readonly text?: unknown;
  readonly values?: unknown;
  readonly name?: unknown;
  readonly rowMode?: unknown;
  readonly types?: unknown;
  readonly callback?: unknown;
  readonly binary?: unknown;
  readonly rows?: unknown;
  readonly portal?: unknown;
  readonly submit?: unknown;
  /** Of a stream around a cursor. */
  readonly cursor?: { readonly text?: unknown };
}

export function isPool(target: object): target is DriverPool {
  return has(target, "query", "connect", "options", "Client", "totalCount", "on");
}

export function isClient(target: object): target is DriverClient {
  return has(target, "query", "connect", "connection", "getTypeParser", "on");
}

/** pg-native speaks through libpq: there is no connection to listen on. Its client alone has this method. */
export function isNative(target: object): boolean {
  if ("isConnected" in target) return true;
  const client: unknown = "Client" in target ? target.Client : null;
  return typeof client === "function" && "isConnected" in client.prototype;
}

function has(target: object, ...names: readonly string[]): boolean {
  return names.every((name) => name in target);
}

/** What waits to be sent. */
export function queueOf(client: DriverClient): unknown[] {
  // The getter `queryQueue` of newer versions warns: it must not be touched where the new name is there.
  return client._queryQueue ?? client.queryQueue ?? [];
}

/** True if a statement that is sent now would be the next one that the server sees, and the only one. */
export function isIdle(client: DriverClient): boolean {
  if (client.readyForQuery !== true || client._queryable === false || client._ending === true) return false;
  const sent = client._sentQueryQueue;
  return queueOf(client).length === 0 && (sent === undefined || sent.length === 0);
}

/** The text of anything that can be given to `client.query`; `null` if it cannot be told. */
export function textOf(config: string | QueryConfig, connection: DriverConnection): string | null {
  if (typeof config === "string") return config;
  const { text, name, cursor } = config;
  if (typeof text === "string" && text !== "") return text;
  if (typeof cursor?.text === "string") return cursor.text;
  // A prepared statement that is run by its name.
  if (typeof name === "string" && name !== "") return connection.parsedStatements?.[name] ?? null;
  return typeof text === "string" ? text : null;
}

/** The driver's class of queries; `null` if it is not built as expected. */
export function queryClass(client: DriverClient): (abstract new (...args: never[]) => object) | null {
  const Client = client.constructor;
  const Query: unknown = typeof Client === "function" && "Query" in Client ? Client.Query : null;
  return typeof Query === "function" ? (Query as abstract new (...args: never[]) => object) : null;
}

/** Statements that the engine itself sends through a pool that may be attached: never answered from the cache. */
const own = new WeakSet<object>();

export function markOwn<Config extends object>(config: Config): Config {
  own.add(config);
  return config;
}

export function isOwn(config: unknown): boolean {
  return typeof config === "object" && config !== null && own.has(config);
}

/** On a query function that replaces the driver's: the driver's. */
export const REPLACED: unique symbol = Symbol("sqlmem.replaced");

/** The client as it would be if it were not attached. */
export function unattached<Client extends { query: unknown }>(client: Client): Pick<Client, "query"> {
  const { query } = client;
  const replaced = typeof query === "function" && REPLACED in query ? query[REPLACED] : null;
  if (typeof replaced !== "function") return client;
  return { query: replaced.bind(client) as Client["query"] };
}
