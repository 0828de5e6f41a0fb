import { Random } from "../random.ts";
import { type ColumnSpec, type ForeignKey, namedTypes, randomCells, type Schema, type TableSpec } from "../schema.ts";
import { INT4, INT8, randomType, type SqlType, sqlType, TEXT } from "../sql-type.ts";
import type { Profile } from "../values.ts";

export interface RelatedSchemaOptions {
  readonly icu: boolean;
  /** Locales of the C library that the server has, such as `de_DE`. */
  readonly locales: readonly string[];
}

const TABLE_NAMES = 'users posts tags post_tags orders items order Events t we"ird'.split(" ");
/** Of a schema, the same name mostly has the same type in all tables: NATURAL and USING need that. */
const SHARED_NAMES =
  "name status price total qty created_at note code flag kind amount ratio data day USER a.b ünï".split(" ");

/** Several tables that refer to each other, most of them small. */
export function relatedSchema(seed: number, options: RelatedSchemaOptions): Schema {
  const random = new Random(seed);
  const { prelude, enums, domains } = namedTypes(options.icu);
  const collations = ["C", "POSIX", ...(options.icu ? ["und-x-icu", "en-US-x-icu", "nocase"] : [])];
  const locales = options.locales.map((locale) => {
    const name = locale.toLowerCase();
    collations.push(name);
    return `CREATE COLLATION ${name} (provider = libc, locale = '${locale}.UTF-8')`;
  });
  const maker = new SchemaMaker(random, enums, domains, collations);
  const names = random.shuffle(TABLE_NAMES).slice(0, random.pick([2, 3, 3, 4, 4, 5]));
  for (const name of names) maker.add(name);
  return { prelude: [...prelude, ...locales], tables: maker.tables };
}

class SchemaMaker {
  readonly tables: TableSpec[] = [];
  readonly #random: Random;
  readonly #shared = new Map<string, Omit<ColumnSpec, "name">>();
  readonly #types: () => SqlType;
  readonly #collations: readonly string[];

  constructor(random: Random, enums: readonly SqlType[], domains: readonly SqlType[], collations: readonly string[]) {
    this.#random = random;
    this.#types = () => randomType(random, enums, domains);
    this.#collations = collations;
  }

