import type { Column } from "../../catalog.ts";
import type { Encoding } from "../../store/column-set.ts";
import type { LoadColumn } from "../../store/contract.ts";
import type { FieldCodec } from "./copy-field.ts";
import { OID, scaleOf } from "./kinds.ts";

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * How a physical column of the store is filled. Columns whose codecs have the same `field` share one field of the COPY
 * stream: a text and its rank are sent once.
 */
export function loadColumn(column: Column, encoding: Encoding, dictionaries: readonly string[]): LoadColumn {
  return { column: column.name, encoding, ...treatment(column, encoding, dictionaries) };
}

/** The codec of a dictionary stream: distinct values of a text column. */
export function dictionaryCodec(column: Column): FieldCodec {
  if (column.type.kind !== "text" && column.type.kind !== "char") {
    throw new TypeError(`${column.type.name} has no dictionary`);
  }
  return { field: quoteIdentifier(column.name), as: column.type.kind };
}

function treatment(
  column: Column,
  encoding: Encoding,
  dictionaries: readonly string[],
): Pick<LoadColumn, "declared" | "codec"> {
  const { kind, oid, labels, precision } = column.type;
  const raw = quoteIdentifier(column.name);
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
      const scale = scaleOf(precision);
      return scale === null ? make("TEXT", wire) : make("INTEGER", { field: raw, as: "scaled", scale });
    }
    case "wire":
      return make("TEXT", wire);
    default:
      return kind satisfies never;
  }
}

/** Types whose cast to text is their output function: `pg_cast` has no entry of their own (src/include/catalog/pg_cast.dat). */
const CAST_IS_OUTPUT: ReadonlySet<number> = new Set<number>([
  OID.int2,
  OID.int4,
  OID.int8,
  OID.float4,
  OID.float8,
  OID.numeric,
  OID.date,
  OID.time,
  OID.timetz,
  OID.timestamp,
  OID.timestamptz,
  OID.interval,
  OID.uuid,
  OID.bytea,
]);

/** SQL for the text that the server would send for the column. */
function wireTextExpression(column: Column): string {
  const { kind, oid } = column.type;
  const name = quoteIdentifier(column.name);
  // Their binary format is their text.
  if (kind === "text" || kind === "char" || kind === "enum") return name;
  if (CAST_IS_OUTPUT.has(oid)) return `${name}::pg_catalog.text`;
  // format() calls the output function whatever casts there are: inet, bool, "char", xml, citext have their own.
  // IS NULL would be true for a row value of nothing but NULLs.
  return `CASE WHEN ${name} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', ${name}) END`;
}
