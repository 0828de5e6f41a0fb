import { quoteIdentifier } from "../print.ts";
import { type SqlType, sqlType } from "../sql-type.ts";
import type { Grammar, Made, SelectWish } from "./grammar.ts";
import { list, type Node, node } from "./node.ts";
import { sortable } from "./scope.ts";

const NUMBER_TYPES = [sqlType("numeric"), sqlType("numeric"), sqlType("int4"), sqlType("int8"), sqlType("int2")];

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
    const made = g.select({ ...wish, types, depth: wish.depth - 1, named: wish.named === true });
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

/** Numbers often: what two branches make of them depends on their types. */
function anyType(g: Grammar): SqlType {
  if (g.shape.chance(0.35)) return g.shape.pick(NUMBER_TYPES);
  const column = g.shape.pick(g.shape.pick(g.schema.tables).columns);
  return column.type;
}

export function makeValues(g: Grammar, types: readonly SqlType[]): Made {
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
  const body = g.select({ ...wish, depth: wish.depth });
  g.ctes.length = before;
  return { ...body, node: node("with", "query", { ...list(items, 1, "with"), before: "WITH " }, " ", body.node) };
}

export function cte(g: Grammar, wish: Pick<SelectWish, "outer" | "depth">): Node {
  const made = g.select({ outer: wish.outer, depth: Math.max(0, wish.depth - 1), types: null, named: true });
  const hides = g.chance("cte named as a table", 0.06);
  const alias = hides ? g.shape.pick(g.schema.tables).name : g.alias("cte");
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
    hides ? "cte named as a table" : materialized === "" ? "cte" : "cte materialized",
    "cte",
    `${quoteIdentifier(alias)}${shown} AS ${materialized}(`,
    made.node,
    ")",
  );
}
