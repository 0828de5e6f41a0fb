import { FLOAT8, INT4, INT8, NUMERIC, type SqlType, TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { type Node, node } from "./node.ts";
import { columnsOf, reference, type Scope, valueSort } from "./scope.ts";

/** Arithmetic and functions with a number as result. */
export function makeNumber(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const sort = valueSort(type);
  const kind = g.choose("number", {
    arithmetic: 6,
    negate: 0.5,
    abs: 0.5,
    sign: 0.2,
    round: 0.8,
    roundTo: 0.8,
    trunc: 0.4,
    ceil: 0.3,
    floor: 0.3,
    mod: 0.4,
    div: 0.2,
    length: 0.6,
    position: 0.4,
    extract: 0.8,
    power: 0.1,
    width: 0.05,
  });
  const value = (wanted: SqlType) => g.value(scope, wanted, depth);
  const integral = type.kind !== "numeric" && type.kind !== "float8";
  switch (kind) {
    case "arithmetic":
      return makeArithmetic(g, scope, type, depth);
    case "negate":
      return node("negate", sort, "(- ", value(type), ")");
    case "abs":
    case "sign":
      return node(kind, sort, `${kind}(`, value(kind === "sign" ? NUMERIC : type), ")");
    case "round":
    case "trunc":
    case "ceil":
    case "floor": {
      const call = node(kind, sort, `${kind}(`, value(type.kind === "float8" ? FLOAT8 : NUMERIC), ")");
      return integral ? node(`cast to ${type.kind}`, sort, "(", call, `)::${type.kind}`) : call;
    }
    case "roundTo": {
      const digits = g.shape.pick(["0", "1", "2", "2", "3", "-1", "-2"]);
      const name = g.shape.pick(["round", "round", "trunc"]);
      return node(`${name} to digits`, sort, `${name}(`, value(NUMERIC), `, ${digits})`);
    }
    case "mod":
    case "div":
      return node(kind, sort, `${kind}(`, value(type.kind === "float8" ? NUMERIC : type), ", ", divisor(g), ")");
    case "length": {
      const name = g.shape.pick(["length", "char_length", "octet_length", "length", "bit_length", "ascii"]);
      return node(name, sort, `${name}(`, value(TEXT), ")");
    }
    case "position":
      return g.shape.chance(0.5)
        ? node("position", sort, "position(", value(TEXT), " in ", value(TEXT), ")")
        : node("strpos", sort, "strpos(", value(TEXT), ", ", value(TEXT), ")");
    case "extract":
      return makeExtract(g, scope, type, depth);
    case "power":
      return node("power", sort, "power(", value(type), ", 2)");
    case "width":
      return node("sqrt", sort, "sqrt(", value(type), ")");
  }
}

function divisor(g: Grammar): Node {
  return node("literal", valueSort(INT4), g.values.pick(["2", "3", "7", "10", "100", "(-3)", "0"]));
}

function makeArithmetic(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const sort = valueSort(type);
  const operator = g.shape.pick(["+", "+", "-", "-", "*", "*", "/", "%"]);
  const kind = `arithmetic ${operator} ${type.kind}`;
  // Over small values it can be proven that nothing overflows.
  const provable = columnsOf(scope, ["int2", "int4", "int8", "numeric"]).filter(
    ({ column }) => column.source !== null && column.source.column.profile !== "nasty",
  );
  if (provable.length > 0 && g.shape.chance(0.65)) {
    const operand = () => reference(g.shape, scope, g.shape.pick(provable));
    const small = node("literal", valueSort(INT4), literalSmall(g));
    return node(kind, sort, "(", operand(), ` ${operator} `, g.shape.chance(0.5) ? operand() : small, ")");
  }
  const right = g.shape.chance(0.25) ? g.shape.pick([INT4, INT8, NUMERIC]) : type;
  return node(kind, sort, "(", g.value(scope, type, depth), ` ${operator} `, g.value(scope, right, depth), ")");
}

function literalSmall(g: Grammar): string {
  const value = g.values.pick(["1", "2", "3", "10", "-4", "12", "0.5", "1.10", "100", "0"]);
  return value.startsWith("-") ? `(${value})` : value;
}

const FIELDS =
  "year month day hour minute second dow doy isodow isoyear week quarter epoch decade century millennium milliseconds microseconds julian timezone".split(
    " ",
  );

function makeExtract(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const sort = valueSort(type);
  const field = g.shape.pick(FIELDS);
  const kinds = columnsOf(scope, ["date", "timestamp", "timestamptz", "interval"]);
  const moment = kinds.length > 0 ? reference(g.shape, scope, g.shape.pick(kinds)) : g.value(scope, { ...DATE }, depth);
  if (g.shape.chance(0.2)) return node("date_part", sort, `date_part('${field}', `, moment, ")");
  const call = node(`extract ${field}`, sort, `extract(${field} from `, moment, ")");
  return g.shape.chance(0.3) ? node(`cast to ${type.kind}`, sort, call, `::${type.kind}`) : call;
}

const DATE: SqlType = { kind: "date", name: { name: ["date"], modifiers: [], array: false } };
