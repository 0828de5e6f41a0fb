import type { ColumnType } from "../catalog.ts";
import type { Binding, PatternSyntax, TableColumn } from "../plan/term.ts";
import type { StoreValue } from "../store/contract.ts";
import { globOfRegex, globPattern } from "./glob.ts";

/** SQLite's value for a canonical spelling; `undefined` for any other value, which only the origin may judge. */
export type Binder = (value: unknown) => StoreValue | undefined;

/** The origin's part of binding: which spellings of a type are canonical. */
export interface ValueBinders {
  /** The `value` encoding of a type. */
  value(type: ColumnType): Binder;
  /** A number times 10^scale; the half between two integers for one that lies between them. */
  scaled(scale: number, integer: ColumnType | null): Binder;
  /** The memcmp key of an arbitrary-precision number. */
  key(): Binder;
  /** The items of an array that is written as a text; `undefined` if it is in no plain form. */
  items(text: string): readonly unknown[] | undefined;
}

/** How many distinct values of a column sort before a text, or up to it; `null` when nobody has asked the origin yet. */
export type PositionLookup = (column: TableColumn, text: string, through: boolean) => number | null;

/** A text whose position in the origin's order has to be asked for before the statement can run. */
export class UnknownPosition {
  readonly column: TableColumn;
  readonly text: string;

  constructor(column: TableColumn, text: string) {
    this.column = column;
    this.text = text;
  }
}

export type BoundValue = StoreValue | undefined | UnknownPosition;

export function createBinder(
  binding: Binding,
  binders: ValueBinders,
  positions: PositionLookup,
): (value: unknown) => BoundValue {
  switch (binding.kind) {
    case "value":
      return binders.value(binding.type);
    case "scaled":
      return binders.scaled(binding.scale, binding.integer);
    case "key":
      return binders.key();
    case "ordinal":
      return ordinalBinder(binding.type.labels);
    case "position":
      return positionBinder(binding.column, binders.value(binding.column.column.type), positions, binding.through);
    case "bounded":
      return boundedBinder(binders.value(binding.type), binding.low, binding.high);
    case "glob":
      return (value) => (typeof value === "string" ? globOf(value, binding.pattern) : value == null ? null : undefined);
    case "rowCount":
      return (value) => rowCount(value, binding.ifNull);
    case "array":
      return arrayBinder(createBinder(binding.element, binders, positions), binders, binding.beside.outerJoins);
  }
}

/** SQLite reads U+FFFE and U+FFFF as U+FFFD when it matches patterns: a pattern with one of the three is not exact. */
const AMBIGUOUS = /[\0\ufffd-\uffff]/;

function globOf(pattern: string, syntax: PatternSyntax): string | undefined {
  if (AMBIGUOUS.test(pattern) || !pattern.isWellFormed()) return undefined;
  const folded = syntax.fold ? pattern.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : pattern;
  return syntax.syntax === "like" ? globPattern(folded, syntax.escape) : globOfRegex(folded);
}

function boundedBinder(bind: Binder, low: bigint, high: bigint): Binder {
  return (value) => {
    const bound = bind(value);
    if (typeof bound !== "number" && typeof bound !== "bigint") return bound;
    return bound >= low && bound <= high ? bound : undefined;
  };
}

function ordinalBinder(labels: readonly string[]): Binder {
  const ordinals = new Map(labels.map((label, ordinal) => [label, ordinal]));
  return (value) => (value == null ? null : typeof value === "string" ? ordinals.get(value) : undefined);
}

function positionBinder(
  column: TableColumn,
  bindText: Binder,
  positions: PositionLookup,
  through: boolean,
): (value: unknown) => BoundValue {
  return (value) => {
    const text = bindText(value);
    if (typeof text !== "string") return text;
    return positions(column, text, through) ?? new UnknownPosition(column, text);
  };
}

/** The largest row count that both engines take as it is. */
const MAX_ROW_COUNT = Number.MAX_SAFE_INTEGER;

function rowCount(value: unknown, ifNull: number): number | undefined {
  if (value == null) return ifNull;
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof count === "bigint") return count >= 0n && count <= BigInt(MAX_ROW_COUNT) ? Number(count) : undefined;
  return typeof count === "number" && Number.isInteger(count) && count >= 0 && count <= MAX_ROW_COUNT
    ? count
    : undefined;
}

/**
 * SQLite reads a whole number of JSON as a 64-bit integer: beyond 2^53 that is not the double that was written, until
 * 1e21, from where on it is written with an exponent.
 */
function isExactInJson(value: number): boolean {
  if (!Number.isInteger(value)) return Number.isFinite(value);
  return Number.isSafeInteger(value) || Math.abs(value) >= 1e21;
}

/** JSON of the bound elements. What JSON cannot carry exactly (BLOB keys, BigInt, positions) is not canonical. */
function arrayBinder(element: (value: unknown) => BoundValue, { items }: ValueBinders, refusesEmpty: boolean): Binder {
  return (value) => {
    const list: unknown = typeof value === "string" ? items(value) : value;
    if (!Array.isArray(list) || (refusesEmpty && list.length === 0)) return undefined;
    const bound: (string | number | null)[] = [];
    for (const item of list) {
      const one = element(item);
      if (one !== null && typeof one !== "string" && !(typeof one === "number" && isExactInJson(one))) return undefined;
      bound.push(one);
    }
    return JSON.stringify(bound);
  };
}
