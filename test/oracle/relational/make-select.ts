import { quoteIdentifier } from "../print.ts";
import { INT4, INT8, type SqlType } from "../sql-type.ts";
import type { Grammar, Made, SelectWish } from "./grammar.ts";
import { makeAggregate, sortItem, type TypedNode, totalOrder } from "./make-aggregate.ts";
import { type From, fromTable, makeFrom } from "./make-from.ts";
import { pickColumn, scopeType } from "./make-value.ts";
import { makeWindow } from "./make-window.ts";
import { clause, type List, list, type Node, node } from "./node.ts";
import { columnsOf, reference, type Scope, scopeOf, sortable } from "./scope.ts";

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

/** A query inside of another one. What it leaves open (which rows a LIMIT takes) would show outside, so it leaves nothing open. */
export function makeSelect(g: Grammar, wish: SelectWish): Made {
  const { depth } = wish;
  if (wish.single === true) return makeSingle(g, wish);
  const nested = depth > 0 ? 1 : 0;
  const kind = g.choose("query", {
    plain: 7,
    grouped: 2 * nested,
    distinct: 0.8,
    limited: 0.8,
    distinctOn: 0.3,
    windowed: wish.types === null ? 0.5 * nested : 0,
    setop: 0.7 * nested,
    values: wish.types === null || wish.named === true ? 0 : 0.15,
    with: 0.2 * nested,
  });
  switch (kind) {
    case "setop":
      return makeSetOperation(g, wish);
    case "values":
      return makeValues(g, wish.types ?? [INT4]);
    case "with":
      return makeWith(g, wish);
    case "grouped":
      return makeGrouped(g, wish);
    default:
      return makePlain(g, wish, kind);
  }
}

function makePlain(
  g: Grammar,
  wish: SelectWish,
  kind: "plain" | "distinct" | "limited" | "distinctOn" | "windowed",
): Made {
  const from = makeFrom(g, wish.outer, wish.depth);
  const scope = scopeOf(from.relations, wish.outer);
  const windows: Node[] = [];
  const outputs: Output[] =
    kind === "windowed"
      ? [...plainOutputs(g, scope, wish), makeWindow(g, scope, windows)]
      : plainOutputs(g, scope, wish);
  const where = whereOf(g, scope, from, wish);
  const order = totalOrder(g, scope);
  const limits = kind === "limited" && order !== null;
  const distinctOn = kind === "distinctOn" && order !== null;
  const on = distinctOn ? distinctOnOf(g, scope) : null;
  const columns = outputs.map(({ type, name }, index) => ({ name: name ?? `c${index + 1}`, type }));
  const parts = {
    kind: limits
      ? "query limited"
      : distinctOn
        ? "query distinct on"
        : kind === "distinct"
          ? "query distinct"
          : "query",
    distinct:
      on !== null
        ? node("", "distinct", "DISTINCT ON (", list(on), ")")
        : kind === "distinct"
          ? node("", "distinct", "DISTINCT")
          : null,
    targets: outputs.map((output, index) => target(output, wish.named === true ? (columns[index]?.name ?? "") : null)),
    from: from.node,
    where,
    windows,
    orderBy:
      order !== null && (limits || distinctOn)
        ? [...(on ?? []).map((item) => node("", "sort item", item)), ...order]
        : [],
    fixedOrder: limits || distinctOn,
    limit: limits ? count(g) : null,
    offset: limits && g.shape.chance(0.2) ? count(g) : null,
  };
  const allSortable = outputs.every(({ type }) => sortable(type));
  return {
    node: selectNode(parts),
    columns,
    key: kind === "distinct" && allSortable ? columns.map((_, index) => index) : keyPositions(outputs, scope),
    rows: from.rows,
  };
}

export function distinctOnOf(g: Grammar, scope: Scope): Node[] {
  const choices = columnsOf(scope).filter(({ column }) => sortable(column.type));
  return g.shape.times(g.shape.pick([1, 1, 2]), () => reference(g.shape, scope, g.shape.pick(choices)));
}

interface Output extends TypedNode {
  readonly name?: string;
  /** The relation's column that it shows. */
  readonly shows?: string;
}

