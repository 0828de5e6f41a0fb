import { quoteIdentifier as q, quoteString } from "../print.ts";
import { TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { makeArray } from "./make-constant.ts";
import { list, type Node, node } from "./node.ts";
import {
  allColumns,
  choiceOf,
  column,
  fromText,
  joinText,
  type Link,
  onText,
  page,
  pageBoth,
  relationOf,
  scopeFor,
  whereBoth,
  whereText,
} from "./orm-parts.ts";

/** Shapes over two tables, the one of which refers to the other. */
export const LINKED = {
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
