import { quoteIdentifier } from "../print.ts";
import type { Grammar, SelectWish } from "./grammar.ts";
import { sortItem, type TypedNode } from "./make-aggregate.ts";
import type { From } from "./make-from.ts";
import { clause, type List, list, type Node, node } from "./node.ts";
import { columnsOf, namedColumns, reference, type Scope, sortable } from "./scope.ts";

export interface SelectParts {
  readonly kind: string;
  readonly distinct?: Node | null;
  readonly targets: readonly Node[];
  readonly from: Node | null;
  readonly where?: readonly Node[];
  readonly groupBy?: readonly Node[];
  readonly having?: Node | null;
  readonly windows?: readonly Node[];
  readonly orderBy?: readonly Node[];
  /** The order decides which rows there are: it must stay when the statement is made smaller. */
  readonly fixedOrder?: boolean;
  readonly limit?: Node | null;
  readonly offset?: Node | null;
}

/** One SELECT with its clauses as lists that can be told apart by their role. */
export function selectNode(parts: SelectParts): Node {
  const optional = (role: string, before: string, item: Node | null | undefined): List =>
    clause(role, before, item === null || item === undefined ? [] : [item]);
  const order = parts.orderBy ?? [];
  return node(
    parts.kind,
    "query",
    "SELECT",
    optional("distinct", " ", parts.distinct),
    { ...list(parts.targets, 1, "targets"), before: " " },
    optional("from", " FROM ", parts.from),
    clause("where", " WHERE ", parts.where ?? [], " AND "),
    clause("group by", " GROUP BY ", parts.groupBy ?? []),
    optional("having", " HAVING ", parts.having),
    clause("window", " WINDOW ", parts.windows ?? []),
    { ...clause("order by", " ORDER BY ", order), atLeast: parts.fixedOrder === true ? order.length : 0 },
    optional("limit", " LIMIT ", parts.limit),
    optional("offset", " OFFSET ", parts.offset),
  );
}

export function target(output: TypedNode, name: string | null): Node {
  return name === null
    ? node("", "target", output.node)
    : node("", "target", output.node, ` AS ${quoteIdentifier(name)}`);
}

export function whereOf(
  g: Grammar,
  scope: Scope,
  from: From,
  { outer, depth }: Pick<SelectWish, "outer" | "depth">,
): Node[] {
  const conditions = [...from.conditions];
  if (outer !== null && g.chance("correlation", 0.5)) {
    const link = correlationOf(g, scope);
    if (link !== null) conditions.push(link);
  }
  if (g.shape.chance(0.5)) conditions.push(g.predicate(scope, Math.min(depth, 2)));
  return conditions;
}

/** An equality with a column of a level around, as subqueries mostly have. */
function correlationOf(g: Grammar, scope: Scope): Node | null {
  const outer = scope.outer;
  if (outer === null) return null;
  for (const inner of g.shape.shuffle(columnsOf(scope))) {
    const { foreignKeys = [] } = inner.relation.table ?? {};
    const key = foreignKeys.find(({ columns }) => columns[0] === inner.column.name);
    const others = columnsOf(outer, [inner.column.type.kind]);
    const meant = others.filter(({ relation, column }) =>
      key === undefined
        ? column.name === "id"
        : relation.table?.name === key.table && column.name === key.references[0],
    );
    const choices = meant.length > 0 ? meant : others;
    if (choices.length === 0 || !sortable(inner.column.type)) continue;
    const other = g.shape.pick(choices);
    return node("correlation", "value bool", reference(g.shape, scope, inner), " = ", reference(g.shape, outer, other));
  }
  return null;
}

export function count(g: Grammar): Node {
  return node("literal", "count", String(g.values.pick([0, 1, 1, 2, 3, 5, 10])));
}

/** Sort items over a scope that may leave ties. */
export function looseOrder(g: Grammar, scope: Scope): Node[] {
  const choices = namedColumns(scope);
  if (choices.length === 0) return [];
  return g.shape.times(g.shape.pick([1, 1, 2, 3]), () => {
    const choice = g.shape.pick(choices);
    const expression = g.shape.chance(0.85)
      ? reference(g.shape, scope, choice, true)
      : g.value(scope, choice.column.type, 1);
    return sortItem(g, expression);
  });
}
