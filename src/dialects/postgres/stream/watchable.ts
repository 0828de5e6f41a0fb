import type { Column, Table } from "../../../catalog.ts";
import { type Bypass, bypass } from "../../../outcome.ts";
import { quoteName } from "../../../quoting.ts";
import type { WatchedTable } from "../../../store/contract.ts";
import type { OriginLoadTable, SessionSettings } from "../../dialect.ts";
import { OID } from "../kinds.ts";
import type { MemberRow, Relations } from "./relations.ts";

const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set(["pg_catalog", "information_schema", "pg_toast"]);
const FIRST_USER_OID = 16_384;

export function sqlName({ schema, name }: Pick<MemberRow, "schema" | "name">): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}

/** Those that have rows of their own, and that the stream names. */
function leavesOf(members: readonly MemberRow[]): readonly MemberRow[] {
  return members.filter(({ kind }) => kind !== "p");
}

/**
 * Those that have to be named in a publication for all rows to be published: partitions come with the table that they
 * belong to, children by inheritance do not when they are made later.
 */
export function listedMembers(members: readonly MemberRow[], root: string): readonly MemberRow[] {
  const table = members.find(({ id }) => id === root);
  return table?.kind === "p" ? [table] : members;
}

/**
 * Why the changes of a table cannot be followed; `null` if they can.
 *
 * Without a usable identity the publication would have the application's own UPDATE and DELETE raise: "cannot update
 * table … because it does not have a replica identity and publishes updates".
 */
export function unwatchable(root: string, members: readonly MemberRow[]): Bypass | null {
  const table = members.find(({ id }) => id === root);
  if (table === undefined) return bypass("not-watched", `there is no table with the oid ${root} any more`);
  for (const member of members) {
    const name = sqlName(member);
    if (Number(member.id) < FIRST_USER_OID || SYSTEM_SCHEMAS.has(member.schema)) {
      return bypass("not-watched", `${name} is the system's own`);
    }
    if (member.kind === "m")
      return bypass("not-watched", `${name} is a materialized view: its refreshes are not streamed`);
    if (member.kind === "f") return bypass("not-watched", `${name} is a foreign table`);
    if (member.kind !== "r" && member.kind !== "p") return bypass("not-watched", `${name} is not a table`);
    if (member.persistence === "u") return bypass("not-watched", `${name} is unlogged: its changes are not in the log`);
    if (member.persistence !== "p") return bypass("not-watched", `${name} is a temporary table`);
  }
  for (const leaf of leavesOf(members)) {
    if (leaf.identity === "f" || (leaf.identity !== "n" && leaf.key !== null)) continue;
    const name = sqlName(leaf);
    return bypass(
      "not-watched",
      leaf.identity === "n"
        ? `${name} has REPLICA IDENTITY NOTHING; ALTER TABLE ${name} REPLICA IDENTITY DEFAULT`
        : leaf.identity === "i"
          ? `the index of the REPLICA IDENTITY of ${name} is gone; ALTER TABLE ${name} REPLICA IDENTITY DEFAULT`
          : `${name} has no primary key (one that is deferrable does not count); ` +
            `ALTER TABLE ${name} ADD PRIMARY KEY (…), or ALTER TABLE ${name} REPLICA IDENTITY FULL`,
    );
  }
  return null;
}

