import type pg from "pg";
import { quoteName } from "../../../quoting.ts";
import { textOnly } from "../text-only.ts";
import type { MemberRow } from "./relations.ts";
import type { ReplicationConnection } from "./replication-connection.ts";
import { sqlName } from "./watchable.ts";

/** Names of publications and slots that SQLmem makes begin so. */
export const OWN_PREFIX = "sqlmem_";

/** How long a change of the publication may wait for a lock of a table. */
const LOCK_MS = 1000;

/**
 * Says that the process behind a publication lives. The walsender's own session holds it, so that it ends with the stream,
 * whatever ends it. The first number is "sqlm".
 */
const lockOf = (name: string): string => `1936812141, pg_catalog.hashtext(${name})`;

/** Holds the lock of a name, and drops publications of dead processes. */
export async function claimName(connection: ReplicationConnection, name: string): Promise<void> {
  await connection.query(`SELECT pg_catalog.pg_advisory_lock(${lockOf(connection.escape(name))})`);
  const dead = await connection.query(`
    SELECT p.pubname FROM pg_catalog.pg_publication AS p
    WHERE p.pubname LIKE 'sqlmem\\_%' AND p.pubname <> ${connection.escape(name)}
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s WHERE s.slot_name = p.pubname AND s.active)
      AND pg_catalog.pg_try_advisory_lock(${lockOf("p.pubname")})`);
  for (const [publication] of dead) {
    if (typeof publication !== "string") continue;
    // One of another owner stays until its owner comes by.
    await connection.query(`DROP PUBLICATION IF EXISTS ${quoteName(publication)}`).catch(() => {});
    await connection.query(`SELECT pg_catalog.pg_advisory_unlock(${lockOf(connection.escape(publication))})`);
  }
}

export async function createPublication(client: pg.ClientBase, name: string): Promise<void> {
  const options = `publish = 'insert, update, delete, truncate', publish_via_partition_root = false`;
  await client.query(`CREATE PUBLICATION ${quoteName(name)} WITH (${options})`);
}

export async function dropPublication(client: pg.ClientBase, name: string): Promise<void> {
  await client.query(`DROP PUBLICATION IF EXISTS ${quoteName(name)}`);
}

/**
 * Adds tables, all columns of them: with a list of columns the server would refuse to drop a column of the list ("other
 * objects depend on it"), and no migration of the application may fail on our account. `ONLY`, as what belongs to a
 * table was listed already, and each member is taken out by itself.
 */
export async function addTables(client: pg.ClientBase, name: string, tables: readonly MemberRow[]): Promise<void> {
  if (tables.length > 0) await alter(client, `ALTER PUBLICATION ${quoteName(name)} ADD TABLE ${list(tables)}`);
}

/** Takes out all tables that are not among these ids. */
export async function keepTables(client: pg.ClientBase, name: string, ids: readonly string[]): Promise<void> {
  const sql = `
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname)), '[]')::pg_catalog.text
FROM pg_catalog.pg_publication AS p
JOIN pg_catalog.pg_publication_rel AS r ON r.prpubid = p.oid
JOIN pg_catalog.pg_class AS c ON c.oid = r.prrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE p.pubname = $1 AND r.prrelid <> ALL ($2::pg_catalog.oid[])`;
  const text = await textOnly(client, sql, [name, `{${ids.join(",")}}`]);
  const tables = JSON.parse(text) as readonly Pick<MemberRow, "schema" | "name">[];
  if (tables.length > 0) await alter(client, `ALTER PUBLICATION ${quoteName(name)} DROP TABLE ${list(tables)}`);
}

/**
 * Servers without the fix "data loss in logical replication" (of May 2025) forget that a table is published when they
 * have decoded a transaction that wrote to it before it was. A change of the publication's options has them look anew.
 */
export function forgetsNewTables(version: number): boolean {
  const fixed: Readonly<Record<number, number>> = { 14: 18, 15: 13, 16: 9, 17: 5 };
  return version % 10_000 < (fixed[Math.floor(version / 10_000)] ?? 0);
}

export async function touchPublication(client: pg.ClientBase, name: string): Promise<void> {
  await client.query(`ALTER PUBLICATION ${quoteName(name)} SET (publish = 'insert, update, delete, truncate')`);
}

/** The server takes a lock of each table, for which it may have to wait: behind VACUUM, or a migration. */
async function alter(client: pg.ClientBase, sql: string): Promise<void> {
  // As one text, and so in one transaction.
  await client.query(`SET LOCAL lock_timeout = ${LOCK_MS}; ${sql}`);
}

function list(tables: readonly Pick<MemberRow, "schema" | "name">[]): string {
  return tables.map((table) => `ONLY ${sqlName(table)}`).join(", ");
}
