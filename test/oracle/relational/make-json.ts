import { quoteIdentifier, quoteString } from "../print.ts";
import { type SqlType, sqlType } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { list, type Node, node } from "./node.ts";
import { columnsOf, type Scope, valueSort } from "./scope.ts";

const KEYS = ["id", "name", "a", "b", "it's", "é", 'k "q"', "x\ty", "", "data"];

/** Builders and operators with json or jsonb as result. */
export function makeJson(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const sort = valueSort(type);
  const prefix = type.kind;
  const any = (): Node => {
    const choices = columnsOf(scope);
    return g.value(scope, choices.length > 0 ? g.shape.pick(choices).column.type : type, depth);
  };
  const kind = g.choose("json", {
    object: 3,
    array: 2,
    to_json: 1,
    row: 0.8,
    get: 1,
    path: 0.3,
    cast: 0.3,
    strip: 0.1,
  });
  switch (kind) {
    case "object":
      return makeObject(g, prefix, g.shape.times(g.shape.pick([0, 1, 2, 2, 3]), any));
    case "array":
      return node(
        `${prefix}_build_array`,
        sort,
        `${prefix}_build_array(`,
        list(g.shape.times(g.shape.pick([0, 1, 2, 3]), any), 0),
        ")",
      );
    case "to_json":
      return node(`to_${prefix}`, sort, `to_${prefix}(`, any(), ")");
    case "row": {
      const relation = scope.relations.find(({ table }) => table !== null);
      if (relation === undefined || relation.alias === "") return any();
      const text = quoteIdentifier(relation.alias);
      return prefix === "json" && g.shape.chance(0.7)
        ? node("row_to_json", sort, `row_to_json(${g.shape.chance(0.4) ? `${text}.*` : text})`)
        : node(`to_${prefix} of a row`, sort, `to_${prefix}(${text})`);
    }
    case "get":
      return node(
        "->",
        sort,
        "(",
        g.value(scope, type, depth),
        ` -> ${g.shape.pick(["'a'", "'b'", "0", "'k'", "(-1)"])})`,
      );
    case "path":
      return node("#>", sort, "(", g.value(scope, type, depth), " #> '{a,b}')");
    case "cast":
      return node(
        `cast to ${prefix}`,
        sort,
        "(",
        g.value(scope, sqlType(prefix === "json" ? "jsonb" : "json"), depth),
        `)::${prefix}`,
      );
    case "strip":
      return node(`${prefix}_strip_nulls`, sort, `${prefix}_strip_nulls(`, g.value(scope, type, depth), ")");
  }
}

/** `json_build_object('a', …, 'b', …)`. */
function makeObject(g: Grammar, prefix: string, values: readonly Node[]): Node {
  const pairs = values.map((value) => {
    const key = g.shape.chance(0.95) ? quoteString(g.shape.pick(KEYS)) : "1";
    return node("", "pair", `${key}, `, value);
  });
  return node(`${prefix}_build_object`, `value ${prefix}`, `${prefix}_build_object(`, list(pairs, 0), ")");
}
