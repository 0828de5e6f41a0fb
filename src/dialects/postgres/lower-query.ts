import type { Node, RangeVar, SelectStmt } from "libpg-query";
import type { Expression, OrderItem, QualifiedName, Query, TableReference, Target } from "../../parse/ast.ts";
import { lowerExpression } from "./lower-expression.ts";
import { type Lowering, literalsIn } from "./lowering.ts";
import { stringList } from "./survey.ts";

/**
 * Lowers a SELECT over one table. The whitelist is closed: a field of the tree that is not read here refuses the
 * statement (absent fields have their default value, so presence is what matters).
 * Meaningful only while `lowering.refusal` is null.
 */
export function lowerQuery(node: SelectStmt, lowering: Lowering): Query {
  lowering.allow(node, "SELECT", QUERY_FIELDS);
  const query: Query = {
    distinct: lowerDistinct(node.distinctClause, lowering),
    targets: (node.targetList ?? []).map((target) => lowerTarget(target, lowering)),
    from: lowerFrom(node.fromClause, lowering),
    where: optional(node.whereClause, lowering),
    groupBy: (node.groupClause ?? []).map((item) => lowerExpression(item, lowering)),
    having: optional(node.havingClause, lowering),
    orderBy: (node.sortClause ?? []).map((item) => lowerOrder(item, lowering)),
    limit: optional(node.limitCount, lowering),
    offset: optional(node.limitOffset, lowering),
  };
  if (query.targets.length === 0) lowering.refuse("unsupported-syntax", "SELECT without a select list");
  if (node.op !== "SETOP_NONE") lowering.refuse("set-operation", "a set operation");
  if (node.limitOption !== "LIMIT_OPTION_DEFAULT" && node.limitOption !== "LIMIT_OPTION_COUNT") {
    lowering.refuse("unsupported-syntax", "FETCH FIRST … WITH TIES");
  }
  pinStructure(query, lowering);
  return query;
}

const QUERY_FIELDS = [
  "distinctClause",
  "targetList",
  "fromClause",
  "whereClause",
  "groupClause",
  "havingClause",
  "sortClause",
  "limitOffset",
  "limitCount",
  "limitOption",
  "op",
];

/**
 * A bare number in ORDER BY or GROUP BY is a position. And where a query groups or is DISTINCT, the origin compares
 * expressions of one clause with those of another (`SELECT a + 1 … GROUP BY a + 1`), constants included; a key of the
 * grouping may also be named by the alias or position of its entry in the select list.
 */
function pinStructure(query: Query, lowering: Lowering): void {
  const order = query.orderBy.map((item) => item.expression);
  for (const item of [...query.groupBy, ...order]) if (item.kind === "literal") lowering.pin(item);
  const keys = [query.targets, query.groupBy];
  if (query.groupBy.length > 0 && literalsIn(keys).length > 0) lowering.pin([keys, query.having, order]);
  if (query.distinct) lowering.pin([query.targets, order]);
}

function optional(node: Node | undefined, lowering: Lowering): Expression | null {
  return node === undefined ? null : lowerExpression(node, lowering);
}

/** Plain DISTINCT is a list with one empty node; DISTINCT ON lists its expressions. */
function lowerDistinct(clause: readonly Node[] | undefined, lowering: Lowering): boolean {
  if (clause === undefined) return false;
  const [only, ...rest] = clause;
  if (only === undefined || rest.length > 0 || Object.keys(only).length > 0) {
    lowering.refuse("distinct-on", "DISTINCT ON");
  }
  return true;
}

function lowerTarget(node: Node, lowering: Lowering): Target {
  if (!("ResTarget" in node)) {
    return { kind: "expression", expression: lowering.refuse("unsupported-syntax", "a select list"), alias: null };
  }
  const target = node.ResTarget;
  lowering.allow(target, "select list entry", ["name", "val", "location"]);
  const star = target.name === undefined ? starPath(target.val) : null;
  if (star !== null) return { kind: "star", path: star };
  return { kind: "expression", expression: lowerExpression(target.val, lowering), alias: target.name ?? null };
}

