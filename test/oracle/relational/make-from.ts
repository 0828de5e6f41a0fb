import { quoteIdentifier } from "../print.ts";
import type { TableSpec } from "../schema.ts";
import { INT4, type SqlType } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { NUMBERS } from "./make-value.ts";
import { list, type Node, node } from "./node.ts";
import { columnsOf, type Relation, reference, type Scope, type ScopeColumn, scopeOf, sortable } from "./scope.ts";

export interface From {
  readonly node: Node;
  readonly relations: readonly Relation[];
  readonly rows: number;
  /** For WHERE: what joins the entries of a comma list. */
  readonly conditions: readonly Node[];
}

/** So many pairs at most are looked at in a join. */
const MOST_PAIRS = 1500;

/** The FROM clause of a query: mostly tables that refer to each other. */
export function makeFrom(g: Grammar, outer: Scope | null, depth: number): From {
  return g.level(() => makeItems(g, outer, depth));
}

function makeItems(g: Grammar, outer: Scope | null, depth: number): From {
  const count =
    depth > 0 ? Number(g.choose("relations", { "1": 5, "2": 5, "3": 2, "4": 0.5 })) : g.shape.pick([1, 1, 1, 2]);
  let from = makeItem(g, outer, [], depth);
  for (let index = 1; index < count && from.rows < MOST_PAIRS; index++) from = joined(g, outer, from, depth);
  return from;
}

export function fromTable(g: Grammar, table: TableSpec, alias = ""): From {
  const plainName = table.schema === "public" && g.shape.chance(0.9);
  const name = `${plainName ? "" : `${quoteIdentifier(table.schema)}.`}${quoteIdentifier(table.name)}`;
  const own =
    alias === "" && g.shape.chance(0.3) ? g.alias(table.name) : alias === "" ? g.alias(g.shape.pick(ALIASES)) : alias;
  const columns = table.columns.map(
    (column): ScopeColumn => ({ name: column.name, type: column.type, source: { table, column } }),
  );
  const key = keyOf(table);
  const shown = own === table.name ? "" : `${g.shape.pick([" ", " AS "])}${quoteIdentifier(own)}`;
  if (shown !== "" && g.chance("table column aliases", 0.04)) {
    const renamed = columns.slice(0, 2).map((column, index) => ({ ...column, name: `n${index + 1}` }));
    const all = [...renamed, ...columns.slice(renamed.length)];
    const rename = (old: string) => all[columns.findIndex((column) => column.name === old)]?.name ?? old;
    const relation = { alias: own, columns: all, key: key?.map(rename) ?? null, rows: table.rows.length, table: null };
    return single(
      node("table column aliases", "from", `${name}${shown}(${renamed.map((column) => column.name).join(", ")})`),
      relation,
    );
  }
  const relation = { alias: own, columns, key, rows: table.rows.length, table };
  return single(node(shown === "" ? "table" : "table alias", "from", `${name}${shown}`), relation);
}

const ALIASES = ["a", "b", "u", "p", "t", "x", "T1", "o"];

/** Its primary key, or a unique column that is never NULL. */
function keyOf(table: TableSpec): readonly string[] | null {
  if (table.primaryKey.length > 0) return table.primaryKey;
  const unique = table.unique.find((names) =>
    names.every((name) => table.columns.find((column) => column.name === name)?.nullable === false),
  );
  return unique ?? null;
}

function single(from: Node, relation: Relation): From {
  return { node: from, relations: [relation], rows: relation.rows, conditions: [] };
}

