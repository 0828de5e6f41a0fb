import { OptionsError } from "../../../errors.ts";
import { logger } from "../../../logging.ts";
import type { Attachments, ClientCache, Effect } from "../../dialect.ts";
import { AttachedClient } from "./attached-client.ts";
import { AttachedPool, type PoolHost } from "./attached-pool.ts";
import type { ClientSession, SessionHost } from "./client-session.ts";
import { type DriverClient, type DriverPool, isClient, isNative, isPool, REPLACED } from "./driver.ts";
import type { SessionReport, Verdict } from "./probe.ts";
import { ResultMakers } from "./result-makers.ts";

/** What attaching asks the origin for. */
export interface AttachOrigin {
  /** The engine's own pool: its clients are what the engine's sessions were made after. */
  isOwnPool(pool: object): boolean;
  judge(report: SessionReport): Promise<Verdict>;
  /** Resolves once no server process of this number is there any more, or nothing more can be asked. */
  untilGone(processId: number): Promise<void>;
}

/** A server process that goes on after its client was lost is waited for this long with nothing being served. */
const WAIT_MS = 10_000;

/** The pools and clients that one engine is attached to. */
export class PostgresAttachments implements Attachments, SessionHost, PoolHost {
  readonly cache: ClientCache;
  readonly #origin: AttachOrigin;
  readonly #pools = new Map<DriverPool, AttachedPool>();
  readonly #clients = new Map<DriverClient, AttachedClient>();
  /** By the driver's class, as there may be two versions of it. */
  readonly #makers = new Map<unknown, ResultMakers>();
  readonly #reported = new Set<string>();

  constructor(cache: ClientCache, origin: AttachOrigin) {
    this.cache = cache;
    this.#origin = origin;
  }

  attach(target: object): void {
    if (isNative(target)) {
      throw new OptionsError("attach() needs the JavaScript client of pg, received one of pg-native.");
    }
    if (isPool(target)) {
      if (this.#pools.has(target)) return;
      assertFree(target);
      this.#pools.set(target, new AttachedPool(target, this, this.#origin.isOwnPool(target)));
    } else if (isClient(target)) {
      if (this.#clients.has(target)) return;
      assertFree(target);
      this.adopt(target, false);
    } else {
      throw new OptionsError("attach() takes a Pool or a Client of pg.");
    }
  }

  detach(target: object): void {
    const pool = this.#pools.get(target as DriverPool);
    if (pool !== undefined) {
      this.#pools.delete(target as DriverPool);
      pool.detach();
    }
    this.forget(target as DriverClient);
  }

  close(): void {
    for (const pool of [...this.#pools.keys()]) this.detach(pool);
    for (const client of [...this.#clients.keys()]) this.detach(client);
  }

  adopt(client: DriverClient, presumed: boolean): AttachedClient {
    let attached = this.#clients.get(client);
    if (attached === undefined) {
      attached = new AttachedClient(client, this, this.makersOf(client), presumed);
      this.#clients.set(client, attached);
    }
    return attached;
  }

  forget(client: DriverClient): void {
    const attached = this.#clients.get(client);
    if (attached === undefined) return;
    this.#clients.delete(client);
    attached.detach();
  }

  /** The engine has just read its own session off this client. */
  recognise(client: object): void {
    this.#clients.get(client as DriverClient)?.session.recognise();
  }

  makersOf(client: DriverClient): ResultMakers {
    const driver = client.constructor;
    let makers = this.#makers.get(driver);
    if (makers === undefined) {
      makers = new ResultMakers(this.cache);
      this.#makers.set(driver, makers);
    }
    return makers;
  }

  judge(report: SessionReport): Promise<Verdict> {
    return this.#origin.judge(report);
  }

  onReview(session: ClientSession): void {
    for (const pool of this.#pools.values()) pool.review(session);
  }

  onDifference(detail: string): void {
    if (this.#reported.has(detail) || this.#reported.size > 100) return;
    this.#reported.add(detail);
    logger.warning(`an attached client is not like the engine's own (${detail}): the database answers it`);
  }

  onEnded(client: DriverClient): void {
    this.#clients.delete(client);
  }

  onLost(processId: number, effects: readonly (Effect | Promise<Effect>)[]): void {
    const gone = this.#origin.untilGone(processId);
    const waited = new Promise<void>((resolve) => setTimeout(resolve, WAIT_MS).unref());
    for (const effect of effects) {
      const settled = Promise.race([gone, waited]).then(() => effect);
      this.cache.apply(settled);
      void gone.then(() => this.cache.apply(effect));
    }
  }
}

function assertFree(target: { query: unknown }): void {
  if (typeof target.query === "function" && REPLACED in target.query) {
    throw new OptionsError("attach(): another engine is attached to this already. Call its detach() first.");
  }
}
