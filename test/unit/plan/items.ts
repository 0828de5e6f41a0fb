import type { Collation, Column, ColumnType, Table } from "../../../src/catalog.ts";
import { createTypeSystem } from "../../../src/dialects/postgres/type-system.ts";
import type { ColumnFacts } from "../../../src/store/column-set.ts";

const EN_US: Collation = {
  name: "en_US.utf8",
  version: "2.39",
  bytewise: false,
  deterministic: true,
  casing: { kind: "table", resource: "cases" },
};
const C: Collation = { name: "C", version: null, bytewise: true, deterministic: true, casing: { kind: "ascii" } };
const NO_CASE: Collation = { name: "ignore_case", version: "153.120", bytewise: false, deterministic: false };

/** Of a database whose texts follow en_US. */
export const types = createTypeSystem(EN_US, { utf8: true, utc: true, isoDates: true, plainIntervals: true });

type Builtin = Parameters<typeof types.builtin>[0];

function plain(kind: Builtin, changes: Partial<ColumnType> = {}): ColumnType {
  return { ...types.builtin(kind), ...changes };
}

function decimal(precision: number, scale: number): ColumnType {
  const modifier = ((precision << 16) | scale) + 4;
  return plain("numeric", { name: `numeric(${precision},${scale})`, modifier, precision: [precision, scale] });
}

const UNMODELLED = { modifier: -1, precision: null, labels: [], collation: null };
const MOOD: ColumnType = { ...UNMODELLED, kind: "enum", oid: 50001, name: "mood", labels: ["sad", "ok", "happy"] };
const INET: ColumnType = { ...UNMODELLED, kind: "wire", oid: 869, name: "inet" };

function column(name: string, type: ColumnType, nullable = true): Column {
  return Object.freeze({ name, type: Object.freeze(type), nullable });
}

/** One column of each kind that the planner knows, texts under each sort of collation. */
export const ITEMS: Table = Object.freeze<Table>({
  id: "16384",
  schema: "public",
  name: "items",
  columns: Object.freeze([
    column("id", plain("int4"), false),
    column("small", plain("int2")),
    column("big", plain("int8")),
    column("flag", plain("bool")),
    column("ratio", plain("float8")),
    column("price", decimal(10, 2)),
    column("cost", decimal(8, 3)),
    column("exact", plain("numeric")),
    column("name", plain("text")),
    column("title", plain("text", { oid: 1043, name: "character varying(20)", modifier: 24 })),
    column("code", plain("text", { collation: C })),
    column("fuzzy", plain("text", { collation: NO_CASE })),
    column("iso", plain("char", { name: "character(3)", modifier: 7 })),
    column("uid", plain("uuid")),
    column("day", plain("date")),
    column("made", plain("timestamp")),
    column("seen", plain("timestamptz")),
    column("mood", MOOD),
    column("doc", plain("json", { oid: 3802, name: "jsonb" })),
    column("addr", INET),
    column("Mixed Case", plain("int4")),
    column("a:rank", plain("int4")),
  ]),
  primaryKey: Object.freeze(["id"]),
  uniqueKeys: Object.freeze([Object.freeze(["id"])]),
  estimatedRows: 1000,
  fingerprint: "items-1",
});

/** Owned by rows of `items`, whose key it refers to; its own key has two columns, and a mail address is unique. */
export const OWNERS: Table = Object.freeze<Table>({
  id: "16390",
  schema: "public",
  name: "owners",
  columns: Object.freeze([
    column("item_id", plain("int4"), false),
    column("place", plain("int2"), false),
    column("name", plain("text")),
    column("mail", plain("text", { collation: C }), false),
    column("big", plain("int8")),
    column("share", decimal(12, 3)),
    column("mood", MOOD),
    column("doc", plain("json", { oid: 3802, name: "jsonb" })),
  ]),
  primaryKey: Object.freeze(["item_id", "place"]),
  uniqueKeys: Object.freeze([Object.freeze(["item_id", "place"]), Object.freeze(["mail"])]),
  estimatedRows: 1000,
  fingerprint: "owners-1",
});

/** Two columns of `items` and nothing unique. */
export const MARKS: Table = Object.freeze<Table>({
  id: "16400",
  schema: "other",
  name: "marks",
  columns: Object.freeze([column("id", plain("int4")), column("name", plain("text")), column("at", plain("int4"))]),
  primaryKey: Object.freeze([]),
  uniqueKeys: Object.freeze([]),
  estimatedRows: 1000,
  fingerprint: "marks-1",
});

function array(element: Builtin, changes: Partial<ColumnType> = {}): ColumnType {
  const type = types.arrayOf(types.builtin(element).oid);
  if (type === null) throw new Error(`no array of ${element}`);
  return { ...type, ...changes };
}

/** Arrays and documents. */
export const PAPERS: Table = Object.freeze<Table>({
  id: "16410",
  schema: "public",
  name: "papers",
  columns: Object.freeze([
    column("id", plain("int4"), false),
    column("tags", array("text", { collation: EN_US })),
    column("fuzzy", array("text", { collation: NO_CASE })),
    column("pages", array("int4")),
    column("rates", array("numeric")),
    column("doc", plain("json", { oid: 3802, name: "jsonb" })),
    column("raw", plain("json")),
  ]),
  primaryKey: Object.freeze(["id"]),
  uniqueKeys: Object.freeze([Object.freeze(["id"])]),
  estimatedRows: 1000,
  fingerprint: "papers-1",
});

const EXTREMES: Readonly<Record<string, readonly [number | bigint, number | bigint]>> = {
  id: [1, 1000],
  small: [0, 100],
  big: [-5, 5_000_000_000],
  flag: [0, 1],
  ratio: [-1.5, 1e6],
  price: [-100, 9_999_999],
  cost: [0, 250_000],
  day: [18_000, 20_000],
  made: [1_600_000_000_000_000, 1_700_000_000_000_000],
  seen: [1_600_000_000_000_000, 1_700_000_000_000_000],
  "Mixed Case": [-7, 7],
  "a:rank:value": [0, 9],
  item_id: [1, 1000],
  place: [0, 20],
  share: [0, 5_000_000],
  at: [0, 100],
};

const NOT_NULL: ReadonlySet<string> = new Set(["id", "item_id", "place", "mail"]);

/** What a load of a thousand ordinary rows would have seen: NULLs in each nullable column, no NaN, no -0. */
export function ordinaryFacts(physicalName: string): ColumnFacts {
  const [min, max] = EXTREMES[physicalName] ?? [null, null];
  return { min, max, hasNull: !NOT_NULL.has(physicalName), hasNaN: false, hasNegativeZero: false };
}

/** A type's id by the name that fixtures use: the kinds, `varchar`, `mood`, and each with `[]`. */
export function typeId(name: string): number {
  if (name.endsWith("[]")) {
    const element = typeId(name.slice(0, -2));
    const ids = Array.from({ length: 4000 }, (_, id) => id);
    const array = ids.find((id) => types.elementOf(id)?.oid === element);
    if (array === undefined) throw new Error(`no array type of ${name}`);
    return array;
  }
  const known = types.byName({ name: [name === "char" ? "bpchar" : name], modifiers: [], array: false });
  const type = known ?? ITEMS.columns.find((one) => one.type.name === name)?.type;
  if (type === undefined) throw new Error(`no type is called ${name}`);
  return type.oid;
}
