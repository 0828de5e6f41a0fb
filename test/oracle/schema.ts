import { quoteIdentifier, quoteString, typeText } from "./print.ts";
import { Random } from "./random.ts";
import { randomSpread, type Spread, spreadValues } from "./spread.ts";
import { arrayOf, INT4, INT8, randomType, type SqlType, sqlType, TEXT } from "./sql-type.ts";
import { type Profile, randomValue } from "./values.ts";

export interface ColumnSpec {
  readonly name: string;
  readonly type: SqlType;
  readonly collation: string | null;
  readonly nullable: boolean;
  readonly profile: Profile;
  readonly spread: Spread;
}

export interface TableSpec {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
  readonly primaryKey: readonly string[];
  readonly unique: readonly (readonly string[])[];
  readonly indexes: readonly (readonly string[])[];
  readonly foreignKeys?: readonly ForeignKey[];
  /** Values as the origin's input functions read them, in column order. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Columns that mean a row of another table. */
export interface ForeignKey {
  readonly columns: readonly string[];
  readonly table: string;
  readonly references: readonly string[];
  /** The origin enforces it: there are no orphans. */
  readonly declared: boolean;
}

export interface Schema {
  /** Statements that create types and collations. */
  readonly prelude: readonly string[];
  readonly tables: readonly TableSpec[];
}

export interface SchemaOptions {
  readonly tables: number;
  /** ICU collations exist on this server. */
  readonly icu: boolean;
  readonly maxRows: number;
}

const COLUMN_NAMES =
  "id name status price total qty created_at note code flag kind tags ref amount ratio order USER select rowid _rowid_ a.b ünï".split(
    " ",
  );
const ODD_NAMES = [
  "Name",
  'quo"te',
  "with space",
  "a:text",
  "a:rank",
  "a",
  "A",
  "oid_",
  "x".repeat(63),
  "$1",
  "--",
  "?column?",
  "count",
  "😀",
];
const TABLE_NAMES = [
  "orders",
  "users",
  "Orders",
  "order items",
  "t",
  "select",
  "sqlite_master",
  "main",
  'we"ird',
  "items",
];

const ENUMS = [
  { name: "size", labels: ["small", "medium", "large", "X-large", "a b"] },
  { name: "Mood", labels: ["zebra", "it's", "Ärger", "apple", "Apple"] },
];

/** All statements that create the schema and fill it. */
export function setupStatements(schema: Schema): string[] {
  return [
    ...schema.prelude,
    ...schema.tables.flatMap((table) => [createTable(table), ...indexStatements(table), ...insertStatements(table)]),
    ...schema.tables.flatMap((table) => foreignKeyStatements(table, schema)),
  ];
}

export function tableName(table: TableSpec): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}

export function insertStatements(table: TableSpec): string[] {
  if (table.columns.length === 0) return [];
  const statements: string[] = [];
  for (let start = 0; start < table.rows.length; start += 500) {
    const tuples = table.rows
      .slice(start, start + 500)
      .map((row) => `(${row.map((value) => (value === null ? "NULL" : quoteString(value))).join(",")})`);
    statements.push(`INSERT INTO ${tableName(table)} VALUES ${tuples.join(",")} ON CONFLICT DO NOTHING`);
  }
  return statements;
}

function createTable(table: TableSpec): string {
  const parts = table.columns.map((column) => {
    const collation = column.collation === null ? "" : ` COLLATE ${quoteIdentifier(column.collation)}`;
    return `${quoteIdentifier(column.name)} ${typeText(column.type.name)}${collation}${column.nullable ? "" : " NOT NULL"}`;
  });
  const list = (names: readonly string[]) => names.map(quoteIdentifier).join(", ");
  if (table.primaryKey.length > 0) parts.push(`PRIMARY KEY (${list(table.primaryKey)})`);
  for (const names of table.unique) parts.push(`UNIQUE (${list(names)})`);
  return `CREATE TABLE ${tableName(table)} (${parts.join(", ")})`;
}

