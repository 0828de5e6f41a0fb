import { INT4, INT8, type SqlType, sqlType } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { sortItem, type TypedNode, totalOrder } from "./make-aggregate.ts";
import { NUMBERS } from "./make-value.ts";
import { clause, type Node, node } from "./node.ts";
import { columnsOf, reference, type Scope, sortable, valueSort } from "./scope.ts";

const NUMERIC = sqlType("numeric");

/**
 * A window function. Those that tell peers apart (`row_number`, `lag`, ROWS frames …) are only made over an order that
 * leaves no peers; the others over any order.
 */
export function makeWindow(g: Grammar, scope: Scope, names: Node[]): TypedNode {
  const total = totalOrder(g, scope);
  const exact = total === null ? 0 : 1;
  const kind = g.choose("window", {
    row_number: 3 * exact,
    rank: 2,
    dense_rank: 1.5,
    percent_rank: 0.6,
    cume_dist: 0.4,
    ntile: 0.8 * exact,
    lag: 2 * exact,
    lead: 2 * exact,
    first_value: 1 * exact,
    last_value: 1 * exact,
    nth_value: 0.7 * exact,
    aggregate: 4,
    over: 1,
  });
  const loose = (): Node[] => sortItems(g, scope);
  const column = () => {
    const choices = columnsOf(scope);
    const choice = g.shape.pick(choices);
    return { type: choice.column.type, node: reference(g.shape, scope, choice) };
  };
  const over = (order: readonly Node[], frame: string) => makeOver(g, scope, order, frame, names);
  switch (kind) {
    case "row_number":
      return { type: INT8, node: node("row_number", "value int8", "row_number()", over(total ?? [], "")) };
    case "rank":
    case "dense_rank":
      return { type: INT8, node: node(kind, "value int8", `${kind}()`, over(loose(), "")) };
    case "percent_rank":
    case "cume_dist":
      return { type: sqlType("float8"), node: node(kind, "value float8", `${kind}()`, over(loose(), "")) };
    case "ntile":
      return {
        type: INT4,
        node: node("ntile", "value int4", `ntile(${g.shape.pick(["1", "2", "3", "4", "100"])})`, over(total ?? [], "")),
      };
    case "lag":
    case "lead": {
      const { type, node: operand } = column();
      const offset = g.shape.chance(0.6) ? `, ${g.shape.pick(["1", "2", "0", "5", "(-1)"])}` : "";
      const fallback = offset !== "" && g.shape.chance(0.5) ? [", ", g.value(scope, type, 0)] : [];
      return {
        type,
        node: node(
          `${kind}${offset === "" ? "" : " offset"}${fallback.length > 0 ? " default" : ""}`,
          valueSort(type),
          `${kind}(`,
          operand,
          offset,
          ...fallback,
          ")",
          over(total ?? [], ""),
        ),
      };
    }
    case "first_value":
    case "last_value":
    case "nth_value": {
      const { type, node: operand } = column();
      const which = kind === "nth_value" ? `, ${g.shape.pick(["1", "2", "3"])}` : "";
      return {
        type,
        node: node(
          kind,
          valueSort(type),
          `${kind}(`,
          operand,
          `${which})`,
          over(total ?? [], g.shape.chance(0.6) ? frame(g, true) : ""),
        ),
      };
    }
    case "aggregate":
    case "over": {
      const { type, call, name } = aggregateCall(g, scope);
      const filter = clause(
        "filter",
        " FILTER (WHERE ",
        g.chance("filter", 0.1) ? [g.predicate(scope, 0)] : [],
        "",
        ")",
      );
      if (kind === "over") return { type, node: node(`${name} over`, valueSort(type), call, filter, over([], "")) };
      const rows = exact === 1 && g.shape.chance(0.6);
      const text = g.shape.chance(0.75) ? frame(g, rows) : "";
      return {
        type,
        node: node(`${name} over order`, valueSort(type), call, filter, over(rows ? (total ?? []) : loose(), text)),
      };
    }
  }
}