function makeItem(g: Grammar, outer: Scope | null, left: readonly Relation[], depth: number): From {
  const kind = g.choose("from", {
    table: 8,
    related: left.length > 0 ? 9 : 0,
    self: left.length > 0 ? 1 : 0,
    subquery: depth > 0 ? 1.6 : 0,
    cte: g.ctes.length > 0 ? 12 : 0,
    values: 0.8,
    series: 0.08,
  });
  switch (kind) {
    case "table":
      return fromTable(g, g.shape.pick(g.schema.tables));
    case "related": {
      const names = new Set(left.flatMap(({ table }) => (table === null ? [] : relatedTo(g, table))));
      const candidates = g.schema.tables.filter(({ name }) => names.has(name));
      return fromTable(g, g.shape.pick(candidates.length > 0 ? candidates : g.schema.tables));
    }
    case "self": {
      const tables = left.flatMap(({ table }) => (table === null ? [] : [table]));
      return fromTable(g, g.shape.pick(tables.length > 0 ? tables : g.schema.tables));
    }
    case "subquery":
      return fromSubquery(g, outer, depth - 1, "");
    case "cte": {
      const cte = g.shape.pick(g.ctes);
      const alias = g.alias(cte.alias);
      const text = quoteIdentifier(cte.alias) + (alias === cte.alias ? "" : ` AS ${quoteIdentifier(alias)}`);
      return single(node("cte reference", "from", text), { ...cte, alias });
    }
    case "values":
      return fromValues(g);
    case "series": {
      const alias = g.alias("s");
      const column = { name: "n", type: INT4, source: null };
      return single(node("generate_series", "from", `generate_series(1, ${g.values.int(0, 5)}) AS ${alias}(n)`), {
        alias,
        columns: [column],
        key: ["n"],
        rows: 5,
        table: null,
      });
    }
  }
}

function relatedTo(g: Grammar, table: TableSpec): string[] {
  const children = g.schema.tables.filter(({ foreignKeys = [] }) =>
    foreignKeys.some((key) => key.table === table.name),
  );
  return [...(table.foreignKeys ?? []).map((key) => key.table), ...children.map(({ name }) => name)];
}

/** A query in FROM, with or without names for its columns. */
function fromSubquery(g: Grammar, outer: Scope | null, depth: number, lateral: string): From {
  const oneRow = g.chance("one row in from", 0.12);
  const made = g.select({ outer, depth, types: null, named: true, single: oneRow });
  const alias = g.alias(g.shape.pick(["sub", "d", "q"]));
  const renames = g.chance("column aliases", 0.25);
  const names = made.columns.map(({ name }, index) => (renames ? `c${index + 1}` : name));
  const columns = made.columns.map(({ type }, index) => ({ name: names[index] ?? "", type, source: null }));
  const key = made.key?.map((position) => names[position] ?? "") ?? null;
  const shown = renames ? `(${names.map(quoteIdentifier).join(", ")})` : "";
  const kind = lateral === "" ? (renames ? "subquery in from with column aliases" : "subquery in from") : "lateral";
  return single(node(kind, "from", `${lateral}(`, made.node, `) AS ${quoteIdentifier(alias)}${shown}`), {
    alias,
    columns,
    key,
    rows: made.rows,
    table: null,
  });
}

function fromValues(g: Grammar): From {
  const types = g.shape.times(g.shape.int(1, 3), () => g.shape.pick(VALUE_TYPES));
  const alias = g.alias("v");
  const rows = g.shape.times(g.shape.int(1, 4), () =>
    node(
      "",
      "values row",
      "(",
      list(
        types.map((type) => cast(g, type)),
        types.length,
      ),
      ")",
    ),
  );
  const columns = types.map((type, index) => ({ name: `v${index + 1}`, type, source: null }));
  const relation = { alias, columns, key: null, rows: rows.length, table: null };
  return single(
    node(
      "values in from",
      "from",
      "(VALUES ",
      list(rows),
      `) AS ${alias}(${columns.map(({ name }) => name).join(", ")})`,
    ),
    relation,
  );
}

const VALUE_TYPES: readonly SqlType[] = [
  INT4,
  INT4,
  { kind: "text", name: { name: ["text"], modifiers: [], array: false } },
  { kind: "numeric", name: { name: ["numeric"], modifiers: [], array: false } },
];

function cast(g: Grammar, type: SqlType): Node {
  return node("", `value ${type.kind}`, g.constant(type), `::${type.kind}`);
}

