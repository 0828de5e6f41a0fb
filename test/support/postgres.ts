import { randomBytes } from "node:crypto";
import pg from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";

/** A real PostgreSQL that tests run against. */
export interface TestServer {
  /** `postgres-15`: the one at `SQLMEM_TEST_POSTGRES`. `embedded-18`: the one from npm. */
  readonly name: string;
  /** The major version. */
  readonly version: number;
  /** The setting `wal_level`: changes can be followed where it is `logical`. */
  readonly walLevel: string;
  /** Of a superuser, in the database `postgres`. */
  readonly url: string;
  /** The collations that a test database can have there. */
  readonly collations: readonly TestCollation[];
}

export type TestCollation = "C" | "en_US" | "icu" | "de_DE" | "tr_TR";

/** A database of its own for one test file, dropped at its end: `await using database = await createDatabase(…)`. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly server: TestServer;
  /** Bare `pg`, past any cache: for setup and for changing rows behind the cache's back. Resolves to the rows. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /** Closes the connections of `query` and drops the database, whoever is still connected. */
  drop(): Promise<void>;
}

const COLLATIONS: Readonly<Record<TestCollation, string>> = {
  C: "LOCALE 'C'",
  en_US: "LOCALE 'en_US.UTF-8'",
  de_DE: "LOCALE 'de_DE.UTF-8'",
  tr_TR: "LOCALE 'tr_TR.UTF-8'",
  icu: "LOCALE_PROVIDER icu ICU_LOCALE 'und' LOCALE 'C'",
};

const DEFAULT_URL = "postgresql://postgres@127.0.0.1:5432/postgres";

/** How `startServers` hands its servers to the test files, which vitest runs in processes of their own. */
const HANDOVER = "SQLMEM_TEST_RUNNING_SERVERS";

/** The servers of this run, in the order `postgres-…`, `embedded-…`. `startServers` has run before. */
export function servers(): readonly TestServer[] {
  const list = process.env[HANDOVER];
  if (!list) throw new Error("No test server: run through vitest, or call startServers() first");
  return JSON.parse(list) as TestServer[];
}

export function collationAvailable(server: TestServer, collation: TestCollation): boolean {
  return server.collations.includes(collation);
}

/** The newest server of this run: for tests that need one server and do not care which. */
export function newestServer(): TestServer {
  const newest = servers().toSorted((a, b) => b.version - a.version)[0];
  if (!newest) throw new Error("No test server in this run");
  return newest;
}

