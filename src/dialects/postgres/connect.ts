import pg from "pg";
import type { Catalog, Column, ColumnType, TypeSession, TypeSystem } from "../../catalog.ts";
import { OptionsError } from "../../errors.ts";
import type { ValueBinders } from "../../execute/bind.ts";
import type { ChangeSource } from "../../freshness/change-source.ts";
import type { QualifiedName } from "../../parse/ast.ts";
import type { Output } from "../../plan/term.ts";
import type { LoadSink, Snapshot } from "../../store/contract.ts";
import type {
  Attachments,
  ChangeSourceOptions,
  ClientCache,
  Description,
  Origin,
  OriginLoadTable,
  TypeParsers,
  WriteReach,
} from "../dialect.ts";
import { PostgresAttachments } from "./attach/attachments.ts";
import { markOwn, unattached } from "./attach/driver.ts";
import { compareSessions, SERVER_START, type SessionReport, type Verdict } from "./attach/probe.ts";
import { untilGone } from "./attach/until-gone.ts";
import { readCaseTable } from "./case-table.ts";
import { collateClause, PostgresCatalog, type ReadCatalog } from "./catalog.ts";
import { type CatalogRow, catalogQuery } from "./catalog-query.ts";
import { createChangeSource } from "./change-source.ts";
import { Checkout } from "./checkout.ts";
import { describeStatement } from "./describe.ts";
import { loadTables } from "./load.ts";
import { dictionaryCodec, loadColumn } from "./load-column.ts";
import { type ClientClass, OwnConnections, ownConnection, type PoolOptions } from "./own-connections.ts";
import { type BindSession, createBinders } from "./parameters.ts";
import { applySession, readSession, type Session } from "./session.ts";
import { textOnly } from "./text-only.ts";
import { createTypeParsers, driverDateText } from "./type-parsers.ts";
import { createTypeSystem } from "./type-system.ts";
import { isUtc, outputText, type WireText, wireTextOf } from "./wire-text.ts";
import { WriteReachCache } from "./write-reach.ts";

/** What a `pg.Pool` has beside its declared type. */
type UserPool = pg.Pool & { readonly Client: ClientClass };

/** More loads at a time wait: each takes a server process and a good part of a core. */
const MAX_LOADS = 3;
/** How long the origin may take to answer a question of SQLmem's own: a network that swallows it gives no error. */
const QUESTION_MS = 10_000;

/** What an origin can be opened on. */
export type OriginBase = pg.Pool | pg.PoolConfig | string;

/** Opens a Postgres origin on the user's pool, or on a pool of its own for connection options or a URL. */
export function openOrigin(base: OriginBase): Origin {
  if (isPool(base)) return new PostgresOrigin(base, false);
  const options: pg.PoolConfig = typeof base === "string" ? { connectionString: base } : (base as pg.PoolConfig);
  // Who gives no pool has none to end: its idle connections do not keep the process alive.
  const pool = new pg.Pool({ allowExitOnIdle: true, ...options }) as UserPool;
  // An idle connection that breaks: the next query opens another.
  pool.on("error", () => {});
  return new PostgresOrigin(pool, true);
}

/** Not `instanceof`: the application may have a `pg` of its own. */
function isPool(base: unknown): base is UserPool {
  return (
    typeof base === "object" &&
    base !== null &&
    "query" in base &&
    typeof base.query === "function" &&
    "connect" in base &&
    typeof base.connect === "function" &&
    "options" in base &&
    "Client" in base
  );
}

function checkDriver(pool: UserPool): void {
  const options: PoolOptions = pool.options;
  // pg-native has no connection to speak the protocol on; its Client alone has this method.
  if ("isConnected" in pool.Client.prototype) {
    throw new OptionsError("SQLmem needs the JavaScript client of pg: pass a Pool of pg, not of pg.native.");
  }
  const { binary } = pg.defaults;
  if (options.binary === true || binary === true) {
    throw new OptionsError('SQLmem answers in the text format: remove "binary: true" from the options of the pool.');
  }
}

interface Settled {
  readonly session: Session;
  readonly typeSystem: TypeSystem;
}

function typeSession({ utf8, settings, copied }: Session): TypeSession {
  return {
    utf8,
    utc: isUtc(settings.timeZone),
    isoDates: settings.dateStyle.startsWith("ISO"),
    plainIntervals: copied.IntervalStyle === "postgres",
  };
}