function joined(g: Grammar, outer: Scope | null, left: From, depth: number, comma = true): From {
  const lateral = depth > 0 && g.chance("lateral", 0.07);
  const leftScope = scopeOf(left.relations, outer);
  const nested = !lateral && depth > 0 && g.chance("nested join", 0.1);
  const right = lateral
    ? fromSubquery(g, leftScope, depth - 1, "LATERAL ")
    : nested
      ? parenthesized(joined(g, outer, makeItem(g, outer, left.relations, 0), depth - 1, false))
      : makeItem(g, outer, left.relations, depth);
  const pairs = left.rows * right.rows;
  const small = pairs <= MOST_PAIRS ? 1 : 0;
  const list = comma && small === 1 ? 1 : 0;
  const shared = sharedNames(left.relations, right.relations);
  const kind = g.choose("join", {
    inner: 5,
    left: 5,
    right: lateral ? 0 : 1,
    full: lateral ? 0 : 1,
    // One row beside each: it shows whether there is exactly one.
    cross: (right.rows <= 1 ? 6 : 0.5) * small,
    comma: list,
    natural: lateral ? 0 : 0.3 * small,
    using: shared.length > 0 && !lateral ? 1.2 : 0,
  });
  const relations = [...left.relations, ...right.relations];
  const conditions = [...left.conditions, ...right.conditions];
  const word = {
    inner: g.shape.pick([" JOIN ", " INNER JOIN "]),
    left: g.shape.pick([" LEFT JOIN ", " LEFT OUTER JOIN "]),
    right: " RIGHT JOIN ",
    full: g.shape.pick([" FULL JOIN ", " FULL OUTER JOIN "]),
  };
  switch (kind) {
    case "cross":
      return {
        node: node("cross join", "from", left.node, " CROSS JOIN ", right.node),
        relations,
        rows: pairs,
        conditions,
      };
    case "comma": {
      const condition = g.shape.chance(0.85) ? [linkOf(g, left.relations, right.relations, outer)] : [];
      return {
        node: node("comma join", "from", left.node, ", ", right.node),
        relations,
        rows: condition[0] === undefined ? pairs : joinedRows(left, right, condition[0]),
        conditions: [...conditions, ...condition],
      };
    }
    case "natural": {
      const side = g.shape.pick(["", "", "LEFT ", "FULL "]);
      const merged = mergedRelation(shared, left.relations);
      return {
        node: node(`natural ${side}join`, "from", left.node, ` NATURAL ${side}JOIN `, right.node),
        relations: [...relations, merged],
        rows: Math.max(left.rows, right.rows),
        conditions,
      };
    }
    case "using": {
      const names = g.shape.shuffle(shared).slice(0, g.shape.pick([1, 1, 2]));
      const side = g.shape.pick(["inner", "left", "right", "full"] as const);
      const merged = mergedRelation(names, left.relations);
      return {
        node: node(
          `${side} join using`,
          "from",
          left.node,
          word[side],
          right.node,
          ` USING (${names.map(quoteIdentifier).join(", ")})`,
        ),
        relations: [...relations, merged],
        rows: Math.max(left.rows, right.rows),
        conditions,
      };
    }
    default: {
      const on =
        kind === "full"
          ? linkOf(g, left.relations, right.relations, outer, { operator: "=" })
          : onCondition(g, left, right, outer, depth, small === 1);
      return {
        node: node(`${kind} join`, "from", left.node, word[kind], right.node, " ON ", on),
        relations,
        rows: joinedRows(left, right, on),
        conditions,
      };
    }
  }
}

/** A guess: a key finds one row for each; another condition may find any share of the pairs. */
function joinedRows(left: From, right: From, on: Node): number {
  const least = Math.max(left.rows, right.rows);
  const onKey = on.kind === "join on key" || on.kind === "on and";
  return onKey ? least : Math.max(least, (left.rows * right.rows) / 3);
}

function parenthesized(from: From): From {
  return { ...from, node: node("nested join", "from", "(", from.node, ")") };
}

