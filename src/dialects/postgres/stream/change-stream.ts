import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { FreshnessError } from "../../../errors.ts";
import type { ChangeSink, ChangeSource, SourceState, Watch } from "../../../freshness/change-source.ts";
import { type Bypass, bypass } from "../../../outcome.ts";
import type { ChangeFeed, Snapshot } from "../../../store/contract.ts";
import { within } from "../../../within.ts";
import type { ChangeSourceOptions, OriginLoadTable } from "../../dialect.ts";
import type { DictionaryCodec } from "../load-column.ts";
import { type ClientClass, isStatementError, OwnConnections, type PoolOptions } from "../own-connections.ts";
import { applySession, type Session } from "../session.ts";
import { textOnly } from "../text-only.ts";
import { Clock } from "./clock.ts";
import { DEFINITIONS_SESSION } from "./definitions.ts";
import { LiveStream } from "./live-stream.ts";
import { endOfLog, positionText, readPositionOf, tokenText } from "./position.ts";
import { dropPublication } from "./publication.ts";
import { readTokenNow } from "./read-token.ts";
import { showsAll } from "./snapshot.ts";
import { sortTexts } from "./sort-texts.ts";
import { type Opened, openStream } from "./start.ts";
import { WatchList } from "./watch-list.ts";

const DECODER = new URL(`./change-decode${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url).href;

/** How long a load may wait for what was streamed to become visible: longer only while a synchronous standby is missing. */
const VISIBLE_MS = 5000;
const LONGEST_PAUSE_MS = 50;
/** How long the position that a load was taken at is pressed for. */
const PRESS_MS = 10_000;
/** A statement of the stream's own that takes longer says nothing: its connection is given up, so that the next has another. */
const STATEMENT_MS = 10_000;
/** So many barriers in a row that time out, and a server that says nothing for so long, are a dead stream. */
const MAX_TIMEOUTS = 3;
const SILENCE_MS = 3000;

/** What is committed here is the publication: it need not wait for a standby, which may be missing while all else works. */
const WORK_SESSION = "SET synchronous_commit = local";

export interface ChangeStreamParts {
  readonly options: PoolOptions;
  readonly Client: ClientClass;
  readonly session: () => Promise<Session>;
  /** The names that the catalog knows a table by, as `to_regclass` takes them. */
  readonly namesOf: (id: string) => readonly string[];
}

/** All that belongs to one stream, from its start to its loss. */
interface Live {
  readonly opened: Opened;
  readonly stream: LiveStream;
  readonly list: WatchList;
  readonly clock: Clock;
  readonly redefined: ChangeSink["redefined"];
  timeouts: number;
  /** What the feed was told last. */
  settled: bigint;
}

/** Postgres' logical decoding as a change source. */
export class ChangeStream implements ChangeSource {
  readonly #parts: ChangeStreamParts;
  readonly #options: ChangeSourceOptions;
  /** For questions that must not wait behind others: the moment, above all. */
  readonly #moments: OwnConnections;
  readonly #work: OwnConnections;
  #live: Live | undefined;
  #starting: Promise<void> | undefined;
  /** What is being cleared away. Never rejects. */
  #clearing: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #position = 0n;
  #transactions = 0;
  #changes = 0;

  constructor(parts: ChangeStreamParts, options: ChangeSourceOptions) {
    this.#parts = parts;
    this.#options = options;
    const own = (size: number, sql: string): OwnConnections =>
      new OwnConnections(parts.options, parts.Client, {
        size,
        limitMs: STATEMENT_MS,
        prepare: async (client) => {
          await applySession(client, await parts.session());
          await client.query(sql);
        },
      });
    this.#work = own(2, WORK_SESSION);
    this.#moments = own(1, DEFINITIONS_SESSION);
  }

  get state(): SourceState {
    return {
      position: this.#position === 0n ? null : positionText(this.#position),
      transactions: this.#transactions,
      changes: this.#changes,
    };
  }

  start(sink: ChangeSink): Promise<void> {
    if (this.#live !== undefined) return Promise.resolve();
    this.#starting ??= this.#start(sink).finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(sink: ChangeSink): Promise<void> {
    await this.#clearing;
    if (this.#stopped !== undefined) throw new FreshnessError("The change stream has been stopped.");
    const session = await this.#parts.session();
    const opened = await openStream({
      options: this.#parts.options,
      Client: this.#parts.Client,
      session,
      publication: this.#options.publication,
      use: (action) => this.#work.use(action),
    });
    const redefined: ChangeSink["redefined"] = (ids, why) => sink.redefined(ids, why);
    const list = new WatchList({
      use: (action) => this.#work.use(action),
      version: session.version,
      settings: session.settings,
      publication: opened.publication,
      managed: this.#options.publication === null,
      namesOf: this.#parts.namesOf,
      redefined,
      lost: (error) => stream.lose(error),
      onFault: this.#options.onFault,
    });
    const clock = new Clock(
      (action) => this.#moments.useAgain(action),
      session.version,
      () => list.question(),
    );
    let started = false;
    const stream = new LiveStream({
      connection: opened.connection,
      flush: (position) => clock.flush(position),
      lost: (error) => {
        if (!started) return;
        this.#clear(live);
        sink.lost(lostError(error));
      },
    });
    const live: Live = { opened, stream, list, clock, redefined, timeouts: 0, settled: 0n };
    try {
      const feed = await this.#openFeed(live, sink);
      if (this.#stopped !== undefined) {
        feed.close();
        throw new FreshnessError("The change stream has been stopped.");
      }
      await stream.start(opened.command, feed);
      started = true;
      if (stream.over) throw new FreshnessError("The change stream ended as it began.");
      this.#live = live;
    } catch (error) {
      started = false;
      this.#clear(live);
      await this.#clearing;
      throw error;
    }
  }

  #openFeed({ stream }: Live, sink: ChangeSink): Promise<ChangeFeed> {
    return this.#options.openFeed({
      decoder: DECODER,
      sort: (codec, questions) =>
        sortTexts(
          (sql, values) => this.#moments.useAgain((client) => textOnly(client, sql, values)),
          codec as DictionaryCodec,
          questions,
        ),
      onPosition: (position) => {
        this.#position = position;
        stream.advance(position);
      },
      onApplied: ({ transactions, changes }) => {
        this.#transactions += transactions;
        this.#changes += changes;
      },
      onGivenUp: (ids, why) => sink.stale(ids, why),
      onFailed: (error) => stream.lose(error),
    });
  }

  async watch(tables: readonly OriginLoadTable[]): Promise<Watch | Bypass> {
    const live = this.#live;
    if (live === undefined) return notFollowing();
    const found = await live.list.add(tables);
    if ("kind" in found) return found;
    let recent: readonly number[];
    try {
      const retained = [...found.tables].map(([id, { relations }]) => ({ id, relations }));
      recent = await live.stream.feed.retain(retained);
    } catch (error) {
      live.list.loaded(found.entries, false);
      if (live.stream.over) return notFollowing();
      throw error;
    }
    let isDone = false;
    return {
      tables: found.tables,
      accepts: acceptor(live, recent),
      done: (loaded) => {
        if (isDone) return;
        isDone = true;
        if (!loaded && !live.stream.over) live.stream.feed.release([...found.tables.keys()]);
        const outdated = live.list.loaded(found.entries, loaded);
        if (loaded && outdated.length > 0) live.redefined(outdated, "its definition changed during its load");
      },
    };
  }

  unwatch(ids: readonly string[]): void {
    this.#live?.list.remove(ids);
  }

  async confirm(options: { readonly timeoutMs: number; readonly definitions: boolean }): Promise<boolean> {
    const live = this.#live;
    if (live === undefined) return false;
    const deadline = performance.now() + options.timeoutMs;
    try {
      const position = await within(this.#moment(live, options.definitions), options.timeoutMs);
      if (position === null || this.#live !== live) return false;
      const reached = await live.stream.wait(position, deadline - performance.now());
      if (reached) live.timeouts = 0;
      else this.#missed(live);
      return reached && this.#live === live;
    } catch (error) {
      if (options.definitions && isStatementError(error)) {
        live.list.revoke(live.list.ids, "its definition cannot be read any more");
      }
      return false;
    }
  }

  /** Where the log ends now. */
  async #moment(live: Live, definitions: boolean): Promise<bigint> {
    const { position, xmin, server } = await live.clock.read(definitions);
    if (server !== live.opened.server) {
      // The next primary: what the former one streams says nothing of it.
      const error = new FreshnessError("The connections reach another server than the change stream comes from.");
      live.stream.lose(error);
      throw error;
    }
    if (xmin > live.settled && !live.stream.over) {
      live.settled = xmin;
      live.stream.feed.settled(xmin);
    }
    return endOfLog(position, live.opened.sizes);
  }

  /** A walsender that is stopped, and a network that swallows everything, give no error. */
  #missed(live: Live): void {
    live.timeouts++;
    const patience = Math.max(SILENCE_MS, 2 * this.#options.maxLagMs);
    if (live.timeouts < MAX_TIMEOUTS || live.stream.silentMs < patience) return;
    live.stream.lose(new FreshnessError(`The server has sent nothing for ${Math.round(live.stream.silentMs)} ms.`));
  }

  /** While no stream is there, too: who asks for the token of a write has written. */
  async token(): Promise<string> {
    const live = this.#live;
    if (live === undefined) return await this.#moments.useAgain(readTokenNow);
    return tokenText(live.opened.system, await this.#moment(live, false));
  }

  async reached(token: string, timeoutMs: number): Promise<boolean> {
    const live = this.#live;
    if (live === undefined) return false;
    const position = readPositionOf(token, live.opened.system);
    return position !== null && (await live.stream.wait(position, timeoutMs)) && this.#live === live;
  }

  /** Ends what is left of a stream, without waiting: the publication goes when the walsender does not need it any more. */
  #clear(live: Live): void {
    if (this.#live === live) this.#live = undefined;
    this.#clearing = this.#clearing.then(async () => {
      await live.stream.close();
      await live.list.close();
      if (this.#options.publication !== null) return;
      // Out of reach: whoever starts next, in any process, sweeps it.
      const drop = (client: pg.Client): Promise<void> => dropPublication(client, live.opened.publication);
      await this.#work.use(drop).catch(() => {});
    });
  }

  stop(): Promise<void> {
    this.#stopped ??= (async () => {
      // It sees that it was stopped.
      await this.#starting?.catch(() => {});
      if (this.#live !== undefined) this.#clear(this.#live);
      await this.#clearing;
      await Promise.all([this.#moments.close(), this.#work.close()]);
    })();
    return this.#stopped;
  }
}

/**
 * A commit is streamed before it is visible: it may still be waiting for the disk or for a synchronous standby. What was
 * streamed before the load's changes were kept must be in its snapshot.
 */
function acceptor(live: Live, recent: readonly number[]): Watch["accepts"] {
  const started = performance.now();
  let pause = 1;
  return async (snapshot: Snapshot) => {
    if (live.stream.over) throw new FreshnessError("The change stream ended during a load.");
    if (showsAll(snapshot.transactions, recent)) {
      // The load ends when the stream is there.
      void live.stream.wait(snapshot.position, PRESS_MS);
      return true;
    }
    if (performance.now() - started > VISIBLE_MS) {
      throw new FreshnessError("A commit that was streamed does not become visible: is a synchronous standby missing?");
    }
    await sleep(pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    return false;
  };
}

function notFollowing(): Bypass {
  return bypass("not-fresh", "changes are not followed at the moment");
}

function lostError(error: Error): Error {
  if (error instanceof FreshnessError) return error;
  return new FreshnessError(`The change stream has ended: ${error.message}`, { cause: error });
}
