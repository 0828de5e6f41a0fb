import { randomBytes } from "node:crypto";
import type pg from "pg";
import { FreshnessError } from "../../../errors.ts";
import { quoteName } from "../../../quoting.ts";
import { SERVER_START } from "../attach/probe.ts";
import type { ClientClass, PoolOptions } from "../own-connections.ts";
import { applySessionToStream, type Session } from "../session.ts";
import { textOnly } from "../text-only.ts";
import { LOG_SIZES, type LogSizes, type LogSizesRow, logSizes } from "./position.ts";
import { claimName, createPublication, dropPublication, OWN_PREFIX } from "./publication.ts";
import { ReplicationConnection } from "./replication-connection.ts";

/** How long the slot may wait for each transaction that was writing before. */
const SLOT_LOCK_MS = 10_000;
/** And how long for all of them, one after the other. */
const SLOT_MS = 60_000;

type Use = <Result>(action: (client: pg.Client) => Promise<Result>) => Promise<Result>;

export interface StartParts {
  readonly options: PoolOptions;
  readonly Client: ClientClass;
  readonly session: Session;
  /** A publication that an administrator has made; `null`: one is made. */
  readonly publication: string | null;
  readonly use: Use;
}

/** A walsender with a slot of its own, ready to stream. */
export interface Opened {
  readonly connection: ReplicationConnection;
  readonly publication: string;
  readonly system: string;
  /** When the server was started: an ordinary connection that says otherwise is one to another server. */
  readonly server: string;
  readonly sizes: LogSizes;
  /** START_REPLICATION. */
  readonly command: string;
}

interface Facts extends LogSizesRow {
  readonly recovery: boolean;
  readonly walLevel: string;
  readonly mayCreate: boolean;
  readonly published: boolean;
  readonly database: string;
  readonly role: string;
  readonly server: string;
}

const FACTS_QUERY = `
SELECT pg_catalog.json_build_object(
  'recovery', pg_catalog.pg_is_in_recovery(),
  'walLevel', pg_catalog.current_setting('wal_level'),
  'mayCreate', pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
  'published', EXISTS (SELECT FROM pg_catalog.pg_publication AS p WHERE p.pubname = $1),
  'database', pg_catalog.current_database(),
  'role', current_user,
  'server', ${SERVER_START},
  ${LOG_SIZES}
)::pg_catalog.text`;

/**
 * Publication, then slot: what is published is looked up as of each change, and one that does not exist then ends the
 * stream. Rejects with FreshnessError where somebody has to change something, and leaves nothing behind.
 */
export async function openStream(parts: StartParts): Promise<Opened> {
  const facts = JSON.parse(
    await parts.use((client) => textOnly(client, FACTS_QUERY, [parts.publication ?? ""])),
  ) as Facts;
  checkFacts(facts, parts.publication);
  const connection = await connect(parts);
  const name = `${OWN_PREFIX}${randomBytes(8).toString("hex")}`;
  let created = false;
  try {
    const [identity] = await identify(connection);
    await connection.query(applySessionToStream(parts.session, (text) => connection.escape(text)));
    const [server] = (await connection.query(`SELECT ${SERVER_START}`))[0] ?? [];
    if (server !== facts.server) {
      throw new FreshnessError(
        "The replication connection and the ordinary ones reach different servers: connect to the primary alone.",
      );
    }
    if (parts.publication === null) {
      await claimName(connection, name);
      await parts.use((client) => createPublication(client, name));
      created = true;
    }
    await createSlot(connection, parts, name);
    const publication = parts.publication ?? name;
    return {
      connection,
      publication,
      system: identity ?? "",
      server,
      sizes: logSizes(facts),
      command: `START_REPLICATION SLOT ${quoteName(name)} LOGICAL 0/0 (proto_version '1', publication_names '${quoteName(publication).replaceAll("'", "''")}')`,
    };
  } catch (error) {
    await connection.close();
    if (created) await parts.use((client) => dropPublication(client, name)).catch(() => {});
    throw error;
  }
}

