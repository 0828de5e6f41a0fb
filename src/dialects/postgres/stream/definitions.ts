import type { Relations } from "./relations.ts";

/** What is looked at to tell whether the definition of a table has changed: ids from `readRelations`. */
export interface DefinitionParts {
  readonly id: string;
  readonly members: readonly string[];
  readonly types: readonly string[];
}

export function definitionParts(id: string, { members, types }: Relations): DefinitionParts {
  return {
    id,
    members: members.filter(({ root }) => root === id).map((member) => member.id),
    types: types.filter(({ root }) => root === id).map((type) => type.id),
  };
}

/** What `DEFINITIONS` yields: sums that change with the definitions. */
export interface Definitions {
  /** By table. */
  readonly tables: Readonly<Record<string, string>> | null;
  readonly publication: string | null;
  /** Tables of which a name means another table now, or none. */
  readonly renamed: readonly string[] | null;
}

/** A name of a table as `to_regclass` takes it. */
export interface TableName {
  readonly id: string;
  readonly text: string;
}

/** A key for `hashint8extended` that no two catalog rows share: which catalog, oid, number. */
const seed = (catalog: number, oid: string, number: string = "0"): string =>
  `(${catalog}::pg_catalog.int8 << 56) + (${oid}::pg_catalog.int8 << 16) + ${number}`;
const mark = (row: string, key: string): string =>
  `pg_catalog.hashint8extended(${row}.xmin::pg_catalog.text::pg_catalog.int8, ${key})`;

/**
 * SQL of a `Definitions` object, for `definitionValues()` as `$1` to `$7`. Only look-ups by index, for each table a sum
 * over hashes of the transaction ids of its catalog rows (see `catalogQuery()` for why these tell), of the files that its
 * rows are in, and of the indexes that say what is unique. What a table is made of was listed before: more members or
 * another type leave a mark in `pg_inherits` and `pg_attribute`.
 */
export function definitionsObject(version: number): string {
  const namespaces =
    version >= 150_000
      ? `+ COALESCE((SELECT pg_catalog.sum(${mark("r", seed(2, "r.oid"))})
      FROM pg_catalog.pg_publication_namespace AS r WHERE r.pnpubid = p.oid), 0)`
      : "";
  return `pg_catalog.json_build_object(
  'tables', (
    SELECT pg_catalog.json_object_agg(s.root, s.sum::pg_catalog.text) FROM (
      SELECT m.root, pg_catalog.sum(m.mark) AS sum FROM (
        SELECT i.root, ${mark("c", seed(3, "c.oid"))} # ${mark("n", seed(5, "c.oid"))}
          # pg_catalog.hashint8extended(c.relfilenode::pg_catalog.int8, ${seed(4, "c.oid")}) AS mark
        FROM member AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.oid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        UNION ALL
        SELECT i.root, ${mark("a", seed(6, "a.attrelid", "a.attnum"))}
        FROM member AS i JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.oid AND a.attnum > 0
        UNION ALL
        SELECT i.root, ${mark("h", seed(7, "h.inhrelid"))}
        FROM member AS i JOIN pg_catalog.pg_inherits AS h ON h.inhparent = i.oid
        UNION ALL
        SELECT i.root, ${mark("x", seed(8, "x.indexrelid"))}
        FROM member AS i JOIN pg_catalog.pg_index AS x ON x.indrelid = i.oid AND (x.indisunique OR x.indisreplident)
        UNION ALL
        SELECT k.root, ${mark("t", seed(9, "t.oid"))}
        FROM kind AS k JOIN pg_catalog.pg_type AS t ON t.oid = k.oid
        UNION ALL
        SELECT k.root, ${mark("e", seed(10, "e.oid"))}
        FROM kind AS k JOIN pg_catalog.pg_enum AS e ON e.enumtypid = k.oid
        UNION ALL
        SELECT k.root, ${mark("a", seed(11, "a.attrelid", "a.attnum"))}
        FROM kind AS k JOIN pg_catalog.pg_type AS t ON t.oid = k.oid AND t.typtype = 'c'
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.typrelid AND a.attnum > 0
      ) AS m GROUP BY m.root
    ) AS s),
  'publication', (
    SELECT pg_catalog.concat_ws(' ', p.oid, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
      p.pubviaroot, COALESCE((SELECT pg_catalog.sum(${mark("r", seed(1, "r.oid"))})
        FROM pg_catalog.pg_publication_rel AS r WHERE r.prpubid = p.oid), 0) ${namespaces})
    FROM pg_catalog.pg_publication AS p WHERE p.pubname = $5),
  'renamed', (
    SELECT pg_catalog.json_agg(DISTINCT w.oid::pg_catalog.text)
    FROM ROWS FROM (pg_catalog.unnest($6::pg_catalog.oid[]), pg_catalog.unnest($7::pg_catalog.text[])) AS w(oid, name)
    WHERE pg_catalog.to_regclass(w.name)::pg_catalog.oid IS DISTINCT FROM w.oid)
)`;
}

/**
 * Settings of a session that asks for them again and again. Planning takes longer than running. Catalogs are small when a
 * program starts with an empty database: a plan that scans them would be kept when they are not small any more.
 */
export const DEFINITIONS_SESSION =
  "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/** The parts that `definitionsObject()` reads. */
export const DEFINITION_PARTS = `
member (root, oid) AS MATERIALIZED (
  SELECT * FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.oid[]))),
kind (root, oid) AS MATERIALIZED (
  SELECT * FROM ROWS FROM (pg_catalog.unnest($3::pg_catalog.oid[]), pg_catalog.unnest($4::pg_catalog.oid[])))`;

/** Arrays are spelled here: the driver's own spelling costs more. */
export function definitionValues(
  tables: readonly DefinitionParts[],
  publication: string,
  names: readonly TableName[],
): readonly string[] {
  const array = (items: readonly string[]): string => `{${items.join(",")}}`;
  return [
    array(tables.flatMap(({ id, members }) => members.map(() => id))),
    array(tables.flatMap(({ members }) => members)),
    array(tables.flatMap(({ id, types }) => types.map(() => id))),
    array(tables.flatMap(({ types }) => types)),
    publication,
    array(names.map(({ id }) => id)),
    array(names.map(({ text }) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`)),
  ];
}
