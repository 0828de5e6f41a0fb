import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { scaleOf } from "../../store/column-set.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import { type Interval, union } from "../interval.ts";
import type { Constant, Facts, Operand, Term } from "../term.ts";
import { mergeCollations } from "./collations.ts";
import { isIntegerKind, isTextKind } from "./columns.ts";
import { compare } from "./comparison.ts";
import { constantTerm, integerLiteralType, untypedConstantTerm } from "./constants.ts";
import {
  boundsOf,
  decimalConstant,
  decimalTerm,
  fixedScale,
  inherit,
  isVariable,
  markNonzero,
  markVariable,
  scaledType,
} from "./decimals.ts";
import { computed } from "./expressions.ts";
import { choiceOrder } from "./text-order.ts";
import { isUnscaledNumeric, wireSql } from "./wire.ts";

const INTEGER_WIDTHS = ["int2", "int4", "int8"] as const;

export function coalesce(analysis: Analysis, operands: readonly Operand[]): Term | Bypass {
  const unified = unify(analysis, operands);
  if (isBypass(unified)) return unified;
  const { terms, type } = unified;
  const values = valuesOf(terms);
  if (isBypass(values)) return values;
  const print = (parts: readonly string[]): string =>
    parts.length === 1 ? `(${parts[0]})` : `coalesce(${parts.join(", ")})`;
  const neverNull = (facts: Facts): boolean => terms.some((term) => term?.neverNull(facts) === true);
  return ordered(
    combined(analysis, type, print(values), terms, neverNull),
    choiceOrder(analysis, type, operands, print),
  );
}

export function conditional(
  analysis: Analysis,
  branches: readonly { readonly when: string; readonly then: Operand }[],
  otherwise: Operand,
): Term | Bypass {
  const unified = unify(analysis, [...branches.map((branch) => branch.then), otherwise]);
  if (isBypass(unified)) return unified;
  const { terms, type } = unified;
  const values = valuesOf(terms);
  if (isBypass(values)) return values;
  const print = (parts: readonly string[]): string => {
    const whens = branches.map((branch, index) => `WHEN ${branch.when} THEN ${parts[index]}`);
    return `(CASE ${whens.join(" ")} ELSE ${parts[branches.length]} END)`;
  };
  const neverNull = (facts: Facts): boolean => terms.every((term) => term?.neverNull(facts) === true);
  const order = choiceOrder(analysis, type, [...branches.map((branch) => branch.then), otherwise], print);
  return ordered(combined(analysis, type, print(values), terms, neverNull), order);
}

function ordered(term: Term | Bypass, order: (() => string | Bypass) | null): Term | Bypass {
  return isBypass(term) || order === null ? term : { ...term, order };
}

/** `NULLIF(a, b)`: a's type and value, unless `a = b`. */
export function nullIf(analysis: Analysis, left: Operand, right: Operand): Term | Bypass {
  if (!isTerm(left)) return bypass("unsupported-function", "NULLIF of a constant");
  const equal = compare(analysis, "=", left, right);
  if (typeof equal !== "string") return equal;
  const value = left.value();
  if (typeof value !== "string") return value;
  const result = combined(
    analysis,
    nullIfType(analysis, left.type, right),
    `(CASE WHEN ${equal} THEN NULL ELSE ${value} END)`,
    [left],
    () => false,
  );
  if (right.kind === "constant" && isZero(right) && !isBypass(result)) {
    analysis.pin(right);
    markNonzero(result);
  }
  return result;
}

/** The type that the comparison gives to its left side: varchar becomes text, char beside a text, with the collation of both; an integer beside a decimal numeric. */
function nullIfType(analysis: Analysis, type: ColumnType, right: Operand): ColumnType {
  const beside = right.kind === "null" || typeof right.type === "string" ? null : right.type.kind;
  if (type.kind === "text" || (type.kind === "char" && beside === "text")) {
    const types = isTerm(right) && isTextKind(right.type.kind) ? [type, right.type] : [type];
    return { ...analysis.builtin("text"), collation: mergeCollations(analysis, types) };
  }
  const isDecimal = isDecimalConstant(right) || beside === "numeric";
  return isIntegerKind(type.kind) && isDecimal ? scaledType(analysis, 0) : type;
}

function isZero(constant: Constant): boolean {
  return constant.text !== null && /^-?0+(?:\.0*)?$/.test(constant.text);
}

function valuesOf(terms: readonly (Term | null)[]): string[] | Bypass {
  const values: string[] = [];
  for (const term of terms) {
    const value = term === null ? "NULL" : term.value();
    if (typeof value !== "string") return value;
    values.push(value);
  }
  return values;
}

/**
 * Brings the alternatives of CASE or COALESCE to one type as select_common_type() does, as far as it is modelled:
 * one type, integers of different width, texts; constants follow.
 */
export function unify(
  analysis: Analysis,
  operands: readonly Operand[],
): { readonly terms: readonly (Term | null)[]; readonly type: ColumnType } | Bypass {
  const type = commonType(analysis, operands);
  if (isBypass(type)) return type;
  const terms: (Term | null)[] = [];
  for (const operand of operands) {
    const term = operand.kind === "constant" ? alternative(analysis, operand, type) : operand;
    if (isBypass(term)) return term;
    terms.push(isTerm(term) ? term : null);
  }
  if (!isUnscaledNumeric(type)) return { terms, type };
  const decimals = asTexts(analysis, terms);
  return isBypass(decimals) ? decimals : { terms: decimals, type };
}

