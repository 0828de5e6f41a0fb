import { quoteIdentifier as q } from "../print.ts";
import { type ForeignKey, type TableSpec, tableName } from "../schema.ts";
import type { Grammar } from "./grammar.ts";
import { list, type Node, node, parameter } from "./node.ts";
import { type Choice, type Relation, reference, type Scope, scopeOf } from "./scope.ts";

/** A foreign key with its two tables. */
export interface Link {
  readonly child: TableSpec;
  readonly parent: TableSpec;
  readonly key: ForeignKey;
}

export function fromText(table: TableSpec): string {
  return table.schema === "public" ? q(table.name) : tableName(table);
}

export function relationOf(table: TableSpec, alias = table.name): Relation {
  return {
    alias,
    columns: table.columns.map((column) => ({ name: column.name, type: column.type, source: { table, column } })),
    key: table.primaryKey.length > 0 ? table.primaryKey : null,
    rows: table.rows.length,
    table,
  };
}

export function scopeFor(...relations: readonly Relation[]): Scope {
  // Depth 1: every name is qualified, as mappers write them.
  return { ...scopeOf(relations, null), depth: 1 };
}

export function column(g: Grammar, relation: Relation, name: string): Node {
  const found = relation.columns.find((candidate) => candidate.name === name) ?? relation.columns[0];
  if (found === undefined) throw new RangeError(`no column ${name}`);
  return reference(g.shape, scopeFor(relation), { relation, column: found });
}

export function choiceOf(relation: Relation, name: string): Choice | null {
  const found = relation.columns.find((candidate) => candidate.name === name);
  return found === undefined ? null : { relation, column: found };
}

export function whereText(g: Grammar, _table: TableSpec, relation: Relation): Node {
  if (g.shape.chance(0.25)) return node("", "where", "");
  return node("", "where", " where ", g.predicate(scopeFor(relation), 1));
}

/** All columns, as `"t"."a", "t"."b"`, with names of their own if `prefix` is given. */
export function allColumns(relation: Relation, prefix: string | null): Node {
  const items = relation.columns.map(({ name }) =>
    node("", "target", `${q(relation.alias)}.${q(name)}${prefix === null ? "" : ` as ${q(`${prefix}${name}`)}`}`),
  );
  return node("", "targets", list(items));
}

/** ` order by` the key, and a limit at times: with the key it is decided which rows there are. */
export function page(g: Grammar, relation: Relation): Node {
  if (relation.key === null) return node("", "page", "");
  const items = relation.key.map((name) =>
    node("sort item", "sort item", `${q(relation.alias)}.${q(name)}${g.shape.pick(["", " asc", " desc"])}`),
  );
  const limit = g.shape.chance(0.6) ? node("limit", "limit", " limit ", limitOf(g)) : node("", "limit", "");
  const offset = g.shape.chance(0.3) ? ` offset ${g.values.int(0, 3)}` : "";
  return node("", "page", " order by ", list(items, items.length), limit, offset);
}

/** Prisma sends them as strings. */
function limitOf(g: Grammar): Node {
  const amount = g.values.int(0, 8);
  if (g.shape.chance(0.4)) return node("literal", "count", String(amount));
  return node("limit parameter", "count", parameter(g.shape.pick<unknown>([amount, String(amount)])));
}

export function onText(g: Grammar, { key }: Link, child: Relation, parent: Relation): Node {
  const sides = [`${q(child.alias)}.${q(key.columns[0] ?? "")}`, `${q(parent.alias)}.${q(key.references[0] ?? "")}`];
  if (g.shape.chance(0.5)) sides.reverse();
  return node("join on key", "value bool", `${sides[0]} = ${sides[1]}`);
}

export function joinText(g: Grammar, link: Link, child: Relation, parent: Relation, join: string): Node {
  return node(
    join.startsWith("left") ? "left join" : "inner join",
    "from",
    ` from ${fromText(link.child)} ${join} ${fromText(link.parent)} as ${q(parent.alias)} on `,
    onText(g, link, child, parent),
  );
}

export function whereBoth(g: Grammar, left: Relation, right: Relation): Node {
  return g.shape.chance(0.5)
    ? node("", "where", " where ", g.predicate(scopeFor(left, right), 1))
    : node("", "where", "");
}

export function pageBoth(g: Grammar, left: Relation, right: Relation): Node {
  if (left.key === null || right.key === null) return node("", "page", "");
  const names = [
    ...left.key.map((name) => `${q(left.alias)}.${q(name)}`),
    ...right.key.map((name) => `${q(right.alias)}.${q(name)}`),
  ];
  const items = names.map((name) => node("sort item", "sort item", `${name}${g.shape.pick(["", " desc"])}`));
  return node(
    "",
    "page",
    " order by ",
    list(items, items.length),
    g.shape.chance(0.4) ? ` limit ${g.values.int(0, 6)}` : "",
  );
}
