import { quoteIdentifier } from "../print.ts";
import { Random } from "../random.ts";
import type { Schema } from "../schema.ts";
import { INT4 } from "../sql-type.ts";
import type { Grammar, SelectWish } from "./grammar.ts";
import { sortItem, type TypedNode, totalOrder } from "./make-aggregate.ts";
import { cte, makeSetOperation } from "./make-compound.ts";
import { makeConstant } from "./make-constant.ts";
import { type From, makeFrom } from "./make-from.ts";
import { groupedParts } from "./make-grouped.ts";
import { makeOrmStatement } from "./make-orm.ts";
import { makePredicate } from "./make-predicate.ts";
import { makeRecursive } from "./make-recursive.ts";
import { distinctOnOf, makeSelect } from "./make-select.ts";
import { makeLeaf, makeValue, pickColumn, scopeType } from "./make-value.ts";
import { makeWindow } from "./make-window.ts";
import { clause, list, type Node, node, parameter, walk } from "./node.ts";
import { reference, type Scope, scopeOf } from "./scope.ts";
import { count, looseOrder, selectNode, target, whereOf } from "./select-parts.ts";
import type { Weights } from "./weights.ts";

export interface StatementSeeds {
  readonly shape: number;
  readonly values: number;
}

/** One statement over the schema. The same shape seed with another value seed gives other constants. */
export function makeStatement(schema: Schema, seeds: StatementSeeds, weights: Weights): Node {
  const g = grammar(schema, seeds, weights);
  const depth = g.shape.pick([0, 1, 1, 1, 2, 2, 3]);
  const kind = g.choose("statement", {
    plain: 7,
    grouped: 3.5,
    distinct: 1,
    distinctOn: 0.6,
    windowed: 2,
    setop: 1.3,
    with: 1.2,
    recursive: 0.15,
    values: 0.1,
    orm: 4,
  });
  switch (kind) {
    case "setop":
      return topSetOperation(g, depth);
    case "with":
      return topWith(g, depth);
    case "recursive":
      return makeRecursive(g);
    case "values":
      return makeSelect(g, { outer: null, depth: 0, types: null }).node;
    case "orm":
      return makeOrmStatement(g);
    case "grouped":
      return topGrouped(g, depth);
    default:
      return topPlain(g, depth, kind);
  }
}

function grammar(schema: Schema, seeds: StatementSeeds, weights: Weights): Grammar {
  const [shape, values] = [new Random(seeds.shape), new Random(seeds.values)];
  const aliases = new Set<string>();
  let own = new Set<string>();
  const g: Grammar = {
    shape,
    values,
    schema,
    weights,
    wrong: shape.chance(0.06) ? 0.12 : 0,
    parameters: shape.pick([0, 0.2, 0.8]),
    calm: shape.pick([1, 4, 30]),
    ctes: [],
    alias: (base) => {
      const taken = weights.chance(shape, "hidden names", 0.15) ? own : aliases;
      let name = base;
      for (let number = 2; taken.has(name); number++) name = `${base}${number}`;
      aliases.add(name);
      own.add(name);
      return name;
    },
    level: (make) => {
      const around = own;
      own = new Set();
      try {
        return make();
      } finally {
        own = around;
      }
    },
    choose: (area, alternatives) => weights.choose(shape, area, alternatives),
    chance: (name, probability) => weights.chance(shape, name, probability),
    constant: (type, like = null) => makeConstant(g, type, like),
    value: (scope, type, depth) => makeValue(g, scope, type, depth),
    predicate: (scope, depth) => makePredicate(g, scope, depth),
    select: (wish: SelectWish) => makeSelect(g, wish),
  };
  return g;
}