/** Why a publication that is not SQLmem's own does not tell all changes of these columns; `null` if it does. */
export function unpublished(
  publication: string,
  { publication: row }: Relations,
  root: string,
  members: readonly MemberRow[],
  columns: readonly string[],
): Bypass | null {
  const quoted = quoteName(publication);
  if (row === null) return bypass("not-watched", `there is no publication ${quoted}; CREATE PUBLICATION ${quoted}`);
  if (!(row.insert && row.update && row.delete && row.truncate)) {
    return bypass(
      "not-watched",
      `${quoted} leaves changes out; ALTER PUBLICATION ${quoted} SET (publish = 'insert, update, delete, truncate')`,
    );
  }
  const table = members.find(({ id }) => id === root);
  if (row.viaRoot && table?.kind === "p") {
    return bypass(
      "not-watched",
      `${quoted} does not tell of a TRUNCATE of one partition of ${sqlName(table)}; ` +
        `ALTER PUBLICATION ${quoted} SET (publish_via_partition_root = false)`,
    );
  }
  for (const leaf of leavesOf(members)) {
    const name = sqlName(table?.kind === "p" ? table : leaf);
    if (!leaf.published) return bypass("not-watched", `ALTER PUBLICATION ${quoted} ADD TABLE ${name}`);
    const again = `ALTER PUBLICATION ${quoted} DROP TABLE ${name}; ALTER PUBLICATION ${quoted} ADD TABLE ${name}`;
    if (leaf.filtered) return bypass("not-watched", `${quoted} publishes only some rows of ${name}; ${again}`);
    const there = leaf.publishedColumns;
    const missing = [...columns, ...(leaf.key ?? [])].find(
      (column) => there !== null && !there.includes(column) && !(leaf.generated ?? []).includes(column),
    );
    if (missing !== undefined) {
      return bypass("not-watched", `${quoted} leaves the column ${quoteName(missing)} of ${name} out; ${again}`);
    }
  }
  return null;
}

/** How the store finds the changes of a table that can be watched, and the rows that they are about. */
export function watchedTable(
  { table, columns }: OriginLoadTable,
  members: readonly MemberRow[],
  settings: SessionSettings,
): WatchedTable {
  const leaves = leavesOf(members);
  const key = keyOf(table, members, leaves);
  const generated = new Set(leaves.flatMap((leaf) => leaf.generated ?? []));
  const readable =
    key?.every((column) => isKey(column, settings)) === true &&
    // Computed columns are not in the stream.
    columns.every(({ column }) => !generated.has(column.name)) &&
    columns.every(({ column, encoding }) => encoding !== "value" || isReadable(column, settings));
  return Object.freeze({
    relations: Object.freeze(leaves.map(({ id }) => id)),
    key: readable ? Object.freeze(key.map(({ name }) => name)) : null,
  });
}

/** The columns that tell each row of the whole table from all others, if the stream names rows by them. */
function keyOf(table: Table, members: readonly MemberRow[], leaves: readonly MemberRow[]): readonly Column[] | null {
  const root = members.find(({ id }) => id === table.id);
  const names = root?.kind === "p" && leaves.length === 0 ? table.primaryKey : leaves[0]?.key;
  if (root === undefined || names === undefined || names === null || names.length === 0) return null;
  if (root.kind === "p") {
    // Each partition has an index of its own: only a key of the whole table is one across all of them.
    const same = (other: readonly string[] | null): boolean =>
      other !== null && other.length === names.length && other.every((name) => names.includes(name));
    if (!leaves.every((leaf) => same(leaf.key)) || !table.uniqueKeys.some(same)) return null;
  } else if (members.length > 1) {
    // A child by inheritance may have a row with the key of one of its parent's.
    return null;
  }
  const columns = names.map((name) => table.columns.find((column) => column.name === name));
  return columns.every((column) => column !== undefined) ? columns : null;
}

/** True if the text of the stream tells the value that a load reads. */
function isReadable({ type }: Column, settings: SessionSettings): boolean {
  switch (type.kind) {
    case "date":
    case "timestamp":
    case "timestamptz":
      return settings.dateStyle.startsWith("ISO");
    case "float8":
      return settings.extraFloatDigits > 0;
    default:
      return true;
  }
}

/** True if two keys that are different have different values in the store. */
function isKey(column: Column, settings: SessionSettings): boolean {
  // Texts of other types may be the same for different values, or change by themselves (regclass).
  if (column.type.kind === "wire" && column.type.oid !== OID.bytea) return false;
  return isReadable(column, settings);
}
