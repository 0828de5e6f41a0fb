import type { Random } from "./random.ts";
import type { TypeName } from "./single-table.ts";

/** The kinds of type that the generator tells apart. */
export type Kind =
  | "int2"
  | "int4"
  | "int8"
  | "bool"
  | "text"
  | "varchar"
  | "char"
  | "uuid"
  | "date"
  | "timestamp"
  | "timestamptz"
  | "numeric"
  | "float8"
  | "enum"
  | "json"
  | "jsonb"
  | "array"
  | "bytea"
  | "interval"
  | "float4"
  | "other";

export interface SqlType {
  readonly kind: Kind;
  /** As declared and as written in a cast. */
  readonly name: TypeName;
  /** Labels of an enum, in declaration order. */
  readonly labels?: readonly string[];
  readonly element?: SqlType;
  /** Modifiers of a domain's base type. */
  readonly base?: readonly number[];
}

export function sqlType(kind: Kind, name: string = kind, ...modifiers: number[]): SqlType {
  return { kind, name: { name: [name], modifiers, array: false } };
}

export function arrayOf(element: SqlType): SqlType {
  return { kind: "array", name: { ...element.name, array: true }, element };
}

export const INT4: SqlType = sqlType("int4");
export const INT8: SqlType = sqlType("int8");
export const TEXT: SqlType = sqlType("text");
export const BOOL: SqlType = sqlType("bool");
export const NUMERIC: SqlType = sqlType("numeric");
export const FLOAT8: SqlType = sqlType("float8");

const WEIGHTS: { readonly [key in Kind | "domain"]: number } = {
  int2: 4,
  int4: 12,
  int8: 8,
  bool: 6,
  text: 14,
  varchar: 7,
  char: 5,
  uuid: 4,
  date: 6,
  timestamp: 6,
  timestamptz: 6,
  numeric: 14,
  float8: 6,
  enum: 5,
  json: 2,
  jsonb: 2,
  array: 2,
  bytea: 2,
  interval: 1,
  float4: 1,
  other: 2,
  domain: 4,
};

/** `named` are the enums and domains of the schema; a domain carries the kind of its base. */
export function randomType(random: Random, enums: readonly SqlType[], domains: readonly SqlType[]): SqlType {
  const kind = random.weighted(WEIGHTS);
  switch (kind) {
    case "varchar":
      return sqlType("varchar", "varchar", random.pick([1, 3, 10, 255]));
    case "char":
      return sqlType("char", "char", random.pick([1, 3, 8]));
    case "timestamp":
    case "timestamptz":
      return random.chance(0.8) ? sqlType(kind) : sqlType(kind, kind, random.pick([0, 3]));
    case "numeric":
      return random.chance(0.3) ? NUMERIC : sqlType("numeric", "numeric", ...random.pick(PRECISIONS));
    case "enum":
      return random.pick(enums);
    case "domain":
      return random.pick(domains);
    case "array":
      return arrayOf(random.pick([INT4, TEXT, sqlType("date"), FLOAT8, BOOL]));
    case "other":
      return sqlType("other", random.pick(["time", "timetz", "inet", "point", "int4range", "money", "oid", "name"]));
    default:
      return sqlType(kind);
  }
}

const PRECISIONS = [
  [10, 2],
  [18, 4],
  [18, 18],
  [18, 0],
  [5, 1],
  [1, 0],
  [30, 5],
  [19, 2],
  [12, 6],
  [4, -2],
  [3, 6],
] as const;
