/** One table as `catalogQuery()` returns it. */
export interface TableRow {
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  /** `pg_class.relkind`. */
  readonly kind: string;
  readonly persistence: string;
  readonly rowSecurity: boolean;
  /** It has children by plain inheritance: neither NOT NULL nor unique keys bind their rows. */
  readonly inherited: boolean;
  /** A member of its partition tree is a foreign table. */
  readonly foreignMember: boolean;
  readonly rows: number | null;
  readonly columns: readonly ColumnRow[] | null;
  readonly keys: readonly { readonly primary: boolean; readonly columns: readonly string[] }[] | null;
  /** SHA-256 over the transaction ids of all catalog rows that define the table. */
  readonly marks: string;
}

export interface ColumnRow {
  readonly name: string;
  readonly notNull: boolean;
  readonly typeName: string;
  /** Base type and modifier, as the server reports them in a RowDescription. */
  readonly type: number;
  readonly modifier: number;
  readonly isEnum: boolean;
  readonly labels: readonly string[] | null;
  readonly collation: CollationRow | null;
}

export interface CollationRow {
  readonly schema: string;
  readonly name: string;
  /** `c` libc, `i` ICU, `b` built in; the database's own is resolved. */
  readonly provider: string;
  readonly isDefault: boolean;
  readonly locale: string | null;
  /** libc: the locale that says what a letter is. */
  readonly ctype: string | null;
  readonly rules: string | null;
  readonly deterministic: boolean;
  readonly version: string | null;
}

export interface CatalogRow {
  /** Oid of each name asked for, `null` when there is no such relation. */
  readonly names: Readonly<Record<string, string | null>> | null;
  readonly tables: readonly TableRow[] | null;
}

/** SQL for a `CollationRow` of the collation `co` in the database `d`. */
function collationObject(version: number): string {
  const locale = version >= 170_000 ? "colllocale" : version >= 150_000 ? "colliculocale" : "collcollate";
  const databaseLocale = version >= 170_000 ? "datlocale" : version >= 150_000 ? "daticulocale" : "datcollate";
  const databaseProvider = version >= 150_000 ? "d.datlocprovider::pg_catalog.text" : "'c'";
  const databaseRules = version >= 160_000 ? "d.daticurules" : "NULL";
  const databaseVersion = version >= 150_000 ? "pg_catalog.pg_database_collation_actual_version(d.oid)" : "NULL";
  const rules = version >= 160_000 ? "co.collicurules" : "NULL";
  return `pg_catalog.json_build_object(
      'schema', n.nspname,
      'name', co.collname,
      'isDefault', co.collprovider = 'd',
      'provider', CASE WHEN co.collprovider = 'd' THEN ${databaseProvider} ELSE co.collprovider::pg_catalog.text END,
      'locale', CASE WHEN co.collprovider <> 'd' THEN COALESCE(co.${locale}, co.collcollate)
                     WHEN ${databaseProvider} = 'c' THEN d.datcollate
                     ELSE d.${databaseLocale} END,
      'ctype', CASE WHEN co.collprovider = 'd' THEN d.datctype ELSE co.collctype END,
      'rules', CASE WHEN co.collprovider = 'd' THEN ${databaseRules} ELSE ${rules} END,
      'deterministic', co.collisdeterministic,
      'version', CASE WHEN co.collprovider = 'd' THEN ${databaseVersion}
                      ELSE pg_catalog.pg_collation_actual_version(co.oid) END
    )`;
}

/** The database's own collation, as the text of a `CollationRow`. */
export function defaultCollationQuery(version: number): string {
  return `
SELECT ${collationObject(version)}::pg_catalog.text
FROM pg_catalog.pg_collation AS co
JOIN pg_catalog.pg_namespace AS n ON n.oid = co.collnamespace
JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
WHERE co.collname = 'default' AND n.nspname = 'pg_catalog'`;
}

/**
 * The recursive term of `types (root, oid)`: what those that are not the system's own are made of, by domains, arrays,
 * ranges and composite types.
 */
