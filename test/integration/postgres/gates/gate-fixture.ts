import pg from "pg";
import type { Table } from "../../../../src/catalog.ts";
import type { Origin } from "../../../../src/dialects/dialect.ts";
import { openOrigin } from "../../../../src/dialects/postgres/connect.ts";
import {
  installNotify,
  installTouchLog,
  installTrigger,
  NOTIFY,
  TOUCH,
} from "../../../../src/dialects/postgres/gates/install-sql.ts";
import type { ChangeSink, ChangeSource, ChangeSourceKind, Watch } from "../../../../src/freshness/change-source.ts";
import type { Bypass } from "../../../../src/outcome.ts";
import { createDatabase, type TestDatabase, type TestServer } from "../../../support/postgres.ts";
import { requireTable } from "../collect.ts";

export type GateName = Exclude<ChangeSourceKind, "stream">;

/** What happens while a table is being read. */
export interface LoadHooks {
  /** Between the snapshot and the question whether it is accepted; the count of snapshots so far. */
  readonly afterSnapshot?: (count: number) => Promise<unknown>;
  readonly whileReading?: () => Promise<unknown>;
}

/** Runs the SQL that an administrator runs, for these tables. */
export async function install(
  database: Pick<TestDatabase, "query">,
  gate: GateName,
  tables: readonly string[],
): Promise<void> {
  if (gate === "snapshot") return;
  await database.query(gate === "notify" ? installNotify() : installTouchLog("postgres"));
  for (const table of tables) await database.query(installTrigger(gate === "notify" ? NOTIFY : TOUCH, table));
}

/** A change source and a cache that does what it says: rows by table name, as one transaction has read them. */
export class Followed implements AsyncDisposable {
  readonly database: TestDatabase;
  readonly origin: Origin;
  readonly source: ChangeSource;
  readonly cached = new Map<string, string>();
  readonly said: string[] = [];
  readonly faults: Error[] = [];
  readonly #names = new Map<string, string>();
  readonly #clients: pg.Client[] = [];

  static async open(server: TestServer, gate: GateName, setup: readonly string[] = []): Promise<Followed> {
    const database = await createDatabase(server, {
      setup: [
        "CREATE TABLE a (id int PRIMARY KEY, v int)",
        "CREATE TABLE b (id int PRIMARY KEY, v int)",
        "INSERT INTO a SELECT i, 0 FROM generate_series(1, 8) AS i",
        "INSERT INTO b SELECT i, 0 FROM generate_series(1, 8) AS i",
        ...setup,
      ],
    });
    await install(database, gate, ["a", "b"]);
    return new Followed(database, gate);
  }

  constructor(database: TestDatabase, gate: GateName, url: string = database.url) {
    this.database = database;
    this.origin = openOrigin(url);
    this.source = this.origin.changeSource({
      kind: gate,
      maxLagMs: 1000,
      publication: null,
      openFeed: () => Promise.reject(new Error("not a stream")),
      onFault: (error) => this.faults.push(error),
    });
  }

  async start(): Promise<this> {
    await this.source.start(this.sink);
    return this;
  }

  readonly sink: ChangeSink = {
    stale: (ids, why) => this.#drop("stale", ids, why),
    redefined: (ids, why) => this.#drop("redefined", ids, why),
    lost: (error) => {
      this.said.push(`lost ${error.message}`);
      this.cached.clear();
    },
  };

  #drop(kind: string, ids: readonly string[] | "all", why: string): void {
    for (const id of ids === "all" ? [...this.#names.keys()] : ids) {
      const name = this.#names.get(id) ?? id;
      this.said.push(`${kind} ${name}: ${why}`);
      this.cached.delete(name);
    }
  }

  async table(name: string): Promise<Table> {
    const table = requireTable(await this.origin.catalog.table([name]));
    this.#names.set(table.id, name);
    return table;
  }

  async watch(names: readonly string[]): Promise<Watch | Bypass> {
    const tables = await Promise.all(names.map((name) => this.table(name)));
    return await this.source.watch(tables.map((table) => ({ table, columns: [], dictionaries: [] })));
  }

  /** Reads the tables as a load does. Resolves to how many snapshots that took. */
  async load(names: readonly string[], hooks: LoadHooks = {}): Promise<number> {
    this.origin.forgetCatalog();
    const watch = await this.watch(names);
    if ("kind" in watch) throw new Error(`${watch.reason}: ${watch.detail}`);
    const reader = await this.client();
    for (let count = 1; ; count++) {
      await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      const { rows } = await reader.query<{ s: string }>("SELECT pg_current_snapshot()::text AS s");
      await hooks.afterSnapshot?.(count);
      if (await watch.accepts({ transactions: rows[0]?.s ?? "", position: 0n })) {
        const read: [string, string][] = [];
        for (const name of names) read.push([name, await rowsOf(reader, name)]);
        await hooks.whileReading?.();
        await reader.query("COMMIT");
        for (const [name, text] of read) this.cached.set(name, text);
        watch.done(true);
        return count;
      }
      await reader.query("ROLLBACK");
    }
  }

  /** Looks, and resolves to the names of the tables that are still cached. */
  async confirmed(definitions: boolean = false): Promise<string[]> {
    const confirmed = await this.source.confirm({ timeoutMs: 20_000, definitions });
    if (!confirmed) throw new Error("not confirmed");
    return [...this.cached.keys()].sort();
  }

  /** Tables whose cached rows are not those that everyone sees. */
  async wrong(): Promise<string[]> {
    const wrong: string[] = [];
    const reader = await this.client();
    await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    for (const [name, text] of this.cached) if ((await rowsOf(reader, name)) !== text) wrong.push(name);
    await reader.query("COMMIT");
    return wrong;
  }

  #reader: pg.Client | undefined;
  /** The connection that reads; it writes nothing. */
  async client(): Promise<pg.Client> {
    this.#reader ??= await this.writer();
    return this.#reader;
  }

  /** Another connection of its own. */
  async writer(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.database.url });
    client.on("error", () => {});
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  /** Ends the server's side of all connections that are SQLmem's own. */
  async breakConnections(): Promise<void> {
    await this.database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'sqlmem'`,
    );
  }

  /** Before each test: nothing is open, nothing has been said, and all that has been written is known. */
  async settle(): Promise<void> {
    await this.endWriters();
    await this.confirmed(true);
    this.said.length = 0;
  }

  /** Ends what a test has left open. */
  async endWriters(): Promise<void> {
    this.#reader = undefined;
    await Promise.all(this.#clients.splice(0).map((client) => client.end()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source.stop();
    await this.origin.close();
    await this.endWriters();
    await this.database.drop();
  }
}

async function rowsOf(client: pg.Client, name: string): Promise<string> {
  const { rows } = await client.query<{ t: string }>(
    `SELECT COALESCE(string_agg(r::text, ';' ORDER BY r::text COLLATE "C"), '') AS t FROM ${name} AS r`,
  );
  return rows[0]?.t ?? "";
}
