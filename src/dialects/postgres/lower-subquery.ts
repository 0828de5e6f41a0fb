import type { SubLink } from "libpg-query";
import type { Expression } from "../../parse/ast.ts";
import { lowerExpression } from "./lower-expression.ts";
import { lowerQuery } from "./lower-query.ts";
import type { Lowering } from "./lowering.ts";
import { stringList } from "./survey.ts";

/** Lowers a query inside an expression. */
export function lowerSubquery(node: SubLink, lowering: Lowering): Expression {
  lowering.allow(node, "a subquery", ["subLinkType", "testexpr", "operName", "subselect", "location"]);
  if (node.subselect === undefined || !("SelectStmt" in node.subselect)) {
    return lowering.refuse("subquery", "a subquery of an unknown kind");
  }
  const query = lowerQuery(node.subselect.SelectStmt, lowering);
  const operator = node.operName === undefined ? "=" : stringList(node.operName).join(".");
  switch (node.subLinkType) {
    case "EXISTS_SUBLINK":
      return { kind: "exists", query };
    case "EXPR_SUBLINK":
      return { kind: "scalarQuery", query };
    case "ANY_SUBLINK":
      if (operator !== "=") return lowering.refuse("subquery", `${operator} ANY (SELECT …)`);
      return { kind: "inQuery", operand: lowerExpression(node.testexpr, lowering), query, negated: false };
    case "ALL_SUBLINK":
      if (operator !== "<>") return lowering.refuse("subquery", `${operator} ALL (SELECT …)`);
      return { kind: "inQuery", operand: lowerExpression(node.testexpr, lowering), query, negated: true };
    default:
      return lowering.refuse("subquery", node.subLinkType === "ARRAY_SUBLINK" ? "ARRAY (SELECT …)" : "a subquery");
  }
}
