import type {
  A_Const,
  BoolExpr,
  BooleanTest,
  CaseExpr,
  CoalesceExpr,
  CollateClause,
  ColumnRef,
  FuncCall,
  MinMaxExpr,
  Node,
  NullTest,
  TypeCast,
  TypeName as TypeNameNode,
} from "libpg-query";
import type { Expression, TypeName } from "../../parse/ast.ts";
import type { Token } from "../../parse/token.ts";
import { lowerOperator } from "./lower-operator.ts";
import { lowerOrder } from "./lower-query.ts";
import { lowerSubquery } from "./lower-subquery.ts";
import { CONSTANT_FIELDS, lowerExtract, plainCall } from "./lower-syntax.ts";
import { lowerWindow } from "./lower-window.ts";
import { type Lowering, REFUSED } from "./lowering.ts";
import { stringList } from "./survey.ts";

/** Lowers one expression of the tree; what is not on the whitelist is refused in `lowering`. */
export function lowerExpression(node: Node | undefined, lowering: Lowering): Expression {
  return lowering.descend(() => {
    if (node === undefined) return lowering.refuse("unsupported-syntax", "a missing operand");
    if ("A_Const" in node) return lowerConstant(node.A_Const, lowering);
    if ("ColumnRef" in node) return lowerColumn(node.ColumnRef, lowering);
    if ("ParamRef" in node) {
      lowering.allow(node.ParamRef, "parameter", ["number", "location"]);
      const number = node.ParamRef.number ?? 0;
      return number > 0 ? { kind: "parameter", number } : lowering.refuse("unsupported-syntax", "the parameter $0");
    }
    if ("A_Expr" in node) return lowerOperator(node.A_Expr, lowering);
    if ("BoolExpr" in node) return lowerBoolean(node.BoolExpr, lowering);
    if ("NullTest" in node) return lowerNullTest(node.NullTest, lowering);
    if ("BooleanTest" in node) return lowerTruthTest(node.BooleanTest, lowering);
    if ("TypeCast" in node) return lowerCast(node.TypeCast, lowering);
    if ("CollateClause" in node) return lowerCollate(node.CollateClause, lowering);
    if ("CaseExpr" in node) return lowerCase(node.CaseExpr, lowering);
    if ("CoalesceExpr" in node) return lowerCoalesce(node.CoalesceExpr, lowering);
    if ("MinMaxExpr" in node) return lowerExtremum(node.MinMaxExpr, lowering);
    if ("FuncCall" in node) return lowerCall(node.FuncCall, lowering);
    if ("SubLink" in node) return lowerSubquery(node.SubLink, lowering);
    if ("A_ArrayExpr" in node) {
      lowering.allow(node.A_ArrayExpr, "ARRAY[…]", ["elements", "location", "list_start", "list_end"]);
      const items = lowerList(node.A_ArrayExpr.elements, lowering);
      if (!items.some(({ kind }) => kind === "array")) return { kind: "array", items };
      return lowering.refuse("unsupported-syntax", "ARRAY[…] of several dimensions");
    }
    if ("RowExpr" in node) {
      lowering.allow(node.RowExpr, "row", ["args", "row_format", "location"]);
      return { kind: "row", items: lowerList(node.RowExpr.args, lowering) };
    }
    return refuseNode(node, lowering);
  }, REFUSED);
}

export function lowerList(nodes: readonly Node[] | undefined, lowering: Lowering): Expression[] {
  return (nodes ?? []).map((node) => lowerExpression(node, lowering));
}

function lowerConstant(node: A_Const, lowering: Lowering): Expression {
  lowering.allow(node, "constant", CONSTANT_FIELDS);
  const { ival, fval, sval, boolval } = node;
  if (node.isnull === true) return { kind: "null" };
  // a present object without its field holds the default: 0, "" or false
  if (boolval !== undefined) return { kind: "boolean", value: boolval.boolval ?? false };
  if (ival !== undefined) {
    const value = ival.ival ?? 0;
    return lowering.literal(node.location, (token, negated) => {
      return token.kind === "integer" && signed(token, negated) === BigInt(value);
    });
  }
  if (fval !== undefined) {
    const value = fval.fval ?? "";
    return lowering.literal(node.location, (token, negated) => {
      if (value.startsWith("-") !== negated) return false;
      // whole numbers beyond int4 arrive as written, zeros in front included
      if (/^-?\d+$/.test(value)) return /^\d+$/.test(token.value) && signed(token, negated) === BigInt(value);
      return token.kind === "decimal" && value === (negated ? `-${token.value}` : token.value);
    });
  }
  if (sval !== undefined) {
    const value = sval.sval ?? "";
    return lowering.literal(node.location, (token, negated) => {
      return token.kind === "string" && !negated && token.value === value;
    });
  }
  return lowering.refuse("unsupported-type", "a bit string constant");
}