  add(name: string): void {
    const random = this.#random;
    const count = this.#rowCount();
    const columns: ColumnSpec[] = [];
    const cells: (readonly (string | null)[])[] = [];
    const foreignKeys: ForeignKey[] = [];
    const put = (column: ColumnSpec, values: readonly (string | null)[]): void => {
      if (columns.some((other) => other.name === column.name)) return;
      columns.push(column);
      cells.push(values);
    };
    const form = random.weighted({ id: 6, composite: 1.5, pivot: 1.5, none: 1 });
    const parents = this.tables.filter(({ primaryKey, rows }) => primaryKey.length === 1 && rows.length > 0);
    const primaryKey: string[] = [];
    if (form === "id") {
      const type = random.weighted({ int4: 6, int8: 2, uuid: 1, text: 1 });
      const column = plain(
        "id",
        type === "text" ? TEXT : type === "uuid" ? sqlType("uuid") : type === "int4" ? INT4 : INT8,
      );
      put(column, random.chance(0.8) ? this.#unique(column, count) : randomCells(random, column, count));
      primaryKey.push("id");
    }
    const references = form === "pivot" ? 2 : random.pick([0, 1, 1, 2]);
    for (let index = 0; index < references; index++) {
      const own = form === "id" && index === 0 && random.chance(0.15);
      const parent = own ? null : parents.length > 0 ? random.pick(parents) : null;
      const keyName = own ? "id" : parent?.primaryKey[0];
      const keyIndex = own ? 0 : (parent?.columns.findIndex((column) => column.name === keyName) ?? -1);
      const key = own ? columns[0] : parent?.columns[keyIndex];
      if (key === undefined || keyName === undefined) continue;
      const nullable = form !== "pivot" && random.chance(0.5);
      const targets =
        (own ? cells[0] : parent?.rows.map((row) => row[keyIndex] ?? null))?.filter((value) => value !== null) ?? [];
      if (targets.length === 0) continue;
      const declared = random.chance(0.5);
      const columnName = own ? "parent_id" : `${singular(parent?.name ?? "")}_id`;
      const orphans = declared ? [] : this.#unique(key, 3).map((value) => `${value}`);
      const values = random.times(count, () => {
        if (nullable && random.chance(0.2)) return null;
        return orphans.length > 0 && random.chance(0.1) ? random.pick(orphans) : random.pick(targets);
      });
      const before = columns.length;
      put({ ...key, name: columnName, nullable }, values);
      if (columns.length === before) continue;
      foreignKeys.push({
        columns: [columnName],
        table: own ? name : (parent?.name ?? ""),
        references: [keyName],
        declared,
      });
      if (form === "pivot") primaryKey.push(columnName);
    }
    if (form === "composite") {
      for (const part of ["region", "seq"]) {
        const column = plain(part, part === "seq" ? INT4 : random.pick([TEXT, INT4, sqlType("date")]));
        put(column, randomCells(random, column, count));
        primaryKey.push(part);
      }
    }
    for (const column of this.#attributes(random.int(2, 6))) put(column, randomCells(random, column, count));
    const unique = columns.filter(({ type, name: own }) => uniqueable(type) && !primaryKey.includes(own));
    this.tables.push({
      schema: random.chance(0.08) ? "Other" : "public",
      name,
      columns,
      primaryKey,
      unique: random.chance(0.2) && unique.length > 0 ? [[random.pick(unique).name]] : [],
      indexes: [],
      foreignKeys,
      rows: this.#rows(count, cells, primaryKey.length === 0),
    });
  }

  #rowCount(): number {
    const kind = this.#random.weighted({ none: 0.6, one: 0.7, few: 4, some: 4, many: 1 });
    const bounds = { none: [0, 0], one: [1, 1], few: [2, 12], some: [12, 40], many: [60, 260] } as const;
    const [low, high] = bounds[kind];
    return this.#random.int(low, high);
  }

  #attributes(count: number): ColumnSpec[] {
    const random = this.#random;
    return random
      .shuffle(SHARED_NAMES)
      .slice(0, count)
      .map((name): ColumnSpec => {
        const known = this.#shared.get(name);
        if (known !== undefined && random.chance(0.8)) return { ...known, name, nullable: random.chance(0.6) };
        const type = this.#types();
        const textual = type.kind === "text" || type.kind === "varchar" || type.kind === "char";
        const column = {
          type,
          collation: textual && random.chance(0.25) ? random.pick(this.#collations) : null,
          nullable: random.chance(0.6),
          profile: random.weighted<Profile>({ tame: 5, wide: 2, nasty: 4 }),
          spread: random.pick<ColumnSpec["spread"]>(["random", "random", "few", "few", "unique"]),
        };
        this.#shared.set(name, column);
        return { ...column, name };
      });
  }

  /** Different values, as the types of keys have them. */
  #unique(column: ColumnSpec, count: number): string[] {
    const random = this.#random;
    const start = random.pick([1, 1, 1, 0, -2, 1000]);
    switch (column.type.kind) {
      case "uuid":
        return random.times(
          count,
          (index) => `00000000-0000-4000-a000-${String(start + 10 + index).padStart(12, "0")}`,
        );
      case "text":
        return random.times(count, (index) => `${random.pick(["k", "K", "é", "-", "a b"])}${start + index}`);
      default:
        return random.times(count, (index) => String(start + index));
    }
  }

  /** Without a key, rows come twice now and then. */
  #rows(count: number, cells: readonly (readonly (string | null)[])[], repeats: boolean): (string | null)[][] {
    const rows = this.#random.times(count, (index) => cells.map((column) => column[index] ?? null));
    return repeats ? rows.map((row) => (this.#random.chance(0.3) ? this.#random.pick(rows) : row)) : rows;
  }
}

function plain(name: string, type: SqlType): ColumnSpec {
  return { name, type, collation: null, nullable: false, profile: "tame", spread: "random" };
}

function singular(name: string): string {
  return name.endsWith("s") ? name.slice(0, -1) : name;
}

function uniqueable({ kind }: SqlType): boolean {
  return ["int2", "int4", "int8", "text", "varchar", "uuid", "date", "numeric", "timestamp"].includes(kind);
}
