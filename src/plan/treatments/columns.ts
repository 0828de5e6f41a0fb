import type { Column, ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { physicalName } from "../../store/column-set.ts";
import type { Analysis } from "../analysis.ts";
import type { Interval } from "../interval.ts";
import type { Output, Proof, TableFacts, Term } from "../term.ts";

/** Decimal digits that a scaled 64-bit integer holds for sure. */
const SCALED_DIGITS = 18;

/** `numeric(p,s)` values that are kept as integers times 10^s; the scale, or `null` for any other type. */
export function scaleOf(type: ColumnType): number | null {
  if (type.kind !== "numeric" || type.precision === null) return null;
  const [precision, scale] = type.precision;
  return precision <= SCALED_DIGITS && scale >= 0 && scale <= precision ? scale : null;
}

export function isIntegerKind(kind: ColumnType["kind"]): boolean {
  return kind === "int2" || kind === "int4" || kind === "int8";
}

export function isTextKind(kind: ColumnType["kind"]): boolean {
  return kind === "text" || kind === "char";
}

/** A column of the table, in whichever encodings the query turns out to need. */
export function columnTerm(analysis: Analysis, column: Column): Term {
  const { type } = column;
  return {
    kind: "term",
    type,
    column,
    value: () => analysis.use(column, "value"),
    equality: () => columnEquality(analysis, column),
    order: () => columnOrder(analysis, column),
    output: () => columnOutput(analysis, column),
    wide: (facts) => isWide(facts, column),
    interval: (facts) => columnInterval(facts, column),
    neverNull: (facts) => facts.column(firstPhysical(facts, column))?.hasNull === false,
    canonical: canonicalProof(column.name, type),
  };
}

function firstPhysical(facts: TableFacts, column: Column): string {
  for (const encoding of ["value", "key", "rank", "text"] as const) {
    const name = physicalName(column.name, encoding);
    if (facts.column(name) !== undefined) return name;
  }
  return column.name;
}

function columnEquality(analysis: Analysis, column: Column): string | Bypass {
  const { type } = column;
  switch (type.kind) {
    case "numeric":
      return analysis.use(column, scaleOf(type) === null ? "key" : "value");
    case "text":
    case "char":
      if (type.collation?.deterministic !== true) {
        return bypass("collation", `equality of ${column.name} follows a nondeterministic collation`);
      }
      return analysis.use(column, "value");
    case "json":
    case "wire":
      return bypass("unsupported-type", `values of type ${type.name} (${column.name}) cannot be compared exactly here`);
    default:
      return analysis.use(column, "value");
  }
}

function columnOrder(analysis: Analysis, column: Column): string | Bypass {
  const { type } = column;
  switch (type.kind) {
    case "text":
    case "char":
      if (type.collation?.deterministic !== true) {
        return bypass("collation", `the order of ${column.name} follows a nondeterministic collation`);
      }
      return analysis.use(column, type.collation.bytewise ? "value" : "rank");
    case "enum":
      return analysis.use(column, "rank");
    default:
      return columnEquality(analysis, column);
  }
}

function columnOutput(analysis: Analysis, column: Column): { sql: string; output: Output } {
  const { type } = column;
  if (analysis.surroundings.needsText(type)) {
    return { sql: analysis.use(column, "text"), output: { kind: "text", type } };
  }
  return { sql: analysis.use(column, "value"), output: valueOutput(type) };
}

/** How the `value` encoding of a type is decoded. */
export function valueOutput(type: ColumnType): Output {
  const scale = scaleOf(type);
  if (scale !== null) return { kind: "scaled", type, scale };
  return type.kind === "numeric" || type.kind === "json" || type.kind === "wire"
    ? { kind: "text", type }
    : { kind: "value", type };
}

const WIDE_KINDS: ReadonlySet<ColumnType["kind"]> = new Set(["int8", "numeric", "timestamp", "timestamptz"]);

function isWide(facts: TableFacts, column: Column): boolean {
  if (!WIDE_KINDS.has(column.type.kind)) return false;
  const seen = facts.column(physicalName(column.name, "value"));
  return seen === undefined || typeof seen.min === "bigint" || typeof seen.max === "bigint";
}

function columnInterval(facts: TableFacts, column: Column): Interval | null {
  if (!isIntegerKind(column.type.kind) && scaleOf(column.type) === null) return null;
  const seen = facts.column(physicalName(column.name, "value"));
  if (seen === undefined || seen.hasNaN) return null;
  if (seen.min === null || seen.max === null) return { low: 0n, high: 0n };
  return { low: BigInt(seen.min), high: BigInt(seen.max) };
}

/** Equal values must have one text: otherwise which of them a group shows is the origin's own choice. */
function canonicalProof(name: string, type: ColumnType): Proof {
  if (type.kind === "numeric" && scaleOf(type) === null) {
    return () => bypass("unsupported-type", `equal values of ${name} (${type.name}) may differ in scale`);
  }
  if (type.kind === "float8") {
    return (facts) =>
      facts.column(physicalName(name, "value"))?.hasNegativeZero === false
        ? null
        : bypass("unsupported-type", `${name} holds -0, which equals 0 but is shown differently`);
  }
  return () => null;
}