function signed(token: Token, negated: boolean): bigint {
  return negated ? -BigInt(token.value) : BigInt(token.value);
}

function lowerColumn(node: ColumnRef, lowering: Lowering): Expression {
  lowering.allow(node, "column", ["fields", "location"]);
  const fields = node.fields ?? [];
  const path = stringList(fields);
  const last = fields.at(-1);
  if (path.length === fields.length - 1 && path.length > 0 && last !== undefined && "A_Star" in last) {
    return { kind: "wholeRow", path };
  }
  if (path.length !== fields.length) return lowering.refuse("unsupported-syntax", "a whole row as a value");
  if (path.length === 0 || path.length > 3) {
    return lowering.refuse("unsupported-syntax", `a column name of ${path.length} parts`);
  }
  return { kind: "column", path };
}

function lowerBoolean(node: BoolExpr, lowering: Lowering): Expression {
  lowering.allow(node, "boolean operator", ["boolop", "args", "location"]);
  const operands = lowerList(node.args, lowering);
  const [first] = operands;
  if (node.boolop === "NOT_EXPR" && first !== undefined && operands.length === 1)
    return { kind: "not", operand: first };
  if (node.boolop === "AND_EXPR" && operands.length > 1) return { kind: "and", operands };
  if (node.boolop === "OR_EXPR" && operands.length > 1) return { kind: "or", operands };
  return lowering.refuse("unsupported-operator", String(node.boolop));
}

function lowerNullTest(node: NullTest, lowering: Lowering): Expression {
  lowering.allow(node, "IS NULL", ["arg", "nulltesttype", "location"]);
  if (node.nulltesttype !== "IS_NULL" && node.nulltesttype !== "IS_NOT_NULL") {
    return lowering.refuse("unsupported-operator", String(node.nulltesttype));
  }
  return { kind: "isNull", operand: lowerExpression(node.arg, lowering), negated: node.nulltesttype === "IS_NOT_NULL" };
}

const TRUTH_TESTS: ReadonlyMap<unknown, { readonly value: boolean | null; readonly negated: boolean }> = new Map([
  ["IS_TRUE", { value: true, negated: false }],
  ["IS_NOT_TRUE", { value: true, negated: true }],
  ["IS_FALSE", { value: false, negated: false }],
  ["IS_NOT_FALSE", { value: false, negated: true }],
  ["IS_UNKNOWN", { value: null, negated: false }],
  ["IS_NOT_UNKNOWN", { value: null, negated: true }],
]);

function lowerTruthTest(node: BooleanTest, lowering: Lowering): Expression {
  lowering.allow(node, "IS TRUE", ["arg", "booltesttype", "location"]);
  const test = TRUTH_TESTS.get(node.booltesttype);
  if (test === undefined) return lowering.refuse("unsupported-operator", String(node.booltesttype));
  return { kind: "isTruth", operand: lowerExpression(node.arg, lowering), ...test };
}

function lowerCast(node: TypeCast, lowering: Lowering): Expression {
  lowering.allow(node, "cast", ["arg", "typeName", "location"]);
  return { kind: "cast", operand: lowerExpression(node.arg, lowering), type: lowerType(node.typeName, lowering) };
}

/** `typemod` is where the analyser would put its result: -1 in a raw tree. Array bounds mean nothing but "array". */
function lowerType(node: TypeNameNode | undefined, lowering: Lowering): TypeName {
  if (node === undefined) {
    lowering.refuse("unsupported-syntax", "a cast without a type");
    return { name: [], modifiers: [], array: false };
  }
  lowering.allow(node, "type", ["names", "typmods", "typemod", "arrayBounds", "location"]);
  if (node.typemod !== -1) lowering.refuse("unsupported-type", "a type with a resolved modifier");
  const modifiers = (node.typmods ?? []).map((modifier) => {
    if ("A_Const" in modifier && modifier.A_Const.ival !== undefined) {
      lowering.allow(modifier.A_Const, "type modifier", CONSTANT_FIELDS);
      return modifier.A_Const.ival.ival ?? 0;
    }
    lowering.refuse("unsupported-type", "a type modifier that is not a number");
    return 0;
  });
  return { name: stringList(node.names), modifiers, array: (node.arrayBounds ?? []).length > 0 };
}

function lowerCollate(node: CollateClause, lowering: Lowering): Expression {
  lowering.allow(node, "COLLATE", ["arg", "collname", "location"]);
  return { kind: "collate", operand: lowerExpression(node.arg, lowering), collation: stringList(node.collname) };
}

