import { INT4, type SqlType, sqlType, TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { list, type Node, node } from "./node.ts";
import { columnsOf, reference, type Scope, valueSort } from "./scope.ts";

const DATE_FORMATS = [
  "YYYY-MM-DD",
  "YYYY-MM",
  "DD.MM.YYYY",
  "HH24:MI:SS",
  "YYYY-MM-DD HH24:MI:SS.MS",
  "Mon DD, YYYY",
  "FMDay",
  "IYYY-IW",
  "Q",
  "HH12 AM",
  "US",
  "J",
  "FMMonth FMDDth",
  "TZ",
];
const NUMBER_FORMATS = ["999", "FM999990.00", "000", "9G999", "S99", "9.9EEEE"];

/** Functions and operators with a text as result. */
export function makeText(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const sort = valueSort(type);
  const kind = g.choose("text", {
    operator: 3,
    lower: 3,
    upper: 3,
    initcap: 0.2,
    trim: 1,
    trimOf: 0.5,
    substring: 1,
    substr: 0.4,
    left: 0.5,
    right: 0.5,
    replace: 0.6,
    concat: 0.8,
    concat_ws: 0.6,
    pad: 0.3,
    reverse: 0.15,
    repeat: 0.15,
    split_part: 0.3,
    translate: 0.1,
    md5: 0.1,
    to_char: 0.7,
    collate: 0.7,
    format: 0.1,
    quote: 0.1,
    regexp: 0.1,
    json: 0.4,
    chr: 0.05,
  });
  const text = () => g.value(scope, TEXT, depth);
  const any = () => g.value(scope, anyType(g, scope), depth);
  const small = () =>
    g.shape.chance(0.85) ? node("literal", valueSort(INT4), g.values.pick(SMALL)) : g.value(scope, INT4, 0);
  switch (kind) {
    case "operator":
      return g.shape.chance(0.8)
        ? node("||", sort, "(", text(), " || ", text(), ")")
        : node("|| of another type", sort, "(", text(), " || ", any(), ")");
    case "trim": {
      const name = g.shape.pick(["trim", "ltrim", "rtrim", "btrim"]);
      return node(name, sort, `${name}(`, text(), ")");
    }
    case "trimOf": {
      const side = g.shape.pick(["both", "leading", "trailing"]);
      return node(`trim ${side}`, sort, `trim(${side} `, text(), " from ", text(), ")");
    }
    case "substring":
      return g.shape.chance(0.7)
        ? node("substring", sort, "substring(", text(), " from ", small(), " for ", small(), ")")
        : node("substring", sort, "substring(", text(), " from ", small(), ")");
    case "substr":
      return node("substr", sort, "substr(", text(), ", ", small(), ")");
    case "left":
    case "right":
      return node(kind, sort, `${kind}(`, text(), ", ", small(), ")");
    case "replace":
    case "translate":
      return node(kind, sort, `${kind}(`, list([text(), text(), text()], 3), ")");
    case "concat":
      return node("concat", sort, "concat(", list(g.shape.times(g.shape.int(1, 3), any)), ")");
    case "concat_ws":
      return node("concat_ws", sort, "concat_ws(", text(), ", ", list(g.shape.times(g.shape.int(1, 3), any)), ")");
    case "pad": {
      const name = g.shape.pick(["lpad", "rpad"]);
      return node(name, sort, `${name}(`, text(), ", ", small(), ", '", g.shape.pick([" ", "ab", "0", "é"]), "')");
    }
    case "repeat":
      return node("repeat", sort, "repeat(", text(), ", ", small(), ")");
    case "split_part":
      return node(
        "split_part",
        sort,
        "split_part(",
        text(),
        `, '${g.shape.pick([" ", "-", "a", ""])}', `,
        small(),
        ")",
      );
    case "to_char":
      return makeToChar(g, scope, sort, depth);
    case "collate":
      return node(
        "collate",
        sort,
        "(",
        text(),
        ` COLLATE ${g.shape.pick(['"C"', '"POSIX"', '"en-US-x-icu"', '"und-x-icu"'])})`,
      );
    case "format":
      return node("format", sort, "format('%s/%L', ", any(), ", ", any(), ")");
    case "quote": {
      const name = g.shape.pick(["quote_literal", "quote_ident"]);
      return node(name, sort, `${name}(`, text(), ")");
    }
    case "regexp":
      return node("regexp_replace", sort, "regexp_replace(", text(), ", '[a-z]+', 'x', 'g')");
    case "json":
      return node(
        "->>",
        sort,
        "(",
        g.value(scope, sqlType(g.shape.pick(["json", "jsonb"])), depth),
        ` ->> ${g.shape.pick(["'a'", "'b'", "'k'", "0", "1"])})`,
      );
    case "chr":
      return node("chr", sort, "chr(", g.value(scope, INT4, 0), ")");
    default:
      return node(kind, sort, `${kind}(`, text(), ")");
  }
}

const SMALL = ["0", "1", "1", "2", "2", "3", "5", "10", "(-1)", "(-2)"];

function anyType(g: Grammar, scope: Scope): SqlType {
  const choices = columnsOf(scope);
  return choices.length > 0 ? g.shape.pick(choices).column.type : TEXT;
}

function makeToChar(g: Grammar, scope: Scope, sort: string, depth: number): Node {
  const moments = columnsOf(scope, ["date", "timestamp", "timestamptz"]);
  if (moments.length > 0 && g.shape.chance(0.85)) {
    const moment = reference(g.shape, scope, g.shape.pick(moments));
    return node("to_char of moment", sort, "to_char(", moment, `, '${g.shape.pick(DATE_FORMATS)}')`);
  }
  const number = g.value(scope, g.shape.pick([INT4, sqlType("numeric")]), depth);
  return node("to_char of number", sort, "to_char(", number, `, '${g.shape.pick(NUMBER_FORMATS)}')`);
}
