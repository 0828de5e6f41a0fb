import { quoteIdentifier, quoteString } from "../print.ts";
import { type ForeignKey, type TableSpec, tableName } from "../schema.ts";
import { TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { makeArray } from "./make-constant.ts";
import { list, type Node, node, parameter } from "./node.ts";
import { type Choice, type Relation, reference, type Scope, scopeOf } from "./scope.ts";

interface Link {
  readonly child: TableSpec;
  readonly parent: TableSpec;
  readonly key: ForeignKey;
}

const q = quoteIdentifier;

/** Statements in the shapes that object mappers send. */
export function makeOrmStatement(g: Grammar): Node {
  const links: Link[] = g.schema.tables.flatMap((child) =>
    (child.foreignKeys ?? []).flatMap((key) => {
      const parent = g.schema.tables.find(({ name }) => name === key.table);
      return parent === undefined ? [] : [{ child, parent, key }];
    }),
  );
  const keyed = g.schema.tables.filter(({ primaryKey }) => primaryKey.length === 1);
  const [link, linked] = [links.length > 0 ? g.shape.pick(links) : null, links.length > 0 ? 1 : 0];
  const table = g.shape.pick(keyed.length > 0 ? keyed : g.schema.tables);
  const kind = g.choose("orm", {
    byKey: 2,
    find: 2,
    countOf: 1,
    countOver: 0.7,
    relationIn: 1.2 * linked,
    manyToOne: 1.5 * linked,
    wide: 1 * linked,
    limitedParent: 0.8 * linked,
    pivot: 0.8 * linked,
    distinctAlias: 0.4 * linked,
    nestedIn: 0.4 * linked,
    exists: 1 * linked,
    kysely: 1 * linked,
    kyselyOne: 0.6 * linked,
    drizzle: 1.2 * linked,
    drizzleOne: 0.6 * linked,
    prisma: 0.8 * linked,
    search: 0.7,
  });
  const make = link === null ? null : LINKED[kind as keyof typeof LINKED];
  if (link !== null && make !== undefined && make !== null) return node(`orm ${kind}`, "query", make(g, link));
  switch (kind) {
    case "byKey":
      return node("orm byKey", "query", byKey(g, table));
    case "countOf":
      return node(
        "orm countOf",
        "query",
        "select ",
        g.shape.pick(["count(*)", "COUNT(1)", "count(*)::int"]),
        ' as "c" from ',
        fromText(table),
        whereText(g, table, relationOf(table)),
      );
    case "countOver": {
      const inner = node(
        "",
        "query",
        `select ${q(table.name)}.* from ${fromText(table)}`,
        whereText(g, table, relationOf(table)),
      );
      return node("orm countOver", "query", "select count(*) from (", inner, ') as "temp"');
    }
    case "search":
      return search(g, table);
    default:
      return node("orm find", "query", find(g, table));
  }
}

function fromText(table: TableSpec): string {
  return table.schema === "public" ? q(table.name) : tableName(table);
}

function relationOf(table: TableSpec, alias = table.name): Relation {
  return {
    alias,
    columns: table.columns.map((column) => ({ name: column.name, type: column.type, source: { table, column } })),
    key: table.primaryKey.length > 0 ? table.primaryKey : null,
    rows: table.rows.length,
    table,
  };
}

function scopeFor(...relations: readonly Relation[]): Scope {
  // Depth 1: every name is qualified, as mappers write them.
  return { ...scopeOf(relations, null), depth: 1 };
}

function column(g: Grammar, relation: Relation, name: string): Node {
  const found = relation.columns.find((candidate) => candidate.name === name) ?? relation.columns[0];
  if (found === undefined) throw new RangeError(`no column ${name}`);
  return reference(g.shape, scopeFor(relation), { relation, column: found });
}

function choiceOf(relation: Relation, name: string): Choice | null {
  const found = relation.columns.find((candidate) => candidate.name === name);
  return found === undefined ? null : { relation, column: found };
}

function whereText(g: Grammar, _table: TableSpec, relation: Relation): Node {
  if (g.shape.chance(0.25)) return node("", "where", "");
  return node("", "where", " where ", g.predicate(scopeFor(relation), 1));
}

/** All columns, as `"t"."a", "t"."b"`, with names of their own if `prefix` is given. */
function allColumns(relation: Relation, prefix: string | null): Node {
  const items = relation.columns.map(({ name }) =>
    node("", "target", `${q(relation.alias)}.${q(name)}${prefix === null ? "" : ` as ${q(`${prefix}${name}`)}`}`),
  );
  return node("", "targets", list(items));
}

/** ` order by` the key, and a limit at times: with the key it is decided which rows there are. */
function page(g: Grammar, relation: Relation): Node {
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

function byKey(g: Grammar, table: TableSpec): Node {
  const relation = relationOf(table, g.shape.pick([table.name, "u0", "User"]));
  const alias = relation.alias === table.name ? "" : ` as ${q(relation.alias)}`;
  const name = table.primaryKey[0] ?? table.columns[0]?.name ?? "";
  const choice = choiceOf(relation, name);
  const type = choice?.column.type ?? TEXT;
  const star = g.shape.chance(0.4);
  const targets = star
    ? node("alias.*", "targets", g.shape.chance(0.5) ? "*" : `${q(relation.alias)}.*`)
    : allColumns(relation, g.shape.chance(0.3) ? `${relation.alias}_` : null);
  return node(
    "",
    "query",
    "select ",
    targets,
    ` from ${fromText(table)}${alias} where `,
    column(g, relation, name),
    " = ",
    g.constant(type, choice),
    table.primaryKey.length === 1 ? g.shape.pick(["", " limit 1", " LIMIT 1"]) : "",
  );
}

function find(g: Grammar, table: TableSpec): Node {
  const relation = relationOf(table);
  return node(
    "",
    "query",
    "select ",
    allColumns(relation, null),
    ` from ${fromText(table)}`,
    whereText(g, table, relation),
    page(g, relation),
  );
}

function search(g: Grammar, table: TableSpec): Node {
  const relation = relationOf(table);
  const textual = relation.columns.filter(({ type }) => type.kind === "text" || type.kind === "varchar");
  if (textual.length === 0) return node("orm find", "query", find(g, table));
  const found = g.shape.pick(textual);
  const operator = g.shape.pick(["ILIKE ('%' || ", "LIKE ('%' || ", "LIKE concat('%', "]);
  const close = operator.includes("concat") ? ", '%')" : " || '%')";
  const choice = { relation, column: found };
  const cast = g.shape.chance(0.4) ? "::text" : "";
  return node(
    "orm search",
    "query",
    "select ",
    allColumns(relation, null),
    ` from ${fromText(table)} where `,
    reference(g.shape, scopeFor(relation), choice),
    `${cast} ${operator}`,
    g.constant(TEXT, choice),
    close,
  );
}

const LINKED = {
  relationIn: (g: Grammar, { child, key }: Link): Node => {
    const relation = relationOf(child);
    const name = key.columns[0] ?? "";
    const choice = choiceOf(relation, name);
    const items = g.shape.times(g.shape.pick([1, 2, 4, 8]), () => g.constant(choice?.column.type ?? TEXT, choice));
    const condition =
      choice !== null && g.shape.chance(0.3)
        ? node("", "where", column(g, relation, name), " = any(", makeArray(g, choice.column.type, choice), ")")
        : node("", "where", column(g, relation, name), " in (", list(items), ")");
    return node(
      "",
      "query",
      "select ",
      allColumns(relation, null),
      ` from ${fromText(child)} where `,
      condition,
      g.shape.chance(0.3) ? " AND 1=1" : "",
    );
  },
  manyToOne: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child), relationOf(link.parent, "parent")];
    const join = g.shape.pick(["inner join", "left join", "join"]);
    return node(
      "",
      "query",
      "select ",
      allColumns(c, null),
      `, ${q("parent")}.*`,
      joinText(g, link, c, p, join),
      whereBoth(g, c, p),
      pageBoth(g, c, p),
    );
  },
  wide: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child, "t1"), relationOf(link.parent, "t0")];
    const separator = g.shape.pick([".", "__", "_", ":"]);
    const text = ` from ${fromText(link.parent)} as "t0" LEFT OUTER JOIN ${fromText(link.child)} as "t1" ON `;
    return node(
      "",
      "query",
      "SELECT ",
      allColumns(p, "t0_"),
      ", ",
      allColumns(c, `t1${separator}`),
      text,
      onText(g, link, c, p),
      whereBoth(g, c, p),
      pageBoth(g, p, c),
    );
  },
  limitedParent: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child, "c"), relationOf(link.parent, "p")];
    if (p.key === null) return LINKED.wide(g, link);
    const items = p.key.map((name) => node("", "sort item", `"p".${q(name)}${g.shape.pick(["", " DESC"])}`));
    const inner = node(
      "",
      "query",
      "SELECT ",
      allColumns(p, null),
      ` FROM ${fromText(link.parent)} AS "p"`,
      whereText(g, link.parent, p),
      " ORDER BY ",
      list(items, items.length),
      ` LIMIT ${g.values.int(0, 4)}`,
    );
    return node(
      "",
      "query",
      `SELECT "p".*, `,
      allColumns(c, "c."),
      " FROM (",
      inner,
      `) AS "p" LEFT OUTER JOIN ${fromText(link.child)} AS "c" ON `,
      onText(g, link, c, p),
      pageBoth(g, p, c),
    );
  },
  pivot: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child, "pivot"), relationOf(link.parent)];
    const choice = choiceOf(c, link.key.columns[0] ?? "");
    const name = choice?.column.name ?? "";
    const items = g.shape.times(g.shape.int(1, 4), () => g.constant(choice?.column.type ?? TEXT, choice));
    const text = `, "pivot".${q(name)} as "objectiontmpjoin0" from ${fromText(link.parent)} inner join ${fromText(link.child)} as "pivot" on `;
    return node(
      "",
      "query",
      `select ${q(p.alias)}.*`,
      text,
      onText(g, link, c, p),
      " where ",
      column(g, c, name),
      " in (",
      list(items),
      ")",
    );
  },
  distinctAlias: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child, "c"), relationOf(link.parent, "p")];
    if (p.key === null) return LINKED.wide(g, link);
    const key = p.key[0] ?? "";
    const inner = node(
      "",
      "query",
      "SELECT ",
      allColumns(p, "p_"),
      ", ",
      allColumns(c, "c_"),
      ` FROM ${fromText(link.parent)} "p" LEFT JOIN ${fromText(link.child)} "c" ON `,
      onText(g, link, c, p),
    );
    return node(
      "",
      "query",
      `SELECT DISTINCT "distinctAlias".${q(`p_${key}`)} AS "ids" FROM (`,
      inner,
      `) "distinctAlias" ORDER BY "ids" ASC LIMIT ${g.values.int(1, 5)}`,
    );
  },
  nestedIn: (g: Grammar, link: Link): Node => {
    const p = relationOf(link.parent, "u0");
    const key = p.key?.[0] ?? "";
    if (key === "" || p.key?.length !== 1) return LINKED.wide(g, link);
    const inner = `select "u0".${q(key)} from ${fromText(link.parent)} as "u0" left join ${fromText(link.child)} as "p1" on "u0".${q(link.key.references[0] ?? "")} = "p1".${q(link.key.columns[0] ?? "")} group by "u0".${q(key)} order by "u0".${q(key)} limit ${g.values.int(1, 4)}`;
    return node(
      "",
      "query",
      "select ",
      allColumns(p, null),
      ` from ${fromText(link.parent)} as "u0" where "u0".${q(key)} in (select "u0".${q(key)} from (${inner}) as "u0")`,
    );
  },
  exists: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child), relationOf(link.parent, "p")];
    const not = g.shape.pick(["", "", "not "]);
    const inner = node(
      "",
      "query",
      g.shape.pick(["select 1", "select *", `select ${q(c.alias)}.*`]),
      ` from ${fromText(link.child)} where `,
      onText(g, link, c, p),
      g.shape.chance(0.5) ? node("", "and", " and ", g.predicate(scopeFor(c), 0)) : "",
    );
    return node(
      "",
      "query",
      "select ",
      allColumns(p, null),
      ` from ${fromText(link.parent)} as "p" where ${not}exists (`,
      inner,
      ")",
      page(g, p),
    );
  },
  kysely: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child), relationOf(link.parent, "p")];
    const inner = node(
      "",
      "query",
      "select ",
      allColumns(c, null),
      ` from ${fromText(link.child)} where `,
      onText(g, link, c, p),
      c.key === null ? "" : page(g, c),
    );
    const kind = c.key === null ? "unordered json_agg" : "json_agg of a subquery";
    const json = node(kind, "value json", `(select coalesce(json_agg(agg), '[]') from (`, inner, ") as agg)");
    return node(
      "",
      "query",
      "select ",
      allColumns(p, null),
      ", ",
      json,
      ` as ${q(link.child.name)} from ${fromText(link.parent)} as "p"`,
      whereText(g, link.parent, p),
    );
  },
  kyselyOne: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child, "c"), relationOf(link.parent)];
    const inner = node(
      "",
      "query",
      "select ",
      allColumns(p, null),
      ` from ${fromText(link.parent)} where `,
      onText(g, link, c, p),
    );
    const json = node("to_json of a subquery", "value json", "(select to_json(obj) from (", inner, ") as obj)");
    return node(
      "",
      "query",
      "select ",
      allColumns(c, null),
      ", ",
      json,
      ` as "parent" from ${fromText(link.child)} as "c"`,
      whereText(g, link.child, c),
    );
  },
  drizzle: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child, "users_posts"), relationOf(link.parent)];
    const fields = c.columns.map(({ name }) => node("", "value any", `"users_posts".${q(name)}`));
    const order =
      c.key === null
        ? node("", "order", "")
        : node(
            "aggregate order by",
            "order",
            " order by ",
            list(
              c.key.map((name) => node("", "sort item", `"users_posts".${q(name)}`)),
              c.key.length,
            ),
          );
    const inner = node(
      "",
      "query",
      `select coalesce(json_agg(json_build_array(`,
      list(fields),
      ")",
      order,
      `), '[]'::json) as "data" from ${fromText(link.child)} "users_posts" where `,
      onText(g, link, c, p),
    );
    const kind = c.key === null ? "unordered json_agg" : "lateral json_agg";
    return node(
      kind,
      "query",
      "select ",
      allColumns(p, null),
      `, "posts"."data" as "posts" from ${fromText(link.parent)} left join lateral (`,
      inner,
      ') "posts" on true',
      whereText(g, link.parent, p),
      page(g, p),
    );
  },
  drizzleOne: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child), relationOf(link.parent, "author")];
    const limited = node(
      "",
      "query",
      `select * from ${fromText(link.parent)} "author" where `,
      onText(g, link, c, p),
      p.key?.length === 1 ? " limit 1" : "",
    );
    const fields = p.columns.map(({ name }) => node("", "value any", `"author".${q(name)}`));
    const inner = node(
      "",
      "query",
      "select json_build_array(",
      list(fields),
      ') as "data" from (',
      limited,
      ') "author"',
    );
    return node(
      "",
      "query",
      "select ",
      allColumns(c, null),
      `, "c_author"."data" as "author" from ${fromText(link.child)} left join lateral (`,
      inner,
      ') "c_author" on true',
      page(g, c),
    );
  },
  prisma: (g: Grammar, link: Link): Node => {
    const [c, p] = [relationOf(link.child, "t1"), relationOf(link.parent, "t0")];
    const fields = c.columns.map(({ name }) => node("", "pair", `${quoteString(name)}, "t1".${q(name)}`));
    const order = c.key === null ? "" : ` ORDER BY ${c.key.map((name) => `"t1".${q(name)} ASC`).join(", ")}`;
    const rows = node(
      "",
      "query",
      "SELECT JSONB_BUILD_OBJECT(",
      list(fields, 0),
      `) AS "__prisma_data__" FROM ${fromText(link.child)} AS "t1" WHERE `,
      onText(g, link, c, p),
      order,
    );
    const inner = node(
      "",
      "query",
      `SELECT COALESCE(JSONB_AGG("__prisma_data__"), '[]') AS "__prisma_data__" FROM (`,
      rows,
      ') AS "t3"',
    );
    return node(
      c.key === null ? "unordered json_agg" : "prisma lateral",
      "query",
      "SELECT ",
      allColumns(p, null),
      `, "agg"."__prisma_data__" AS "posts" FROM ${fromText(link.parent)} AS "t0" LEFT JOIN LATERAL (`,
      inner,
      ') AS "agg" ON true',
      whereText(g, link.parent, p),
    );
  },
};

function onText(g: Grammar, { key }: Link, child: Relation, parent: Relation): Node {
  const sides = [`${q(child.alias)}.${q(key.columns[0] ?? "")}`, `${q(parent.alias)}.${q(key.references[0] ?? "")}`];
  if (g.shape.chance(0.5)) sides.reverse();
  return node("join on key", "value bool", `${sides[0]} = ${sides[1]}`);
}

function joinText(g: Grammar, link: Link, child: Relation, parent: Relation, join: string): Node {
  return node(
    join.startsWith("left") ? "left join" : "inner join",
    "from",
    ` from ${fromText(link.child)} ${join} ${fromText(link.parent)} as ${q(parent.alias)} on `,
    onText(g, link, child, parent),
  );
}

function whereBoth(g: Grammar, left: Relation, right: Relation): Node {
  return g.shape.chance(0.5)
    ? node("", "where", " where ", g.predicate(scopeFor(left, right), 1))
    : node("", "where", "");
}

function pageBoth(g: Grammar, left: Relation, right: Relation): Node {
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
