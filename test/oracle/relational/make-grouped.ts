import { INT4, INT8, type SqlType } from "../sql-type.ts";
import type { Grammar, Made, SelectWish } from "./grammar.ts";
import { makeAggregate, type TypedNode, totalOrder } from "./make-aggregate.ts";
import { fromTable, makeFrom } from "./make-from.ts";
import { type Node, node } from "./node.ts";
import { columnsOf, type Relation, reference, type Scope, scopeOf, sortable } from "./scope.ts";
import { type SelectParts, selectNode, target, whereOf } from "./select-parts.ts";

/** At most one row, but for a query by a part of a key, which shows whether that is noticed. */
export function makeSingle(g: Grammar, wish: SelectWish): Made {
  const [type = INT8] = wish.types ?? [];
  const kind = g.choose("single", { key: 3, aggregate: 4, limit: 2 });
  const keyed = g.schema.tables.filter(({ primaryKey }) => primaryKey.length > 0);
  const from =
    kind === "key" && keyed.length > 0
      ? g.level(() => fromTable(g, g.shape.pick(keyed)))
      : makeFrom(g, wish.outer, Math.min(wish.depth, 1));
  const scope = scopeOf(from.relations, wish.outer);
  const columns = [{ name: "c1", type }];
  const name = wish.named === true ? "c1" : null;
  const made = (parts: SelectParts): Made => ({ node: selectNode(parts), columns, key: [], rows: 1 });
  const [relation] = from.relations;
  if (kind === "key" && relation?.table != null && relation.key !== null) {
    const part = relation.key.length > 1 && g.chance("part of a key", 0.3);
    const names = part ? relation.key.slice(0, 1) : relation.key;
    const where = names.flatMap((column) => keyCondition(g, scope, relation, column));
    const value = { type, node: g.value(scope, type, 0) };
    const found = made({
      kind: part ? "query by part of a key" : "query by key",
      targets: [target(value, name)],
      from: from.node,
      where,
    });
    // Rows of which one is as good as the other, where the query is read as a relation.
    return part ? { ...found, key: null, rows: relation.rows } : found;
  }
  const where = whereOf(g, scope, from, wish);
  const order = totalOrder(g, scope);
  if (kind === "limit" && order !== null) {
    const value = { type, node: g.value(scope, type, 0) };
    return made({
      kind: "query limit 1",
      targets: [target(value, name)],
      from: from.node,
      where,
      orderBy: order,
      fixedOrder: true,
      limit: node("", "limit 1", "1"),
    });
  }
  return made({
    kind: "query aggregate",
    targets: [target(aggregateOf(g, scope, type), name)],
    from: from.node,
    where,
  });
}

/** Equality of a key's column with a column of a level around, or with a constant. */
function keyCondition(g: Grammar, scope: Scope, relation: Relation, name: string): Node[] {
  const column = relation.columns.find((candidate) => candidate.name === name);
  if (column === undefined) return [];
  const others = scope.outer === null ? [] : columnsOf(scope.outer, [column.type.kind]);
  const other =
    others.length > 0 && scope.outer !== null
      ? reference(g.shape, scope.outer, g.shape.pick(others))
      : g.constant(column.type, { relation, column });
  const own = reference(g.shape, scope, { relation, column });
  return [node("correlation by key", "value bool", own, " = ", other)];
}

/** An aggregate of about the type. */
function aggregateOf(g: Grammar, scope: Scope, type: SqlType): TypedNode {
  for (let attempt = 0; attempt < 4; attempt++) {
    const made = makeAggregate(g, scope, 0);
    if (made.type.kind === type.kind) return made;
  }
  const choices = columnsOf(scope, [type.kind]);
  if (choices.length === 0 || !sortable(type) || type.kind === "bool" || type.kind === "uuid")
    return makeAggregate(g, scope, 0);
  const name = g.shape.pick(["min", "max"]);
  return {
    type,
    node: node(
      `${name} ${type.kind}`,
      `value ${type.kind}`,
      `${name}(`,
      reference(g.shape, scope, g.shape.pick(choices)),
      ")",
    ),
  };
}

export interface Grouped {
  readonly outputs: readonly TypedNode[];
  readonly groupBy: readonly Node[];
  readonly having: Node | null;
  /** Expressions that ORDER BY may name. */
  readonly sortables: readonly Node[];
  /** Positions of the keys among the outputs, if all are shown. */
  readonly key: readonly number[] | null;
}

