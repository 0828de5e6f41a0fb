import type { Collation, ColumnType, TypeKind, TypeSession, TypeSystem } from "../../catalog.ts";
import type { TypeName } from "../../parse/ast.ts";

type Builtin = Exclude<TypeKind, "enum" | "wire">;

/** pg_type.dat: oid, oid of the array type, name in messages, and the names that a cast may use for it. */
const BUILTINS: readonly (readonly [kind: Builtin, oid: number, arrayOid: number, name: string, ...casts: string[]])[] =
  [
    ["bool", 16, 1000, "boolean", "bool"],
    ["int2", 21, 1005, "smallint", "int2"],
    ["int4", 23, 1007, "integer", "int4"],
    ["int8", 20, 1016, "bigint", "int8"],
    ["float8", 701, 1022, "double precision", "float8"],
    ["numeric", 1700, 1231, "numeric", "numeric"],
    ["text", 25, 1009, "text", "text"],
    ["text", 1043, 1015, "character varying", "varchar"],
    ["char", 1042, 1014, "character", "bpchar"],
    ["uuid", 2950, 2951, "uuid", "uuid"],
    ["date", 1082, 1182, "date", "date"],
    ["timestamp", 1114, 1115, "timestamp without time zone", "timestamp"],
    ["timestamptz", 1184, 1185, "timestamp with time zone", "timestamptz"],
    ["json", 114, 199, "json", "json"],
    ["json", 3802, 3807, "jsonb", "jsonb"],
  ];

/** What the items of an array are, by the oid of the array's type. */
export const ARRAY_ITEMS: ReadonlyMap<number, { readonly kind: Builtin; readonly oid: number }> = new Map(
  BUILTINS.map(([kind, oid, arrayOid]) => [arrayOid, { kind, oid }]),
);

/** The types that the planner reasons about, in a database whose default collation is given. */
export function createTypeSystem(defaultCollation: Collation, session: TypeSession): TypeSystem {
  const byId = new Map<number, ColumnType>();
  const byArrayId = new Map<number, ColumnType>();
  const arrays = new Map<number, ColumnType>();
  const byKind = new Map<Builtin, ColumnType>();
  const byCast = new Map<string, ColumnType>();
  for (const [kind, oid, arrayOid, name, ...casts] of BUILTINS) {
    const collation = kind === "text" || kind === "char" ? defaultCollation : null;
    const type: ColumnType = Object.freeze({
      kind,
      oid,
      name,
      modifier: -1,
      precision: null,
      labels: [],
      collation,
    });
    byId.set(oid, type);
    byArrayId.set(arrayOid, type);
    arrays.set(oid, arrayType(arrayOid, `${name}[]`));
    if (!byKind.has(kind)) byKind.set(kind, type);
    for (const cast of casts) byCast.set(cast, type);
  }
  return {
    session,
    builtin(kind) {
      const type = byKind.get(kind);
      if (type === undefined) throw new TypeError(`no builtin type of kind ${kind}`);
      return type;
    },
    byId: (id) => byId.get(id) ?? null,
    elementOf: (arrayId) => byArrayId.get(arrayId) ?? null,
    arrayOf: (elementId) => arrays.get(elementId) ?? null,
    byName: (name) => {
      if (name.array && name.modifiers.length === 0) {
        const element = byCast.get(castName({ ...name, array: false }));
        return element === undefined ? null : (arrays.get(element.oid) ?? null);
      }
      const type = byCast.get(castName(name)) ?? null;
      return type === null || name.modifiers.length === 0 ? type : modified(type, name.modifiers);
    },
  };
}

function arrayType(oid: number, name: string): ColumnType {
  return Object.freeze({ kind: "wire", oid, name, modifier: -1, precision: null, labels: [], collation: null });
}

/** `numeric(p,s)`, `varchar(n)` and `char(n)`: the modifier as `numerictypmodin` and `anychar_typmodin` pack it. */
function modified(type: ColumnType, modifiers: readonly number[]): ColumnType | null {
  const [first = 0, second = 0, ...more] = modifiers;
  if (type.kind === "numeric" && more.length === 0 && second >= 0) {
    const modifier = ((first << 16) | second) + 4;
    return { ...type, name: `numeric(${first},${second})`, modifier, precision: [first, second] };
  }
  const isSized = type.oid === 1043 || type.oid === 1042;
  return isSized && modifiers.length === 1 ? { ...type, name: `${type.name}(${first})`, modifier: first + 4 } : null;
}

/** The grammar turns `integer` into `pg_catalog.int4`; `text` and `uuid` stay as they are written. */
function castName({ name, array }: TypeName): string {
  if (array) return "";
  if (name.length === 1) return name[0] ?? "";
  return name.length === 2 && name[0] === "pg_catalog" ? (name[1] ?? "") : "";
}
