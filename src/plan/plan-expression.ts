import type { ColumnType } from "../catalog.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { Expression, Literal, TypeName } from "../parse/ast.ts";
import { type Analysis, isBypass, isTerm } from "./analysis.ts";
import { planCall } from "./plan-call.ts";
import { planRowComparison, planRowIn } from "./plan-rows.ts";
import { planExists, planInQuery, planScalarQuery } from "./plan-subquery.ts";
import type { Constant, Operand, Term } from "./term.ts";
import { arithmetic, negate } from "./treatments/arithmetic.ts";
import { arrayOf, arrayTerm, isArray, isItemOf } from "./treatments/arrays.ts";
import { cast } from "./treatments/casts.ts";
import type { Comparator } from "./treatments/comparators.ts";
import { compare } from "./treatments/comparison.ts";
import { concat } from "./treatments/concatenation.ts";
import { coalesce, conditional, nullIf } from "./treatments/conditionals.ts";
import { constantTerm, equalityBinding, untypedConstantTerm } from "./treatments/constants.ts";
import { castTemporal, shiftedByInterval, temporalArithmetic } from "./treatments/date-arithmetic.ts";
import { documentOperator } from "./treatments/documents.ts";
import { computed, predicate } from "./treatments/expressions.ts";
import { extremum } from "./treatments/extrema.ts";
import { like } from "./treatments/patterns.ts";
import { isTemporal } from "./treatments/temporal.ts";
import { collate } from "./treatments/texts.ts";

/**
 * Where an expression stands. Aggregates are allowed in the select list, HAVING and ORDER BY of a query; whether one is
 * legal there, the origin has already decided when it described the statement.
 */
export function planOperand(analysis: Analysis, expression: Expression): Operand | Bypass {
  switch (expression.kind) {
    case "literal":
      return literal(analysis, expression);
    case "null":
      return { kind: "null" };
    case "boolean":
      return computed({
        type: analysis.builtin("bool"),
        sql: expression.value ? "TRUE" : "FALSE",
        neverNull: () => true,
      });
    case "parameter":
      return parameter(analysis, expression.number);
    case "column":
      return analysis.findColumn(expression.path);
    case "scalarQuery":
      return planScalarQuery(analysis, expression.query);
    case "row":
    case "wholeRow":
      return bypass("unsupported-syntax", "a row as a value");
    case "cast":
      return planCast(analysis, expression.operand, expression.type);
    case "collate": {
      const operand = planOperand(analysis, expression.operand);
      return isBypass(operand) ? operand : collate(operand, expression.collation);
    }
    case "arithmetic":
      return (
        shiftedByInterval(analysis, expression, (operand) => planOperand(analysis, operand)) ??
        withOperands(analysis, expression.left, expression.right, (left, right) =>
          isTemporal(left) || isTemporal(right)
            ? temporalArithmetic(analysis, expression.operator, left, right)
            : arithmetic(analysis, expression.operator, left, right),
        )
      );
    case "document":
      return withOperands(analysis, expression.left, expression.right, (left, right) =>
        documentOperator(analysis, expression.operator, left, right),
      );
    case "array": {
      const operands = planOperands(analysis, expression.items);
      return isBypass(operands) ? operands : arrayOf(analysis, operands);
    }
    case "negate": {
      const operand = planOperand(analysis, expression.operand);
      return isBypass(operand) ? operand : negate(analysis, operand);
    }
    case "concat":
      return withOperands(analysis, expression.left, expression.right, (left, right) => concat(analysis, left, right));
    case "coalesce": {
      const operands = planOperands(analysis, expression.operands);
      return isBypass(operands) ? operands : coalesce(analysis, operands);
    }
    case "nullIf":
      return withOperands(analysis, expression.left, expression.right, (left, right) => nullIf(analysis, left, right));
    case "case":
      return planCase(analysis, expression);
    case "extremum": {
      const operands = planOperands(analysis, expression.operands);
      return isBypass(operands) ? operands : extremum(analysis, expression.greatest, operands);
    }
    case "call":
      return planCall(analysis, expression);
    default: {
      const sql = planTruth(analysis, expression);
      return typeof sql === "string" ? predicate(analysis.builtin("bool"), sql) : sql;
    }
  }
}

