import type { A_Expr } from "libpg-query";
import type { ArithmeticOperator, ComparisonOperator, DocumentOperator, Expression } from "../../parse/ast.ts";
import { lowerExpression, lowerList } from "./lower-expression.ts";
import { lowerQuantified } from "./lower-quantified.ts";
import { lowerLike, plainCall } from "./lower-syntax.ts";
import type { Lowering } from "./lowering.ts";
import { stringList } from "./survey.ts";

const COMPARISONS: ReadonlySet<string> = new Set<ComparisonOperator>(["=", "<>", "<", "<=", ">", ">="]);
const ARITHMETIC: ReadonlySet<string> = new Set<ArithmeticOperator>(["+", "-", "*", "/", "%"]);

function isComparison(name: string): name is ComparisonOperator {
  return COMPARISONS.has(name);
}

function isArithmetic(name: string): name is ArithmeticOperator {
  return ARITHMETIC.has(name);
}

/** Lowers what the grammar reads as an operator: those of signs, and IN, BETWEEN, LIKE, NULLIF, IS DISTINCT FROM. */
export function lowerOperator(node: A_Expr, lowering: Lowering): Expression {
  lowering.allow(node, "operator", ["kind", "name", "lexpr", "rexpr", "location", ...LIST_PLACES]);
  const names = stringList(node.name);
  const name = names[0] ?? "";
  if (names.length !== 1) return lowering.refuse("unsupported-operator", `OPERATOR(${names.join(".")})`);
  switch (node.kind) {
    case "AEXPR_OP":
      return lowerPlainOperator(node, name, lowering);
    case "AEXPR_OP_ANY":
    case "AEXPR_OP_ALL":
      return lowerQuantified(node, name, lowering, lowerExpression);
    case "AEXPR_DISTINCT":
    case "AEXPR_NOT_DISTINCT": {
      if (name !== "=") return lowering.refuse("unsupported-operator", `IS DISTINCT FROM by ${name}`);
      const negated = node.kind === "AEXPR_NOT_DISTINCT";
      return { kind: "isDistinct", left: left(node, lowering), right: right(node, lowering), negated };
    }
    case "AEXPR_NULLIF":
      if (name !== "=") return lowering.refuse("unsupported-operator", `NULLIF by ${name}`);
      return { kind: "nullIf", left: left(node, lowering), right: right(node, lowering) };
    case "AEXPR_IN": {
      if (name !== "=" && name !== "<>") return lowering.refuse("unsupported-operator", `IN by ${name}`);
      return { kind: "in", operand: left(node, lowering), list: operands(node, lowering), negated: name === "<>" };
    }
    case "AEXPR_BETWEEN":
    case "AEXPR_NOT_BETWEEN": {
      const [low, high, ...rest] = operands(node, lowering);
      if (low === undefined || high === undefined || rest.length > 0) {
        return lowering.refuse("unsupported-syntax", "BETWEEN without two bounds");
      }
      const negated = node.kind === "AEXPR_NOT_BETWEEN";
      return { kind: "between", operand: left(node, lowering), low, high, negated };
    }
    case "AEXPR_BETWEEN_SYM":
    case "AEXPR_NOT_BETWEEN_SYM": {
      const [low, high, ...rest] = operands(node, lowering);
      if (low === undefined || high === undefined || rest.length > 0) {
        return lowering.refuse("unsupported-syntax", "BETWEEN without two bounds");
      }
      const operand = left(node, lowering);
      const negated = node.kind === "AEXPR_NOT_BETWEEN_SYM";
      const ways: Expression[] = [
        { kind: "between", operand, low, high, negated },
        { kind: "between", operand, low: high, high: low, negated },
      ];
      return { kind: negated ? "and" : "or", operands: ways };
    }
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE":
      return lowerLike(node, name, lowering, lowerExpression);
    case "AEXPR_SIMILAR":
      return lowering.refuse("unsupported-operator", "SIMILAR TO");
    default:
      return lowering.refuse("unsupported-operator", name);
  }
}

/** Where the brackets of a list stand: says nothing about its meaning. */
const LIST_PLACES = ["rexpr_list_start", "rexpr_list_end"];

function left(node: A_Expr, lowering: Lowering): Expression {
  return lowerExpression(node.lexpr, lowering);
}

function right(node: A_Expr, lowering: Lowering): Expression {
  return lowerExpression(node.rexpr, lowering);
}

function operands(node: A_Expr, lowering: Lowering): Expression[] {
  if (node.rexpr === undefined || !("List" in node.rexpr)) {
    lowering.refuse("unsupported-syntax", "a list of another kind");
    return [];
  }
  lowering.allow(node.rexpr.List, "list", ["items"]);
  return lowerList(node.rexpr.List.items, lowering);
}

function lowerPlainOperator(node: A_Expr, name: string, lowering: Lowering): Expression {
  if (node.lexpr === undefined) {
    if (name === "-") return { kind: "negate", operand: right(node, lowering) };
    if (name === "+") return unchanged(right(node, lowering), lowering);
    return lowering.refuse("unsupported-operator", `the prefix operator ${name}`);
  }
  if (isComparison(name)) {
    return { kind: "comparison", operator: name, left: left(node, lowering), right: right(node, lowering) };
  }
  if (isArithmetic(name)) {
    return { kind: "arithmetic", operator: name, left: left(node, lowering), right: right(node, lowering) };
  }
  const regex = REGEX_OPERATORS.get(name);
  if (regex !== undefined) return plainCall(regex, [left(node, lowering), right(node, lowering)]);
  if (name === "^@") return plainCall("starts_with", [left(node, lowering), right(node, lowering)]);
  if (name === "||") return { kind: "concat", left: left(node, lowering), right: right(node, lowering) };
  if (isDocumentOperator(name)) {
    return { kind: "document", operator: name, left: left(node, lowering), right: right(node, lowering) };
  }
  return lowering.refuse("unsupported-operator", `the operator ${name}`);
}

/** `+ x`. A constant alone would be taken for another thing in some places, and an untyped one gets a type by the sign. */
function unchanged(operand: Expression, lowering: Lowering): Expression {
  const isPlain = operand.kind === "column" || operand.kind === "cast" || operand.kind === "arithmetic";
  return isPlain ? operand : lowering.refuse("unsupported-operator", "the prefix operator + before a constant");
}

const DOCUMENT_OPERATORS: ReadonlySet<string> = new Set<DocumentOperator>([
  "@>",
  "<@",
  "&&",
  "->",
  "->>",
  "#>",
  "#>>",
  "?",
  "?|",
  "?&",
]);

function isDocumentOperator(name: string): name is DocumentOperator {
  return DOCUMENT_OPERATORS.has(name);
}

/** The functions behind them (pg_operator.dat). */
const REGEX_OPERATORS: ReadonlyMap<string, string> = new Map([
  ["~", "textregexeq"],
  ["!~", "textregexne"],
  ["~*", "texticregexeq"],
  ["!~*", "texticregexne"],
]);