function checkFacts(facts: Facts, publication: string | null): void {
  if (facts.recovery) {
    throw new FreshnessError(
      "The server is a standby; SQLmem follows the changes of the primary: connect to that one.",
    );
  }
  if (facts.walLevel !== "logical") {
    throw new FreshnessError(
      `wal_level is ${facts.walLevel}; the change stream needs ALTER SYSTEM SET wal_level = 'logical' and a restart of the ` +
        "server (managed services have a parameter of their own, such as rds.logical_replication).",
    );
  }
  if (publication === null && !facts.mayCreate) {
    throw new FreshnessError(
      `The role ${facts.role} may not create a publication: GRANT CREATE ON DATABASE ${quoteName(facts.database)} TO ` +
        `${quoteName(facts.role)}, or create one for it and name it in the option "publication".`,
    );
  }
  if (publication !== null && !facts.published) {
    throw new FreshnessError(
      `There is no publication ${quoteName(publication)} in the database ${facts.database}: CREATE PUBLICATION ${quoteName(publication)}`,
    );
  }
}

async function connect({ options, Client }: StartParts): Promise<ReplicationConnection> {
  try {
    return await ReplicationConnection.open(options, Client);
  } catch (error) {
    const code = codeOf(error);
    const message = error instanceof Error ? error.message : String(error);
    if (code === "42501") {
      throw new FreshnessError(
        `The role may not replicate (${message}): ALTER ROLE … REPLICATION (managed services: grant their role for it, such ` +
          "as rds_replication).",
        { cause: error },
      );
    }
    if (code === "53300" && /max_wal_senders/.test(message)) {
      throw new FreshnessError(`${message}: raise max_wal_senders and restart the server.`, { cause: error });
    }
    if (code === "08P01" || /replication.*(?:not supported|unsupported)|unsupported startup parameter/i.test(message)) {
      throw new FreshnessError(
        `What stands before the server does not pass replication through (${message}): give SQLmem a direct connection, ` +
          "past the pooler.",
        { cause: error },
      );
    }
    throw error;
  }
}

async function identify(connection: ReplicationConnection): Promise<readonly (string | null)[]> {
  try {
    return (await connection.query("IDENTIFY_SYSTEM"))[0] ?? [];
  } catch (error) {
    if (codeOf(error) !== "42601") throw error;
    throw new FreshnessError(
      "What stands before the server ignores that the connection is for replication: give SQLmem a direct connection, past " +
        "the pooler.",
      { cause: error },
    );
  }
}

async function createSlot(connection: ReplicationConnection, parts: StartParts, name: string): Promise<void> {
  await connection.query(`SET lock_timeout = ${SLOT_LOCK_MS}`);
  try {
    await connection.query(
      `CREATE_REPLICATION_SLOT ${quoteName(name)} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`,
      SLOT_MS,
    );
  } catch (error) {
    const code = codeOf(error);
    const message = error instanceof Error ? error.message : String(error);
    if (code === "55P03") {
      throw new FreshnessError(
        `The change stream begins when all transactions that were open have ended, and ${await oldestWriter(parts.use)} has not.`,
        { cause: error },
      );
    }
    if (code === "53400") {
      throw new FreshnessError(`${message}: raise max_replication_slots and restart the server, or drop a slot.`, {
        cause: error,
      });
    }
    if (code === "42501") {
      throw new FreshnessError(`The role may not create a slot (${message}): ALTER ROLE … REPLICATION.`, {
        cause: error,
      });
    }
    throw error;
  }
  await connection.query("SET lock_timeout = 0");
}

const OLDEST_WRITER_QUERY = `
SELECT t.who FROM (
  SELECT pg_catalog.format('the transaction of process %s (%s, since %s)', a.pid,
    COALESCE(NULLIF(a.application_name, ''), a.usename::pg_catalog.text), a.xact_start) AS who, a.backend_xid AS xid
  FROM pg_catalog.pg_stat_activity AS a WHERE a.backend_xid IS NOT NULL
  UNION ALL
  SELECT pg_catalog.format('the prepared transaction %L', p.gid), p.transaction FROM pg_catalog.pg_prepared_xacts AS p
) AS t
ORDER BY pg_catalog.age(t.xid) DESC LIMIT 1`;

async function oldestWriter(use: Use): Promise<string> {
  const who = await use((client) => textOnly(client, OLDEST_WRITER_QUERY, [])).catch(() => "");
  return who === "" ? "one of them" : who;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
