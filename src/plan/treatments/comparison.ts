import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { scaleOf } from "../../store/column-set.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Constant, Operand, TableColumn, Term } from "../term.ts";
import { isSameCollation, mergeCollations } from "./collations.ts";
import { isIntegerKind, isTextKind } from "./columns.ts";
import { type Comparator, FLIPPED } from "./comparators.ts";
import { equalityBinding, integerLiteralType, integerValue, untypedConstantTerm } from "./constants.ts";
import { compareTemporal } from "./date-arithmetic.ts";
import { integerScale, isExactNumber } from "./decimals.ts";
import { compareDocuments } from "./documents.ts";
import { wireSql } from "./wire.ts";

function isEquality(operator: Comparator): boolean {
  return operator === "=" || operator === "<>" || operator === "IS" || operator === "IS NOT";
}

/** SQLite text of `left operator right`, a three-valued truth. */
export function compare(analysis: Analysis, operator: Comparator, left: Operand, right: Operand): string | Bypass {
  const temporal = compareTemporal(analysis, operator, left, right);
  if (temporal !== null) return temporal;
  const documents = compareDocuments(analysis, operator, left, right);
  if (documents !== null) return documents;
  if (isTerm(left)) {
    if (isTerm(right)) return compareTerms(analysis, operator, left, right);
    if (right.kind === "null") return compareWithNull(operator, left);
    return compareWithConstant(analysis, operator, left, right);
  }
  if (isTerm(right)) return compare(analysis, FLIPPED[operator], right, left);
  return compareConstants(analysis, operator, left, right);
}

function compareTerms(analysis: Analysis, operator: Comparator, left: Term, right: Term): string | Bypass {
  if (isExactNumber(left) && isExactNumber(right)) return compareNumbers(analysis, operator, left, right);
  if (
    left.type.kind === "text" &&
    right.type.kind === "text" &&
    !isSameCollation(left.type.collation, right.type.collation)
  )
    return compareUnderMerged(analysis, operator, left, right);
  const refusal = incomparable(left.type, right.type);
  if (refusal !== null) return refusal;
  if (isEquality(operator)) return join(left.equality(), operator, right.equality());
  if (isTextKind(left.type.kind) && left.type.collation?.bytewise !== true && !sameColumn(left, right)) {
    return bypass("collation", "two texts are ordered by a collation that only the origin knows");
  }
  return join(left.order(), operator, right.order());
}

/** Texts of two collations: the one that wins has to compare bytes, at least for equality. */
function compareUnderMerged(analysis: Analysis, operator: Comparator, left: Term, right: Term): string | Bypass {
  const collation = mergeCollations(analysis, [left.type, right.type]);
  if (collation?.deterministic !== true || (!isEquality(operator) && !collation.bytewise)) {
    return bypass("collation", "two texts of different collations are compared");
  }
  return join(left.value(), operator, right.value());
}

/** Ranks are positions among the values of one column: those of two columns say nothing of one another. */
export function sameColumn(left: Term, right: Term): boolean {
  return left.column !== null && right.column !== null && isSameColumn(left.column, right.column);
}

export function isSameColumn(a: TableColumn, b: TableColumn): boolean {
  return a.table.id === b.table.id && a.column.name === b.column.name;
}

/** Integers and decimals: at one scale as integers, else by the keys of their texts. */
function compareNumbers(analysis: Analysis, operator: Comparator, left: Term, right: Term): string | Bypass {
  if (integerScale(left) !== null && integerScale(left) === integerScale(right)) {
    return join(left.equality(), operator, right.equality());
  }
  return join(numberKey(analysis, left), operator, numberKey(analysis, right));
}

function numberKey(analysis: Analysis, term: Term): string | Bypass {
  if (integerScale(term) === null) return term.equality();
  const text = wireSql(analysis, term);
  return typeof text === "string" ? `pg_numeric_key(${text})` : text;
}

function join(left: string | Bypass, operator: Comparator, right: string | Bypass): string | Bypass {
  if (typeof left !== "string") return left;
  if (typeof right !== "string") return right;
  return `(${left} ${operator} ${right})`;
}

