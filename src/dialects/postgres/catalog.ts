import { createHash } from "node:crypto";
import type { Casing, Catalog, CatalogRefusal, Collation, Column, ColumnType, Table } from "../../catalog.ts";
import type { QualifiedName } from "../../parse/ast.ts";
import { quoteName } from "../../quoting.ts";
import { caseTableKey } from "./case-table.ts";
import type { CatalogRow, CollationRow, ColumnRow, TableRow } from "./catalog-query.ts";
import { kindOf, numericPrecision, OID } from "./kinds.ts";

/** Names whose meaning is remembered; beyond that all are forgotten and asked for again. */
const MAX_NAMES = 10_000;

const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set(["pg_catalog", "information_schema", "pg_toast"]);

/** Asks the server for the tables of these names and oids: one round trip of `catalogQuery()`. */
export type ReadCatalog = (names: readonly string[], ids: readonly string[]) => Promise<CatalogRow>;

/** The name as `to_regclass` takes it: every part quoted, so that nothing is folded. */
export function regclassText(name: QualifiedName): string {
  return name.map(quoteName).join(".");
}

/** The catalog of one origin as seen by the pool's sessions; remembers what it was told until `forget`. */
export class PostgresCatalog implements Catalog {
  readonly #read: ReadCatalog;
  readonly #utf8: () => boolean;
  readonly #answers = new Map<string, Promise<Table | CatalogRefusal>>();
  /** The names behind each table, to check at load time that they still mean it. */
  readonly #namesOf = new Map<string, Set<string>>();

  constructor(read: ReadCatalog, utf8: () => boolean) {
    this.#read = read;
    this.#utf8 = utf8;
  }