function plainOutputs(g: Grammar, scope: Scope, wish: SelectWish): Output[] {
  if (wish.types !== null)
    return wish.types.map((type) => ({ type, node: g.value(scope, type, g.shape.pick([0, 0, 1])) }));
  if (wish.named !== true && g.shape.chance(0.5)) return [{ type: INT4, node: node("literal", "value int4", "1") }];
  const outputs = g.shape.times(g.shape.pick([1, 2, 2, 3, 4]), (): Output => {
    const found = pickColumn(g, { ...scope, outer: null }, null);
    if (found === null || g.shape.chance(0.2)) {
      const type = scopeType(g, scope);
      return { type, node: g.value(scope, type, 1) };
    }
    const { column, relation } = found.choice;
    return {
      type: column.type,
      node: reference(g.shape, scope, found.choice),
      shows: `${relation.alias}.${column.name}`,
    };
  });
  if (wish.named === true && g.shape.chance(0.6)) {
    for (const relation of scope.relations) {
      for (const name of relation.key ?? []) {
        const column = relation.columns.find((candidate) => candidate.name === name);
        const shows = `${relation.alias}.${name}`;
        if (column === undefined || outputs.some((output) => output.shows === shows)) continue;
        outputs.push({ type: column.type, node: reference(g.shape, scope, { relation, column }), shows });
      }
    }
  }
  const names = new Set<string>();
  return outputs.map((output) => {
    const own = output.shows?.split(".").slice(1).join(".") ?? "";
    if (own === "" || names.has(own) || /^c\d+$/.test(own) || g.shape.chance(0.3)) return output;
    names.add(own);
    return { ...output, name: own };
  });
}