/** A new, empty database in UTF-8; of collation C unless told. `setup` are statements run in it, in order. */
export async function createDatabase(
  server: TestServer,
  options: { readonly collation?: TestCollation; readonly setup?: readonly string[] } = {},
): Promise<TestDatabase> {
  const collation = options.collation ?? "C";
  const name = `${DATABASE_PREFIX}${Date.now().toString(36)}_${randomBytes(5).toString("hex")}`;
  await asSuperuser(server.url, (client) =>
    client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' ${COLLATIONS[collation]}`),
  );
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  // Connections that are idle when the database is dropped by someone else.
  pool.on("error", () => {});
  let dropped: Promise<void> | undefined;
  const drop = (): Promise<void> => {
    dropped ??= (async () => {
      await pool.end();
      await asSuperuser(server.url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    })();
    return dropped;
  };
  const database: TestDatabase = {
    name,
    url: url.href,
    server,
    query: async <Row extends pg.QueryResultRow>(sql: string, params?: readonly unknown[]): Promise<Row[]> =>
      (await pool.query<Row>(sql, params ? [...params] : undefined)).rows,
    drop,
    [Symbol.asyncDispose]: drop,
  };
  try {
    for (const statement of options.setup ?? []) await database.query(statement);
  } catch (error) {
    await drop();
    throw error;
  }
  return database;
}

export interface RunningServers extends AsyncDisposable {
  readonly servers: readonly TestServer[];
  /** Stops what `startServers` started. */
  stop(): Promise<void>;
}

/**
 * Finds and starts the servers of this run; `servers()` knows them afterwards, in child processes too.
 *
 * `SQLMEM_TEST_SERVERS` names the wanted ones (`postgres`, `embedded`, or both with a comma) and makes them mandatory.
 * Without it both are tried; one that is missing is an error under `CI=true`, else a line on stderr.
 */
export async function startServers(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<RunningServers> {
  const chosen = environment.SQLMEM_TEST_SERVERS;
  const wanted = new Set((chosen ?? "postgres,embedded").split(",").map((name) => name.trim()));
  for (const name of wanted) {
    if (name !== "postgres" && name !== "embedded") {
      throw new Error(`SQLMEM_TEST_SERVERS: "${name}" is not one of postgres, embedded`);
    }
  }
  const inCi = environment.CI === "true";
  const missing = (text: string, mandatory: boolean): void => {
    if (mandatory) throw new Error(text);
    process.stderr.write(`[test servers] skipped: ${text}\n`);
  };

  const found: TestServer[] = [];
  let embedded: EmbeddedPostgres | undefined;
  try {
    if (wanted.has("postgres")) {
      const url = environment.SQLMEM_TEST_POSTGRES ?? DEFAULT_URL;
      try {
        found.push(await inspect(url, "postgres"));
        await dropLeftovers(url);
      } catch (error) {
        missing(`no PostgreSQL at ${withoutPassword(url)} (${messageOf(error)})`, inCi || chosen !== undefined);
      }
    }
    if (wanted.has("embedded")) {
      try {
        embedded = await startEmbeddedPostgres();
      } catch (error) {
        missing(messageOf(error), inCi || chosen !== undefined);
      }
      if (embedded) found.push(await inspect(embedded.url, "embedded"));
    }
    if (found.length === 0) throw new Error("No PostgreSQL to test against, neither one of its own nor the embedded");
    for (const server of found) {
      for (const collation of Object.keys(COLLATIONS) as TestCollation[]) {
        if (!server.collations.includes(collation)) missing(`collation ${collation} on ${server.name}`, inCi);
      }
    }
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
  process.env[HANDOVER] = JSON.stringify(found);
  const stop = async (): Promise<void> => {
    delete process.env[HANDOVER];
    await embedded?.stop();
  };
  return { servers: found, stop, [Symbol.asyncDispose]: stop };
}

async function inspect(url: string, kind: "postgres" | "embedded"): Promise<TestServer> {
  return await asSuperuser(url, async (client) => {
    const settings = await client.query<{ version: number; superuser: boolean; walLevel: string }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version,
              current_setting('is_superuser')::bool AS superuser,
              current_setting('wal_level') AS "walLevel"`,
    );
    const { version, superuser, walLevel } = settings.rows[0] ?? { version: 0, superuser: false, walLevel: "" };
    if (version < 15) throw new Error(`PostgreSQL ${version} is too old for these tests, 15 is the oldest`);
    if (!superuser) throw new Error("the tests need a superuser there");
    const collations: TestCollation[] = ["C"];
    for (const collation of ["en_US", "de_DE", "tr_TR"] as const) {
      if (await canCreateCollation(client, `LOCALE = '${collation}.UTF-8'`)) collations.push(collation);
    }
    if (await canCreateCollation(client, "PROVIDER = icu, LOCALE = 'und'")) collations.push("icu");
    return { name: `${kind}-${version}`, version, walLevel, url, collations };
  });
}

async function canCreateCollation(client: pg.Client, definition: string): Promise<boolean> {
  try {
    await client.query(`BEGIN; CREATE COLLATION pg_temp.probe (${definition})`);
    return true;
  } catch {
    return false;
  } finally {
    await client.query("ROLLBACK");
  }
}

const DATABASE_PREFIX = "sqlmem_test_";
const TWO_HOURS = 2 * 60 * 60 * 1000;

/** Databases that killed runs have left behind; their names tell when they were made. */
async function dropLeftovers(url: string): Promise<void> {
  await asSuperuser(url, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      "SELECT datname FROM pg_database WHERE starts_with(datname, $1)",
      [DATABASE_PREFIX],
    );
    for (const { datname } of rows) {
      const made = Number.parseInt(datname.slice(DATABASE_PREFIX.length).split("_")[0] ?? "", 36);
      if (Number.isNaN(made) || Date.now() - made < TWO_HOURS) continue;
      await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(datname)} WITH (FORCE)`);
    }
  });
}

async function asSuperuser<Result>(url: string, action: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}

function withoutPassword(url: string): string {
  const copy = new URL(url);
  copy.password = "";
  return copy.href;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
