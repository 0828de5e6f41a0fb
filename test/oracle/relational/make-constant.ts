import { randomParameter } from "../parameters.ts";
import { quoteString, typeText } from "../print.ts";
import type { SqlType } from "../sql-type.ts";
import { arrayItem, randomValue } from "../values.ts";
import type { Grammar } from "./grammar.ts";
import { list, type Node, node, type Part, parameter } from "./node.ts";
import { type Choice, valueSort } from "./scope.ts";

const NUMBERS: readonly string[] = ["int2", "int4", "int8", "numeric", "float8", "float4"];
/** Types whose constants mean nothing to most operators without a cast. */
const CAST: readonly string[] = ["json", "jsonb", "interval", "array", "other", "bytea"];

/** A value as the origin reads it, mostly one that the column holds; `null` is NULL. */
export function sample(g: Grammar, type: SqlType, like: Choice | null): string | null {
  const source = like?.column.source ?? null;
  if (g.values.chance(0.03)) return null;
  if (source !== null && source.table.rows.length > 0 && g.values.chance(0.8)) {
    const cell = g.values.pick(source.table.rows)[source.table.columns.indexOf(source.column)];
    if (cell !== null && cell !== undefined) return cell;
  }
  return randomValue(g.values, type, g.values.pick(["tame", "tame", "wide", "nasty"]));
}

/** A parameter, a literal, either with a cast or without; for a column, mostly a value that it holds. */
export function makeConstant(g: Grammar, type: SqlType, like: Choice | null): Node {
  const text = sample(g, type, like);
  const sort = valueSort(type);
  const cast = CAST.includes(type.kind) || g.shape.chance(0.2) ? `::${typeText(type.name)}` : "";
  if (g.shape.chance(g.parameters)) {
    const value = text === null ? null : randomParameter(g.values, type, text);
    return node(cast === "" ? "parameter" : "parameter cast", sort, parameter(value), cast);
  }
  if (g.shape.chance(0.02)) return node("null", sort, "NULL");
  return node(cast === "" ? "literal" : "literal cast", sort, literal(type, text ?? "0", g.shape.chance(0.05)), cast);
}

function literal(type: SqlType, text: string, quoted: boolean): string {
  if (!quoted && NUMBERS.includes(type.kind) && /^-?\d+(\.\d+)?$/.test(text))
    return text.startsWith("-") ? `(${text})` : text;
  if (!quoted && type.kind === "bool" && /^[tf]$/.test(text)) return text === "t" ? "TRUE" : "FALSE";
  return quoteString(text);
}

/** `$1`, `$1::type[]` or an array literal, for = ANY. */
export function makeArray(g: Grammar, type: SqlType, like: Choice): Node {
  const texts = g.values.times(g.values.pick([0, 1, 2, 3, 8]), () => sample(g, type, like));
  const cast = `::${typeText({ ...type.name, array: true })}`;
  if (g.shape.chance(0.15)) {
    const items = g.shape.times(g.shape.pick([1, 2, 3]), () => makeConstant(g, type, like));
    return node("array constructor", "array", "ARRAY[", list(items), "]", g.shape.chance(0.5) ? cast : "");
  }
  if (g.shape.chance(0.7)) {
    const items = texts.map((text) => (text === null ? null : randomParameter(g.values, type, text)));
    const value: Part = parameter(g.values.chance(0.02) ? null : items);
    return node("parameter array", "array", value, g.shape.chance(0.4) ? cast : "");
  }
  const text = `{${texts.map((item) => (item === null ? "NULL" : arrayItem(item))).join(",")}}`;
  return node("literal array", "array", quoteString(text), cast);
}
