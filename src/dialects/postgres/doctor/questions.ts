/** What the server says of itself and of the role. */
export interface ServerFacts {
  readonly version: string;
  readonly versionNumber: number;
  readonly database: string;
  readonly role: string;
  readonly superuser: boolean;
  readonly replication: boolean;
  /** Roles of managed services that stand for REPLICATION, and that the role is a member of. */
  readonly memberOf: readonly string[];
  readonly createInDatabase: boolean;
  readonly standby: boolean;
  readonly backendPid: number;
  readonly settings: Readonly<Record<string, string | null>>;
  readonly slots: number;
  readonly senders: number | null;
  readonly provider: "rds" | "cloudsql" | "azure" | "supabase" | null;
  readonly publications: readonly string[];
}

export const SETTINGS = [
  "wal_level",
  "max_replication_slots",
  "max_wal_senders",
  "max_slot_wal_keep_size",
  "synchronous_commit",
  "synchronous_standby_names",
  "wal_sender_timeout",
] as const;

/** `$1`: a JSON array of names of settings. Providers by what only their servers have. */
export const SERVER_QUERY = `
SELECT pg_catalog.json_build_object(
  'version', pg_catalog.current_setting('server_version'),
  'versionNumber', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'database', pg_catalog.current_database(),
  'role', current_user,
  'superuser', r.rolsuper,
  'replication', r.rolreplication,
  'memberOf', (SELECT COALESCE(pg_catalog.json_agg(m.rolname), '[]') FROM pg_catalog.pg_roles AS m
               WHERE m.rolname IN ('rds_replication', 'rds_superuser', 'azure_pg_admin', 'cloudsqlsuperuser')
                 AND pg_catalog.pg_has_role(m.oid, 'MEMBER')),
  'createInDatabase', pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
  'standby', pg_catalog.pg_is_in_recovery(),
  'backendPid', pg_catalog.pg_backend_pid(),
  'settings', (SELECT pg_catalog.json_object_agg(s.name, pg_catalog.current_setting(s.name, true))
               FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS s(name)),
  'slots', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots),
  'senders', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_wal_senders()),
  'provider', CASE
    WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'rds_superuser') THEN 'rds'
    WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'cloudsqlsuperuser') THEN 'cloudsql'
    WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'azure_pg_admin') THEN 'azure'
    WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'supabase_admin') THEN 'supabase' END,
  'publications', (SELECT COALESCE(pg_catalog.json_agg(p.pubname ORDER BY p.pubname), '[]')
                   FROM pg_catalog.pg_publication AS p)
)::pg_catalog.text
FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user`;

/** A relation that holds rows of a table: itself, or a partition or child. */
export interface LeafFacts {
  readonly name: string;
  readonly kind: string;
  readonly persistence: string;
  /** `pg_class.relreplident`. */
  readonly identity: string;
  readonly primaryKey: boolean;
  /** The index of `REPLICA IDENTITY USING INDEX` is there. */
  readonly identityIndex: boolean;
  readonly publications: readonly string[];
}

export interface TableFacts {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly persistence: string;
  readonly rowSecurity: boolean;
  readonly readable: boolean;
  readonly owner: string;
  readonly generated: readonly string[];
  readonly leaves: readonly LeafFacts[];
}

/** Ids of the tables that users have made; partitions belong to theirs. */
export const ALL_TABLES_QUERY = `
SELECT COALESCE(pg_catalog.json_agg(c.oid::pg_catalog.text ORDER BY n.nspname, c.relname), '[]')::pg_catalog.text
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'sqlmem') AND n.nspname NOT LIKE 'pg\\_toast%'`;

/** The id of the relation that `$1` names; empty if there is none. */
export const NAMED_TABLE_QUERY = `
SELECT c.oid::pg_catalog.text FROM pg_catalog.pg_class AS c
WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p', 'm', 'f')`;

/** `$1`: a JSON array of ids. */
export const TABLES_QUERY = `
WITH RECURSIVE
wanted (root) AS (SELECT w.id::pg_catalog.oid FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS w(id)),
below (root, oid) AS (
  SELECT root, root FROM wanted
  UNION
  SELECT b.root, i.inhrelid FROM below AS b JOIN pg_catalog.pg_inherits AS i ON i.inhparent = b.oid
)
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
  'id', c.oid::pg_catalog.text,
  'name', pg_catalog.format('%I.%I', n.nspname, c.relname),
  'kind', c.relkind,
  'persistence', c.relpersistence,
  'rowSecurity', c.relrowsecurity,
  'readable', pg_catalog.has_table_privilege(c.oid, 'SELECT'),
  'owner', pg_catalog.pg_get_userbyid(c.relowner),
  'generated', (SELECT COALESCE(pg_catalog.json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attgenerated <> '' AND NOT a.attisdropped),
  'leaves', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', pg_catalog.format('%I.%I', ln.nspname, l.relname),
      'kind', l.relkind,
      'persistence', l.relpersistence,
      'identity', l.relreplident,
      'primaryKey', EXISTS (SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = l.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid),
      'identityIndex', EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = l.oid AND i.indisreplident),
      'publications', (SELECT COALESCE(pg_catalog.json_agg(p.pubname), '[]')
                       FROM pg_catalog.pg_publication_tables AS p WHERE p.schemaname = ln.nspname AND p.tablename = l.relname)
    ) ORDER BY ln.nspname, l.relname), '[]')
    FROM below AS b JOIN pg_catalog.pg_class AS l ON l.oid = b.oid
    JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.relnamespace
    WHERE b.root = c.oid AND l.relkind <> 'p')
) ORDER BY n.nspname, c.relname), '[]')::pg_catalog.text
FROM wanted AS w JOIN pg_catalog.pg_class AS c ON c.oid = w.root
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace`;