/** Values of two types are compared natively only if both stand for themselves in the same unit. */
export function incomparable(a: ColumnType, b: ColumnType): Bypass | null {
  const refusal = bypass("type-mismatch", `${a.name} is compared with ${b.name}`);
  if (isIntegerKind(a.kind) && isIntegerKind(b.kind)) return null;
  if (a.kind !== b.kind) return refusal;
  switch (a.kind) {
    case "numeric":
      return scaleOf(a) === scaleOf(b) ? null : refusal;
    case "enum":
      return a.oid === b.oid ? null : refusal;
    case "text":
    case "char":
      return a.collation !== null && isSameCollation(a.collation, b.collation)
        ? null
        : bypass("collation", "two texts of different collations are compared");
    case "json":
    case "wire":
      return refusal;
    default:
      return null;
  }
}

function compareWithNull(operator: Comparator, term: Term): string | Bypass {
  const value = term.equality();
  return typeof value === "string" ? `(${value} ${operator} NULL)` : value;
}

function compareWithConstant(
  analysis: Analysis,
  operator: Comparator,
  term: Term,
  constant: Constant,
): string | Bypass {
  const binding = equalityBinding(term.type, constant);
  if (isBypass(binding)) return binding;
  if (isEquality(operator)) {
    return join(term.equality(), operator, analysis.input(constant.source, binding));
  }
  if (term.type.kind === "enum") {
    return join(term.order(), operator, analysis.input(constant.source, { kind: "ordinal", type: term.type }));
  }
  if (isTextKind(term.type.kind) && term.type.collation?.bytewise !== true) {
    return compareWithPosition(analysis, operator, term, constant);
  }
  return join(term.order(), operator, analysis.input(constant.source, binding));
}

/**
 * Text order under the origin's collation: the column's ranks are compared with the number of distinct values that sort
 * before the constant (or up to it), so `x < v` is `rank < before(v)` and `x <= v` is `rank < through(v)`.
 */
function compareWithPosition(
  analysis: Analysis,
  operator: Comparator,
  term: Term,
  constant: Constant,
): string | Bypass {
  const { column } = term;
  if (column === null)
    return bypass("collation", "a computed text is ordered by a collation that only the origin knows");
  if (term.type.kind === "char" && typeof constant.type !== "string" && constant.type.kind === "text") {
    return bypass("collation", "a char is ordered with a text, whose trailing blanks count");
  }
  const rank = term.order();
  if (typeof rank !== "string") return rank;
  analysis.useDictionary(column);
  const through = operator === "<=" || operator === ">";
  const position = analysis.input(constant.source, { kind: "position", column, through });
  return operator === "<" || operator === "<=" ? `(${rank} < ${position})` : `(${rank} >= ${position})`;
}

/** `1 = 1` and its like, which query builders emit: decided while planning. */
function compareConstants(
  analysis: Analysis,
  operator: Comparator,
  left: Exclude<Operand, Term>,
  right: Exclude<Operand, Term>,
): string | Bypass {
  const refusal = bypass("unsupported-operator", "a comparison of two constants");
  if (left.kind !== "constant" || right.kind !== "constant") return refusal;
  if (right.type !== "integer" && left.type === "integer") return compareWithInteger(analysis, operator, left, right);
  if (left.type !== "integer") {
    return right.type === "integer" ? compareWithInteger(analysis, FLIPPED[operator], right, left) : refusal;
  }
  if (right.type !== "integer") return refusal;
  const a = integerValue(left);
  const b = integerValue(right);
  if (a === null || b === null) return refusal;
  analysis.pin(left);
  analysis.pin(right);
  return `(${a} ${operator} ${b})`;
}

/** `1 = $1`, where the origin has found that the parameter is an integer too. */
function compareWithInteger(
  analysis: Analysis,
  operator: Comparator,
  literal: Constant,
  other: Constant,
): string | Bypass {
  const isInteger = typeof other.type !== "string" && isIntegerKind(other.type.kind);
  if (!isInteger || integerLiteralType(analysis, literal) === null) {
    return bypass("unsupported-operator", "a comparison of two constants");
  }
  const term = untypedConstantTerm(analysis, literal);
  return isBypass(term) ? term : compareWithConstant(analysis, operator, term, other);
}
