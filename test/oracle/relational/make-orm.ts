import { quoteIdentifier as q } from "../print.ts";
import type { TableSpec } from "../schema.ts";
import { TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { type Node, node } from "./node.ts";
import { LINKED } from "./orm-linked.ts";
import {
  allColumns,
  choiceOf,
  column,
  fromText,
  type Link,
  page,
  relationOf,
  scopeFor,
  whereText,
} from "./orm-parts.ts";
import { reference } from "./scope.ts";

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
