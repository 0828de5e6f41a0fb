import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import { isSameCollation } from "./collations.ts";
import { isIntegerKind } from "./columns.ts";
import type { Comparator } from "./comparators.ts";
import { incomparable } from "./comparison.ts";
import { unify } from "./conditionals.ts";
import { constantTerm } from "./constants.ts";
import { computed } from "./expressions.ts";
import type { FunctionRule } from "./text-functions.ts";
import { raisesAlike } from "./text-input.ts";
import { wireSql } from "./wire.ts";

/** The type of the items, with the collation of the array; `null` for what is no array of a modelled type. */
export function itemType(analysis: Analysis, type: ColumnType): ColumnType | null {
  const item = type.kind === "wire" ? analysis.surroundings.types.elementOf(type.oid) : null;
  return item === null || type.collation === null ? item : { ...item, collation: type.collation };
}

/** True for an array, as a value of its own. */
export function isArray(analysis: Analysis, operand: Operand): operand is Term {
  return isTerm(operand) && itemType(analysis, operand.type) !== null;
}

/**
 * Types whose values are equal if and only if their texts are: then so it is with arrays of them, whose text says the
 * bounds of the dimensions too (`array_eq` compares them).
 */
function comparableItem(analysis: Analysis, type: ColumnType): ColumnType | Bypass {
  const item = itemType(analysis, type);
  const isPlain = item !== null && (isIntegerKind(item.kind) || item.kind === "bool" || item.kind === "uuid");
  const isTime = item?.kind === "date" || item?.kind === "timestamp" || item?.kind === "timestamptz";
  if (item !== null && (isPlain || (isTime && analysis.surroundings.types.session.isoDates))) return item;
  if (item?.kind === "text") {
    return item.collation?.deterministic === true
      ? item
      : bypass("collation", `the items of ${type.name} follow a nondeterministic collation`);
  }
  return bypass("unsupported-type", `the items of ${type.name} cannot be compared by their texts`);
}

/** An array that is computed. Which of two is the larger is not modelled; they are compared in `compareArrays`. */
export function arrayTerm(type: ColumnType, sql: string, neverNull?: Term["neverNull"]): Term {
  const refusal = bypass("unsupported-type", "a comparison of arrays");
  return computed({ type, sql, equality: refusal, order: refusal, ...(neverNull !== undefined && { neverNull }) });
}

/** An operand as an array of the type; constants are bound as the text that the origin would send. */
export function asArray(analysis: Analysis, operand: Operand, type: ColumnType): Term | Bypass {
  if (operand.kind === "null") return arrayTerm(type, "NULL");
  if (isTerm(operand)) {
    return operand.type.oid === type.oid
      ? operand
      : bypass("type-mismatch", `${operand.type.name} where ${type.name} is expected`);
  }
  const given = operand.type;
  if (given !== "unknown" && (typeof given === "string" || given.oid !== type.oid)) {
    return bypass("type-mismatch", `${typeof given === "string" ? given : given.name} where ${type.name} is expected`);
  }
  return arrayTerm(type, analysis.input(operand.source, { kind: "value", type: plainType(analysis, type) }));
}

/** A value of a column's type does not depend on the column's collation. */
function plainType(analysis: Analysis, type: ColumnType): ColumnType {
  const item = itemType(analysis, type);
  return (item === null ? null : analysis.surroundings.types.arrayOf(item.oid)) ?? type;
}

/** `ARRAY[a, b]` */
export function arrayOf(analysis: Analysis, operands: readonly Operand[]): Term | Bypass {
  const unified = unify(analysis, operands);
  if (isBypass(unified)) return unified;
  const { kind, oid, collation, name } = unified.type;
  const type = kind === "enum" || kind === "char" ? null : analysis.surroundings.types.arrayOf(oid);
  if (type === null) return bypass("unsupported-type", `an array of ${name}`);
  const texts: string[] = [];
  for (const term of unified.terms) {
    const text = term === null ? "NULL" : wireSql(analysis, term);
    if (typeof text !== "string") return text;
    texts.push(text);
  }
  return arrayTerm({ ...type, collation }, `pg_array_of(${texts.join(", ")})`, () => true);
}

/** `@>`, `<@` and `&&`. */
export function relateArrays(
  analysis: Analysis,
  operator: "@>" | "<@" | "&&",
  left: Operand,
  right: Operand,
): string | Bypass {
  const pair = arrayPair(analysis, left, right);
  if (isBypass(pair)) return pair;
  const { a, b, item } = pair;
  const [first, second] = operator === "<@" ? [b, a] : [a, b];
  const name = operator === "&&" ? "pg_array_overlaps" : "pg_array_contains";
  return `${name}(${first}, ${second}, ${item.kind === "int4" ? 1 : 0})`;
}

/** `=` and `<>` of arrays, by their texts. */
export function compareArrays(
  analysis: Analysis,
  operator: Comparator,
  left: Operand,
  right: Operand,
): string | Bypass {
  if (operator !== "=" && operator !== "<>" && operator !== "IS" && operator !== "IS NOT") {
    return bypass("unsupported-operator", "the order of arrays");
  }
  const pair = arrayPair(analysis, left, right);
  return isBypass(pair) ? pair : `(${pair.a} ${operator} ${pair.b})`;
}