function keyPositions(outputs: readonly Output[], scope: Scope): number[] | null {
  const positions: number[] = [];
  for (const relation of scope.relations) {
    if (relation.key === null) return null;
    for (const name of relation.key) {
      const position = outputs.findIndex(({ shows }) => shows === `${relation.alias}.${name}`);
      if (position < 0) return null;
      positions.push(position);
    }
  }
  return positions;
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

/** At most one row. */
function makeSingle(g: Grammar, wish: SelectWish): Made {
  const [type = INT8] = wish.types ?? [];
  const kind = g.choose("single", { key: 3, aggregate: 4, limit: 2 });
  const keyed = g.schema.tables.filter(({ primaryKey }) => primaryKey.length === 1);
  const from =
    kind === "key" && keyed.length > 0
      ? fromTable(g, g.shape.pick(keyed))
      : makeFrom(g, wish.outer, Math.min(wish.depth, 1));
  const scope = scopeOf(from.relations, wish.outer);
  const columns = [{ name: "c1", type }];
  const name = wish.named === true ? "c1" : null;
  const made = (parts: SelectParts): Made => ({ node: selectNode(parts), columns, key: [], rows: 1 });
  const [relation] = from.relations;
  const key = relation?.columns.find((column) => column.name === relation.key?.[0]);
  if (kind === "key" && relation?.table !== null && relation !== undefined && key !== undefined) {
    const value = { type, node: g.value(scope, type, 0) };
    const others = wish.outer === null ? [] : columnsOf(wish.outer, [key.type.kind]);
    const other =
      others.length > 0 && wish.outer !== null
        ? reference(g.shape, wish.outer, g.shape.pick(others))
        : g.constant(key.type, { relation, column: key });
    const where = [
      node("correlation by key", "value bool", reference(g.shape, scope, { relation, column: key }), " = ", other),
    ];
    return made({ kind: "query by key", targets: [target(value, name)], from: from.node, where });
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
  const keyCount = choices.length === 0 ? 0 : g.shape.pick([0, 1, 1, 1, 2, 2]);
  const keys = g.shape.times(keyCount, (): TypedNode => {
    const choice = g.shape.pick(choices);
    if (g.chance("group by expression", 0.12))
      return { type: choice.column.type, node: g.value({ ...scope, outer: null }, choice.column.type, 1) };
    return { type: choice.column.type, node: reference(g.shape, scope, choice) };
  });
  const aggregates = g.shape.times(g.shape.int(keyCount === 0 ? 1 : 0, 3), () => makeAggregate(g, scope, depth));
  const wanted = types?.map((type) => keys.find((key) => key.type.kind === type.kind) ?? aggregateOf(g, scope, type));
  const shownKeys = keys.filter(() => g.shape.chance(0.9));
  const outputs =
    wanted ??
    (shownKeys.length + aggregates.length > 0 ? [...shownKeys, ...aggregates.map((item) => around(g, item))] : keys);
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

function makeGrouped(g: Grammar, wish: SelectWish): Made {
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

const SET_OPERATORS = [
  "UNION",
  "UNION ALL",
  "UNION ALL",
  "INTERSECT",
  "EXCEPT",
  "INTERSECT ALL",
  "EXCEPT ALL",
  "UNION DISTINCT",
];

/** Two or three queries of the same types, at times in parentheses. */
export function makeSetOperation(g: Grammar, wish: SelectWish): Made {
  const types = wish.types ?? g.shape.times(g.shape.pick([1, 2, 2, 3]), () => anyType(g));
  const branch = (): Node => {
    const made = makeSelect(g, { ...wish, types, depth: wish.depth - 1, named: wish.named === true });
    const bare = /^query( distinct| grouped)?$/.test(made.node.kind) && g.shape.chance(0.7);
    return bare ? made.node : node("parenthesized query", "query", "(", made.node, ")");
  };
  let root = branch();
  let last = "";
  const count = g.shape.pick([2, 2, 2, 3]);
  for (let index = 1; index < count; index++) {
    last = g.shape.pick(SET_OPERATORS);
    const left = index > 1 && g.shape.chance(0.3) ? node("parenthesized query", "query", "(", root, ")") : root;
    root = node(last.toLowerCase(), "query", left, ` ${last} `, branch());
  }
  const columns = types.map((type, index) => ({ name: `c${index + 1}`, type }));
  const distinct = count === 2 && last === "UNION" && types.every(sortable);
  return { node: root, columns, key: distinct ? columns.map((_, index) => index) : null, rows: 60 };
}

function anyType(g: Grammar): SqlType {
  const column = g.shape.pick(g.shape.pick(g.schema.tables).columns);
  return column.type;
}

function makeValues(g: Grammar, types: readonly SqlType[]): Made {
  const rows = g.shape.times(g.shape.int(1, 4), () =>
    node(
      "",
      "values row",
      "(",
      list(
        types.map((type) => node("", "", g.constant(type))),
        types.length,
      ),
      ")",
    ),
  );
  return {
    node: node("values", "query", "VALUES ", list(rows)),
    columns: types.map((type, index) => ({ name: `column${index + 1}`, type })),
    key: null,
    rows: rows.length,
  };
}

/** `WITH a AS (…), b AS (…) SELECT …`: named queries that the body and the later ones use. */
export function makeWith(g: Grammar, wish: SelectWish): Made {
  const before = g.ctes.length;
  const items = g.shape.times(g.shape.pick([1, 1, 2]), () => cte(g, wish));
  const body = makeSelect(g, { ...wish, depth: wish.depth });
  g.ctes.length = before;
  return { ...body, node: node("with", "query", { ...list(items, 1, "with"), before: "WITH " }, " ", body.node) };
}

export function cte(g: Grammar, wish: Pick<SelectWish, "outer" | "depth">): Node {
  const made = makeSelect(g, { outer: wish.outer, depth: Math.max(0, wish.depth - 1), types: null, named: true });
  const alias = g.alias("cte");
  const renames = g.shape.chance(0.2);
  const names = made.columns.map(({ name }, index) => (renames ? `k${index + 1}` : name));
  g.ctes.push({
    alias,
    columns: made.columns.map(({ type }, index) => ({ name: names[index] ?? "", type, source: null })),
    key: made.key?.map((position) => names[position] ?? "") ?? null,
    rows: made.rows,
    table: null,
  });
  const shown = renames ? `(${names.map(quoteIdentifier).join(", ")})` : "";
  const materialized = g.shape.chance(0.1) ? g.shape.pick(["MATERIALIZED ", "NOT MATERIALIZED "]) : "";
  return node(
    materialized === "" ? "cte" : "cte materialized",
    "cte",
    `${alias}${shown} AS ${materialized}(`,
    made.node,
    ")",
  );
}

/** Sort items over a scope that may leave ties. */
export function looseOrder(g: Grammar, scope: Scope): Node[] {
  const choices = columnsOf(scope).filter(({ column }) => sortable(column.type));
  if (choices.length === 0) return [];
  return g.shape.times(g.shape.pick([1, 1, 2, 3]), () => {
    const choice = g.shape.pick(choices);
    const expression = g.shape.chance(0.85) ? reference(g.shape, scope, choice) : g.value(scope, choice.column.type, 1);
    return sortItem(g, expression);
  });
}
