import type { Collation, ColumnType, TypeKind, TypeSystem } from "../../catalog.ts";
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

/** The types that the planner reasons about, in a database whose default collation is given. */
export function createTypeSystem(defaultCollation: Collation): TypeSystem {
  const byId = new Map<number, ColumnType>();
  const byArrayId = new Map<number, ColumnType>();
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
    if (!byKind.has(kind)) byKind.set(kind, type);
    for (const cast of casts) byCast.set(cast, type);
  }
  return {
    builtin(kind) {
      const type = byKind.get(kind);
      if (type === undefined) throw new TypeError(`no builtin type of kind ${kind}`);
      return type;
    },
    byId: (id) => byId.get(id) ?? null,
    elementOf: (arrayId) => byArrayId.get(arrayId) ?? null,
    byName: (name) => byCast.get(castName(name)) ?? null,
  };
}

/** The grammar turns `integer` into `pg_catalog.int4`; `text` and `uuid` stay as they are written. */
function castName({ name, modifiers, array }: TypeName): string {
  if (array || modifiers.length > 0) return "";
  if (name.length === 1) return name[0] ?? "";
  return name.length === 2 && name[0] === "pg_catalog" ? (name[1] ?? "") : "";
}
