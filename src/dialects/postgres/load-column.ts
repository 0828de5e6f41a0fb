import type { Column } from "../../catalog.ts";
import { quoteName } from "../../quoting.ts";
import { type Encoding, scaleOf } from "../../store/column-set.ts";
import type { LoadColumn } from "../../store/contract.ts";
import { collateClause } from "./catalog.ts";
import type { FieldCodec } from "./copy-field.ts";
import { OID } from "./kinds.ts";

/**
 * How a physical column of the store is filled. Columns whose codecs have the same `field` share one field of the COPY
 * stream: a text and its rank are sent once.
 */
export function loadColumn(column: Column, encoding: Encoding, dictionaries: readonly string[]): LoadColumn {
  return { column: column.name, encoding, ...treatment(column, encoding, dictionaries) };
}

/** How a dictionary is read, and how its texts sort. */
export interface DictionaryCodec {
  readonly field: string;
  readonly as: "text" | "char";
  /** A COLLATE clause. */
  readonly collate: string;
}

/** The codec of a dictionary stream: distinct values of a text column. */
export function dictionaryCodec(column: Column): DictionaryCodec {
  if (column.type.kind !== "text" && column.type.kind !== "char") {
    throw new TypeError(`${column.type.name} has no dictionary`);
  }
  return { field: quoteName(column.name), as: column.type.kind, collate: collateClause(column.type.collation) };
}

function treatment(
  column: Column,
  encoding: Encoding,
  dictionaries: readonly string[],
): Pick<LoadColumn, "declared" | "codec"> {
  const { kind, oid, labels } = column.type;
  const raw = quoteName(column.name);
  const make = (declared: LoadColumn["declared"], codec: FieldCodec): Pick<LoadColumn, "declared" | "codec"> => ({
    declared,
    codec,
  });
  const wire = { field: wireTextExpression(column), as: "text" } as const;

  if (encoding === "rank") {
    if (kind === "enum") return make("INTEGER", { field: raw, as: "ordinal", labels });
    const dictionary = dictionaries.indexOf(column.name);
    if ((kind !== "text" && kind !== "char") || dictionary < 0) {
      throw new TypeError(`${column.name} ${column.type.name} has no rank without a dictionary`);
    }
    return make("INTEGER", { field: raw, as: kind === "char" ? "charRank" : "textRank", dictionary });
  }
  if (encoding === "key") {
    if (kind !== "numeric") throw new TypeError(`${column.name} ${column.type.name} has no key`);
    return make("BLOB", { field: raw, as: "numericKey" });
  }
  if (encoding === "text") return make("TEXT", wire);

  switch (kind) {
    case "int2":
    case "int4":
    case "int8":
    case "bool":
    case "date":
      return make("INTEGER", { field: raw, as: kind });
    case "timestamp":
    case "timestamptz":
      return make("INTEGER", { field: raw, as: "timestamp" });
    case "float8":
      return make("", { field: raw, as: "float8" });
    case "text":
    case "char":
    case "uuid":
      return make("TEXT", { field: raw, as: kind });
    case "enum":
      return make("TEXT", { field: raw, as: "text" });
    case "json":
      return make("TEXT", { field: raw, as: oid === OID.jsonb ? "jsonb" : "text" });
    case "numeric": {
      const scale = scaleOf(column.type);
      return scale === null ? make("TEXT", wire) : make("INTEGER", { field: raw, as: "scaled", scale });
    }
    case "wire":
      return make("TEXT", wire);
    default:
      return kind satisfies never;
  }
}

/** Output functions of types that are often kept as text; the others go through format(), which is slower. */
const OUTPUT_FUNCTIONS: ReadonlyMap<number, string> = new Map<number, string>([
  [OID.bool, "boolout"],
  [OID.bytea, "byteaout"],
  [OID.int2, "int2out"],
  [OID.int4, "int4out"],
  [OID.int8, "int8out"],
  [OID.float4, "float4out"],
  [OID.float8, "float8out"],
  [OID.numeric, "numeric_out"],
  [OID.date, "date_out"],
  [OID.time, "time_out"],
  [OID.timetz, "timetz_out"],
  [OID.timestamp, "timestamp_out"],
  [OID.timestamptz, "timestamptz_out"],
  [OID.interval, "interval_out"],
  [OID.uuid, "uuid_out"],
  [OID.json, "json_out"],
  [OID.jsonb, "jsonb_out"],
]);

/**
 * SQL for the text that the server would send for the column. Not a cast: bool, char, inet, xml and others have casts to
 * text that yield another one, and anybody may create more.
 */
function wireTextExpression(column: Column): string {
  const { kind, oid } = column.type;
  const name = quoteName(column.name);
  // Their binary format is their text.
  if (kind === "text" || kind === "char" || kind === "enum") return name;
  const output = OUTPUT_FUNCTIONS.get(oid);
  if (output !== undefined) return `pg_catalog.textin(pg_catalog.${output}(${name}))`;
  // format() calls the output function of whatever type it gets. IS NULL would be true for a row value of only NULLs.
  return `CASE WHEN ${name} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', ${name}) END`;
}