class PostgresOrigin implements Origin {
  readonly decoder = new URL(`./copy-decode${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url).href;
  readonly catalog: Catalog;
  readonly types: TypeParsers;
  readonly #pool: UserPool;
  readonly #ownsPool: boolean;
  readonly #checkout: Checkout;
  /** The pool's `query` as it was when the origin was opened, before the pool was attached. */
  readonly #query: (config: pg.QueryConfig) => Promise<unknown>;
  readonly #catalog: PostgresCatalog;
  readonly #reach: WriteReachCache;
  /** Gives a connection of SQLmem's own the session of the pool's clients. */
  readonly #prepare = async (client: pg.Client): Promise<void> => applySession(client, await this.#ready());
  readonly #questions: OwnConnections;
  readonly #loads: OwnConnections;
  readonly binders: ValueBinders;
  #session: Promise<Session> | undefined;
  /** What `#session` has resolved to. */
  #known: Settled | undefined;
  /** A client of the pool, asked for parsers only: it knows those of the pool's options and its own. */
  #parserOwner: pg.ClientBase;
  #closing: Promise<void> | undefined;
  #attachments: PostgresAttachments | undefined;
  #serverStart = "";

  constructor(pool: UserPool, ownsPool: boolean) {
    checkDriver(pool);
    this.#pool = pool;
    this.#ownsPool = ownsPool;
    this.#checkout = new Checkout(pool);
    this.#query = pool.query.bind(pool) as (config: pg.QueryConfig) => Promise<unknown>;
    this.#parserOwner = new pool.Client(pool.options);
    const own = (size: number, limitMs: number | null): OwnConnections =>
      new OwnConnections(pool.options, pool.Client, { size, limitMs, prepare: this.#prepare });
    this.#questions = own(1, QUESTION_MS);
    this.#loads = own(MAX_LOADS, null);
    const read: ReadCatalog = async (names, ids) => {
      const { version } = await this.#ready();
      return await this.#questions.useAgain((client) => readCatalog(client, version, names, ids));
    };
    this.#catalog = new PostgresCatalog(read, () => this.#settled().session.utf8);
    this.catalog = this.#catalog;
    this.#reach = new WriteReachCache((sql, json) => this.#ask(sql, [json]));
    this.types = createTypeParsers((typeId) => this.#parserOwner.getTypeParser(typeId, "text"));
    const bindSession: BindSession = { utc: () => isUtc(this.#settled().session.settings.timeZone), dateText };
    this.binders = createBinders(bindSession);
    // Another copy of pg may write dates in its own way: they are passed through then.
    const isOurDriver = pool.Client === pg.Client || pool.Client.prototype instanceof pg.Client;
    function dateText(date: Date): string {
      return isOurDriver ? driverDateText(date) : "";
    }
  }

  async ready(): Promise<Pick<Session, "identity" | "settings">> {
    const { identity, settings } = await this.#ready();
    return { identity, settings };
  }

  #ready(): Promise<Session> {
    if (this.#session === undefined) {
      const session = this.#readSession();
      this.#session = session;
      session.catch(() => {
        if (this.#session === session) this.#session = undefined;
      });
    }
    return this.#session;
  }

  async #readSession(): Promise<Session> {
    const client = await this.#checkout.client();
    const ignore = (): void => {};
    client.on("error", ignore);
    let failed = true;
    try {
      const session = await readSession(unattached(client));
      this.#known = { session, typeSystem: createTypeSystem(session.collation, typeSession(session)) };
      this.#parserOwner = client;
      failed = false;
      this.#attachments?.recognise(client);
      return session;
    } finally {
      client.removeListener("error", ignore);
      client.release(failed);
    }
  }

  #settled(): Settled {
    if (this.#known === undefined) throw new TypeError("ready() has not resolved yet");
    return this.#known;
  }

  get typeSystem(): TypeSystem {
    return this.#settled().typeSystem;
  }

  needsText(type: ColumnType): boolean {
    return wireTextOf(type, this.#settled().session.settings) === null;
  }

  wireText(output: Output): WireText {
    return outputText(output, this.#settled().session.settings);
  }

  forgetCatalog(ids?: readonly string[]): void {
    this.#catalog.forget(ids);
    this.#reach.forget();
  }

  async describe(sql: string): Promise<Description> {
    await this.#ready();
    return await this.#questions.useAgain((client) => describeStatement(client, sql));
  }

  async query(sql: string, params: readonly unknown[] | undefined): Promise<unknown[]> {
    // The pool's clients may be attached: this is what they must not answer from the cache.
    const own = markOwn({ text: sql, ...(params !== undefined && { values: [...params] }) });
    const result = await this.#query(own);
    // Several statements in one text have a result each; the last one is the answer.
    const last: unknown = Array.isArray(result) ? result.at(-1) : result;
    return (last as pg.QueryResult<Record<string, unknown>>).rows;
  }

  loadColumn = loadColumn;
  dictionaryCodec = dictionaryCodec;

  changeSource(options: ChangeSourceOptions): ChangeSource {
    const session = (): Promise<Session> => this.#ready();
    const { options: own, Client } = this.#pool;
    return createChangeSource(
      {
        stream: { options: own, Client, session, namesOf: (id) => this.#catalog.namesOf(id) },
        gate: {
          connect: () => ownConnection(own, Client, this.#prepare),
          system: async () => (await session()).identity.system,
          version: async () => (await session()).version,
          unchanged: async (client, tables) => {
            const { version } = await session();
            return await this.#catalog.unchanged(tables, (names, ids) => readCatalog(client, version, names, ids));
          },
          onFault: options.onFault,
        },
      },
      options,
    );
  }

  async load(
    tables: readonly OriginLoadTable[],
    sink: () => Promise<LoadSink>,
    accepts?: (snapshot: Snapshot) => Promise<boolean>,
  ): Promise<"streamed" | "changed"> {
    const session = await this.#ready();
    return await this.#loads.use((client) => {
      const read: ReadCatalog = (names, ids) => readCatalog(client, session.version, names, ids);
      return loadTables({ client, catalog: this.#catalog, read }, tables, sink, accepts);
    });
  }

  /** Not those of a server that goes down (57), lacks resources (53), lost its disk (58) or the connection (08). */
  isStatementError(error: unknown): boolean {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^(?:08|53|57|58|XX)/.test(code);
  }

  async sortsBefore(column: Column, candidates: readonly string[], value: string): Promise<readonly boolean[]> {
    if (candidates.length === 0) return [];
    const type = column.type.kind === "char" ? "pg_catalog.bpchar" : "pg_catalog.text";
    const collate = collateClause(column.type.collation);
    const sql = `
SELECT pg_catalog.json_agg(c.value::${type}${collate} < $2::${type}${collate} ORDER BY c.position)::pg_catalog.text
FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) WITH ORDINALITY AS c(value, position)`;
    return JSON.parse(await this.#ask(sql, [JSON.stringify(candidates), value])) as boolean[];
  }

  overloads(names: readonly QualifiedName[]): Promise<readonly string[]> {
    return this.#reach.overloads(names);
  }

  async loadResource(key: string): Promise<unknown> {
    return await readCaseTable((sql) => this.#ask(sql, []), key);
  }

  family(name: QualifiedName): Promise<readonly string[]> {
    return this.#reach.family(name);
  }

  writeReach(names: readonly QualifiedName[], askedSince?: number): Promise<WriteReach> {
    return this.#reach.reach(names, askedSince);
  }

  functionsMayWrite(names: readonly QualifiedName[], anywhere: boolean = false): Promise<boolean> {
    return this.#reach.functionsMayWrite(names, anywhere);
  }

  attachments(cache: ClientCache): Attachments {
    this.#attachments = new PostgresAttachments(cache, {
      isOwnPool: (pool) => pool === this.#pool,
      judge: (report) => this.#judge(report),
      untilGone: (processId) =>
        untilGone(
          processId,
          (sql, values) => this.#ask(sql, values),
          () => this.#checkout.closed,
        ),
    });
    return this.#attachments;
  }

  async #judge(report: SessionReport): Promise<Verdict> {
    const session = await this.#ready();
    if (report.serverStart !== this.#serverStart) {
      this.#serverStart = await this.#ask(`SELECT ${SERVER_START}`, []);
      // A replica, or the next primary before the own connections have found it: what it writes may well be of ours.
      if (report.serverStart !== this.#serverStart) {
        return { kind: "differs", detail: "another server", namesAsOurs: false };
      }
    }
    return compareSessions(session, report);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#attachments?.close();
      this.#checkout.close();
      await Promise.all([this.#questions.close(), this.#loads.close()]);
      if (this.#ownsPool) await this.#pool.end();
    })();
    return this.#closing;
  }

  async #ask(sql: string, values: readonly unknown[]): Promise<string> {
    await this.#ready();
    return await this.#questions.useAgain((client) => textOnly(client, sql, values));
  }
}

async function readCatalog(
  client: pg.ClientBase,
  version: number,
  names: readonly string[],
  ids: readonly string[],
): Promise<CatalogRow> {
  const values = [JSON.stringify(names), JSON.stringify(ids)];
  return JSON.parse(await textOnly(client, catalogQuery(version), values, "sqlmem_catalog")) as CatalogRow;
}