function topPlain(g: Grammar, depth: number, kind: "plain" | "distinct" | "distinctOn" | "windowed"): Node {
  const from = makeFrom(g, null, depth);
  const scope = scopeOf(from.relations, null);
  const windows: Node[] = [];
  const targets = topTargets(g, scope, depth);
  if (kind === "windowed") {
    for (const item of g.shape.times(g.shape.pick([1, 1, 2]), () => makeWindow(g, scope, windows)))
      targets.push(labelled(g, item));
  }
  const where = whereOf(g, scope, from, { outer: null, depth });
  if (kind === "distinctOn") {
    const order = totalOrder(g, scope);
    if (order !== null) {
      const on = distinctOnOf(g, scope);
      return selectNode({
        kind: "distinct on",
        distinct: node("", "distinct", "DISTINCT ON (", list(on), ")"),
        targets,
        from: from.node,
        where,
        orderBy: [...on.map((item) => sortItem(g, item)), ...order],
        fixedOrder: true,
        ...limits(g),
      });
    }
  }
  const distinct = kind === "distinct";
  const orderBy = g.shape.chance(0.55) ? topOrder(g, scope, targets, distinct) : [];
  return selectNode({
    kind: kind === "distinctOn" ? "plain" : kind,
    distinct: distinct ? node("", "distinct", "DISTINCT") : null,
    targets,
    from: from.node,
    where,
    windows,
    orderBy,
    ...limits(g),
  });
}

/** LIMIT and OFFSET as programs write them. */
function limits(g: Grammar): { readonly limit: Node | null; readonly offset: Node | null } {
  const amount = (): Node => (g.shape.chance(0.3) ? limitParameter(g) : count(g));
  return {
    limit: g.shape.chance(0.25) ? node("limit", "count", amount()) : null,
    offset: g.shape.chance(0.08) ? node("offset", "count", count(g)) : null,
  };
}

function limitParameter(g: Grammar): Node {
  const amount = g.values.int(0, 12);
  const odd = g.values.pick<unknown>([null, -1, 1.5, `${amount}.0`, ` ${amount}`]);
  const value = g.values.chance(0.05) ? odd : g.values.pick<unknown>([amount, String(amount), BigInt(amount)]);
  return node("limit parameter", "count", parameter(value), g.shape.pick(["", "", "::int", "::int8"]));
}

function topTargets(g: Grammar, scope: Scope, depth: number): Node[] {
  const named = scope.relations.filter(({ alias }) => alias !== "");
  const roll = g.shape.next();
  if (roll < 0.12) return [node("star", "target", "*")];
  if (roll < 0.2 && named.length > 0)
    return named
      .filter((_, index) => index === 0 || g.shape.chance(0.5))
      .map(({ alias }) => node("alias.*", "target", `${quoteIdentifier(alias)}.*`));
  const wide = g.shape.chance(0.12);
  const outputs = g.shape.times(g.shape.pick(wide ? [6, 8] : [1, 2, 2, 3, 4]), (): Node => {
    const found = pickColumn(g, scope, null);
    if (found === null || g.shape.chance(0.4)) {
      const type = scopeType(g, scope);
      return labelled(g, { type, node: g.value(scope, type, depth) });
    }
    const { choice } = found;
    const column = { type: choice.column.type, node: reference(g.shape, scope, choice) };
    return wide ? target(column, `${choice.relation.alias}_${choice.column.name}`) : labelled(g, column);
  });
  if (g.shape.chance(0.03)) outputs.push(node("whole row", "target", quoteIdentifier(g.shape.pick(named).alias)));
  return outputs;
}

const NAMES = ["a", "v", "Total", "name", "id", "x y", "c1", "count"];

/** With a name of its own, or the origin's. */
function labelled(g: Grammar, output: TypedNode): Node {
  return target(output, g.shape.chance(0.45) ? g.alias(g.shape.pick(NAMES)) : null);
}

/** By positions and names of the outputs, by columns, by expressions. */
function topOrder(g: Grammar, scope: Scope, targets: readonly Node[], distinct: boolean): Node[] {
  if (!distinct && g.shape.chance(0.3)) {
    const total = totalOrder(g, scope);
    if (total !== null) return total;
  }
  // What a window function gives cannot be ranked by another one, as the judge would have to.
  const shown = targets.flatMap((item, index) =>
    item.sort === "target" && item.kind === "" && ![...walk(item)].some(({ sort }) => sort === "over")
      ? [{ item, index }]
      : [],
  );
  if (distinct || (shown.length > 0 && g.shape.chance(0.3))) {
    return shown.length === 0 ? [] : g.shape.times(g.shape.int(1, 2), () => outputItem(g, g.shape.pick(shown)));
  }
  return looseOrder(g, scope);
}

