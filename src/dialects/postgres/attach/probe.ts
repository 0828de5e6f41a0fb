import { COPIED_SETTINGS, type Session } from "../session.ts";
import { isUtc } from "../wire-text.ts";

/** What a client says of its session. */
export interface SessionReport {
  readonly settings: Readonly<Record<string, string | null>>;
  readonly clientEncoding: string;
  readonly user: string;
  readonly databaseId: string;
  /** It has temporary relations. */
  readonly temporary: boolean;
  /** When the server was started: tells servers apart. */
  readonly serverStart: string;
}

export const SERVER_START = "extract(epoch FROM pg_catalog.pg_postmaster_start_time())::pg_catalog.text";

/** One round trip, as a simple query. */
export const PROBE_QUERY: string = `
SELECT pg_catalog.json_build_object(
  'settings', (SELECT pg_catalog.json_object_agg(s.name, pg_catalog.current_setting(s.name, true))
               FROM pg_catalog.json_array_elements_text('${JSON.stringify(COPIED_SETTINGS)}') AS s(name)),
  'clientEncoding', pg_catalog.current_setting('client_encoding'),
  'user', current_user,
  'databaseId', (SELECT d.oid::pg_catalog.text FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()),
  'temporary', EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = pg_catalog.pg_my_temp_schema()),
  'serverStart', ${SERVER_START}
)::pg_catalog.text`;

/**
 * - `same`: its statements mean what they mean in the engine's own sessions, and give the same text.
 * - `differs`: they do not; `namesAsOurs` if at least its names mean the same tables.
 * - `elsewhere`: another database of the same server; nothing that it writes concerns the cache.
 */
export type Verdict =
  | { readonly kind: "same" }
  | { readonly kind: "differs"; readonly detail: string; readonly namesAsOurs: boolean }
  | { readonly kind: "elsewhere" };

/** They change neither what a query means nor its answer, only the text of errors and notices, and text search. */
const IRRELEVANT: ReadonlySet<string> = new Set(["lc_messages", "lc_time", "default_text_search_config"]);

/** Those that decide which table a name means, and for whom. */
const NAMING: ReadonlySet<string> = new Set(["search_path", "role", "session_authorization"]);

/** Compares a session with the engine's own, on the same server. */
export function compareSessions(own: Session, report: SessionReport): Verdict {
  if (!own.identity.database.startsWith(`${report.databaseId}/`)) return { kind: "elsewhere" };
  const differences: string[] = [];
  let namesAsOurs = true;
  if (report.user !== own.identity.user) {
    differences.push(`the user ${report.user}`);
    namesAsOurs = false;
  }
  if (report.temporary) {
    differences.push("temporary tables");
    namesAsOurs = false;
  }
  if (report.clientEncoding !== "UTF8") differences.push(`client_encoding=${report.clientEncoding}`);
  for (const name of COPIED_SETTINGS) {
    if (IRRELEVANT.has(name)) continue;
    const value = canonical(name, report.settings[name]);
    if (value === canonical(name, own.copied[name])) continue;
    differences.push(`${name}=${value}`);
    if (NAMING.has(name)) namesAsOurs = false;
  }
  if (differences.length === 0) return { kind: "same" };
  return { kind: "differs", detail: differences.join(", "), namesAsOurs };
}

/** `SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE` makes a zone of this name, which is UTC in all that it shows. */
const NAMELESS_UTC = "<+00>-00";

function canonical(name: string, value: string | null | undefined): string {
  const text = value ?? "";
  return name === "TimeZone" && (isUtc(text) || text === NAMELESS_UTC) ? "UTC" : text;
}
