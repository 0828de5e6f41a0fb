import { INT4, type SqlType, sqlType, TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { type Node, node } from "./node.ts";
import { columnsOf, reference, type Scope, valueSort } from "./scope.ts";

const DATE = sqlType("date");
const TIMESTAMP = sqlType("timestamp");
const TIMESTAMPTZ = sqlType("timestamptz");
const INTERVAL = sqlType("interval");

const UNITS =
  "year month day hour minute second week quarter decade century millennium milliseconds microseconds".split(" ");
const INTERVALS = [
  "1 day",
  "1 month",
  "-1 month",
  "7 days",
  "1 hour",
  "1 year",
  "90 minutes",
  "1 mon 2 days",
  "0.5 seconds",
];
const ZONES = ["UTC", "Europe/Amsterdam", "America/New_York", "+02", "Asia/Kathmandu"];

/** Functions and operators with a date, a timestamp or an interval as result. */
export function makeMoment(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  const sort = valueSort(type);
  const moment = () => {
    const columns = columnsOf(scope, ["date", "timestamp", "timestamptz"]);
    return columns.length > 0 && g.shape.chance(0.8)
      ? reference(g.shape, scope, g.shape.pick(columns))
      : g.value(scope, g.shape.pick([DATE, TIMESTAMP, TIMESTAMPTZ]), depth);
  };
  const interval = () => node("literal interval", valueSort(INTERVAL), `interval '${g.values.pick(INTERVALS)}'`);
  if (type.kind === "interval") {
    const kind = g.choose("interval", { minus: 2, age: 2, age1: 0.2, literal: 1, times: 0.3 });
    switch (kind) {
      case "minus":
        return node(
          "timestamp difference",
          sort,
          "(",
          g.value(scope, TIMESTAMP, depth),
          " - ",
          g.value(scope, TIMESTAMP, depth),
          ")",
        );
      case "age":
        return node("age", sort, "age(", moment(), ", ", moment(), ")");
      case "age1":
        return node("literal interval", sort, "(", interval(), " + ", interval(), ")");
      case "literal":
        return interval();
      case "times":
        return node("interval times", sort, "(", interval(), " * ", g.value(scope, INT4, 0), ")");
    }
  }
  if (type.kind === "date") {
    const kind = g.choose("date", { cast: 3, plus: 2, minus: 1, trunc: 1, to_date: 0.1 });
    switch (kind) {
      case "cast":
        return node("cast to date", sort, moment(), "::date");
      case "plus":
        return node("date + integer", sort, "(", g.value(scope, DATE, depth), " + ", g.value(scope, INT4, 0), ")");
      case "minus":
        return node("date - integer", sort, "(", g.value(scope, DATE, depth), ` - ${g.values.int(0, 40)})`);
      case "trunc":
        return node("cast to date", sort, truncated(g, "timestamp", moment()), "::date");
      case "to_date":
        return node("to_date", sort, "to_date(", g.value(scope, TEXT, depth), ", 'YYYY-MM-DD')");
    }
  }
  const kind = g.choose("timestamp", { date_trunc: 4, plus: 2, minus: 1, cast: 1, zone: 0.7, truncZone: 0.2 });
  const same = () => g.value(scope, type, depth);
  switch (kind) {
    case "date_trunc":
      return truncated(g, type.kind, moment());
    case "plus":
      return node("timestamp + interval", sort, "(", same(), " + ", interval(), ")");
    case "minus":
      return node("timestamp - interval", sort, "(", same(), " - ", interval(), ")");
    case "cast":
      return node(`cast to ${type.kind}`, sort, moment(), `::${type.kind}`);
    case "zone":
      return node("at time zone", sort, "(", moment(), ` AT TIME ZONE '${g.shape.pick(ZONES)}')`);
    case "truncZone":
      return node(
        "date_trunc in zone",
        sort,
        `date_trunc('${g.shape.pick(UNITS)}', `,
        moment(),
        `, '${g.shape.pick(ZONES)}')`,
      );
  }
}

function truncated(g: Grammar, kind: string, moment: Node): Node {
  return node("date_trunc", `value ${kind}`, `date_trunc('${g.shape.pick(UNITS)}', `, moment, ")");
}