/** Decimals of different scales as texts: integers of different units must not stand in one place. */
function asTexts(analysis: Analysis, terms: readonly (Term | null)[]): (Term | null)[] | Bypass {
  const scales = new Set(terms.filter((term) => term !== null).map(fixedScale));
  const scale = (scales.size === 1 ? [...scales][0] : null) ?? null;
  const decimals: (Term | null)[] = [];
  for (const term of terms) {
    const sql = term === null ? null : wireSql(analysis, term);
    if (isBypass(sql)) return sql;
    if (term === null || sql === null) {
      decimals.push(null);
      continue;
    }
    const { neverNull } = term;
    const decimal = decimalTerm(analysis, { sql, neverNull, bounds: boundsOf(term), scale });
    inherit(decimal, [term]);
    decimals.push(decimal);
  }
  return decimals;
}

/** A constant among the alternatives; as a decimal it keeps its own scale. */
function alternative(analysis: Analysis, constant: Constant, type: ColumnType): Term | Bypass {
  if (!isUnscaledNumeric(type)) return constantTerm(analysis, constant, type);
  return constant.type === "unknown" ? decimalConstant(analysis, constant) : untypedConstantTerm(analysis, constant);
}

function commonType(analysis: Analysis, operands: readonly Operand[]): ColumnType | Bypass {
  const types: ColumnType[] = [];
  for (const operand of operands) {
    if (operand.kind === "null") continue;
    if (isTerm(operand)) types.push(operand.type);
    else if (typeof operand.type !== "string") types.push(operand.type);
    else if (operand.type === "integer") types.push(literalType(analysis, operand));
  }
  const first =
    types[0] ?? (operands.some((operand) => operand.kind === "constant") ? analysis.builtin("text") : undefined);
  if (first === undefined) return bypass("unsupported-type", "alternatives that are all NULL");
  const untyped = operands.some((operand) => operand.kind === "constant" && typeof operand.type === "string");
  const decimal = types.some((type) => type.kind === "numeric") || operands.some(isDecimalConstant);
  // Alternatives of one scale stay integers; an untyped constant brings a scale of its own.
  if (types.every((type) => sameType(type, first)) && !(decimal && untyped))
    return withCollation(analysis, first, types);
  if (decimal && types.every((type) => type.kind === "numeric" || isIntegerKind(type.kind))) {
    return analysis.builtin("numeric");
  }
  if (types.every((type) => isIntegerKind(type.kind))) {
    const kind = INTEGER_WIDTHS.findLast((width) => types.some((type) => type.kind === width)) ?? "int8";
    return analysis.builtin(kind);
  }
  if (types.every((type) => type.kind === "text")) {
    const same = types.every((type) => type.oid === first.oid);
    return withCollation(analysis, same ? { ...first, modifier: -1 } : analysis.builtin("text"), types);
  }
  const float = types.find((type) => type.kind === "float8");
  if (float !== undefined && operands.every((operand) => !isTerm(operand) || operand.type.kind === "float8"))
    return float;
  return bypass("type-mismatch", `alternatives of types ${types.map((type) => type.name).join(", ")}`);
}

function isDecimalConstant(operand: Operand): boolean {
  return operand.kind === "constant" && operand.type === "decimal";
}

function literalType(analysis: Analysis, constant: Constant): ColumnType {
  return integerLiteralType(analysis, constant) ?? analysis.builtin("int8");
}

function sameType(a: ColumnType, b: ColumnType): boolean {
  return a.oid === b.oid && a.modifier === b.modifier && scaleOf(a) === scaleOf(b);
}

function withCollation(analysis: Analysis, type: ColumnType, types: readonly ColumnType[]): ColumnType {
  if (!isTextKind(type.kind) || types.length === 0) return type;
  return { ...type, collation: mergeCollations(analysis, types) };
}

function combined(
  analysis: Analysis,
  type: ColumnType,
  sql: string,
  terms: readonly (Term | null)[],
  neverNull: (facts: Facts) => boolean,
): Term | Bypass {
  if (analysis.surroundings.needsText(type)) {
    return bypass("unsupported-type", `the text of a computed ${type.name} depends on the settings of the session`);
  }
  if (isUnscaledNumeric(type)) return variableWith(terms, decimalTerm(analysis, { sql, neverNull }));
  const opaque = type.kind === "json" || type.kind === "wire";
  const refusal = bypass("unsupported-type", `a comparison of computed values of type ${type.name}`);
  const result = computed({
    type,
    sql,
    ...(opaque ? { equality: refusal, order: refusal } : {}),
    neverNull,
    wide: (facts) => terms.some((term) => term?.wide(facts) === true),
    canonical: (facts) => {
      for (const term of terms) {
        const refused = term?.canonical(facts) ?? null;
        if (refused !== null) return refused;
      }
      return null;
    },
    interval: (facts) => {
      let range: Interval | null = null;
      for (const term of terms) {
        if (term === null) continue;
        const next = term.interval(facts);
        if (next === null) return null;
        range = range === null ? next : union(range, next);
      }
      return range;
    },
  });
  return variableWith(terms, result);
}

/** The origin may find an alternative that is constant to be the one before it looks at rows. */
export function variableWith(terms: readonly (Term | null)[], result: Term): Term {
  if (terms.every((term) => term !== null && isVariable(term))) markVariable(result);
  return result;
}