/** Keys and aggregates of a grouped query. */
export function groupedParts(g: Grammar, scope: Scope, types: readonly SqlType[] | null, depth: number): Grouped {
  const choices = columnsOf(scope).filter(({ column }) => sortable(column.type));
  const whole = types === null && g.chance("group by primary key", 0.12) ? wholeRows(g, scope) : null;
  const keyCount = choices.length === 0 || whole !== null ? 0 : g.shape.pick([0, 1, 1, 1, 2, 2]);
  const more = g.shape.times(keyCount, (): TypedNode => {
    const choice = g.shape.pick(choices);
    if (g.chance("group by expression", 0.12))
      return { type: choice.column.type, node: g.value({ ...scope, outer: null }, choice.column.type, 1) };
    return { type: choice.column.type, node: reference(g.shape, scope, choice, true) };
  });
  const keys = [...(whole?.keys ?? []), ...more];
  const aggregates = g.shape.times(g.shape.int(keyCount === 0 ? 1 : 0, 3), () => makeAggregate(g, scope, depth));
  const wanted = types?.map((type) => keys.find((key) => key.type.kind === type.kind) ?? aggregateOf(g, scope, type));
  const shownKeys = keys.filter(() => g.shape.chance(0.9));
  const outputs =
    wanted ??
    (shownKeys.length + aggregates.length > 0 ? [...shownKeys, ...aggregates.map((item) => around(g, item))] : keys);
  if (whole !== null) outputs.push(...whole.dependent);
  const groupBy = keys.map((key) => {
    const position = outputs.indexOf(key);
    return position >= 0 && g.chance("group by position", 0.15)
      ? node("group by position", "group item", String(position + 1))
      : node(key.node.kind.startsWith("column") ? "group by" : "group by expression", "group item", key.node);
  });
  const having = g.chance("having", 0.22) ? havingOf(g, scope, keys, depth) : null;
  const positions = keys.map((key) => outputs.indexOf(key));
  return {
    outputs,
    groupBy,
    having,
    sortables: [
      ...keys.map((key) => key.node),
      ...aggregates.filter(({ type }) => sortable(type)).map((item) => item.node),
    ],
    key: positions.includes(-1) ? null : positions,
  };
}

/** A table's primary key to group by, and columns that need no grouping then. */
function wholeRows(
  g: Grammar,
  scope: Scope,
): { readonly keys: readonly TypedNode[]; readonly dependent: readonly TypedNode[] } | null {
  const relations = scope.relations.filter(({ table }) => table !== null && table.primaryKey.length > 0);
  if (relations.length === 0) return null;
  const relation = g.shape.pick(relations);
  const shown = (names: readonly string[]): TypedNode[] =>
    relation.columns
      .filter(({ name }) => names.includes(name))
      .map((column) => ({ type: column.type, node: reference(g.shape, scope, { relation, column }, true) }));
  const keys = shown(relation.table?.primaryKey ?? []);
  const others = shown(g.shape.shuffle(relation.columns.map(({ name }) => name)).slice(0, 2));
  const dependent = others.map((item) => ({
    ...item,
    node: node("functionally dependent", item.node.sort, item.node),
  }));
  return keys.length === 0 ? null : { keys, dependent };
}

function around(g: Grammar, item: TypedNode): TypedNode {
  if (g.shape.chance(0.8)) return item;
  const sort = `value ${item.type.kind}`;
  switch (item.type.kind) {
    case "int8":
    case "numeric":
      return g.shape.chance(0.5)
        ? { ...item, node: node("coalesce", sort, "coalesce(", item.node, ", 0)") }
        : { ...item, node: node("cast of an aggregate", sort, item.node, "::int4"), type: INT4 };
    case "json":
    case "jsonb":
      return { ...item, node: node("coalesce", sort, "coalesce(", item.node, ", '[]')") };
    default:
      return { ...item, node: node("coalesce", sort, "coalesce(", item.node, ", NULL)") };
  }
}

function havingOf(g: Grammar, scope: Scope, keys: readonly TypedNode[], depth: number): Node {
  const [key] = keys;
  if (key !== undefined && g.shape.chance(0.3)) return node("having key", "value bool", key.node, " IS NOT NULL");
  const aggregate = g.shape.chance(0.6)
    ? { type: INT8, node: node("count(*)", "value int8", "count(*)") }
    : makeAggregate(g, scope, depth);
  return node(
    "having",
    "value bool",
    aggregate.node,
    ` ${g.shape.pick([">", ">=", "=", "<", "<>"])} `,
    g.constant(aggregate.type),
  );
}

export function makeGrouped(g: Grammar, wish: SelectWish): Made {
  const from = makeFrom(g, wish.outer, wish.depth);
  const scope = scopeOf(from.relations, wish.outer);
  const { outputs, groupBy, having, key } = groupedParts(g, scope, wish.types, 0);
  const columns = outputs.map(({ type }, index) => ({ name: `c${index + 1}`, type }));
  const parts = {
    kind: "query grouped",
    targets: outputs.map((output, index) => target(output, wish.named === true ? (columns[index]?.name ?? "") : null)),
    from: from.node,
    where: whereOf(g, scope, from, wish),
    groupBy,
    having,
  };
  return { node: selectNode(parts), columns, key, rows: groupBy.length === 0 ? 1 : Math.min(from.rows, 30) };
}