function aggregateCall(g: Grammar, scope: Scope): { type: SqlType; call: Node; name: string } {
  const numbers = columnsOf(
    scope,
    NUMBERS.filter((kind) => kind !== "float8"),
  );
  const name = g.shape.pick(
    numbers.length > 0 ? ["sum", "sum", "avg", "count", "min", "max", "count(*)"] : ["count", "count(*)"],
  );
  const choices = numbers.length > 0 ? numbers : columnsOf(scope);
  const choice = g.shape.pick(choices);
  const type =
    name === "min" || name === "max"
      ? choice.column.type
      : name.startsWith("count") || (name === "sum" && /^int[24]$/.test(choice.column.type.kind))
        ? INT8
        : NUMERIC;
  const call =
    name === "count(*)"
      ? node("", valueSort(type), "count(*)")
      : node("", valueSort(type), `${name}(`, reference(g.shape, scope, choice), ")");
  return { type, call, name };
}

function sortItems(g: Grammar, scope: Scope): Node[] {
  const choices = columnsOf(scope).filter(({ column }) => sortable(column.type));
  if (choices.length === 0) return [];
  return g.shape.times(g.shape.pick([1, 1, 2]), () => sortItem(g, reference(g.shape, scope, g.shape.pick(choices))));
}

function makeOver(g: Grammar, scope: Scope, order: readonly Node[], frameText: string, names: Node[]): Node {
  const choices = columnsOf(scope).filter(({ column }) => sortable(column.type));
  const partition =
    choices.length > 0 && g.chance("partition", 0.55)
      ? g.shape.times(g.shape.pick([1, 1, 2]), () => reference(g.shape, scope, g.shape.pick(choices)))
      : [];
  const body = node(
    partition.length > 0 ? "partition by" : "",
    "window",
    clause("partition", "PARTITION BY ", partition),
    {
      role: "order",
      before: partition.length > 0 ? " ORDER BY " : "ORDER BY ",
      between: ", ",
      after: "",
      items: order,
      atLeast: order.length,
    },
    frameText,
  );
  if (g.chance("named window", 0.12)) {
    const name = `w${names.length + 1}`;
    names.push(node("named window", "window name", `${name} AS (`, body, ")"));
    return node("", "over", ` OVER ${name}`);
  }
  return node(frameText === "" ? "" : (frameText.trim().split(" ")[0] ?? ""), "over", " OVER (", body, ")");
}

/** `rows`: a frame that may cut between peers; else one of peer groups. */
function frame(g: Grammar, rows: boolean): string {
  if (!rows && g.shape.chance(0.06)) return " RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING";
  const unit = rows ? g.shape.pick(["ROWS", "ROWS", "GROUPS"]) : g.shape.pick(["RANGE", "GROUPS"]);
  const counted = unit !== "RANGE";
  const start = g.shape.pick(
    counted
      ? ["UNBOUNDED PRECEDING", "UNBOUNDED PRECEDING", "1 PRECEDING", "2 PRECEDING", "CURRENT ROW", "1 FOLLOWING"]
      : ["UNBOUNDED PRECEDING", "CURRENT ROW"],
  );
  const ends =
    start === "1 FOLLOWING"
      ? ["2 FOLLOWING", "UNBOUNDED FOLLOWING"]
      : counted
        ? ["CURRENT ROW", "1 FOLLOWING", "UNBOUNDED FOLLOWING"]
        : ["CURRENT ROW", "UNBOUNDED FOLLOWING"];
  const exclude = g.shape.chance(0.12)
    ? ` EXCLUDE ${g.shape.pick(rows ? ["CURRENT ROW", "TIES", "GROUP", "NO OTHERS"] : ["GROUP", "NO OTHERS"])}`
    : "";
  if (start.endsWith("PRECEDING") && g.shape.chance(0.2)) return ` ${unit} ${start}${exclude}`;
  return ` ${unit} BETWEEN ${start} AND ${g.shape.pick(ends)}${exclude}`;
}
