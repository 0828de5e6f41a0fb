import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { scaleOf } from "../../store/column-set.ts";
import type { Analysis } from "../analysis.ts";
import type { Term } from "../term.ts";

/**
 * SQLite text of what the origin would send for the value. A cast to text yields the same for most types, but not for
 * `bool` and `char(n)`.
 */
export function wireSql(analysis: Analysis, term: Term): string | Bypass {
  const { type } = term;
  if (analysis.surroundings.needsText(type)) return storedText(term);
  const value = term.value();
  if (typeof value !== "string") return value;
  switch (type.kind) {
    case "int2":
    case "int4":
    case "int8":
      return `CAST(${value} AS TEXT)`;
    case "bool":
      return `(CASE ${value} WHEN 1 THEN 't' WHEN 0 THEN 'f' END)`;
    case "text":
    case "uuid":
    case "enum":
    case "json":
    case "wire":
      return value;
    case "char":
      return `pg_char_text(${value}, ${charLength(type)})`;
    case "float8":
    case "date":
    case "timestamp":
    case "timestamptz":
      return `pg_${type.kind}_text(${value})`;
    case "numeric": {
      const scale = scaleOf(type);
      return scale === null ? value : `pg_numeric_text(${value}, ${scale})`;
    }
  }
}

/** The declared length of a char(n): its modifier without the 4 bytes of a varlena header. */
export function charLength(type: ColumnType): number {
  return type.modifier - 4;
}

/** Where the text depends on the settings of the session it has been loaded. */
export function storedText(term: Term): string | Bypass {
  const output = term.output();
  if ("kind" in output) return output;
  return output.output.kind === "text"
    ? output.sql
    : bypass("unsupported-type", `the text of a computed ${term.type.name} depends on the settings of the session`);
}

/** A numeric whose value is its text: it has no declared scale, or more digits than 64 bits hold for sure. */
export function isUnscaledNumeric(type: ColumnType): boolean {
  return type.kind === "numeric" && scaleOf(type) === null;
}