/** An expression as a term; a lone constant gets the type that the origin gives it without context. */
export function planTerm(analysis: Analysis, expression: Expression): Term | Bypass {
  const operand = planOperand(analysis, expression);
  return isBypass(operand) ? operand : termOf(analysis, operand);
}

/** Whatever nothing else gives a type to: a NULL is a text then. */
export function termOf(analysis: Analysis, operand: Operand): Term | Bypass {
  if (isTerm(operand)) return operand;
  if (operand.kind === "null") return computed({ type: analysis.builtin("text"), sql: "NULL" });
  return untypedConstantTerm(analysis, operand);
}

/** An expression as a predicate: SQLite text yielding 1, 0 or NULL. */
export function planTruth(analysis: Analysis, expression: Expression): string | Bypass {
  switch (expression.kind) {
    case "and":
    case "or":
      return planJunction(analysis, expression.kind, expression.operands);
    case "not": {
      const operand = planTruth(analysis, expression.operand);
      return typeof operand === "string" ? `(NOT ${operand})` : operand;
    }
    case "comparison":
      if (expression.left.kind === "row" || expression.right.kind === "row")
        return planRowComparison(analysis, expression);
      return planComparison(analysis, expression.operator, expression.left, expression.right);
    case "isDistinct":
      return planComparison(analysis, expression.negated ? "IS" : "IS NOT", expression.left, expression.right);
    case "isNull":
      return planNullTest(analysis, expression.operand, expression.negated);
    case "isTruth":
      return planTruthTest(analysis, expression.operand, expression.value, expression.negated);
    case "exists":
      return planExists(analysis, expression.query);
    case "inQuery":
      return planInQuery(analysis, expression);
    case "in":
      if (expression.operand.kind === "row") return planRowIn(analysis, expression);
      return planIn(analysis, expression.operand, expression.list, expression.negated);
    case "anyOf":
      return planAnyOf(analysis, expression.operand, expression.array, expression.negated);
    case "between":
      return planBetween(analysis, expression);
    case "like":
      return like(analysis, expression, (operand) => planOperand(analysis, operand));
    default: {
      const operand = planOperand(analysis, expression);
      if (isBypass(operand)) return operand;
      if (operand.kind === "null") return "NULL";
      const bool = analysis.builtin("bool");
      const term = isTerm(operand) ? operand : constantTerm(analysis, operand, bool);
      if (isBypass(term)) return term;
      return term.type.kind === "bool"
        ? term.value()
        : bypass("type-mismatch", `a condition of type ${term.type.name}`);
    }
  }
}

function withOperands<Result>(
  analysis: Analysis,
  left: Expression,
  right: Expression,
  use: (left: Operand, right: Operand) => Result,
): Result | Bypass {
  const a = planOperand(analysis, left);
  if (isBypass(a)) return a;
  const b = planOperand(analysis, right);
  return isBypass(b) ? b : use(a, b);
}

export function planOperands(analysis: Analysis, expressions: readonly Expression[]): Operand[] | Bypass {
  const operands: Operand[] = [];
  for (const expression of expressions) {
    const operand = planOperand(analysis, expression);
    if (isBypass(operand)) return operand;
    operands.push(operand);
  }
  return operands;
}

function literal(analysis: Analysis, node: Literal): Constant {
  if (analysis.pinsLiterals) analysis.pinned.add(node.slot);
  return {
    kind: "constant",
    source: { from: "literal", slot: node.slot, negated: node.negated },
    type: node.type === "string" ? "unknown" : node.type,
    text: (node.negated ? "-" : "") + node.text,
  };
}

function parameter(analysis: Analysis, number: number): Operand | Bypass {
  const { parameterTypes, types } = analysis.surroundings;
  const id = parameterTypes[number - 1];
  const item = id === undefined ? null : types.elementOf(id);
  const type =
    enumType(analysis, ({ oid }) => oid === id) ??
    (id === undefined ? null : types.byId(id)) ??
    (item === null ? null : types.arrayOf(item.oid));
  if (type === null) return bypass("unsupported-type", `parameter $${number} is of a type that is not modelled`);
  return { kind: "constant", source: { from: "parameter", index: number - 1 }, type, text: null };
}

