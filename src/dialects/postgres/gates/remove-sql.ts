import { quoteName } from "../../../quoting.ts";
import { NOTIFY, TOUCH, type TriggerKind } from "./install-sql.ts";

/** A trigger that calls a function of ours. */
export interface InstalledTrigger {
  readonly function: string;
  readonly trigger: string;
  /** As a statement names it. */
  readonly table: string;
}

/**
 * By the function that is called: of the whole database, whether or not the table is one that is cached. Copies that
 * partitions have of a trigger of rows go with it (`tgparentid`).
 */
export const INSTALLED_TRIGGERS_QUERY: string = `
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
  'function', p.proname, 'trigger', t.tgname, 'table', pg_catalog.format('%I.%I', n.nspname, c.relname)
) ORDER BY n.nspname, c.relname, t.tgname), '[]')::pg_catalog.text
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid AND p.pronargs = 0
JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace AND pn.nspname = 'sqlmem'
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE t.tgparentid = 0`;

const OBJECTS: Readonly<Record<"touch-log" | "notify", { readonly kind: TriggerKind; readonly sql: string }>> = {
  "touch-log": {
    kind: TOUCH,
    sql: `DROP FUNCTION IF EXISTS sqlmem.${TOUCH.function}(), sqlmem.prune(interval);
DROP TABLE IF EXISTS sqlmem.touch, sqlmem.horizon;`,
  },
  notify: { kind: NOTIFY, sql: `DROP FUNCTION IF EXISTS sqlmem.${NOTIFY.function}();` },
};

/**
 * Statements that take away what was installed for a source, to be run again where one gave up. A trigger at a time: each
 * waits for those who write to its table. Then the function, which no CASCADE takes from a trigger that was made
 * meanwhile; the log after it, so that no writer ever meets a trigger without its log. The schema goes with the last.
 */
export function removeSql(source: "touch-log" | "notify", triggers: readonly InstalledTrigger[]): readonly string[] {
  const { kind, sql } = OBJECTS[source];
  return [
    ...triggers
      .filter((trigger) => trigger.function === kind.function)
      .map(({ trigger, table }) => `DROP TRIGGER IF EXISTS ${quoteName(trigger)} ON ${table};`),
    `BEGIN;
${sql}
DO $sqlmem$ BEGIN DROP SCHEMA IF EXISTS sqlmem; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $sqlmem$;
COMMIT;`,
  ];
}
