import { typeText } from "../print.ts";
import { BOOL, FLOAT8, INT4, INT8, type Kind, NUMERIC, type SqlType, sqlType, TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { makeJson } from "./make-json.ts";
import { makeMoment } from "./make-moment.ts";
import { makeNumber } from "./make-number.ts";
import { makeText } from "./make-text.ts";
import { list, type Node, node } from "./node.ts";
import { type Choice, columnsOf, reference, type Scope, valueSort } from "./scope.ts";

export const NUMBERS: readonly Kind[] = ["int2", "int4", "int8", "numeric", "float8"];
const TEXTS: readonly Kind[] = ["text", "varchar", "char"];
const MOMENTS: readonly Kind[] = ["date", "timestamp", "timestamptz"];
const OTHER_TYPES = [INT4, INT8, TEXT, BOOL, NUMERIC, FLOAT8, sqlType("date"), sqlType("uuid"), sqlType("jsonb")];

/** A column of the scope, an outer one now and then where there is any; `null` if none is of the kinds. */
export function pickColumn(
  g: Grammar,
  scope: Scope,
  kinds: readonly Kind[] | null,
): { scope: Scope; choice: Choice } | null {
  let chosen: Scope | null = scope;
  while (chosen.outer !== null && (chosen.relations.length === 0 || g.chance("correlation", 0.18)))
    chosen = chosen.outer;
  for (const candidate of chosen === scope ? [scope] : [chosen, scope]) {
    const choices = columnsOf(candidate, kinds);
    if (choices.length > 0) return { scope: candidate, choice: g.shape.pick(choices) };
  }
  return null;
}

export function makeLeaf(g: Grammar, scope: Scope, type: SqlType): Node {
  if (g.shape.chance(0.78)) {
    const found = pickColumn(g, scope, [type.kind]);
    if (found !== null) {
      const column = reference(g.shape, found.scope, found.choice);
      return found.scope === scope ? column : node("correlated", column.sort, column);
    }
  }
  const like = columnsOf(scope, [type.kind]);
  return g.constant(type, like.length > 0 ? g.values.pick(like) : null);
}

/** Any type that the scope has, so that expressions are mostly over columns. */
export function scopeType(g: Grammar, scope: Scope): SqlType {
  const choices = columnsOf(scope);
  return choices.length > 0 && g.shape.chance(0.92) ? g.shape.pick(choices).column.type : g.shape.pick(OTHER_TYPES);
}

/** An expression of about the type. */
export function makeValue(g: Grammar, scope: Scope, wanted: SqlType, depth: number): Node {
  const type = g.shape.chance(g.wrong) ? g.shape.pick(OTHER_TYPES) : wanted;
  if (depth <= 0) return makeLeaf(g, scope, type);
  const kind = g.choose("value", {
    leaf: 8 * g.calm,
    special: 5,
    case: 0.8,
    coalesce: 1,
    nullif: 0.4,
    extreme: 0.4,
    cast: 0.6,
    scalar: 0.8,
  });
  const sort = valueSort(type);
  const next = () => makeValue(g, scope, type, depth - 1);
  switch (kind) {
    case "leaf":
      return makeLeaf(g, scope, type);
    case "special":
      return makeSpecial(g, scope, type, depth - 1);
    case "case":
      return makeCase(g, scope, type, depth - 1);
    case "coalesce":
      return node("coalesce", sort, "coalesce(", list(g.shape.times(g.shape.pick([2, 2, 3]), next)), ")");
    case "nullif":
      return node("nullif", sort, "nullif(", next(), ", ", next(), ")");
    case "extreme": {
      const name = g.shape.pick(["greatest", "least"]);
      return node(name, sort, `${name}(`, list(g.shape.times(g.shape.pick([2, 2, 3]), next)), ")");
    }
    case "cast": {
      const operand = makeValue(g, scope, castSource(g, scope, type), depth - 1);
      const text = g.shape.chance(0.3) ? { ...type.name, modifiers: [] } : type.name;
      return node(`cast to ${type.kind}`, sort, "(", operand, `)::${typeText(text)}`);
    }
    case "scalar":
      return makeScalarSubquery(g, scope, type, depth - 1);
  }
}

export function makeScalarSubquery(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const single = g.chance("single", 0.97);
  const { node: query } = g.select({ outer: scope, depth: depth - 1, types: [type], single });
  return node(single ? "scalar subquery" : "scalar subquery unproven", valueSort(type), "(", query, ")");
}

function makeSpecial(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  if (NUMBERS.includes(type.kind)) return makeNumber(g, scope, type, depth);
  if (TEXTS.includes(type.kind)) return makeText(g, scope, type, depth);
  if (MOMENTS.includes(type.kind) || type.kind === "interval") return makeMoment(g, scope, type, depth);
  if (type.kind === "json" || type.kind === "jsonb") return makeJson(g, scope, type, depth);
  if (type.kind === "bool") return g.predicate(scope, depth);
  return makeLeaf(g, scope, type);
}

function makeCase(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const sort = valueSort(type);
  const simple = g.shape.chance(0.3) ? pickColumn(g, scope, null) : null;
  const branches = g.shape.times(g.shape.int(1, 2), () => {
    const when = simple === null ? g.predicate(scope, depth) : g.constant(simple.choice.column.type, simple.choice);
    return node("", "branch", " WHEN ", when, " THEN ", makeValue(g, scope, type, depth));
  });
  const otherwise = g.shape.chance(0.7) ? [makeValue(g, scope, type, depth)] : [];
  const operand = simple === null ? [] : [node("", "operand", reference(g.shape, simple.scope, simple.choice))];
  return node(
    simple === null ? "case" : "case of value",
    sort,
    "CASE",
    { role: "operand", before: " ", between: "", after: "", items: operand, atLeast: operand.length },
    { role: "branches", before: "", between: "", after: "", items: branches, atLeast: 1 },
    { role: "else", before: " ELSE ", between: "", after: "", items: otherwise, atLeast: 0 },
    " END",
  );
}

function castSource(g: Grammar, scope: Scope, type: SqlType): SqlType {
  if (TEXTS.includes(type.kind)) return scopeType(g, scope);
  if (NUMBERS.includes(type.kind)) return g.shape.pick([INT4, INT8, NUMERIC, FLOAT8, type, type, TEXT, BOOL]);
  if (MOMENTS.includes(type.kind))
    return g.shape.pick([sqlType("date"), sqlType("timestamp"), sqlType("timestamptz"), type]);
  return g.shape.chance(0.8) ? type : scopeType(g, scope);
}
