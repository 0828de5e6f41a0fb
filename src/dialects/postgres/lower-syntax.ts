import type { A_Expr, FuncCall, Node } from "libpg-query";
import type { Expression } from "../../parse/ast.ts";
import type { Lowering } from "./lowering.ts";
import { stringList } from "./survey.ts";

/** How the parts of what is lowered here are lowered themselves. */
export type LowerExpression = (node: Node | undefined, lowering: Lowering) => Expression;

export const CONSTANT_FIELDS: readonly string[] = ["ival", "fval", "sval", "boolval", "bsval", "isnull", "location"];

/** An operator that is only another way to write a function. */
export function plainCall(name: string, operands: readonly Expression[]): Extract<Expression, { kind: "call" }> {
  return {
    kind: "call",
    name: ["pg_catalog", name],
    operands,
    star: false,
    distinct: false,
    filter: null,
    orderBy: [],
    over: null,
  };
}

export const LIKE_OPERATORS: ReadonlyMap<string, { readonly negated: boolean; readonly caseInsensitive: boolean }> =
  new Map([
    ["~~", { negated: false, caseInsensitive: false }],
    ["!~~", { negated: true, caseInsensitive: false }],
    ["~~*", { negated: false, caseInsensitive: true }],
    ["!~~*", { negated: true, caseInsensitive: true }],
  ]);

export function lowerLike(node: A_Expr, name: string, lowering: Lowering, lower: LowerExpression): Expression {
  const operator = LIKE_OPERATORS.get(name);
  if (operator === undefined) return lowering.refuse("unsupported-operator", name);
  return {
    kind: "like",
    operand: lower(node.lexpr, lowering),
    ...lowerPattern(node.rexpr, lowering, lower),
    ...operator,
  };
}

/** The grammar writes any ESCAPE as a call around the pattern. Its constant becomes a part of the plan. */
function lowerPattern(
  node: Node | undefined,
  lowering: Lowering,
  lower: LowerExpression,
): { readonly pattern: Expression; readonly escape?: string } {
  if (node === undefined || !("FuncCall" in node)) return { pattern: lower(node, lowering) };
  const call = node.FuncCall;
  if (stringList(call.funcname).join(".") !== "pg_catalog.like_escape") {
    return { pattern: lower(node, lowering) };
  }
  lowering.allow(call, "ESCAPE", ["funcname", "args", "funcformat", "location"]);
  const [pattern, character, ...more] = call.args ?? [];
  if (character === undefined || !("A_Const" in character) || more.length > 0) {
    return { pattern: lowering.refuse("unsupported-operator", "ESCAPE of an expression") };
  }
  lowering.allow(character.A_Const, "ESCAPE", CONSTANT_FIELDS);
  const { sval } = character.A_Const;
  const escaping = sval === undefined ? "  " : (sval.sval ?? "");
  // The origin raises for more than one character.
  if (escaping.length > 1) lowering.refuse("unsupported-operator", "ESCAPE of something that is not one character");
  return { pattern: lower(pattern, lowering), ...(escaping !== "\\" && { escape: escaping }) };
}

/** The field is a keyword, or a string whose value becomes a part of the plan. */
export function lowerExtract(node: FuncCall, lowering: Lowering, lower: LowerExpression): Expression {
  const [field, operand, ...more] = node.args ?? [];
  if (field === undefined || !("A_Const" in field) || field.A_Const.sval === undefined || more.length > 0) {
    return lowering.refuse("unsupported-function", "extract() of no field");
  }
  lowering.allow(field.A_Const, "field", CONSTANT_FIELDS);
  const call = plainCall("extract", [lower(operand, lowering)]);
  return { ...call, field: (field.A_Const.sval.sval ?? "").toLowerCase() };
}
