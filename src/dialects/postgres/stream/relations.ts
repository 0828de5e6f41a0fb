import type pg from "pg";
import { PARTS_OF_TYPES } from "../catalog-query.ts";
import { textOnly } from "../text-only.ts";

/** What the catalog says of the tables to watch, of all members of their trees, and of the publication. */
export interface Relations {
  /** `null`: there is no publication of that name. */
  readonly publication: PublicationRow | null;
  readonly members: readonly MemberRow[];
  /** Types of columns that are not the system's own, with all that they are made of. */
  readonly types: readonly { readonly root: string; readonly id: string }[];
}

interface PublicationRow {
  readonly id: string;
  readonly insert: boolean;
  readonly update: boolean;
  readonly delete: boolean;
  readonly truncate: boolean;
  readonly viaRoot: boolean;
}

/** A table, or one of its partitions or children. */
export interface MemberRow {
  readonly root: string;
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  /** `pg_class.relkind`, `relpersistence` and `relreplident`. */
  readonly kind: string;
  readonly persistence: string;
  readonly identity: string;
  /** It is named in the publication itself. */
  readonly listed: boolean;
  /** Its changes are published. */
  readonly published: boolean;
  /** Only rows that pass a condition are. */
  readonly filtered: boolean;
  /** The columns that are; `null`: all. */
  readonly publishedColumns: readonly string[] | null;
  /** Columns of the key by which the stream may name a row: of the primary key, or of the chosen index. */
  readonly key: readonly string[] | null;
  /** Columns that are computed from others. */
  readonly generated: readonly string[] | null;
}

/** `$1`: ids of tables, a JSON array; `$2`: the publication. */
function relationsQuery(version: number): string {
  const detailed = version >= 150_000;
  return `
WITH RECURSIVE
tree (root, oid) AS (
  SELECT i.id::pg_catalog.oid, i.id::pg_catalog.oid FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS i(id)
  UNION
  SELECT t.root, i.inhrelid FROM tree AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
),
types (root, oid) AS (
  SELECT t.root, a.atttypid
  FROM tree AS t JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid
  WHERE t.root = t.oid AND a.attnum > 0 AND a.atttypid >= 16384
  UNION
  ${PARTS_OF_TYPES}
),
publication AS (SELECT p.* FROM pg_catalog.pg_publication AS p WHERE p.pubname = $2),
published AS (
  SELECT t.relid, ${detailed ? "t.attrs, t.qual IS NOT NULL" : "NULL::pg_catalog.int2[]"} ${detailed ? "" : "AS attrs, false"} AS filtered
  FROM publication AS p CROSS JOIN LATERAL pg_catalog.pg_get_publication_tables(p.pubname::pg_catalog.text) AS t
)
SELECT pg_catalog.json_build_object(
  'publication', (
    SELECT pg_catalog.json_build_object('id', p.oid::pg_catalog.text, 'insert', p.pubinsert, 'update', p.pubupdate,
      'delete', p.pubdelete, 'truncate', p.pubtruncate, 'viaRoot', p.pubviaroot)
    FROM publication AS p),
  'types', COALESCE((
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object('root', t.root::pg_catalog.text, 'id', t.oid::pg_catalog.text))
    FROM types AS t), '[]'),
  'members', COALESCE((
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'root', t.root::pg_catalog.text,
      'id', c.oid::pg_catalog.text,
      'schema', n.nspname,
      'name', c.relname,
      'kind', c.relkind,
      'persistence', c.relpersistence,
      'identity', c.relreplident,
      'listed', EXISTS (
        SELECT FROM publication AS p JOIN pg_catalog.pg_publication_rel AS r ON r.prpubid = p.oid WHERE r.prrelid = c.oid),
      'published', u.relid IS NOT NULL,
      'filtered', COALESCE(u.filtered, false),
      'publishedColumns', (
        SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum = ANY (u.attrs)),
      'key', (
        -- Deferrable constraints identify nothing (RelationGetIndexList in src/backend/utils/cache/relcache.c).
        SELECT pg_catalog.json_agg(a.attname ORDER BY k.number)
        FROM pg_catalog.pg_index AS i
        CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(column_number, number)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.column_number
        WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate AND k.number <= i.indnkeyatts
          AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END),
      'generated', (
        SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attgenerated <> '' AND NOT a.attisdropped)
    ) ORDER BY t.root, c.oid)
    FROM tree AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.oid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN published AS u ON u.relid = c.oid), '[]')
)::pg_catalog.text`;
}

export async function readRelations(
  client: pg.ClientBase,
  version: number,
  ids: readonly string[],
  publication: string,
): Promise<Relations> {
  const values = [JSON.stringify(ids), publication];
  return JSON.parse(await textOnly(client, relationsQuery(version), values, "sqlmem_relations")) as Relations;
}
