import type { Column, ColumnType, Table } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { type ColumnFacts, type Encoding, physicalName, scaleOf } from "../../store/column-set.ts";
import type { Analysis } from "../analysis.ts";
import type { Interval } from "../interval.ts";
import type { Facts, Output, Proof, TableFacts, Term } from "../term.ts";

export function isIntegerKind(kind: ColumnType["kind"]): boolean {
  return kind === "int2" || kind === "int4" || kind === "int8";
}

export function isTextKind(kind: ColumnType["kind"]): boolean {
  return kind === "text" || kind === "char";
}

/** One occurrence of a table in FROM. */
export interface TableOccurrence {
  readonly table: Table;
  /** Its name in the SQLite text. */
  readonly alias: string;
  /** An outer join may fill up its columns with NULL. */
  readonly nullable: { readonly value: boolean };
}

/** A column of a table, in whichever encodings the query turns out to need. */
export function columnTerm(analysis: Analysis, occurrence: TableOccurrence, column: Column): Term {
  const { type } = column;
  const { table, alias, nullable } = occurrence;
  const use = (encoding: Encoding): string => `${alias}.${analysis.use(table, column, encoding)}`;
  const seen = (facts: Facts): ColumnFacts | undefined => facts.of(table).column(physicalName(column.name, "value"));
  return {
    kind: "term",
    type,
    column: { table, column },
    value: () => use("value"),
    equality: () => columnEquality(column, use),
    order: () => columnOrder(column, use),
    output: () => {
      if (analysis.surroundings.needsText(type)) return { sql: use("text"), output: { kind: "text", type } };
      return { sql: use("value"), output: valueOutput(type) };
    },
    wide: (facts) => WIDE_KINDS.has(type.kind) && isWide(seen(facts)),
    interval: (facts) => columnInterval(type, seen(facts)),
    neverNull: (facts) => !nullable.value && (!column.nullable || hasNoNull(facts.of(table), column)),
    canonical: canonicalProof(column.name, type, seen),
  };
}

function hasNoNull(facts: TableFacts, column: Column): boolean {
  return ENCODINGS.some((encoding) => facts.column(physicalName(column.name, encoding))?.hasNull === false);
}

const ENCODINGS: readonly Encoding[] = ["value", "key", "rank", "text"];

function columnEquality({ name, type }: Column, use: (encoding: Encoding) => string): string | Bypass {
  switch (type.kind) {
    case "numeric":
      return use(scaleOf(type) === null ? "key" : "value");
    case "text":
    case "char":
      if (type.collation?.deterministic !== true) {
        return bypass("collation", `equality of ${name} follows a nondeterministic collation`);
      }
      return use("value");
    case "json":
    case "wire":
      return bypass("unsupported-type", `values of type ${type.name} (${name}) cannot be compared exactly here`);
    default:
      return use("value");
  }
}

function columnOrder(column: Column, use: (encoding: Encoding) => string): string | Bypass {
  const { name, type } = column;
  switch (type.kind) {
    case "text":
    case "char":
      if (type.collation?.deterministic !== true) {
        return bypass("collation", `the order of ${name} follows a nondeterministic collation`);
      }
      return use(type.collation.bytewise ? "value" : "rank");
    case "enum":
      return use("rank");
    default:
      return columnEquality(column, use);
  }
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

function isWide(seen: ColumnFacts | undefined): boolean {
  return seen === undefined || typeof seen.min === "bigint" || typeof seen.max === "bigint";
}

function columnInterval(type: ColumnType, seen: ColumnFacts | undefined): Interval | null {
  const isTime = type.kind === "date" || type.kind === "timestamp" || type.kind === "timestamptz";
  if (!isTime && !isIntegerKind(type.kind) && scaleOf(type) === null) return null;
  if (seen === undefined || seen.hasNaN) return null;
  if (seen.min === null || seen.max === null) return { low: 0n, high: 0n };
  return { low: BigInt(seen.min), high: BigInt(seen.max) };
}

/** Equal values must have one text: otherwise which of them a group shows is the origin's own choice. */
function canonicalProof(name: string, type: ColumnType, seen: (facts: Facts) => ColumnFacts | undefined): Proof {
  if (type.kind === "numeric" && scaleOf(type) === null) {
    return () => bypass("unsupported-type", `equal values of ${name} (${type.name}) may differ in scale`);
  }
  if (type.kind === "float8") {
    return (facts) =>
      seen(facts)?.hasNegativeZero === false
        ? null
        : bypass("unsupported-type", `${name} holds -0, which equals 0 but is shown differently`);
  }
  return () => null;
}