function sharedNames(left: readonly Relation[], right: readonly Relation[]): string[] {
  const names = (relations: readonly Relation[]) => relations.flatMap(({ columns }) => columns.map(({ name }) => name));
  const once = (all: readonly string[]) => new Set(all.filter((name) => all.indexOf(name) === all.lastIndexOf(name)));
  const [ours, theirs] = [once(names(left)), once(names(right))];
  return [...ours].filter((name) => theirs.has(name));
}

/** The columns that USING makes one of: they have no relation's name. */
function mergedRelation(names: readonly string[], left: readonly Relation[]): Relation {
  const all = left.flatMap(({ columns }) => columns);
  const columns = names.flatMap((name) => all.filter((column) => column.name === name).slice(0, 1));
  return { alias: "", columns, key: [], rows: 0, table: null };
}

function onCondition(g: Grammar, left: From, right: From, outer: Scope | null, depth: number, small: boolean): Node {
  const scope = scopeOf([...left.relations, ...right.relations], outer);
  const roll = g.shape.next();
  if (roll < 0.04 && small) return node("on true", "value bool", "TRUE");
  if (roll < 0.12 && small) return g.predicate(scope, Math.min(depth, 1));
  const link = linkOf(g, left.relations, right.relations, outer, { unequal: small });
  if (roll < 0.75) return link;
  return node("on and", "value bool", {
    role: "and",
    before: "(",
    between: " AND ",
    after: ")",
    items: [link, g.predicate(scope, 0)],
    atLeast: 1,
  });
}

/** Few rows have the same value. */
function tellsApart({ type, source }: ScopeColumn): boolean {
  return type.kind !== "bool" && type.kind !== "enum" && source?.column.spread !== "few";
}

/** An equality between the two sides: of a foreign key if there is one, else of columns of one type. */
function linkOf(
  g: Grammar,
  left: readonly Relation[],
  right: readonly Relation[],
  outer: Scope | null,
  { operator = null, unequal = false }: { readonly operator?: string | null; readonly unequal?: boolean } = {},
): Node {
  const scope = scopeOf([...left, ...right], outer);
  const equal = (one: Relation, name: string, other: Relation, otherName: string): Node | null => {
    const column = one.columns.find((candidate) => candidate.name === name);
    const match = other.columns.find((candidate) => candidate.name === otherName);
    if (column === undefined || match === undefined) return null;
    const sides = [
      reference(g.shape, scope, { relation: one, column }),
      reference(g.shape, scope, { relation: other, column: match }),
    ];
    const [first, second] = g.shape.chance(0.5) ? sides : sides.reverse();
    if (first === undefined || second === undefined) return null;
    return node("join on key", "value bool", first, " = ", second);
  };
  const links: Node[] = [];
  for (const one of left) {
    for (const other of right) {
      for (const [child, parent] of [
        [one, other],
        [other, one],
      ] as const) {
        for (const key of child.table?.foreignKeys ?? []) {
          if (key.table !== parent.table?.name) continue;
          const link = equal(child, key.columns[0] ?? "", parent, key.references[0] ?? "");
          if (link !== null) links.push(link);
        }
      }
    }
  }
  if (links.length > 0 && g.shape.chance(0.85)) return g.shape.pick(links);
  const leftColumns = columnsOf(scopeOf(left, null)).filter(
    ({ column }) => sortable(column.type) && (unequal || tellsApart(column)),
  );
  const rightColumns = columnsOf(scopeOf(right, null));
  for (const first of g.shape.shuffle(leftColumns)) {
    const fitting = rightColumns.filter(
      ({ column }) =>
        column.type.kind === first.column.type.kind ||
        (NUMBERS.includes(column.type.kind) && NUMBERS.includes(first.column.type.kind)),
    );
    if (fitting.length === 0) continue;
    const second = g.shape.pick(fitting);
    return node(
      "join on columns",
      "value bool",
      reference(g.shape, scope, first),
      ` ${operator ?? (unequal ? g.shape.pick(["=", "=", "=", "<>", "<"]) : "=")} `,
      reference(g.shape, scope, second),
    );
  }
  return g.predicate(scope, 0);
}
