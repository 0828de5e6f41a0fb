import type { QualifiedName, TypeName } from "./parse/ast.ts";

/**
 * What the cache knows of the origin's tables. A dialect fills it; `plan/` reads it.
 * Everything is frozen: a changed table is a new `Table` with another `fingerprint`.
 */
export interface Table {
  /** The origin's own identity of the table, as text (Postgres: its oid). Survives a rename. */
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  /** Names of the primary key's columns in key order; empty when there is none. */
  readonly primaryKey: readonly string[];
  /** Column lists of all unique constraints over NOT NULL columns and without predicate, the primary key included. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** The origin's estimate of the row count; `null` when it has none. */
  readonly estimatedRows: number | null;
  /** Changes with every change of the definition, not with changes of rows. */
  readonly fingerprint: string;
}

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
}

/**
 * The kinds of value that the planner can reason about. A type with no kind of its own is `wire`: it can be projected
 * (as the text that the origin sends) and tested for NULL, nothing else.
 */
export type TypeKind =
  | "int2"
  | "int4"
  | "int8"
  | "bool"
  | "float8"
  | "text"
  | "char"
  | "uuid"
  | "date"
  | "timestamp"
  | "timestamptz"
  | "numeric"
  | "enum"
  | "json"
  | "wire";

export interface ColumnType {
  readonly kind: TypeKind;
  /** The type that the origin reports for a projected column (Postgres: the base type's oid; a domain's is its base). */
  readonly oid: number;
  /** As a person writes it, for messages: `numeric(10,2)`, `character varying(20)`. */
  readonly name: string;
  /** The origin's own type modifier; -1 when there is none. */
  readonly modifier: number;
  /** `numeric(p,s)`: `[p, s]`; otherwise `null`. */
  readonly precision: readonly [precision: number, scale: number] | null;
  /** Enum labels in declaration order; otherwise empty. */
  readonly labels: readonly string[];
  /** For text kinds. */
  readonly collation: Collation | null;
}

export interface Collation {
  /** `en_US.utf8`, `C`, `und-x-icu`; identifies the order together with `version`. */
  readonly name: string;
  /** The database's own: another one than that of the same name which a column declares. */
  readonly ofDatabase?: true;
  readonly version: string | null;
  /** Order is that of the UTF-8 bytes, as SQLite's BINARY. */
  readonly bytewise: boolean;
  /** Equality is equality of bytes. */
  readonly deterministic: boolean;
  /** How lower() and upper() work under it; absent where nobody here knows. */
  readonly casing?: Casing;
}

export type Casing =
  /** The letters A to Z and a to z, and nothing else. */
  | { readonly kind: "ascii" }
  /** Each character by itself, as the origin's table says: a resource of this name. */
  | { readonly kind: "table"; readonly resource: string }
  /** As `ascii` in texts of ASCII characters; what happens in others depends on more than the character. */
  | { readonly kind: "context" };

export interface CatalogRefusal {
  readonly kind: "refused";
  readonly reason: "unknown-table" | "system-catalog" | "not-a-table" | "temporary-table" | "row-level-security";
  readonly detail: string;
}

export interface Catalog {
  /** The table that an unqualified or qualified name means for the caller's session, or why it cannot be cached. */
  table(name: QualifiedName): Promise<Table | CatalogRefusal>;
}

/** The origin's types, as far as the planner reasons about them. */
export interface TypeSystem {
  /** The plain type of a kind, without modifier; text kinds have the database's default collation. */
  builtin(kind: Exclude<TypeKind, "enum" | "wire">): ColumnType;
  /** By the origin's type id; `null` for types without a kind of their own. */
  byId(id: number): ColumnType | null;
  /** The element type of an array type's id. */
  elementOf(arrayId: number): ColumnType | null;
  /** The array type over an element type's id. */
  arrayOf(elementId: number): ColumnType | null;
  /** A type as written in a cast; `null` when it is not one of those that the planner knows. */
  byName(type: TypeName): ColumnType | null;
  /** What functions depend on beside their arguments. */
  readonly session: TypeSession;
}

export interface TypeSession {
  /** The origin keeps texts in UTF-8. */
  readonly utf8: boolean;
  /** The session's time zone is UTC. */
  readonly utc: boolean;
  /** Dates and times are written in ISO form. */
  readonly isoDates: boolean;
  /** Intervals are written and read in the origin's own form (`1 day 02:00:00`). */
  readonly plainIntervals: boolean;
}