export const PARTS_OF_TYPES = `SELECT p.root, part.oid
  FROM types AS p JOIN pg_catalog.pg_type AS t ON t.oid = p.oid
  CROSS JOIN LATERAL (
    SELECT t.typbasetype
    UNION ALL SELECT t.typelem
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range AS r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
              WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
  ) AS part(oid)
  WHERE part.oid >= 16384`;

/**
 * Everything about the tables named in `$1` (a JSON array of texts as `to_regclass` takes them) and those with the oids
 * in `$2` (a JSON array), in one round trip and at one snapshot, as the text of a `CatalogRow`.
 *
 * Marks: `xmin` of a catalog row changes with each transaction that changes the row, and freezing keeps it. `VACUUM`,
 * `ANALYZE` and `CREATE INDEX` change `pg_class` in place (src/backend/access/heap/heapam.c, heap_inplace_update) and
 * so leave it; a rewrite of the rows shows in `relfilenode`. Types of the system never change, so only the others
 * (oid from FirstNormalObjectId, 16384) are followed into elements, attributes and labels.
 */
export function catalogQuery(version: number): string {
  return `
WITH RECURSIVE
asked (name, oid) AS (
  SELECT n.name, pg_catalog.to_regclass(n.name)::pg_catalog.oid
  FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS n(name)
),
wanted (oid) AS (
  SELECT oid FROM asked WHERE oid IS NOT NULL
  UNION
  SELECT i.id::pg_catalog.oid FROM pg_catalog.json_array_elements_text($2::pg_catalog.json) AS i(id)
),
tree (root, oid) AS (
  SELECT oid, oid FROM wanted
  UNION
  SELECT t.root, i.inhrelid FROM tree AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
),
types (root, oid) AS (
  SELECT a.attrelid, a.atttypid
  FROM wanted AS w JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.oid
  WHERE a.attnum > 0 AND a.atttypid >= 16384
  UNION
  ${PARTS_OF_TYPES}
),
marks (root, mark) AS (
  SELECT t.root, pg_catalog.concat_ws(' ', 'c', c.oid, c.relfilenode, c.xmin)
  FROM tree AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.oid
  UNION ALL
  SELECT t.root, pg_catalog.concat_ws(' ', 'a', a.attrelid, a.attnum, a.xmin)
  FROM tree AS t JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid WHERE a.attnum > 0
  UNION ALL
  SELECT t.root, pg_catalog.concat_ws(' ', 'i', i.inhparent, i.inhrelid, i.xmin)
  FROM tree AS t JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
  UNION ALL
  SELECT p.root, pg_catalog.concat_ws(' ', 't', t.oid, t.xmin)
  FROM types AS p JOIN pg_catalog.pg_type AS t ON t.oid = p.oid
  UNION ALL
  SELECT p.root, pg_catalog.concat_ws(' ', 'e', e.oid, e.xmin)
  FROM types AS p JOIN pg_catalog.pg_enum AS e ON e.enumtypid = p.oid
  UNION ALL
  SELECT p.root, pg_catalog.concat_ws(' ', 'f', a.attrelid, a.attnum, a.xmin)
  FROM types AS p JOIN pg_catalog.pg_type AS t ON t.oid = p.oid AND t.typtype = 'c'
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.typrelid WHERE a.attnum > 0
),
-- Follows domains down to the type that they restrict; the innermost domain decides the modifier
-- (src/backend/utils/cache/lsyscache.c, getBaseTypeAndTypmod).
domains (type, oid, modifier, level) AS (
  SELECT DISTINCT a.atttypid, a.atttypid, -1, 0
  FROM wanted AS w JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.oid
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  WHERE a.attnum > 0 AND NOT a.attisdropped AND t.typtype = 'd'
  UNION ALL
  SELECT b.type, t.typbasetype, t.typtypmod, b.level + 1
  FROM domains AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.oid AND t.typtype = 'd'
),
bases AS (SELECT DISTINCT ON (type) type, oid, modifier FROM domains ORDER BY type, level DESC),
collations AS (
  SELECT co.oid, ${collationObject(version)} AS collation
  FROM pg_catalog.pg_collation AS co
  JOIN pg_catalog.pg_namespace AS n ON n.oid = co.collnamespace
  JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
  WHERE co.oid IN (SELECT a.attcollation FROM wanted AS w JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.oid)
),
columns AS (
  SELECT a.attrelid, a.attnum, a.attname, a.attcollation,
    -- From version 18 on a constraint may be there but not (yet) hold for all rows.
    a.attnotnull AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_constraint AS k
      WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated
    ) AS not_null,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name,
    COALESCE(b.oid, a.atttypid) AS type,
    CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE b.modifier END AS modifier
  FROM wanted AS w
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.oid
  LEFT JOIN bases AS b ON b.type = a.atttypid
  WHERE a.attnum > 0 AND NOT a.attisdropped
)
SELECT pg_catalog.json_build_object(
  'names', (SELECT pg_catalog.json_object_agg(name, oid::pg_catalog.text) FROM asked),
  'tables', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'id', c.oid::pg_catalog.text,
      'schema', n.nspname,
      'name', c.relname,
      'kind', c.relkind,
      'persistence', c.relpersistence,
      'rowSecurity', c.relrowsecurity,
      'inherited', c.relkind <> 'p' AND EXISTS (
        SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid),
      'foreignMember', EXISTS (
        SELECT FROM tree AS t JOIN pg_catalog.pg_class AS m ON m.oid = t.oid
        WHERE t.root = c.oid AND m.relkind = 'f'),
      'rows', (
        SELECT pg_catalog.sum(GREATEST(m.reltuples, 0)::pg_catalog.float8)
        FROM tree AS t JOIN pg_catalog.pg_class AS m ON m.oid = t.oid
        WHERE t.root = c.oid AND m.relkind <> 'p'
        HAVING pg_catalog.bool_or(m.reltuples >= 0)),
      'columns', (
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
          'name', a.attname,
          'notNull', a.not_null,
          'typeName', a.type_name,
          'type', a.type::pg_catalog.int8,
          'modifier', a.modifier,
          'isEnum', ty.typtype = 'e',
          'labels', CASE WHEN ty.typtype = 'e' THEN (
            SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
            FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = a.type) END,
          'collation', co.collation
        ) ORDER BY a.attnum)
        FROM columns AS a
        JOIN pg_catalog.pg_type AS ty ON ty.oid = a.type
        LEFT JOIN collations AS co ON co.oid = a.attcollation
        WHERE a.attrelid = c.oid),
      'keys', (
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object('primary', i.indisprimary, 'columns', k.columns)
                        ORDER BY i.indisprimary DESC, i.indexrelid)
        FROM pg_catalog.pg_index AS i
        CROSS JOIN LATERAL (
          SELECT pg_catalog.json_agg(a.attname ORDER BY key.number) AS columns,
            pg_catalog.bool_and(COALESCE(
              a.not_null
              -- Unique in the column's own sense of equality: same collation, or one where equal means the same bytes.
              AND (key.collation_id = a.attcollation OR COALESCE(
                (SELECT co.collisdeterministic FROM pg_catalog.pg_collation AS co WHERE co.oid = a.attcollation), true)),
              false)) AS usable
          FROM ROWS FROM (
            pg_catalog.unnest(i.indkey::pg_catalog.int2[]), pg_catalog.unnest(i.indcollation::pg_catalog.oid[])
          ) WITH ORDINALITY AS key(column_number, collation_id, number)
          LEFT JOIN columns AS a ON a.attrelid = i.indrelid AND a.attnum = key.column_number
          WHERE key.number <= i.indnkeyatts
        ) AS k
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND NOT i.indisexclusion
          AND i.indpred IS NULL AND i.indexprs IS NULL AND k.usable),
      'marks', (
        SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
          pg_catalog.string_agg(m.mark, ',' ORDER BY m.mark COLLATE pg_catalog."C"), 'UTF8')), 'hex')
        FROM marks AS m WHERE m.root = c.oid)
    ))
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid IN (SELECT oid FROM wanted)
  )
)::pg_catalog.text`;
}