function planCast(analysis: Analysis, expression: Expression, name: TypeName): Operand | Bypass {
  if (expression.kind === "array" && name.array) {
    // The items are cast, each by itself (transformArrayExpr).
    const type = { ...name, array: false };
    const items = expression.items.map((operand): Expression => ({ kind: "cast", operand, type }));
    return items.length === 0 ? emptyArray(analysis, name) : planOperand(analysis, { kind: "array", items });
  }
  const operand = planOperand(analysis, expression);
  if (isBypass(operand)) return operand;
  const type = castType(analysis, name);
  if (type === null) return bypass("unsupported-type", `a cast to ${name.name.join(".")}`);
  if (operand.kind !== "constant") return castTemporal(analysis, operand, type) ?? cast(analysis, operand, type);
  return retypeConstant(operand, type) ?? castTemporal(analysis, operand, type) ?? cast(analysis, operand, type);
}

function emptyArray(analysis: Analysis, name: TypeName): Term | Bypass {
  const type = castType(analysis, name);
  return type === null
    ? bypass("unsupported-type", `an array of ${name.name.join(".")}`)
    : arrayTerm(type, "'{}'", () => true);
}

function castType(analysis: Analysis, name: TypeName): ColumnType | null {
  const known = analysis.surroundings.types.byName(name);
  if (known !== null || name.array || name.modifiers.length > 0) return known;
  const label = name.name.at(-1);
  return enumType(analysis, (type) => type.name === name.name.join(".") || type.name === label);
}

/** An enum is known through the columns that have it. */
function enumType(analysis: Analysis, is: (type: ColumnType) => boolean): ColumnType | null {
  for (const { columns } of analysis.surroundings.tables) {
    const found = columns.find(({ type }) => type.kind === "enum" && is(type));
    if (found !== undefined) return found.type;
  }
  return null;
}

/** `'2024-01-01'::date`, `$1::int`, `5::bigint`: the constant is of the cast's type from the start. */
function retypeConstant(constant: Constant, type: ColumnType): Constant | null {
  if (type.modifier !== -1) return null;
  if (constant.type === "unknown") return { ...constant, type };
  if (constant.type === "integer") return type.kind.startsWith("int") ? { ...constant, type } : null;
  if (constant.type === "decimal") return null;
  // A label that the enum does not have is not bound: the origin raises.
  if (type.kind === "enum" && constant.type.kind === "text") return { ...constant, type };
  return constant.type.oid === type.oid ? constant : null;
}

function planJunction(analysis: Analysis, kind: "and" | "or", operands: readonly Expression[]): string | Bypass {
  const parts: string[] = [];
  for (const operand of operands) {
    const sql = planTruth(analysis, operand);
    if (typeof sql !== "string") return sql;
    parts.push(sql);
  }
  return `(${parts.join(kind === "and" ? " AND " : " OR ")})`;
}

function planComparison(
  analysis: Analysis,
  operator: Comparator,
  left: Expression,
  right: Expression,
): string | Bypass {
  return withOperands(analysis, left, right, (a, b) => compare(analysis, operator, a, b));
}

function planNullTest(analysis: Analysis, expression: Expression, negated: boolean): string | Bypass {
  const term = planTerm(analysis, expression);
  const value = isBypass(term) ? term : term.value();
  return typeof value === "string" ? `(${value} IS ${negated ? "NOT NULL" : "NULL"})` : value;
}

function planTruthTest(
  analysis: Analysis,
  expression: Expression,
  value: boolean | null,
  negated: boolean,
): string | Bypass {
  const sql = planTruth(analysis, expression);
  if (typeof sql !== "string") return sql;
  const tested = value === null ? "NULL" : value ? "TRUE" : "FALSE";
  return `(${sql} IS ${negated ? "NOT " : ""}${tested})`;
}

