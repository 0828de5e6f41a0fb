import { INT4 } from "../sql-type.ts";
import type { Grammar, Made, SelectWish } from "./grammar.ts";
import { type TypedNode, totalOrder } from "./make-aggregate.ts";
import { makeSetOperation, makeValues, makeWith } from "./make-compound.ts";
import { makeFrom } from "./make-from.ts";
import { makeGrouped, makeSingle } from "./make-grouped.ts";
import { pickColumn, scopeType } from "./make-value.ts";
import { makeWindow } from "./make-window.ts";
import { list, type Node, node } from "./node.ts";
import { namedColumns, reference, type Scope, scopeOf, sortable } from "./scope.ts";
import { count, selectNode, target, whereOf } from "./select-parts.ts";

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
    setop: (wish.named === true ? 2 : 0.7) * nested,
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
  const choices = namedColumns(scope);
  // What stands in FROM can have columns without names only.
  if (choices.length === 0) return [node("", "distinct on a constant", "NULL::int4")];
  return g.shape.times(g.shape.pick([1, 1, 2]), () => reference(g.shape, scope, g.shape.pick(choices), true));
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
