import { type ClientCache, type Effect, FULL_EFFECT, NO_EFFECT } from "../../dialect.ts";
import { type DriverClient, isIdle, type QueryConfig, queryClass, queueOf } from "./driver.ts";
import { PROBE_QUERY, type SessionReport, type Verdict } from "./probe.ts";

/** Settings that the server reports when they change, and that the cache depends on. `is_superuser` follows the role. */
const REPORTED: ReadonlySet<string> = new Set([
  "TimeZone",
  "DateStyle",
  "IntervalStyle",
  "standard_conforming_strings",
  "session_authorization",
  "is_superuser",
  "client_encoding",
  "search_path",
]);

/** A session that keeps changing is not asked again before this time. */
const ASK_AGAIN_MS = 1000;
const ASKED_FREELY = 4;
/** More statements than this on their way are taken to change everything. */
const MAX_OPEN = 1000;

/** A statement on its way that may change something. */
interface OpenStatement {
  readonly sql: string | null;
  effect: Effect | Promise<Effect> | null;
}

/** What a session needs of its surroundings. */
export interface SessionHost {
  readonly cache: ClientCache;
  /** Compares a session with the engine's own. */
  judge(report: SessionReport): Promise<Verdict>;
  /** The session came to be of another kind, or its transaction began or ended. */
  onReview(session: ClientSession): void;
  /** Its session is not like the engine's own. */
  onDifference(detail: string): void;
  onEnded(client: DriverClient): void;
  /** The connection broke while a statement was on its way, which the server may carry on with. */
  onLost(processId: number, effects: readonly (Effect | Promise<Effect>)[]): void;
}

/**
 * One physical connection: what its session is, and what the statements that went through it have changed. It listens
 * to the server's messages before the driver does, so that whatever a statement changed is known to be wrong before
 * anyone learns that the statement has ended. Statements that are known to change nothing are not followed.
 *
 * ```
 *  unknown ──asked──► asking ──► same (answered from the cache, outside of transactions)
 *     ▲                  └─────► differs, elsewhere (never answered from the cache)
 *     └── a statement may have changed the session, or the server reported a change ──┘
 * ```
 */
export class ClientSession {
  readonly client: DriverClient;
  readonly #host: SessionHost;
  readonly #driverQuery: (config: unknown) => unknown;
  /** It is taken to be like the engine's own sessions until it is asked: a client of a pool whose others are. */
  readonly #presumed: boolean;
  #verdict: Verdict["kind"] | "unknown" | "asking" = "unknown";
  /** As it was found when it was asked. */
  #namesAsOurs = false;
  /** Something may have changed the session since it was asked. */
  #changed = false;
  /** It wrote before it was asked. */
  #wroteUnasked = false;
  /** `I` outside of a transaction, `T` and `E` inside; `null` before the first word of the server. */
  #status: string | null;
  #open: OpenStatement[] = [];
  /** Effects of the transaction that is open. */
  #uncommitted = new Set<Effect | Promise<Effect>>();
  #tags: string[] = [];
  #failed = false;
  /** Numbers the questions: an answer that is older than a change says nothing. */
  #inquiry = 0;
  #asked = 0;
  #askedAt = 0;
  #probe: object | null = null;
  #afterwards: { readonly action: (milliseconds: number) => void; readonly startedAt: number } | null = null;

