import { BOOL, INT4, type SqlType, sqlType, TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { NUMBERS, scopeType } from "./make-value.ts";
import { clause, list, type Node, node } from "./node.ts";
import { columnsOf, namedColumns, reference, type Scope, sortable, totalKey, valueSort } from "./scope.ts";

export interface TypedNode {
  readonly node: Node;
  readonly type: SqlType;
}

const INT8 = sqlType("int8");
const NUMERIC = sqlType("numeric");

/** A call over all rows of a group. What collects rows in order is only made where the order is decided. */
export function makeAggregate(g: Grammar, scope: Scope, depth: number): TypedNode {
  const total = totalKey(scope);
  const kind = g.choose("aggregate", {
    countStar: 3,
    count: 3,
    sum: 3,
    avg: 2,
    min: 2,
    max: 2,
    bool_and: 0.6,
    string_agg: total === null ? 0 : 1,
    array_agg: total === null ? 0 : 0.8,
    json_agg: total === null ? 0 : 1,
    jsonb_agg: total === null ? 0 : 0.6,
    json_object_agg: total === null ? 0 : 0.2,
    statistics: 0.1,
  });
  const filter = clause(
    "filter",
    " FILTER (WHERE ",
    g.chance("filter", 0.18) ? [g.predicate(scope, depth)] : [],
    "",
    ")",
  );
  const filtered = filter.items.length > 0 ? " filter" : "";
  const order = () => orderOf(g, scope);
  switch (kind) {
    case "countStar":
      return {
        type: INT8,
        node: node(`count(*)${filtered}`, "value int8", g.shape.chance(0.15) ? "count(1)" : "count(*)", filter),
      };
    case "count": {
      const distinct = g.chance("distinct", 0.35);
      const type = scopeType(g, scope);
      return {
        type: INT8,
        node: node(
          `count${distinct ? " distinct" : ""}${filtered}`,
          "value int8",
          `count(${distinct ? "DISTINCT " : ""}`,
          operand(g, scope, type, depth),
          ")",
          filter,
        ),
      };
    }
    case "sum":
    case "avg": {
      const numeric = columnsOf(scope, NUMBERS);
      const type = numeric.length > 0 ? g.shape.pick(numeric).column.type : INT4;
      const distinct = g.chance("distinct", 0.12);
      const result = type.kind === "float8" ? type : kind === "sum" && /^int[24]$/.test(type.kind) ? INT8 : NUMERIC;
      return {
        type: result,
        node: node(
          `${kind} ${type.kind}${distinct ? " distinct" : ""}${filtered}`,
          valueSort(result),
          `${kind}(${distinct ? "DISTINCT " : ""}`,
          operand(g, scope, type, depth),
          ")",
          filter,
        ),
      };
    }
    case "min":
    case "max": {
      const choices = columnsOf(scope).filter(
        ({ column }) => sortable(column.type) && !["uuid", "bool", "jsonb", "bytea"].includes(column.type.kind),
      );
      const type = choices.length > 0 ? g.shape.pick(choices).column.type : INT4;
      return {
        type,
        node: node(
          `${kind} ${type.kind}${filtered}`,
          valueSort(type),
          `${kind}(`,
          operand(g, scope, type, depth),
          ")",
          filter,
        ),
      };
    }
    case "bool_and": {
      const name = g.shape.pick(["bool_and", "bool_or", "every"]);
      return {
        type: BOOL,
        node: node(name, "value bool", `${name}(`, g.value(scope, BOOL, Math.max(depth, 1)), ")", filter),
      };
    }
    case "string_agg": {
      const distinct = g.chance("distinct", 0.15);
      const value = operand(g, scope, TEXT, depth);
      const separator = g.shape.pick([", ", ",", "", " | ", "é"]);
      return {
        type: TEXT,
        node: node(
          `string_agg${distinct ? " distinct" : ""}`,
          "value text",
          `string_agg(${distinct ? "DISTINCT " : ""}`,
          node("cast to text", "value text", "(", value, ")::text"),
          `, '${separator}'`,
          distinct ? "" : order(),
          ")",
          filter,
        ),
      };
    }
    case "array_agg":
    case "json_agg":
    case "jsonb_agg": {
      const type = scopeType(g, scope);
      const item =
        kind === "array_agg" || g.shape.chance(0.6)
          ? operand(g, scope, type, depth)
          : g.value(scope, sqlType(kind === "json_agg" ? "json" : "jsonb"), Math.max(1, depth));
      const result =
        kind === "array_agg"
          ? sqlType("array", type.name.name[0] ?? "text")
          : sqlType(kind === "json_agg" ? "json" : "jsonb");
      return {
        type: kind === "array_agg" ? { ...result, name: { ...type.name, array: true }, element: type } : result,
        node: node(kind, valueSort(result), `${kind}(`, item, order(), ")", filter),
      };
    }
    case "json_object_agg":
      return {
        type: sqlType("json"),
        node: node(
          "json_object_agg",
          "value json",
          "json_object_agg(",
          node("", "key", "(", operand(g, scope, TEXT, 0), ")::text || ''"),
          ", ",
          operand(g, scope, scopeType(g, scope), 0),
          order(),
          ")",
          filter,
        ),
      };
    case "statistics": {
      const name = g.shape.pick(["stddev", "variance", "bit_or", "mode() WITHIN GROUP (ORDER BY"]);
      const closed = name.startsWith("mode");
      return {
        type: NUMERIC,
        node: node(
          closed ? "mode" : name,
          "value numeric",
          closed ? `${name} ` : `${name}(`,
          operand(g, scope, INT4, 0),
          ")",
          filter,
        ),
      };
    }
  }
}

function operand(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const choices = columnsOf(scope, [type.kind]);
  return choices.length > 0 && g.shape.chance(0.8)
    ? reference(g.shape, scope, g.shape.pick(choices))
    : g.value(scope, type, depth);
}

/** ` ORDER BY …` inside of an aggregate that decides the order of all rows. */
function orderOf(g: Grammar, scope: Scope): Node {
  const items = totalOrder(g, scope) ?? [];
  return node("aggregate order by", "order", " ORDER BY ", list(items, items.length));
}

/** Sort items that leave no ties: some columns, then the keys of all relations; `null` if one of them has no key. */
export function totalOrder(g: Grammar, scope: Scope): Node[] | null {
  const keys = totalKey(scope);
  if (keys === null) return null;
  const columns = namedColumns(scope);
  const first =
    columns.length > 0 && g.shape.chance(0.7)
      ? g.shape.times(g.shape.pick([1, 1, 2]), () => g.shape.pick(columns))
      : [];
  return [...first, ...keys].map((choice) => sortItem(g, reference(g.shape, scope, choice, true)));
}

export function sortItem(g: Grammar, expression: Node): Node {
  const direction = g.shape.pick(["", "", "", " ASC", " DESC", " DESC"]);
  const nulls = g.shape.chance(0.25) ? g.shape.pick([" NULLS FIRST", " NULLS LAST"]) : "";
  return node(nulls === "" ? "sort item" : "sort item nulls", "sort item", expression, direction, nulls);
}
