import type { Decision } from "../../../plan/planner.ts";
import type { Prepared } from "../../../plan/prepared.ts";
import { type ClientCache, NO_EFFECT } from "../../dialect.ts";
import { type Call, clashesByName, readCall } from "./call.ts";
import { ClientSession, type SessionHost } from "./client-session.ts";
import { type DriverClient, type DriverTypes, isIdle, isOwn, type QueryConfig, textOf } from "./driver.ts";
import { type OwnProperty, replaceQuery } from "./replace-query.ts";
import type { ResultMakers } from "./result-makers.ts";

/** One client whose `query` is answered from the cache where it can be. */
export class AttachedClient {
  readonly session: ClientSession;
  readonly client: DriverClient;
  readonly #cache: ClientCache;
  readonly #makers: ResultMakers;
  readonly #replaced: OwnProperty;

  constructor(client: DriverClient, host: SessionHost, makers: ResultMakers, presumed: boolean) {
    this.client = client;
    this.#cache = host.cache;
    this.#makers = makers;
    this.#replaced = replaceQuery(client, (original) => (args) => this.#query(original, args));
    const { original } = this.#replaced;
    this.session = new ClientSession(client, host, (config) => Reflect.apply(original, client, [config]), { presumed });
  }

  /** The parsers of this client. */
  get types(): DriverTypes {
    return this.client._types ?? this.client;
  }

  detach(): void {
    this.#replaced.restore();
    this.session.dispose();
  }

  #query(original: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): unknown {
    const send = (): unknown => Reflect.apply(original, this.client, args);
    const config = args[0] as string | QueryConfig | null | undefined;
    this.session.giveWay();
    if (typeof config !== "string" && (typeof config !== "object" || config === null)) return send();
    if (typeof config !== "string" && (typeof config.submit === "function" || isOwn(config))) {
      this.#follow(textOf(config, this.client.connection));
      return send();
    }
    const call = readCall(config, args[1], args[2]);
    if (call === null) {
      this.#follow(textOf(config, this.client.connection));
      return send();
    }
    const decision = this.#cache.recall(call.text);
    if (decision?.kind === "prepared") return this.#read(decision, config, call, send);
    if (decision !== undefined) {
      this.#followKnown(decision, call.text);
      const sent = send();
      this.#cache.passed(decision);
      this.session.askBehind();
      return sent;
    }
    const learn = (): void => this.#cache.learn(call.text, call.values);
    if (isIdle(this.client)) this.session.afterwards(learn);
    else setImmediate(learn);
    this.session.watch(call.text);
    const sent = send();
    this.session.askBehind();
    return sent;
  }

  #read(prepared: Prepared, config: string | QueryConfig, call: Call, send: () => unknown): unknown {
    const { session } = this;
    if (session.servesHits && this.client.binary !== true && !clashesByName(config, this.client)) {
      const types = call.types ?? this.types;
      const result = this.#makers.answer(this.client, prepared, call, types);
      if (result !== null) return this.#deliver(result, call);
    }
    if (session.willServe && isIdle(this.client)) {
      session.afterwards((milliseconds) => this.#cache.missed(prepared, call.values, milliseconds));
    } else {
      this.#cache.passed(prepared);
    }
    const sent = send();
    session.askBehind();
    return sent;
  }

  /** Asynchronous, as if the server had answered. */
  #deliver(result: object, { callback }: Call): unknown {
    if (callback === null) return (this.client._Promise ?? Promise).resolve(result);
    process.nextTick(callback, null, result);
    return undefined;
  }

  /** A statement that the cache never answers: what matters is what it may change. */
  #follow(sql: string | null): void {
    const decision = sql === null ? undefined : this.#cache.recall(sql);
    if (sql === null) this.session.watchUnknown();
    else if (decision !== undefined) this.#followKnown(decision, sql);
    else this.session.watch(sql);
  }

  #followKnown(decision: Decision, sql: string): void {
    if (decision.kind === "prepared") return;
    const { statement } = decision;
    const isRead = statement.kind === "query" || statement.kind === "read";
    // A read that calls nothing unknown is not followed at all.
    if (isRead && (statement.functions.length === 0 || this.#cache.effectOf(sql, true) === NO_EFFECT)) return;
    this.session.watch(sql);
  }
}