function lowerCase(node: CaseExpr, lowering: Lowering): Expression {
  lowering.allow(node, "CASE", ["arg", "args", "defresult", "location"]);
  const branches = (node.args ?? []).flatMap((branch) => {
    if (!("CaseWhen" in branch)) {
      refuseNode(branch, lowering);
      return [];
    }
    lowering.allow(branch.CaseWhen, "WHEN", ["expr", "result", "location"]);
    const when = lowerExpression(branch.CaseWhen.expr, lowering);
    const result = lowerExpression(branch.CaseWhen.result, lowering);
    // biome-ignore lint/suspicious/noThenProperty: WHEN … THEN, named as in SQL; never awaited
    return [{ when, then: result }];
  });
  return {
    kind: "case",
    operand: node.arg === undefined ? null : lowerExpression(node.arg, lowering),
    branches,
    otherwise: node.defresult === undefined ? null : lowerExpression(node.defresult, lowering),
  };
}

function lowerCoalesce(node: CoalesceExpr, lowering: Lowering): Expression {
  lowering.allow(node, "COALESCE", ["args", "location"]);
  return { kind: "coalesce", operands: lowerList(node.args, lowering) };
}

function lowerExtremum(node: MinMaxExpr, lowering: Lowering): Expression {
  lowering.allow(node, "GREATEST or LEAST", ["op", "args", "location"]);
  if (node.op !== "IS_GREATEST" && node.op !== "IS_LEAST")
    return lowering.refuse("unsupported-function", String(node.op));
  return { kind: "extremum", greatest: node.op === "IS_GREATEST", operands: lowerList(node.args, lowering) };
}

function lowerCall(node: FuncCall, lowering: Lowering): Expression {
  const name = stringList(node.funcname);
  lowering.allow(node, `${name.join(".")}()`, CALL_FIELDS);
  if (name.at(-1) === "extract" && node.funcformat === "COERCE_SQL_SYNTAX")
    return lowerExtract(node, lowering, lowerExpression);
  const [text, start, length] = node.args ?? [];
  if (text !== undefined && length !== undefined && name.at(-1) === "substring" && isUnwritten(start, lowering)) {
    return plainCall(SUBSTRING_FOR, lowerList([text, length], lowering));
  }
  if (node.funcformat === "COERCE_SQL_SYNTAX" && !SQL_SYNTAX.has(name.at(-1) ?? "")) {
    return lowering.refuse("unsupported-function", `${name.at(-1)}()`);
  }
  return {
    kind: "call",
    name,
    operands: lowerList(node.args, lowering),
    star: node.agg_star === true,
    distinct: node.agg_distinct === true,
    filter: node.agg_filter === undefined ? null : lowerExpression(node.agg_filter, lowering),
    orderBy: (node.agg_order ?? []).map((item) => lowerOrder(item, lowering)),
    over: node.over === undefined ? null : lowerWindow(node.over, lowering),
  };
}

/** `substring(text FOR length)`, to which the grammar adds a start that nobody wrote. */
const SUBSTRING_FOR = "substring for";

function isUnwritten(node: Node | undefined, lowering: Lowering): boolean {
  if (node === undefined || !("A_Const" in node) || node.A_Const.location !== -1) return false;
  lowering.allow(node.A_Const, "the start of a text", CONSTANT_FIELDS);
  return node.A_Const.ival?.ival === 1;
}

/** `funcformat` says whether the call was written `f(x)` or in SQL's own syntax, `EXTRACT(year FROM x)`. */
const CALL_FIELDS = [
  "funcname",
  "args",
  "agg_star",
  "agg_distinct",
  "agg_filter",
  "agg_order",
  "over",
  "funcformat",
  "location",
];

/** Functions with a syntax of their own whose operands are all expressions; `EXTRACT(year FROM x)` holds a keyword. */
const SQL_SYNTAX: ReadonlySet<string> = new Set([
  "btrim",
  "ltrim",
  "rtrim",
  "substring",
  "position",
  "overlay",
  "timezone",
]);

const NODE_NAMES: ReadonlyMap<string, string> = new Map([
  ["A_Indirection", "a field or element of a value"],
  ["NamedArgExpr", "a named argument"],
  ["XmlExpr", "an XML expression"],
  ["XmlSerialize", "XMLSERIALIZE"],
  ["JsonIsPredicate", "IS JSON"],
  ["JsonObjectConstructor", "a JSON constructor"],
  ["JsonArrayConstructor", "a JSON constructor"],
  ["JsonObjectAgg", "a JSON aggregate"],
  ["JsonArrayAgg", "a JSON aggregate"],
  ["SetToDefault", "DEFAULT"],
  ["CurrentOfExpr", "WHERE CURRENT OF"],
]);

function refuseNode(node: Node, lowering: Lowering): Expression {
  if ("SQLValueFunction" in node) return lowering.refuse("volatile-function", "a value of the session");
  const kind = Object.keys(node)[0] ?? "";
  return lowering.refuse("unsupported-syntax", NODE_NAMES.get(kind) ?? kind);
}
