import { quoteName } from "../../../quoting.ts";

// The SQL that an administrator runs. Everything that is called is named with its schema: the functions run with the
// rights of their owner.

/** One kind of trigger. */
export interface TriggerKind {
  readonly trigger: string;
  /** In the schema `sqlmem`, without arguments. */
  readonly function: string;
  /** The body of the function; another one is another version. */
  readonly body: string;
}

/**
 * A transaction that has no id yet has changed no row: statements that found nothing to change are not noted. One row
 * per table and transaction, however many statements; `ON CONFLICT` never waits, as the key holds the own transaction.
 */
export const TOUCH: TriggerKind = {
  trigger: "sqlmem_touch",
  function: "note_touch",
  body: `
BEGIN
  IF pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL THEN
    INSERT INTO sqlmem.touch (relation, transaction, noted)
    VALUES (TG_RELID, pg_catalog.pg_current_xact_id(), pg_catalog.clock_timestamp())
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
`,
};

export const CHANNEL = "sqlmem";

export const NOTIFY: TriggerKind = {
  trigger: "sqlmem_notify",
  function: "notify_change",
  body: `
BEGIN
  IF pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL THEN
    PERFORM pg_catalog.pg_notify('${CHANNEL}', TG_RELID::pg_catalog.text);
  END IF;
  RETURN NULL;
END
`,
};

/**
 * Rows of transactions below the horizon may be gone. It never passes a transaction that still runs, so that each
 * snapshot that is taken afterwards lies behind it. Readers take no lock and neither do writers; of two prunings one
 * does nothing.
 */
const PRUNE_BODY = `
DECLARE
  below pg_catalog.xid8;
BEGIN
  PERFORM FROM sqlmem.horizon FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT t.transaction INTO below FROM sqlmem.touch AS t
  WHERE t.noted < pg_catalog.clock_timestamp() - keep
  ORDER BY t.transaction DESC LIMIT 1;
  IF below IS NULL THEN RETURN; END IF;
  below := LEAST(below, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()));
  UPDATE sqlmem.horizon AS h SET transaction = below WHERE h.transaction < below;
  IF FOUND THEN
    DELETE FROM sqlmem.touch AS t WHERE t.transaction < below;
  END IF;
END
`;

function createFunction({ function: name, body }: TriggerKind): string {
  return `CREATE OR REPLACE FUNCTION sqlmem.${name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $sqlmem$${body}$sqlmem$;
REVOKE ALL ON FUNCTION sqlmem.${name}() FROM PUBLIC;`;
}

/**
 * The log and its functions. To be run again at any time: it prunes then, and removes what was copied here with a backup
 * of another server, whose transactions have not been yet.
 */
export function installTouchLog(role: string): string {
  return `BEGIN;
CREATE SCHEMA IF NOT EXISTS sqlmem;
CREATE TABLE IF NOT EXISTS sqlmem.touch (
  relation oid NOT NULL, transaction xid8 NOT NULL, noted timestamptz NOT NULL, PRIMARY KEY (relation, transaction));
CREATE TABLE IF NOT EXISTS sqlmem.horizon (transaction xid8 NOT NULL);
DELETE FROM sqlmem.horizon;
INSERT INTO sqlmem.horizon SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot());
DELETE FROM sqlmem.touch AS t USING sqlmem.horizon AS h
WHERE t.transaction < h.transaction OR t.transaction >= pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot());
${createFunction(TOUCH)}
CREATE OR REPLACE FUNCTION sqlmem.prune(keep interval DEFAULT '1 hour') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $sqlmem$${PRUNE_BODY}$sqlmem$;
REVOKE ALL ON FUNCTION sqlmem.prune(interval) FROM PUBLIC;
${grantTouchLog(role)}
COMMIT;`;
}

/** What a role needs that reads the log. */
export function grantTouchLog(role: string): string {
  const to = quoteName(role);
  return `GRANT USAGE ON SCHEMA sqlmem TO ${to};
GRANT SELECT ON sqlmem.touch, sqlmem.horizon TO ${to};
GRANT EXECUTE ON FUNCTION sqlmem.prune(interval) TO ${to};`;
}

/** Who listens needs no right of its own. */
export function installNotify(): string {
  return `BEGIN;
CREATE SCHEMA IF NOT EXISTS sqlmem;
${createFunction(NOTIFY)}
COMMIT;`;
}

/**
 * For one table, `name` as SQL names it. A transaction of its own: the statement waits for those who write to the table,
 * and keeps others from it meanwhile. ALWAYS: also under `session_replication_role = replica`. ONLY: the partitions have
 * triggers of their own.
 */
export function installTrigger(kind: TriggerKind, name: string): string {
  return `BEGIN;
CREATE OR REPLACE TRIGGER ${kind.trigger} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${name}
  FOR EACH STATEMENT EXECUTE FUNCTION sqlmem.${kind.function}();
ALTER TABLE ONLY ${name} ENABLE ALWAYS TRIGGER ${kind.trigger};
COMMIT;`;
}
