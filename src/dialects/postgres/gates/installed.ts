import { grantTouchLog, installNotify, installTouchLog, NOTIFY, TOUCH, type TriggerKind } from "./install-sql.ts";

/** What of the touch log is there, as its role sees it. */
export interface TouchLogRow extends FunctionRow {
  readonly role: string;
  /** How many of its tables there are, and how many the role may read. */
  readonly tables: number;
  readonly readable: number;
  readonly usage: boolean | null;
  readonly prune: boolean | null;
}

/** The function of the triggers; `null` if there is none. */
export interface FunctionRow {
  readonly body: string | null;
}

/** By names, not by `to_regclass`, which raises where the role may not use the schema. */
export const TOUCH_LOG_QUERY: string = `
SELECT pg_catalog.json_build_object(
  'role', current_user,
  'body', (${bodyOf(TOUCH)}),
  'tables', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c
             WHERE c.relnamespace = n.oid AND c.relname IN ('touch', 'horizon') AND c.relkind = 'r'),
  'readable', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c
               WHERE c.relnamespace = n.oid AND c.relname IN ('touch', 'horizon') AND c.relkind = 'r'
                 AND pg_catalog.has_table_privilege(c.oid, 'SELECT')),
  'usage', pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
  'prune', (SELECT pg_catalog.bool_and(pg_catalog.has_function_privilege(p.oid, 'EXECUTE')) FROM pg_catalog.pg_proc AS p
            WHERE p.pronamespace = n.oid AND p.proname = 'prune')
)::pg_catalog.text
FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'sqlmem'`;

export const NOTIFY_QUERY: string = `
SELECT pg_catalog.json_build_object('body', (${bodyOf(NOTIFY)}))::pg_catalog.text
FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'sqlmem'`;

function bodyOf(kind: TriggerKind): string {
  return `SELECT p.prosrc FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = n.oid AND p.proname = '${kind.function}' AND p.pronargs = 0 AND p.prosecdef`;
}

/** A line or two for a person, and the SQL that an administrator has to run; `null` if nothing is missing. */
export function missingForTouchLog(row: TouchLogRow): string | null {
  const sql = sqlForTouchLog(row);
  if (sql === null) return null;
  const what = isInstalled(row) ? `The role ${row.role} may not read the touch log.` : MISSING;
  return `${what} As an administrator run:\n${sql}`;
}

const MISSING = "The touch log is not there, or of another version of SQLmem.";

export function sqlForTouchLog(row: TouchLogRow): string | null {
  if (!isInstalled(row)) return installTouchLog(row.role);
  const granted = row.usage === true && row.readable === row.tables && row.prune === true;
  return granted ? null : grantTouchLog(row.role);
}

function isInstalled(row: TouchLogRow): boolean {
  return row.body === TOUCH.body && row.tables === 2 && row.prune !== null;
}

export function missingForNotify(row: FunctionRow): string | null {
  const sql = sqlForNotify(row);
  if (sql === null) return null;
  return `The function that notifies is not there, or of another version of SQLmem. As an administrator run:\n${sql}`;
}

export function sqlForNotify(row: FunctionRow): string | null {
  return row.body === NOTIFY.body ? null : installNotify();
}
