import type { Column, ColumnType, Table } from "../catalog.ts";
import type { Bypass } from "../outcome.ts";
import type { ColumnFacts } from "../store/column-set.ts";
import type { Interval } from "./interval.ts";

/**
 * Where a run-time value comes from: `$n` of the caller, a literal of the text, or texts of both, one after another
 * (NULL if one of them is, or without those that are).
 */
export type Source =
  | SimpleSource
  | { readonly from: "joined"; readonly skipsNull: boolean; readonly parts: readonly SimpleSource[] };

export type SimpleSource =
  | { readonly from: "parameter"; readonly index: number }
  | { readonly from: "literal"; readonly slot: number; readonly negated: boolean };

/**
 * What a value must be turned into before SQLite sees it. Only the canonical spelling of the type is taken; any other
 * value sends this one execution to the origin.
 */
export type Binding =
  /** The store's `value` encoding of the type. */
  | { readonly kind: "value"; readonly type: ColumnType }
  /**
   * A number times 10^scale, for comparisons only: one that lies between two integers becomes the half between them.
   * `integer`: the value itself must be an integer of that type, as the origin resolved the parameter.
   */
  | { readonly kind: "scaled"; readonly scale: number; readonly integer: ColumnType | null }
  /** The memcmp key of an arbitrary-precision number. */
  | { readonly kind: "key" }
  /** Position of an enum label in the declaration. */
  | { readonly kind: "ordinal"; readonly type: ColumnType }
  /** How many distinct values of the column sort before the value (`through`: or are equal to it). */
  | { readonly kind: "position"; readonly column: TableColumn; readonly through: boolean }
  /** An integer of the type, from `low` to `high`. */
  | { readonly kind: "bounded"; readonly type: ColumnType; readonly low: bigint; readonly high: bigint }
  /** A pattern as a GLOB pattern. */
  | { readonly kind: "glob"; readonly pattern: PatternSyntax }
  /** LIMIT / OFFSET: a non-negative integer; NULL means `ifNull`. */
  | { readonly kind: "rowCount"; readonly ifNull: number }
  /** A JSON array of values, each bound by `element`; for `= ANY($1)`. An empty one is not taken beside outer joins. */
  | { readonly kind: "array"; readonly element: Binding; readonly beside: { readonly outerJoins: boolean } };

/**
 * How a pattern is read. `like` with the character that takes away the meaning of the next (`""`: none does), `regex`
 * for regular expressions of plain characters and anchors. `fold`: letters A to Z become small first.
 */
export type PatternSyntax = { readonly fold: boolean } & (
  | { readonly syntax: "like"; readonly escape: string }
  | { readonly syntax: "regex" }
);

export interface Input {
  readonly source: Source;
  readonly binding: Binding;
}

/** A column of a table, wherever in the statement the table stands. */
export interface TableColumn {
  readonly table: Table;
  readonly column: Column;
}

/** Facts of a loaded table, by physical column name. */
export interface TableFacts {
  readonly rows: number;
  /** Name of its SQLite table, unquoted. */
  readonly storeName: string;
  column(physicalName: string): ColumnFacts | undefined;
}

/** Facts of all tables of a statement, as they are loaded now. */
export interface Facts {
  of(table: Table): TableFacts;
  /** For the WHERE of a query over these tables, by their aliases: what `Program.interruptible` adds to it. */
  interrupt(aliases: readonly string[]): string | null;
}

/** Something that must hold of the loaded data for the plan to be exact. Checked at compile time, per table version. */
export type Proof = (facts: Facts) => Bypass | null;

/** How a result column's SQLite value becomes the origin's: see `encode/`. */
export type Output =
  /** In the `value` encoding of the type. */
  | { readonly kind: "value"; readonly type: ColumnType }
  /** Already the text that the origin sends. */
  | { readonly kind: "text"; readonly type: ColumnType }
  /** A decimal scaled by 10^scale, as integer. */
  | { readonly kind: "scaled"; readonly type: ColumnType; readonly scale: number }
  /** The position of a text in the column's kept dictionary. */
  | { readonly kind: "position"; readonly type: ColumnType; readonly column: TableColumn }
  | { readonly kind: "ordinal"; readonly type: ColumnType };

/**
 * A typed expression together with the SQLite text of each form that it has. The forms are functions because asking for
 * one makes its encoding part of the column set: what nobody asks for is not loaded.
 */
export interface Term {
  readonly kind: "term";
  readonly type: ColumnType;
  /** The column itself, when the term is nothing more, however deep the query is that it comes from. */
  readonly column: TableColumn | null;
  /** The store's `value` encoding of the type. */
  value(): string | Bypass;
  /** Comparable with itself under `=` in SQLite exactly as in the origin. */
  equality(): string | Bypass;
  /** Sorts in SQLite as the value does in the origin. */
  order(): string | Bypass;
  /** For the select list: SQLite text and how to decode it. */
  output(): { readonly sql: string; readonly output: Output } | Bypass;
  /** True unless the data proves that the output is an integer below 2^53 (or no integer at all): then it is read as text. */
  wide(facts: Facts): boolean;
  /** Range of the integer that `equality()` stands for, for types kept as (scaled) integers. */
  interval(facts: Facts): Interval | null;
  /** True when the loaded data proves that it is never NULL. */
  neverNull(facts: Facts): boolean;
  /** Equal values are interchangeable in output (no -0 beside 0, no 1.0 beside 1.00). */
  readonly canonical: Proof;
}

/** A value not known before execution; its type comes from the other side. */
export interface Constant {
  readonly kind: "constant";
  readonly source: SimpleSource;
  /** `unknown` is an untyped string literal. For a parameter: what the origin resolved. */
  readonly type: ColumnType | "unknown" | "integer" | "decimal";
  /** The literal's signed text; `null` for parameters. */
  readonly text: string | null;
}

interface NullConstant {
  readonly kind: "null";
}

export type Operand = Term | Constant | NullConstant;
