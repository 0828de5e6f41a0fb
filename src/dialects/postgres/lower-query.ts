import type { Node, SelectStmt } from "libpg-query";
import type { CommonTable, Expression, OrderItem, QualifiedName, Query, Select, Target } from "../../parse/ast.ts";
import { lowerExpression, lowerList } from "./lower-expression.ts";
import { lowerFrom } from "./lower-from.ts";
import { type Lowering, literalsIn } from "./lowering.ts";
import { stringList } from "./survey.ts";

/**
 * Lowers a query. The whitelist is closed: a field of the tree that is not read here refuses the statement (absent
 * fields have their default value, so presence is what matters).
 * Meaningful only while `lowering.refusal` is null.
 */
export function lowerQuery(node: SelectStmt, lowering: Lowering): Query {
  return lowering.descend(() => lowerQueryHere(node, lowering), NO_QUERY);
}

const NO_QUERY: Query = { with: [], body: { kind: "values", rows: [] }, orderBy: [], limit: null, offset: null };

function lowerQueryHere(node: SelectStmt, lowering: Lowering): Query {
  const query: Query = {
    with: lowerWith(node, lowering),
    body: lowerBody(node, lowering),
    orderBy: lowering.within(node.windowClause ?? [], () =>
      (node.sortClause ?? []).map((item) => lowerOrder(item, lowering)),
    ),
    limit: optional(node.limitCount, lowering),
    offset: optional(node.limitOffset, lowering),
  };
  if (node.limitOption !== "LIMIT_OPTION_DEFAULT" && node.limitOption !== "LIMIT_OPTION_COUNT") {
    lowering.refuse("unsupported-syntax", "FETCH FIRST … WITH TIES");
  }
  pinStructure(query, lowering);
  return query;
}

const QUERY_FIELDS = ["withClause", "sortClause", "limitOffset", "limitCount", "limitOption", "op"];

function lowerBody(node: SelectStmt, lowering: Lowering): Query["body"] {
  if (node.valuesLists !== undefined) {
    lowering.allow(node, "VALUES", [...QUERY_FIELDS, "valuesLists"]);
    return { kind: "values", rows: node.valuesLists.map((row) => lowerRow(row, lowering)) };
  }
  const operator = OPERATORS.get(node.op);
  if (operator !== undefined) {
    lowering.allow(node, operator.toUpperCase(), [...QUERY_FIELDS, "all", "larg", "rarg"]);
    const { larg, rarg } = node;
    if (larg !== undefined && rarg !== undefined) {
      const left = lowerQuery(larg, lowering);
      return { kind: "setOperation", operator, all: node.all === true, left, right: lowerQuery(rarg, lowering) };
    }
  } else if (node.op === "SETOP_NONE") {
    return lowerSelect(node, lowering);
  }
  lowering.refuse("set-operation", "a set operation of an unknown kind");
  return { kind: "values", rows: [] };
}

const OPERATORS: ReadonlyMap<unknown, "union" | "intersect" | "except"> = new Map([
  ["SETOP_UNION", "union"],
  ["SETOP_INTERSECT", "intersect"],
  ["SETOP_EXCEPT", "except"],
] as const);

function lowerRow(node: Node, lowering: Lowering): Expression[] {
  if (!("List" in node)) {
    lowering.refuse("unsupported-syntax", "VALUES");
    return [];
  }
  lowering.allow(node.List, "VALUES", ["items"]);
  return lowerList(node.List.items, lowering);
}

function lowerSelect(node: SelectStmt, lowering: Lowering): Select {
  lowering.allow(node, "SELECT", SELECT_FIELDS);
  return lowering.within(node.windowClause ?? [], () => lowerClauses(node, lowering));
}

function lowerClauses(node: SelectStmt, lowering: Lowering): Select {
  const select: Select = {
    kind: "select",
    distinct: lowerDistinct(node.distinctClause, lowering),
    targets: (node.targetList ?? []).map((target) => lowerTarget(target, lowering)),
    from: lowerFrom(node.fromClause, lowering),
    where: optional(node.whereClause, lowering),
    groupBy: lowerList(node.groupClause, lowering),
    having: optional(node.havingClause, lowering),
  };
  return select;
}

const SELECT_FIELDS = [
  ...QUERY_FIELDS,
  "distinctClause",
  "targetList",
  "fromClause",
  "whereClause",
  "groupClause",
  "havingClause",
  "windowClause",
];

/** Modifying entries have made the statement a write already. */
function lowerWith({ withClause }: SelectStmt, lowering: Lowering): CommonTable[] {
  if (withClause === undefined) return [];
  lowering.allow(withClause, "WITH", ["ctes", "recursive", "location"]);
  const recursive = withClause.recursive === true;
  return (withClause.ctes ?? []).flatMap((node) => {
    const table = "CommonTableExpr" in node ? node.CommonTableExpr : undefined;
    const query = table?.ctequery;
    if (table?.ctename === undefined || query === undefined || !("SelectStmt" in query)) {
      lowering.refuse("cte", "WITH an entry that is no query");
      return [];
    }
    lowering.allow(table, "WITH", ["ctename", "aliascolnames", "ctematerialized", "ctequery", "location"]);
    const columnAliases = stringList(table.aliascolnames);
    return [{ name: table.ctename, columnAliases, query: lowerQuery(query.SelectStmt, lowering), recursive }];
  });
}

/**
 * A bare number in ORDER BY or GROUP BY is a position. And where a query groups or is DISTINCT, the origin compares
 * expressions of one clause with those of another (`SELECT a + 1 … GROUP BY a + 1`), constants included; a key of the
 * grouping may also be named by the alias or position of its entry in the select list.
 */
function pinStructure({ body, orderBy }: Query, lowering: Lowering): void {
  const order = orderBy.map((item) => item.expression);
  for (const item of order) if (item.kind === "literal") lowering.pin(item);
  if (body.kind !== "select") return;
  for (const item of body.groupBy) if (item.kind === "literal") lowering.pin(item);
  const keys = [body.targets, body.groupBy];
  if (body.groupBy.length > 0 && literalsIn(keys).length > 0) lowering.pin([keys, body.having, order]);
  if (body.distinct !== false) lowering.pin([body.targets, body.distinct, order]);
}

function optional(node: Node | undefined, lowering: Lowering): Expression | null {
  return node === undefined ? null : lowerExpression(node, lowering);
}

/** Plain DISTINCT is a list with one empty node; DISTINCT ON lists its expressions. */
function lowerDistinct(clause: readonly Node[] | undefined, lowering: Lowering): Select["distinct"] {
  if (clause === undefined) return false;
  const [only, ...rest] = clause;
  if (only !== undefined && rest.length === 0 && Object.keys(only).length === 0) return true;
  return lowerList(clause, lowering);
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

export function lowerOrder(node: Node, lowering: Lowering): OrderItem {
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