function planIn(
  analysis: Analysis,
  expression: Expression,
  list: readonly Expression[],
  negated: boolean,
): string | Bypass {
  const operand = planOperand(analysis, expression);
  if (isBypass(operand)) return operand;
  const items = planOperands(analysis, list);
  if (isBypass(items)) return items;
  if (!isTerm(operand) || items.some(isTerm)) return planInAsComparisons(analysis, operand, items, negated);
  const value = operand.equality();
  if (typeof value !== "string") return value;
  const members: string[] = [];
  for (const item of items) {
    if (item.kind !== "constant") {
      members.push("NULL");
      continue;
    }
    const binding = equalityBinding(operand.type, item);
    if (binding.kind === "bypass") return binding;
    members.push(analysis.input(item.source, binding));
  }
  return `(${value} ${negated ? "NOT IN" : "IN"} (${members.join(", ")}))`;
}

function planInAsComparisons(
  analysis: Analysis,
  operand: Operand,
  items: readonly Operand[],
  negated: boolean,
): string | Bypass {
  const parts: string[] = [];
  for (const item of items) {
    const sql = compare(analysis, negated ? "<>" : "=", operand, item);
    if (typeof sql !== "string") return sql;
    parts.push(sql);
  }
  return `(${parts.join(negated ? " AND " : " OR ")})`;
}

/**
 * `x = ANY($1)`: the array's elements as a JSON list. An empty array is false even for NULL, in both engines. PostgreSQL 18
 * takes it for NULL all the same when it decides about outer joins (is_strict_saop in clauses.c; seen in 18.4): of
 * `… LEFT JOIN b ON … WHERE (b.x = ANY ('{}')) IS FALSE` it makes an inner join. What it answers then depends on its plan.
 */
function planAnyOf(analysis: Analysis, expression: Expression, array: Expression, negated: boolean): string | Bypass {
  const operand = planOperand(analysis, expression);
  if (isBypass(operand)) return operand;
  const planned = planOperand(analysis, array);
  if (isBypass(planned)) return planned;
  if (isArray(analysis, planned)) {
    const found = isItemOf(analysis, operand, planned);
    const { joined, proofs } = analysis;
    if (isTerm(operand)) proofs.push(() => (joined.outerJoins ? MAY_BE_EMPTY : null));
    return typeof found === "string" && negated ? `(NOT ${found})` : found;
  }
  if (!isTerm(operand)) return bypass("unsupported-operator", "a constant compared with ANY or ALL");
  if (planned.kind !== "constant") return bypass("unsupported-operator", "ANY or ALL over this");
  const { source, type } = planned;
  const element = typeof type === "string" ? null : analysis.surroundings.types.elementOf(type.oid);
  if (element === null) return bypass("unsupported-type", "ANY or ALL over no array of a modelled type");
  const binding = equalityBinding(operand.type, { kind: "constant", source, type: element, text: null });
  if (binding.kind === "bypass") return binding;
  const value = operand.equality();
  if (typeof value !== "string") return value;
  const list = analysis.input(source, { kind: "array", element: binding, beside: analysis.joined });
  return `(${value} ${negated ? "NOT IN" : "IN"} (SELECT value FROM json_each(${list})))`;
}

const MAY_BE_EMPTY = bypass("unsupported-operator", "ANY or ALL over an array that may be empty, beside an outer join");

function planBetween(analysis: Analysis, node: Extract<Expression, { kind: "between" }>): string | Bypass {
  const low = planComparison(analysis, ">=", node.operand, node.low);
  if (typeof low !== "string") return low;
  const high = planComparison(analysis, "<=", node.operand, node.high);
  if (typeof high !== "string") return high;
  return node.negated ? `(NOT (${low} AND ${high}))` : `(${low} AND ${high})`;
}

function planCase(analysis: Analysis, node: Extract<Expression, { kind: "case" }>): Term | Bypass {
  const branches: { when: string; then: Operand }[] = [];
  for (const branch of node.branches) {
    const when =
      node.operand === null
        ? planTruth(analysis, branch.when)
        : planComparison(analysis, "=", node.operand, branch.when);
    if (typeof when !== "string") return when;
    const then = planOperand(analysis, branch.then);
    if (isBypass(then)) return then;
    branches.push({ when, then });
  }
  const otherwise = node.otherwise === null ? ({ kind: "null" } as const) : planOperand(analysis, node.otherwise);
  return isBypass(otherwise) ? otherwise : conditional(analysis, branches, otherwise);
}