/** The names before a star, or `null` when the node is not `*`, `t.*` or `s.t.*`. */
function starPath(node: Node | undefined): QualifiedName | null {
  if (node === undefined || !("ColumnRef" in node)) return null;
  const { fields, location, ...rest } = node.ColumnRef;
  const last = fields?.at(-1);
  if (fields === undefined || last === undefined || !("A_Star" in last) || Object.keys(rest).length > 0) return null;
  const path = stringList(fields);
  return path.length === fields.length - 1 && path.length <= 2 ? path : null;
}

const NO_TABLE: TableReference = { name: [], alias: null };

function lowerFrom(clause: readonly Node[] | undefined, lowering: Lowering): TableReference {
  const [only, ...rest] = clause ?? [];
  if (only === undefined) {
    lowering.refuse("no-table", "SELECT without FROM");
    return NO_TABLE;
  }
  if (rest.length > 0 || "JoinExpr" in only) {
    lowering.refuse("join", "more than one table in FROM");
    return NO_TABLE;
  }
  if ("RangeVar" in only) return lowerTable(only.RangeVar, lowering);
  if ("RangeSubselect" in only) lowering.refuse("subquery", "a subquery in FROM");
  else if ("RangeFunction" in only) lowering.refuse("unsupported-syntax", "a function in FROM");
  else if ("RangeTableFunc" in only) lowering.refuse("unsupported-syntax", "XMLTABLE");
  else if ("JsonTable" in only) lowering.refuse("unsupported-syntax", "JSON_TABLE");
  else if ("RangeTableSample" in only) lowering.refuse("unsupported-syntax", "TABLESAMPLE");
  else lowering.refuse("unsupported-syntax", `${Object.keys(only)[0] ?? "nothing"} in FROM`);
  return NO_TABLE;
}

function lowerTable(node: RangeVar, lowering: Lowering): TableReference {
  if (node.inh !== true) lowering.refuse("unsupported-syntax", "ONLY before a table");
  if (node.catalogname !== undefined) lowering.refuse("unsupported-syntax", "a table name with a database");
  if (node.alias?.colnames !== undefined) lowering.refuse("unsupported-syntax", "aliases for the columns of a table");
  lowering.allow(node, "table", ["schemaname", "relname", "inh", "relpersistence", "alias", "location"]);
  if (node.alias !== undefined) lowering.allow(node.alias, "alias", ["aliasname"]);
  if (node.relpersistence !== "p" || node.relname === undefined) {
    lowering.refuse("unsupported-syntax", "a table of an unknown kind");
    return NO_TABLE;
  }
  const name = node.schemaname === undefined ? [node.relname] : [node.schemaname, node.relname];
  return { name, alias: node.alias?.aliasname ?? null };
}

const NULLS: ReadonlyMap<unknown, OrderItem["nulls"]> = new Map([
  ["SORTBY_NULLS_DEFAULT", null],
  ["SORTBY_NULLS_FIRST", "first"],
  ["SORTBY_NULLS_LAST", "last"],
] as const);

const DIRECTIONS: ReadonlyMap<unknown, boolean> = new Map([
  ["SORTBY_DEFAULT", false],
  ["SORTBY_ASC", false],
  ["SORTBY_DESC", true],
]);

function lowerOrder(node: Node, lowering: Lowering): OrderItem {
  if (!("SortBy" in node)) {
    return { expression: lowering.refuse("unsupported-syntax", "ORDER BY"), descending: false, nulls: null };
  }
  const { SortBy: item } = node;
  const descending = DIRECTIONS.get(item.sortby_dir);
  const nulls = NULLS.get(item.sortby_nulls);
  if (descending === undefined) lowering.refuse("unsupported-syntax", "ORDER BY … USING");
  if (nulls === undefined) lowering.refuse("unsupported-syntax", "an unknown order of NULLs");
  lowering.allow(item, "ORDER BY", ["node", "sortby_dir", "sortby_nulls", "location"]);
  return { expression: lowerExpression(item.node, lowering), descending: descending ?? false, nulls: nulls ?? null };
}