  table(name: QualifiedName): Promise<Table | CatalogRefusal> {
    const text = regclassText(name);
    const known = this.#answers.get(text);
    if (known !== undefined) return known;
    if (this.#answers.size >= MAX_NAMES) this.forget();
    const answer = this.#ask(text);
    this.#answers.set(text, answer);
    const drop = (): void => {
      if (this.#answers.get(text) === answer) this.#answers.delete(text);
    };
    // What does not exist may exist at the next call; an error says nothing of the table.
    answer.then((result) => {
      if ("kind" in result && result.reason === "unknown-table") drop();
    }, drop);
    return answer;
  }

  /** The names under which a table was looked up, as `to_regclass` takes them. */
  namesOf(id: string): readonly string[] {
    return [...(this.#namesOf.get(id) ?? [])];
  }

  /** Forgets these tables (ids), or everything. */
  forget(ids?: readonly string[]): void {
    if (ids === undefined) {
      this.#answers.clear();
      this.#namesOf.clear();
      return;
    }
    for (const id of ids) {
      for (const text of this.#namesOf.get(id) ?? []) this.#answers.delete(text);
      this.#namesOf.delete(id);
    }
  }

  /**
   * True if, for whom `read` asks, the tables are defined as their fingerprints say and the names under which they were
   * looked up still mean them.
   */
  async unchanged(tables: readonly Table[], read: ReadCatalog): Promise<boolean> {
    const names = tables.flatMap((table) =>
      [...(this.#namesOf.get(table.id) ?? [])].map((text) => ({ text, id: table.id })),
    );
    const row = await read(
      names.map(({ text }) => text),
      tables.map(({ id }) => id),
    );
    if (names.some(({ text, id }) => row.names?.[text] !== id)) return false;
    const found = new Map((row.tables ?? []).map((table) => [table.id, table]));
    return tables.every((table) => {
      const now = found.get(table.id);
      return now !== undefined && fingerprintOf(now) === table.fingerprint;
    });
  }

  async #ask(text: string): Promise<Table | CatalogRefusal> {
    let row: CatalogRow;
    try {
      row = await this.#read([text], []);
    } catch (error) {
      if (isNameError(error)) return refused("unknown-table", `${text}: ${error.message}`);
      throw error;
    }
    const id = row.names?.[text];
    const table = row.tables?.find((candidate) => candidate.id === id);
    if (table === undefined) return refused("unknown-table", `relation ${text} does not exist`);
    let names = this.#namesOf.get(table.id);
    if (names === undefined) {
      names = new Set();
      this.#namesOf.set(table.id, names);
    }
    names.add(text);
    return refusalOf(table) ?? tableOf(table, this.#utf8());
  }
}

/** No access to the schema, not a name at all, another database: the statement itself will tell. */
function isNameError(error: unknown): error is Error {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "42501" || error.code === "42602" || error.code === "0A000" || error.code === "3F000";
}

function refused(reason: CatalogRefusal["reason"], detail: string): CatalogRefusal {
  return { kind: "refused", reason, detail };
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  v: "a view",
  f: "a foreign table",
  S: "a sequence",
  c: "a composite type",
  i: "an index",
  I: "an index",
  t: "a TOAST table",
};

function refusalOf(row: TableRow): CatalogRefusal | null {
  const name = `${row.schema}.${row.name}`;
  if (SYSTEM_SCHEMAS.has(row.schema)) return refused("system-catalog", `${name} is part of the system catalogs`);
  if (row.persistence === "t") return refused("temporary-table", `${name} is a temporary table`);
  if (row.kind !== "r" && row.kind !== "p" && row.kind !== "m") {
    return refused("not-a-table", `${name} is ${KIND_NAMES[row.kind] ?? "not a table"}`);
  }
  if (row.foreignMember) return refused("not-a-table", `${name} has a foreign table among its partitions`);
  if (row.rowSecurity) return refused("row-level-security", `${name} has row-level security`);
  return null;
}

function fingerprintOf(row: TableRow): string {
  // Beside the marks: what they do not cover. A unique key can come and go without a trace in them, a collation's order
  // changes with the library behind it.
  const shape = [row.schema, row.name, row.rowSecurity, row.columns, row.keys, row.inherited, row.foreignMember];
  return createHash("sha256").update(row.marks).update(JSON.stringify(shape)).digest("base64url");
}

function tableOf(row: TableRow, utf8: boolean): Table {
  const keys = row.inherited ? [] : (row.keys ?? []);
  return Object.freeze({
    id: row.id,
    schema: row.schema,
    name: row.name,
    columns: Object.freeze((row.columns ?? []).map((column) => columnOf(column, row.inherited, utf8))),
    primaryKey: Object.freeze([...(keys.find((key) => key.primary)?.columns ?? [])]),
    uniqueKeys: Object.freeze(keys.map((key) => Object.freeze([...key.columns]))),
    estimatedRows: row.rows,
    fingerprint: fingerprintOf(row),
  });
}

function columnOf(row: ColumnRow, inherited: boolean, utf8: boolean): Column {
  const kind = kindOf(row.type, row.modifier, row.isEnum);
  const type: ColumnType = Object.freeze({
    kind,
    oid: row.type,
    name: row.typeName,
    modifier: row.modifier,
    precision: row.type === OID.numeric ? numericPrecision(row.modifier) : null,
    labels: Object.freeze([...(row.labels ?? [])]),
    collation: row.collation === null ? null : collationOf(row.collation, utf8),
  });
  return Object.freeze({ name: row.name, type, nullable: inherited || !row.notNull });
}

/** One object per collation, so that the same collation of two columns is the same object. */
const collations = new Map<string, Collation>();
/** How to write it in a COLLATE clause. */
const collationSql = new WeakMap<Collation, string>();

/** The COLLATE clause that asks the server for this order, with a leading blank; `""` for types without collation. */
export function collateClause(collation: Collation | null): string {
  if (collation === null) return "";
  const name = collationSql.get(collation);
  if (name === undefined) throw new TypeError(`The collation ${collation.name} is not one of this origin's catalog`);
  return ` COLLATE ${name}`;
}

export function collationOf(row: CollationRow, utf8: boolean): Collation {
  const key = JSON.stringify([row, utf8]);
  const known = collations.get(key);
  if (known !== undefined) return known;
  const byName = row.schema === "pg_catalog" ? row.name : `${row.schema}.${row.name}`;
  const locale = row.provider === "c" ? row.locale : `${row.provider === "i" ? "icu" : "builtin"}:${row.locale}`;
  const collation: Collation = Object.freeze({
    name: row.isDefault ? (locale ?? "default") : byName,
    ...(row.isDefault ? { ofDatabase: true } : {}),
    version: row.rules === null ? row.version : `${row.version ?? ""} ${row.rules}`,
    bytewise: utf8 && row.deterministic && isBytewise(row),
    deterministic: row.deterministic,
    ...casingOf(row, utf8),
  });
  collationSql.set(collation, regclassText([row.schema, row.name]));
  collations.set(key, collation);
  return collation;
}

/**
 * str_tolower() and str_toupper() in src/backend/utils/adt/formatting.c: ASCII by hand where the locale is C, one wide
 * character after another with libc, whole texts with ICU. Turkish and Azerbaijani have another `i`. The built-in provider
 * (version 17) maps single characters for C.UTF-8.
 */
function casingOf(row: CollationRow, utf8: boolean): { readonly casing?: Casing } {
  const isBuiltin = row.provider === "b";
  const locale = isBuiltin ? row.locale : row.ctype;
  if (row.provider !== "i" && (locale === "C" || locale === "POSIX")) return { casing: { kind: "ascii" } };
  if (!utf8) return {};
  if (row.provider === "i") return /^(?:tr|az)/i.test(row.locale ?? "tr") ? {} : { casing: { kind: "context" } };
  if (isBuiltin && locale !== "C.UTF-8") return {};
  return { casing: { kind: "table", resource: caseTableKey(regclassText([row.schema, row.name])) } };
}

/**
 * Compared with memcmp. libc: "C" and "POSIX" only (lc_collate_is_c in src/backend/utils/adt/pg_locale.c); its C.UTF-8
 * is the C library's business. The built-in provider (version 17) knows only such orders.
 */
function isBytewise(row: CollationRow): boolean {
  if (row.provider === "b") return true;
  return row.provider === "c" && (row.locale === "C" || row.locale === "POSIX");
}