function arrayPair(
  analysis: Analysis,
  left: Operand,
  right: Operand,
): { readonly a: string; readonly b: string; readonly item: ColumnType } | Bypass {
  const known = isArray(analysis, left) ? left : isArray(analysis, right) ? right : null;
  if (known === null) return bypass("type-mismatch", "no arrays");
  const item = comparableItem(analysis, known.type);
  if (isBypass(item)) return item;
  const sides: string[] = [];
  for (const operand of [left, right]) {
    const array = asArray(analysis, operand, known.type);
    if (isBypass(array)) return array;
    const other = comparableItem(analysis, array.type);
    if (isBypass(other)) return other;
    if (isTerm(operand) && !isSameCollation(item.collation, other.collation)) {
      return bypass("collation", "arrays of texts of two collations");
    }
    const value = array.value();
    if (typeof value !== "string") return value;
    sides.push(value);
  }
  const [a = "", b = ""] = sides;
  return { a, b, item };
}

/** `x = ANY (array)` for an array that is a value of its own. */
export function isItemOf(analysis: Analysis, operand: Operand, array: Term): string | Bypass {
  const item = comparableItem(analysis, array.type);
  if (isBypass(item)) return item;
  const value = array.value();
  if (typeof value !== "string") return value;
  const text = itemSql(analysis, operand, item);
  return typeof text === "string" ? `pg_array_has(${value}, ${text})` : text;
}

/** An operand as the text of an item. */
function itemSql(analysis: Analysis, operand: Operand, item: ColumnType): string | Bypass {
  if (operand.kind === "null") return "NULL";
  if (!isTerm(operand)) {
    const term = constantTerm(analysis, operand, item);
    return isBypass(term) ? term : wireSql(analysis, term);
  }
  return incomparable(operand.type, item) ?? wireSql(analysis, operand);
}

/** Functions over arrays. */
export const ARRAY_FUNCTIONS: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  [
    "array_length",
    (analysis, operands) => {
      const [array, dimension, ...more] = operands;
      if (array === undefined || !isArray(analysis, array) || more.length > 0) return noArray();
      if (dimension?.kind !== "constant") return bypass("unsupported-function", "array_length() of this dimension");
      const number = constantTerm(analysis, dimension, analysis.builtin("int4"));
      return isBypass(number) ? number : counted(analysis, "pg_array_length", array, number);
    },
  ],
  ["cardinality", (analysis, operands) => countOf(analysis, "pg_array_cardinality", operands)],
  ["array_ndims", (analysis, operands) => countOf(analysis, "pg_array_dimensions", operands)],
  ["array_position", positionOf],
  ["array_to_string", joined],
]);

function noArray(): Bypass {
  return bypass("unsupported-function", "a function of an array over something else");
}

function countOf(analysis: Analysis, name: string, operands: readonly Operand[]): Term | Bypass {
  const [array] = operands;
  if (array === undefined || operands.length !== 1 || !isArray(analysis, array)) return noArray();
  return counted(analysis, name, array);
}

function counted(analysis: Analysis, name: string, array: Term, second?: Term): Term | Bypass {
  const values: string[] = [];
  for (const term of second === undefined ? [array] : [array, second]) {
    const value = term.value();
    if (typeof value !== "string") return value;
    values.push(value);
  }
  const type = analysis.builtin("int4");
  return computed({ type, sql: `${name}(${values.join(", ")})`, interval: () => ({ low: 0n, high: 134_217_727n }) });
}

/** It raises for arrays of several dimensions. */
function positionOf(analysis: Analysis, operands: readonly Operand[]): Term | Bypass {
  const [array, wanted, ...more] = operands;
  if (array === undefined || wanted === undefined || !isArray(analysis, array) || more.length > 0) return noArray();
  if (!raisesAlike(analysis, array)) return bypass("may-raise", "array_position() where rows may be left out");
  const item = comparableItem(analysis, array.type);
  if (isBypass(item)) return item;
  const value = array.value();
  if (typeof value !== "string") return value;
  const text = itemSql(analysis, wanted, item);
  if (typeof text !== "string") return text;
  return computed({ type: analysis.builtin("int4"), sql: `pg_array_position(${value}, ${text})` });
}

function joined(analysis: Analysis, [array, ...texts]: readonly Operand[]): Term | Bypass {
  if (array === undefined || !isArray(analysis, array) || texts.length < 1 || texts.length > 2) return noArray();
  const value = array.value();
  if (typeof value !== "string") return value;
  const values = [value];
  const text = analysis.builtin("text");
  for (const operand of texts) {
    if (isTerm(operand) && operand.type.kind !== "text") return noArray();
    const term = operand.kind === "constant" ? constantTerm(analysis, operand, text) : operand;
    if (isBypass(term)) return term;
    const sql = isTerm(term) ? term.value() : "NULL";
    if (typeof sql !== "string") return sql;
    values.push(sql);
  }
  if (values.length === 2) values.push("NULL");
  const { collation } = array.type;
  const type = collation === null ? text : { ...text, collation };
  return computed({ type, sql: `pg_array_join(${values.join(", ")})` });
}
