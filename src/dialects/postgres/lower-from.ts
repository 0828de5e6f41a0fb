import type { JoinExpr, Node, RangeSubselect, RangeVar } from "libpg-query";
import type { FromItem, Join, JoinCondition } from "../../parse/ast.ts";
import { lowerExpression } from "./lower-expression.ts";
import { lowerQuery } from "./lower-query.ts";
import type { Lowering } from "./lowering.ts";
import { stringList } from "./survey.ts";

/** Stands where something was refused; the whole lowering is then thrown away. */
const NO_TABLE: FromItem = { kind: "table", name: [], alias: null, columnAliases: [] };

/** Lowers a FROM clause: its items, separated by commas, are joined from left to right without condition. */
export function lowerFrom(clause: readonly Node[] | undefined, lowering: Lowering): FromItem | null {
  let from: FromItem | null = null;
  for (const node of clause ?? []) {
    const item = lowerItem(node, lowering);
    from = from === null ? item : { kind: "join", type: "inner", left: from, right: item, condition: null };
  }
  return from;
}

function lowerItem(node: Node | undefined, lowering: Lowering): FromItem {
  return lowering.descend(() => {
    if (node === undefined) lowering.refuse("unsupported-syntax", "a join of nothing");
    else if ("RangeVar" in node) return lowerTable(node.RangeVar, lowering);
    else if ("JoinExpr" in node) return lowerJoin(node.JoinExpr, lowering);
    else if ("RangeSubselect" in node) return lowerDerived(node.RangeSubselect, lowering);
    else if ("RangeFunction" in node) lowering.refuse("unsupported-syntax", "a function in FROM");
    else if ("RangeTableFunc" in node) lowering.refuse("unsupported-syntax", "XMLTABLE");
    else if ("JsonTable" in node) lowering.refuse("unsupported-syntax", "JSON_TABLE");
    else if ("RangeTableSample" in node) lowering.refuse("unsupported-syntax", "TABLESAMPLE");
    else lowering.refuse("unsupported-syntax", `${Object.keys(node)[0] ?? "nothing"} in FROM`);
    return NO_TABLE;
  }, NO_TABLE);
}

function lowerTable(node: RangeVar, lowering: Lowering): FromItem {
  if (node.inh !== true) lowering.refuse("unsupported-syntax", "ONLY before a table");
  if (node.catalogname !== undefined) lowering.refuse("unsupported-syntax", "a table name with a database");
  lowering.allow(node, "table", ["schemaname", "relname", "inh", "relpersistence", "alias", "location"]);
  if (node.relpersistence !== "p" || node.relname === undefined) {
    lowering.refuse("unsupported-syntax", "a table of an unknown kind");
    return NO_TABLE;
  }
  const name = node.schemaname === undefined ? [node.relname] : [node.schemaname, node.relname];
  return { kind: "table", name, ...lowerAlias(node.alias, lowering) };
}

function lowerDerived(node: RangeSubselect, lowering: Lowering): FromItem {
  lowering.allow(node, "a query in FROM", ["lateral", "subquery", "alias"]);
  if (node.subquery === undefined || !("SelectStmt" in node.subquery)) {
    lowering.refuse("subquery", "a query of an unknown kind in FROM");
    return NO_TABLE;
  }
  return {
    kind: "derived",
    query: lowerQuery(node.subquery.SelectStmt, lowering),
    ...lowerAlias(node.alias, lowering),
    lateral: node.lateral === true,
  };
}

function lowerAlias(
  alias: RangeVar["alias"],
  lowering: Lowering,
): { readonly alias: string | null; readonly columnAliases: readonly string[] } {
  if (alias === undefined) return { alias: null, columnAliases: [] };
  lowering.allow(alias, "alias", ["aliasname", "colnames"]);
  return { alias: alias.aliasname ?? null, columnAliases: stringList(alias.colnames) };
}

const JOIN_TYPES: ReadonlyMap<unknown, Join["type"]> = new Map([
  ["JOIN_INNER", "inner"],
  ["JOIN_LEFT", "left"],
  ["JOIN_RIGHT", "right"],
  ["JOIN_FULL", "full"],
] as const);

function lowerJoin(node: JoinExpr, lowering: Lowering): FromItem {
  lowering.allow(node, "JOIN", ["jointype", "isNatural", "larg", "rarg", "usingClause", "quals", "rtindex"]);
  const type = JOIN_TYPES.get(node.jointype);
  if (type === undefined) {
    lowering.refuse("join", `a join of kind ${node.jointype}`);
    return NO_TABLE;
  }
  const left = lowerItem(node.larg, lowering);
  const right = lowerItem(node.rarg, lowering);
  return { kind: "join", type, left, right, condition: lowerCondition(node, lowering) };
}

function lowerCondition(node: JoinExpr, lowering: Lowering): JoinCondition | null {
  if (node.isNatural === true) return { kind: "natural" };
  if (node.usingClause !== undefined) return { kind: "using", columns: stringList(node.usingClause) };
  return node.quals === undefined ? null : { kind: "on", expression: lowerExpression(node.quals, lowering) };
}
