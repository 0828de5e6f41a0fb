import type pg from "pg";
import type { Collation } from "../../catalog.ts";
import type { OriginIdentity } from "../../store/contract.ts";
import type { SessionSettings } from "../dialect.ts";
import { collationOf } from "./catalog.ts";
import { type CollationRow, defaultCollationQuery } from "./catalog-query.ts";
import { textOnly } from "./text-only.ts";

/** The oldest server whose catalogs the queries here read. */
const OLDEST_VERSION = 140_000;

/**
 * Settings that change what a statement means or which text the server sends. SQLmem's own connections get the values
 * that the pool's clients have, whether those came from options, from the role, or from a hook of the pool.
 */
export const COPIED_SETTINGS = [
  "TimeZone",
  "timezone_abbreviations",
  "DateStyle",
  "IntervalStyle",
  "extra_float_digits",
  "bytea_output",
  "lc_messages",
  "lc_monetary",
  "lc_numeric",
  "lc_time",
  "xmlbinary",
  "xmloption",
  "array_nulls",
  "quote_all_identifiers",
  "standard_conforming_strings",
  "backslash_quote",
  "transform_null_equals",
  "default_text_search_config",
  "row_security",
  "search_path",
  // These two last: after them the session may no longer be allowed to change the others.
  "session_authorization",
  "role",
] as const;

/** Those of them that change the text of a stored value. */
const TEXT_SETTINGS = [
  "TimeZone",
  "DateStyle",
  "IntervalStyle",
  "extra_float_digits",
  "bytea_output",
  "lc_monetary",
  "xmlbinary",
  "quote_all_identifiers",
] as const;

/** What `ready()` learns of the pool's sessions. */
export interface Session {
  readonly identity: OriginIdentity;
  readonly settings: SessionSettings;
  /** `server_version_num`: 150020. */
  readonly version: number;
  /** Texts are stored in UTF-8: bytewise orders are those of our own bytes. */
  readonly utf8: boolean;
  /** The database's own. */
  readonly collation: Collation;
  /** Name and value of each setting that own connections take over. */
  readonly copied: Readonly<Record<string, string>>;
}

interface SessionRow {
  readonly settings: Readonly<Record<string, string | null>>;
  readonly user: string;
  readonly database: string;
  readonly databaseId: string;
  readonly version: number;
  readonly encoding: string;
  readonly address: string | null;
  readonly port: number | null;
}

const SESSION_QUERY = `
SELECT pg_catalog.json_build_object(
  'settings', (SELECT pg_catalog.json_object_agg(s.name, pg_catalog.current_setting(s.name, true))
               FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS s(name)),
  'user', current_user,
  'database', d.datname,
  'databaseId', d.oid::pg_catalog.text,
  'version', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'encoding', pg_catalog.current_setting('server_encoding'),
  'address', pg_catalog.host(pg_catalog.inet_server_addr()),
  'port', pg_catalog.inet_server_port()
)::pg_catalog.text
FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()`;

/** Asks a client of the pool who it is and how its session is set. */
export async function readSession(client: Pick<pg.ClientBase, "query">): Promise<Session> {
  const row = JSON.parse(await textOnly(client, SESSION_QUERY, [JSON.stringify(COPIED_SETTINGS)])) as SessionRow;
  if (row.version < OLDEST_VERSION) {
    throw new Error(`SQLmem needs PostgreSQL 14 or newer; this server is ${Math.floor(row.version / 10_000)}.`);
  }
  if (row.encoding === "SQL_ASCII") {
    // Its texts are bytes without a meaning: no comparison of them can be repeated on decoded strings.
    throw new Error('SQLmem cannot cache a database in the encoding SQL_ASCII; create it with "ENCODING UTF8".');
  }
  const copied: Record<string, string> = {};
  for (const name of COPIED_SETTINGS) {
    const value = row.settings[name];
    if (typeof value === "string") copied[name] = value;
  }
  const texts = TEXT_SETTINGS.map((name) => `${name}=${copied[name] ?? ""}`);
  const fingerprint = [`version=${row.version}`, `encoding=${row.encoding}`, ...texts].join("; ");
  const utf8 = row.encoding === "UTF8";
  const collation = JSON.parse(await textOnly(client, defaultCollationQuery(row.version), [])) as CollationRow;
  return {
    identity: {
      system: await systemIdentifier(client, row),
      database: `${row.databaseId}/${row.database}`,
      user: row.user,
      settings: fingerprint,
    },
    settings: {
      timeZone: copied.TimeZone ?? "",
      dateStyle: copied.DateStyle ?? "",
      extraFloatDigits: Number(copied.extra_float_digits ?? "0"),
      unreadable: unreadableSetting(copied),
      fingerprint,
    },
    version: row.version,
    utf8,
    collation: collationOf(collation, utf8),
    copied,
  };
}

/** A backslash can end or not end a string, and `= NULL` can be a null test: the grammar here knows the defaults only. */
function unreadableSetting(settings: Readonly<Record<string, string>>): string | null {
  if (settings.standard_conforming_strings === "off") return "standard_conforming_strings=off";
  return settings.transform_null_equals === "on" ? "transform_null_equals=on" : null;
}

/**
 * The number that initdb gave to the cluster. Where the role may not read it, the server's address stands in for it;
 * fingerprints of tables contain transaction ids of that cluster and keep two of them apart even behind one address.
 */
async function systemIdentifier(client: Pick<pg.ClientBase, "query">, row: SessionRow): Promise<string> {
  try {
    return await textOnly(client, "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()", []);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // insufficient_privilege, undefined_function, feature_not_supported
    if (code !== "42501" && code !== "42883" && code !== "0A000") throw error;
    return `address ${row.address ?? "local"}:${row.port ?? ""}`;
  }
}

const applyQuery = (settings: string): string => `
SELECT pg_catalog.count(pg_catalog.set_config(s.key, s.value, false))::pg_catalog.text
FROM pg_catalog.json_each_text(${settings}::pg_catalog.json) AS s(key, value)
WHERE pg_catalog.current_setting(s.key, true) IS DISTINCT FROM s.value
  AND pg_catalog.current_setting(s.key, true) IS NOT NULL`;

/** Gives one of SQLmem's own connections the session of the pool's clients. */
export async function applySession(client: pg.ClientBase, session: Session): Promise<void> {
  await textOnly(client, applyQuery("$1"), [JSON.stringify(ownSettings(session))]);
}

/**
 * The same for a walsender, which takes no parameters: those settings that change texts. Its role stays: it is the one
 * that may replicate.
 */
export function applySessionToStream(session: Session, quote: (text: string) => string): string {
  const { session_authorization: _, role: __, ...settings } = ownSettings(session);
  return applyQuery(quote(JSON.stringify(settings)));
}

function ownSettings(session: Session): Readonly<Record<string, string>> {
  // Time limits of the application's own statements do not fit a bulk copy. JIT compiles the catalog query for seconds
  // which then runs for milliseconds.
  const own = {
    statement_timeout: "0",
    idle_in_transaction_session_timeout: "0",
    transaction_timeout: "0",
    jit: "off",
  };
  return { ...own, ...session.copied };
}