/** A sort item that means an output: its position, its name, or its expression once more. */
function outputItem(g: Grammar, { item, index }: { item: Node; index: number }): Node {
  const expression = item.parts[0];
  if (typeof expression !== "object" || !("parts" in expression))
    return sortItem(g, node("order by position", "", String(index + 1)));
  const alias = item.parts[1];
  const roll = g.shape.next();
  // A bare name would mean an output of that name.
  if (roll > 0.7 && expression.kind !== "column") return sortItem(g, expression);
  const short =
    typeof alias === "string" && roll > 0.35
      ? node("order by output name", "", alias.replace(/^ AS /, ""))
      : node("order by position", "", String(index + 1));
  const item2 = sortItem(g, short);
  return { ...item2, meaning: { ...item2, parts: item2.parts.map((part) => (part === short ? expression : part)) } };
}

function topGrouped(g: Grammar, depth: number): Node {
  const from: From = makeFrom(g, null, depth);
  const scope = scopeOf(from.relations, null);
  const { outputs, groupBy: keys, having, sortables } = groupedParts(g, scope, null, g.shape.pick([0, 0, 1]));
  const targets = outputs.map((output) => labelled(g, output));
  const groupBy = keys.map((key) => byAlias(g, scope, key, targets));
  if (g.shape.chance(0.02)) targets.push(labelled(g, { type: INT4, node: makeLeaf(g, scope, scopeType(g, scope)) }));
  const where = whereOf(g, scope, from, { outer: null, depth });
  const shown = targets.map((item, index) => ({ item, index }));
  const orderBy = g.shape.chance(0.5)
    ? g.shape.times(g.shape.int(1, 2), () =>
        g.shape.chance(0.5) || sortables.length === 0
          ? outputItem(g, g.shape.pick(shown))
          : sortItem(g, g.shape.pick(sortables)),
      )
    : [];
  const distinct = g.shape.chance(0.04) ? node("", "distinct", "DISTINCT") : null;
  return selectNode({
    kind: "grouped",
    distinct,
    targets,
    from: from.node,
    where,
    groupBy,
    having,
    orderBy: distinct === null ? orderBy : [],
    ...limits(g),
  });
}

/** A key of GROUP BY by the name of the output that shows it, unless a column has that name: it would be meant. */
function byAlias(g: Grammar, scope: Scope, key: Node, targets: readonly Node[]): Node {
  const shown = targets.find((item) => item.parts[0] === key.parts[0]);
  const alias = shown?.parts[1];
  if (typeof alias !== "string" || !g.chance("group by alias", 0.2)) return key;
  const name = alias.replace(/^ AS /, "");
  const taken = scope.relations.some(({ columns }) => columns.some((column) => quoteIdentifier(column.name) === name));
  return taken ? key : node("group by alias", "group item", name);
}

function topSetOperation(g: Grammar, depth: number): Node {
  const named = g.shape.chance(0.6);
  const made = makeSetOperation(g, { outer: null, depth: Math.max(1, depth), types: null, named });
  if (!named) return made.node;
  return ordered(
    g,
    made.node,
    made.columns.map(({ name }) => name),
  );
}

/** ` ORDER BY 1, "c2" … LIMIT …` after a query that has no such clauses of its own. */
function ordered(g: Grammar, body: Node, names: readonly string[]): Node {
  const items = g.shape.chance(0.6)
    ? g.shape.times(g.shape.int(1, names.length), () => g.shape.int(1, names.length))
    : [];
  const orderBy = items.map((position) => {
    const short = node("order by position", "", String(position));
    const item = sortItem(g, short);
    const column = node("", "", quoteIdentifier(names[position - 1] ?? ""));
    return { ...item, meaning: { ...item, parts: item.parts.map((part) => (part === short ? column : part)) } };
  });
  const { limit, offset } = limits(g);
  return node(
    "",
    "compound",
    body,
    clause("order by", " ORDER BY ", orderBy),
    clause("limit", " LIMIT ", limit === null ? [] : [limit]),
    clause("offset", " OFFSET ", offset === null ? [] : [offset]),
  );
}

function topWith(g: Grammar, depth: number): Node {
  const items = g.shape.times(g.shape.pick([1, 1, 2, 3]), () => cte(g, { outer: null, depth: depth + 1 }));
  const body = g.shape.chance(0.3) ? topGrouped(g, depth) : topPlain(g, depth, "plain");
  return { ...body, parts: [{ ...list(items, 1, "with"), before: "WITH ", after: " " }, ...body.parts] };
}