  constructor(
    client: DriverClient,
    host: SessionHost,
    driverQuery: (config: unknown) => unknown,
    { presumed }: { readonly presumed: boolean },
  ) {
    this.client = client;
    this.#host = host;
    this.#driverQuery = driverQuery;
    this.#presumed = presumed;
    this.#status = client.getTransactionStatus?.() ?? null;
    // What is on its way at this moment nobody has looked at.
    if (client._connected !== false && client.readyForQuery === false) this.watchUnknown();
    const { connection } = client;
    connection.prependListener("readyForQuery", this.#onReady);
    connection.prependListener("commandComplete", this.#onComplete);
    connection.prependListener("errorMessage", this.#onError);
    connection.prependListener("parameterStatus", this.#onParameter);
    connection.prependListener("end", this.#onEnd);
    if (!presumed && isIdle(client)) this.#askBehindUnlessAsked();
  }

  /** Stops listening. What is still on its way is taken to have happened. */
  dispose(): void {
    const { connection } = this.client;
    connection.removeListener("readyForQuery", this.#onReady);
    connection.removeListener("commandComplete", this.#onComplete);
    connection.removeListener("errorMessage", this.#onError);
    connection.removeListener("parameterStatus", this.#onParameter);
    connection.removeListener("end", this.#onEnd);
    this.#applyAll([...this.#uncommitted, ...this.#open.map((statement) => this.#effectOf(statement))]);
    this.#open = [];
    this.#uncommitted.clear();
  }

  /** True if the cache may answer this client's next statement. */
  get servesHits(): boolean {
    const { cache } = this.#host;
    return this.#verdict === "same" && this.#outside && cache.serving && isIdle(this.client);
  }

  /** True if it may answer later ones, as far as the session goes. */
  get willServe(): boolean {
    const differs = this.#verdict === "differs" || this.#verdict === "elsewhere";
    return !differs && this.#outside && this.#host.cache.serving && this.client.binary !== true;
  }

  /** Outside of a transaction. */
  get #outside(): boolean {
    // The first word of the server was over before anyone listened.
    this.#status ??= this.client.getTransactionStatus?.() ?? null;
    return this.#status === "I";
  }

  /** True unless a statement of the pool would be answered differently by this client than by any other. */
  get isUsual(): boolean {
    const differs = this.#verdict === "differs" || this.#verdict === "elsewhere";
    return this.#outside && !this.#changed && !differs;
  }

  get isLikeOurs(): boolean {
    return this.#verdict === "same";
  }

  /** A statement was sent that may change something. */
  watch(sql: string): void {
    const statement: OpenStatement = { sql, effect: null };
    this.#push(statement);
    // Reading the text may take a while, which the server needs anyway.
    setImmediate(() => {
      if (this.#open.includes(statement)) void this.#effectOf(statement);
    });
  }

  /** The same for one that cannot be read. */
  watchUnknown(): void {
    this.#push({ sql: null, effect: FULL_EFFECT });
  }

  /** A statement was sent outside of a transaction: asks behind it what the session is like. */
  askBehind(): void {
    if (this.#verdict !== "unknown" || this.#probe !== null || !this.#outside) return;
    if (!this.#host.cache.serving || queueOf(this.client).length > 0) return;
    const now = performance.now();
    if (this.#asked >= ASKED_FREELY && now - this.#askedAt < ASK_AGAIN_MS) return;
    this.#asked += 1;
    this.#askedAt = now;
    this.#ask();
  }

  /**
   * What is to be done once the server has answered the statement that is sent now, alone, and whoever sent it has gone on:
   * work of the cache must not hold up either of them.
   */
  afterwards(action: (milliseconds: number) => void): void {
    this.#afterwards = { action, startedAt: performance.now() };
  }

  /** Whoever sends a statement comes before our own question, where that was not sent yet. */
  giveWay(): void {
    if (this.#probe === null) return;
    const queue = queueOf(this.client);
    const index = queue.indexOf(this.#probe);
    if (index < 0) return;
    queue.splice(index, 1);
    this.#probe = null;
    this.#asked -= 1;
    if (this.#verdict === "asking") this.#verdict = "unknown";
    this.#inquiry += 1;
  }

  /** The engine has read its own session off this connection, just now. */
  recognise(): void {
    if (this.#verdict === "unknown" && this.#open.length === 0 && this.#outside) this.#settle({ kind: "same" });
  }

  get #namesResolve(): boolean {
    if (this.#changed) return false;
    return this.#verdict === "same" || this.#verdict === "differs" ? this.#namesAsOurs : this.#presumed;
  }

  #push(statement: OpenStatement): void {
    if (this.#open.length < MAX_OPEN) this.#open.push(statement);
    else this.#open = [{ sql: null, effect: FULL_EFFECT }];
  }

  #effectOf(statement: OpenStatement): Effect | Promise<Effect> {
    if (this.#verdict === "elsewhere") return NO_EFFECT;
    const { sql } = statement;
    statement.effect ??= sql === null ? FULL_EFFECT : this.#host.cache.effectOf(sql, this.#namesResolve);
    return statement.effect;
  }

  readonly #onReady = (message: { readonly status?: string }): void => {
    const before = this.#status;
    this.#status = message.status ?? null;
    if (this.#afterwards !== null) {
      const { action, startedAt } = this.#afterwards;
      this.#afterwards = null;
      const milliseconds = performance.now() - startedAt;
      setImmediate(() => action(milliseconds));
    }
    if (this.#open.length > 0 || this.#uncommitted.size > 0) this.#settleStatements();
    this.#tags = [];
    this.#failed = false;
    if (before !== this.#status) this.#host.onReview(this);
    // Nobody knows it yet; asked as soon as the driver has sent what waits.
    if (!this.#presumed && this.#asked === 0) queueMicrotask(() => this.#askBehindUnlessAsked());
  };

  #askBehindUnlessAsked(): void {
    if (this.#asked === 0 && this.#verdict === "unknown" && this.#outside && queueOf(this.client).length === 0) {
      this.#asked = 1;
      this.#ask();
    }
  }

  readonly #onComplete = (message: { readonly text?: string }): void => {
    const tag = message.text ?? "";
    if (this.#open.length > 0 || this.#uncommitted.size > 0) this.#tags.push(tag);
    // Something that was not sent through the client as it is attached.
    else if (!tag.startsWith("SELECT") && !tag.startsWith("SHOW")) this.watchUnknown();
  };

  /** The caller hears of an error before the server has ended the statement: what may be committed already is wrong now. */
  readonly #onError = (): void => {
    this.#failed = true;
    if (this.#open.length === 0) return;
    const effects = this.#open.map((statement) => this.#effectOf(statement));
    if (this.#tags.includes("COMMIT") || !effects.every(isAtomic)) this.#applyAll([...this.#uncommitted, ...effects]);
  };

  readonly #onParameter = (message: { readonly parameterName?: string }): void => {
    if (REPORTED.has(message.parameterName ?? "") && this.client._connected !== false) this.#change();
  };

  readonly #onEnd = (): void => {
    const open = this.#open.map((statement) => this.#effectOf(statement));
    // With nothing on its way the server rolls back.
    if (open.length > 0) {
      const effects = [...this.#uncommitted, ...open].filter((effect) => effect !== NO_EFFECT);
      this.#applyAll(effects);
      const { processID } = this.client;
      if (effects.length > 0 && typeof processID === "number") this.#host.onLost(processID, effects);
    }
    this.#open = [];
    this.#uncommitted.clear();
    this.#status = null;
    this.#host.onEnded(this.client);
  };

  /**
   * The server has ended a statement. While others are queued it is not told apart which one: what they may change is
   * made wrong each time.
   */
  #settleStatements(): void {
    const isLast = queueOf(this.client).length === 0 && (this.client._sentQueryQueue?.length ?? 0) === 0;
    const alone = isLast && this.#open.length === 1;
    const effects = this.#open.map((statement) => this.#effectOf(statement));
    const [only] = effects;
    const committed = this.#tags.includes("COMMIT");
    const changedNothing = alone && this.#failed && !committed && only !== undefined && isAtomic(only);
    const rolledBack = alone && this.#status === "I" && this.#tags.length === 1 && this.#tags[0] === "ROLLBACK";
    for (const effect of changedNothing ? [] : effects) {
      if (effect === NO_EFFECT) continue;
      this.#uncommitted.add(effect);
      this.#noteSession(effect);
      if (this.#verdict === "unknown" || this.#verdict === "asking") this.#wroteUnasked ||= mayWrite(effect);
    }
    if (isLast) this.#open = [];
    if (!rolledBack && this.#status !== "I" && !committed) return;
    const done = rolledBack ? [] : [...this.#uncommitted];
    this.#uncommitted.clear();
    this.#applyAll(done);
  }

  #noteSession(effect: Effect | Promise<Effect>): void {
    if (effect instanceof Promise) {
      effect.then(
        (found) => this.#noteSession(found),
        () => this.#change(),
      );
    } else if (effect.session) {
      this.#change();
    }
  }

  #change(): void {
    if (this.#verdict === "elsewhere") return;
    this.#inquiry += 1;
    this.#verdict = "unknown";
    this.#changed = true;
    this.#host.onReview(this);
  }

  #applyAll(effects: readonly (Effect | Promise<Effect>)[]): void {
    for (const effect of effects) if (effect !== NO_EFFECT) this.#host.cache.apply(effect);
  }

  #ask(): void {
    const inquiry = this.#inquiry + 1;
    const probe = createProbe(this.client, (error, text) => {
      if (this.#probe === probe) this.#probe = null;
      if (this.#inquiry !== inquiry) return;
      if (error !== null || text === null) this.#verdict = "unknown";
      else this.#judge(JSON.parse(text) as SessionReport);
    });
    if (probe === null) return;
    this.#inquiry = inquiry;
    this.#probe = probe;
    this.#verdict = "asking";
    this.#driverQuery(probe);
  }

  #judge(report: SessionReport): void {
    const inquiry = this.#inquiry;
    this.#host.judge(report).then(
      (verdict) => {
        if (this.#inquiry === inquiry) this.#settle(verdict);
      },
      () => {
        if (this.#inquiry === inquiry) this.#verdict = "unknown";
      },
    );
  }

  #settle(verdict: Verdict): void {
    this.#verdict = verdict.kind;
    this.#changed = false;
    this.#namesAsOurs = verdict.kind === "same" || (verdict.kind === "differs" && verdict.namesAsOurs);
    if (verdict.kind === "differs") {
      this.#host.onDifference(verdict.detail);
      // What it wrote was looked up under the names of others.
      if (!verdict.namesAsOurs && this.#wroteUnasked) this.#host.cache.apply({ ...NO_EFFECT, tables: "all" });
    }
    this.#wroteUnasked = false;
    this.#host.onReview(this);
  }
}

function mayWrite(effect: Effect | Promise<Effect>): boolean {
  return effect instanceof Promise || effect.definitions || effect.tables.length > 0;
}

/** An error of the server undoes the whole of such a statement; a procedure or a text of several may have committed. */
function isAtomic(effect: Effect | Promise<Effect>): boolean {
  return !(effect instanceof Promise) && !effect.definitions;
}

/** The question as an object of the driver's own, so that it can be taken out of its queue again. */
function createProbe(
  client: DriverClient,
  callback: (error: Error | null, text: string | null) => void,
): object | null {
  const Query = queryClass(client);
  if (Query === null) return null;
  const config: QueryConfig = {
    text: PROBE_QUERY,
    rowMode: "array",
    types: { getTypeParser: () => (text: string) => text },
  };
  const done = (error: Error | null, result?: { readonly rows: readonly (readonly unknown[])[] }): void => {
    const text = result?.rows[0]?.[0];
    callback(error ?? null, typeof text === "string" ? text : null);
  };
  return Reflect.construct(Query, [config, undefined, done]);
}
