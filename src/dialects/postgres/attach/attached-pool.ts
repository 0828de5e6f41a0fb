import type { ClientCache } from "../../dialect.ts";
import type { AttachedClient } from "./attached-client.ts";
import { type Call, readCall } from "./call.ts";
import type { ClientSession } from "./client-session.ts";
import { type DriverClient, type DriverPool, isOwn, type QueryConfig } from "./driver.ts";
import { type OwnProperty, replaceQuery } from "./replace-query.ts";
import type { ResultMakers } from "./result-makers.ts";

type Overrides = Readonly<Record<string, unknown>>;

/** What a pool needs of its surroundings. */
export interface PoolHost {
  readonly cache: ClientCache;
  makersOf(client: DriverClient): ResultMakers;
  /** Attaches a client of the pool, or gives the one that is attached already. */
  adopt(client: DriverClient, presumed: boolean): AttachedClient;
  forget(client: DriverClient): void;
}

/**
 * A pool whose clients are attached as they are made or lent. `pool.query` itself is answered without a client, as long as
 * it would make no difference which one answers: a client that is idle with an open transaction or other settings would
 * answer some queries differently, so then the pool chooses, and the client that it chooses knows what it is.
 */
export class AttachedPool {
  readonly #pool: DriverPool;
  readonly #host: PoolHost;
  readonly #replaced: OwnProperty;
  readonly #clients = new Map<DriverClient, AttachedClient>();
  readonly #idle = new Set<DriverClient>();
  readonly #unusual = new Set<DriverClient>();
  /**
   * The client that stands for all of them, with the parsers that it had when it was last idle: one whose session was
   * found to be like the engine's own, the one that the pool would take if there is an idle one.
   */
  #sample: { readonly attached: AttachedClient; readonly overrides: Overrides } | null = null;
  readonly #presumed: boolean;

  /** `presumed`: the pool is the engine's own; its clients are as the engine's sessions from the start. */
  constructor(pool: DriverPool, host: PoolHost, presumed: boolean) {
    this.#pool = pool;
    this.#host = host;
    this.#presumed = presumed;
    this.#replaced = replaceQuery(pool, (original) => (args) => this.#query(original, args));
    for (const client of pool._clients ?? []) this.#adopt(client);
    for (const { client } of pool._idle ?? []) this.#idle.add(client);
    for (const attached of this.#clients.values()) this.review(attached.session);
    // Before the application's own listeners, which may send statements.
    pool.prependListener("connect", this.#adopt);
    pool.prependListener("acquire", this.#onAcquire);
    pool.on("release", this.#onRelease);
    pool.on("remove", this.#onRemove);
  }

  detach(): void {
    const pool = this.#pool;
    this.#replaced.restore();
    pool.removeListener("connect", this.#adopt);
    pool.removeListener("acquire", this.#onAcquire);
    pool.removeListener("release", this.#onRelease);
    pool.removeListener("remove", this.#onRemove);
    for (const client of this.#clients.keys()) this.#host.forget(client);
  }

  /** One of its clients may have come to be another. */
  review(session: ClientSession): void {
    const { client } = session;
    const attached = this.#clients.get(client);
    if (attached === undefined) return;
    if (session.isLikeOurs && (this.#sample === null || this.#idle.has(client))) this.#stand(attached);
    if (this.#idle.has(client) && !session.isUsual) this.#unusual.add(client);
    else this.#unusual.delete(client);
  }

  readonly #adopt = (client: DriverClient): void => {
    if (this.#clients.has(client)) return;
    const attached = this.#host.adopt(client, this.#presumed || this.#sample !== null);
    this.#clients.set(client, attached);
    this.review(attached.session);
  };

  readonly #onAcquire = (client: DriverClient): void => {
    this.#adopt(client);
    this.#idle.delete(client);
    this.#unusual.delete(client);
    if (this.#sample?.attached.client !== client) return;
    // The pool lends the one that came back last.
    for (const idle of [...this.#idle].reverse()) {
      const attached = this.#clients.get(idle);
      if (attached?.session.isLikeOurs) {
        this.#stand(attached);
        return;
      }
    }
  };

  #stand(attached: AttachedClient): void {
    this.#sample = { attached, overrides: { ...attached.types.text } };
  }

  readonly #onRelease = (_error: unknown, client: DriverClient): void => {
    const attached = this.#clients.get(client);
    if (attached === undefined) return;
    this.#idle.add(client);
    this.review(attached.session);
  };

  readonly #onRemove = (client: DriverClient): void => {
    this.#clients.delete(client);
    this.#idle.delete(client);
    this.#unusual.delete(client);
  };

  #query(original: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): unknown {
    const call = this.#read(args);
    const result = call === null ? null : this.#answer(call);
    if (call === null || result === null) return Reflect.apply(original, this.#pool, args);
    if (call.callback === null) return (this.#pool.Promise ?? Promise).resolve(result);
    process.nextTick(call.callback, undefined, result);
    return undefined;
  }

  /** `null` for a call that a client has to answer. */
  #read(args: readonly unknown[]): Call | null {
    const config = args[0] as string | QueryConfig | null | undefined;
    if (typeof config !== "string" && !isPlainConfig(config)) return null;
    return readCall(config, args[1], args[2]);
  }

  #answer(call: Call): object | null {
    const sample = this.#sample?.attached;
    const { cache } = this.#host;
    if (sample === undefined || this.#unusual.size > 0 || !cache.serving || !this.#inAnyOrder) return null;
    if (sample.client.binary === true) return null;
    // Who borrows a client may give it parsers that no other client has.
    if (call.types === null && !this.#idle.has(sample.client) && !this.#sampleIsUnchanged()) return null;
    const decision = this.#host.cache.recall(call.text);
    if (decision?.kind !== "prepared") return null;
    return this.#host.makersOf(sample.client).answer(sample.client, decision, call, call.types ?? sample.types);
  }

  #sampleIsUnchanged(): boolean {
    if (this.#sample === null) return false;
    const { attached, overrides } = this.#sample;
    const now = attached.types.text;
    if (now === undefined) return false;
    const names = Object.keys(now);
    return names.length === Object.keys(overrides).length && names.every((name) => now[name] === overrides[name]);
  }

  /** A pool of one sends its queries one after the other, and a program may count on it. */
  get #inAnyOrder(): boolean {
    const pool = this.#pool;
    if (pool.ending === true) return false;
    return pool.options.max !== 1 || (pool.idleCount === pool.totalCount && pool.waitingCount === 0);
  }
}

/** The driver's pool never looks at a callback inside of the config. */
function isPlainConfig(config: QueryConfig | null | undefined): config is QueryConfig {
  if (typeof config !== "object" || config === null) return false;
  return typeof config.submit !== "function" && !config.callback && !isOwn(config);
}
