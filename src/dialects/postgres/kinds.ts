import type { TypeKind } from "../../catalog.ts";

/** Oids of `pg_type.dat` that the code names. They are fixed for ever: clients rely on them. */
export const OID = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  timetz: 1266,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const;

const KINDS: ReadonlyMap<number, TypeKind> = new Map<number, TypeKind>([
  [OID.bool, "bool"],
  [OID.int2, "int2"],
  [OID.int4, "int4"],
  [OID.int8, "int8"],
  [OID.float8, "float8"],
  [OID.text, "text"],
  [OID.varchar, "text"],
  [OID.bpchar, "char"],
  [OID.uuid, "uuid"],
  [OID.date, "date"],
  [OID.timestamp, "timestamp"],
  [OID.timestamptz, "timestamptz"],
  [OID.numeric, "numeric"],
  [OID.json, "json"],
  [OID.jsonb, "json"],
]);

/**
 * The kind of a column's base type. bpchar of no declared length keeps its blanks without comparing them, so that the
 * text to show does not follow from the text to compare: such a column can only be projected.
 */
export function kindOf(oid: number, modifier: number, isEnum: boolean): TypeKind {
  if (isEnum) return "enum";
  if (oid === OID.bpchar && modifier < 5) return "wire";
  return KINDS.get(oid) ?? "wire";
}

/** `numeric_typmod_precision` and `numeric_typmod_scale` of src/backend/utils/adt/numeric.c; the scale may be negative. */
export function numericPrecision(modifier: number): readonly [precision: number, scale: number] | null {
  if (modifier < 4) return null;
  const packed = modifier - 4;
  return [(packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024];
}