function indexStatements(table: TableSpec): string[] {
  return table.indexes.map((names) => `CREATE INDEX ON ${tableName(table)} (${names.map(quoteIdentifier).join(", ")})`);
}

/** A key that the rows break after all (two texts that the origin reads as one value) is left out. */
function foreignKeyStatements(table: TableSpec, schema: Schema): string[] {
  const list = (names: readonly string[]) => names.map(quoteIdentifier).join(", ");
  return (table.foreignKeys ?? []).flatMap(({ columns, table: name, references, declared }) => {
    const target = schema.tables.find((other) => other.name === name);
    if (!declared || target === undefined) return [];
    const key = `ALTER TABLE ${tableName(table)} ADD FOREIGN KEY (${list(columns)}) REFERENCES ${tableName(target)} (${list(references)}) ON DELETE CASCADE`;
    return [`DO $do$ BEGIN ${key}; EXCEPTION WHEN OTHERS THEN NULL; END $do$`];
  });
}

/** `reset` empties what `setupStatements` made, so that one database serves many schemas. */
export const RESET_STATEMENTS: readonly string[] = [
  'DROP SCHEMA IF EXISTS public, "Other" CASCADE',
  "CREATE SCHEMA public",
  'CREATE SCHEMA "Other"',
];

export function randomSchema(seed: number, options: SchemaOptions): Schema {
  const random = new Random(seed);
  const { prelude, enums, domains } = namedTypes(options.icu);
  const names = random.shuffle(TABLE_NAMES);
  const tables = random.times(options.tables, (index) =>
    randomTable(random.fork(), names[index % names.length] ?? "t", enums, domains, {
      ...options,
      indexed: index === 0 && random.chance(0.75),
    }),
  );
  return { prelude, tables };
}

/** The enums and domains of every schema, and what creates them. */
export function namedTypes(icu: boolean): {
  readonly prelude: readonly string[];
  readonly enums: readonly SqlType[];
  readonly domains: readonly SqlType[];
} {
  const prelude = ENUMS.map(
    ({ name, labels }) => `CREATE TYPE ${quoteIdentifier(name)} AS ENUM (${labels.map(quoteString).join(", ")})`,
  );
  prelude.push(
    "CREATE DOMAIN positive AS int4 CHECK (VALUE::int8 > -3000000000)",
    "CREATE DOMAIN label AS text",
    "CREATE DOMAIN cash AS numeric(8,2)",
  );
  if (icu) prelude.push("CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
  return {
    prelude,
    enums: ENUMS.map(({ name, labels }) => ({ ...sqlType("enum", name), labels })),
    domains: [sqlType("int4", "positive"), sqlType("text", "label"), { ...sqlType("numeric", "cash"), base: [8, 2] }],
  };
}

/** What programs look rows up by. */
const KEY_TYPES = [INT4, INT4, INT8, TEXT, sqlType("varchar", "varchar", 10), sqlType("date"), sqlType("uuid")];

function randomTable(
  random: Random,
  name: string,
  enums: readonly SqlType[],
  domains: readonly SqlType[],
  options: SchemaOptions & { readonly indexed: boolean },
): TableSpec {
  const columns: ColumnSpec[] = [];
  const taken = new Set<string>();
  const add = (column: Omit<ColumnSpec, "name">, name: string) => {
    if (taken.has(name)) return;
    taken.add(name);
    columns.push({ ...column, name });
  };
  const plain = { collation: null, nullable: false, profile: "tame" as const, spread: "random" as const };
  const primaryKey: string[] = [];
  if (random.chance(0.75)) {
    const type = random.chance(0.7)
      ? random.pick([INT4, INT8])
      : random.pick([sqlType("uuid"), TEXT, sqlType("varchar", "varchar", 10)]);
    const spread = random.pick(["unique", "random"] as const);
    add({ ...plain, type, profile: type.kind === "int4" ? "wide" : "nasty", spread }, "id");
    primaryKey.push("id");
    if (random.chance(0.25)) {
      const spread = random.pick(["random", "few", "pairs"] as const);
      add({ ...plain, type: random.pick([INT4, TEXT, sqlType("date")]), spread }, "ref");
      primaryKey.push("ref");
      if (random.chance(0.5)) primaryKey.reverse();
    }
  }
  const rowCount = randomRowCount(random, options);
  const count = rowCount > 1000 ? random.int(3, 5) : random.int(3, 10);
  const pool = random.shuffle(random.chance(0.2) ? [...COLUMN_NAMES, ...ODD_NAMES] : COLUMN_NAMES);
  for (const columnName of pool) {
    if (columns.length >= count) break;
    const type = options.indexed && random.chance(0.75) ? random.pick(KEY_TYPES) : randomType(random, enums, domains);
    const profile = random.weighted({ tame: 4, wide: 2, nasty: 4 });
    add(
      {
        type,
        collation: randomCollation(random, type, options.icu),
        nullable: random.chance(0.6),
        profile,
        spread: randomSpread(random),
      },
      columnName,
    );
  }
  if (random.chance(0.1)) add({ ...plain, type: arrayOf(INT4), nullable: true }, "tags");
  const sortable = columns.filter(({ type }) => !["json", "other", "array"].includes(type.kind));
  const rows = columnsToRows(
    rowCount,
    columns.map((column) => randomCells(random, column, rowCount)),
  );
  const integerKey = primaryKey.length === 1 && (columns[0]?.type.kind === "int4" || columns[0]?.type.kind === "int8");
  if (integerKey && random.chance(0.8))
    rows.forEach((row, index) => {
      row[0] = String(index + 1);
    });
  return {
    schema: random.chance(0.1) ? "Other" : "public",
    name,
    columns,
    primaryKey,
    unique: random.chance(0.2) && sortable.length > 1 ? [[random.pick(sortable).name]] : [],
    indexes: random.chance(0.4) && sortable.length > 0 ? [[random.pick(sortable).name]] : [],
    rows,
  };
}

/** Around the bounds at which the engine builds indexes (200) and leaves the main thread (2,000), and any number. */
function randomRowCount(random: Random, { indexed, maxRows }: SchemaOptions & { readonly indexed: boolean }): number {
  const small = indexed ? {} : { "0": 1, "1": 1, "12": 4, "60": 5, "200": 2 };
  const kind = random.weighted<string>({ ...small, some: 3, bound: 0.6, many: 1.2 });
  if (kind === "some") return random.int(200, 900);
  if (kind === "bound") return random.int(1990, 2010);
  return kind === "many" ? random.int(2000, maxRows) : Number(kind);
}

export function randomCells(random: Random, column: ColumnSpec, count: number): (string | null)[] {
  const { type, profile, spread } = column;
  const values = spreadValues(random, type, profile, spread, count);
  const nulls = column.nullable ? random.pick([0, 0.02, 0.15, spread === "sparse" ? 0.9 : 0.15]) : 0;
  return random.times(count, (index) => {
    if (random.chance(nulls)) return null;
    return values?.[index] ?? randomValue(random, type, profile);
  });
}

function columnsToRows(count: number, cells: readonly (readonly (string | null)[])[]): (string | null)[][] {
  return Array.from({ length: count }, (_, index) => cells.map((column) => column[index] ?? null));
}

function randomCollation(random: Random, type: SqlType, icu: boolean): string | null {
  if (type.kind !== "text" && type.kind !== "varchar" && type.kind !== "char") return null;
  if (random.chance(0.6)) return null;
  const icuNames = ["und-x-icu", "en-US-x-icu", "sv-x-icu", "nocase"];
  return random.pick(icu ? ["C", "POSIX", ...icuNames] : ["C", "POSIX"]);
}
