import { type Bypass, bypass } from "../../outcome.ts";
import { scaleOf } from "../../store/column-set.ts";
import { type Analysis, isBypass } from "../analysis.ts";
import { type Interval, union } from "../interval.ts";
import type { Operand, Term } from "../term.ts";
import { unify, variableWith } from "./conditionals.ts";
import { computed } from "./expressions.ts";

/** More operands than that print a text that doubles with each. */
const OPERANDS = 4;

/** GREATEST and LEAST: NULLs are skipped, where SQLite's scalar max() and min() become NULL. */
export function extremum(analysis: Analysis, greatest: boolean, operands: readonly Operand[]): Term | Bypass {
  const name = greatest ? "max" : "min";
  const unified = unify(analysis, operands);
  if (isBypass(unified)) return unified;
  const { type } = unified;
  const terms = unified.terms.filter((term) => term !== null);
  const refusal = bypass("unsupported-function", `GREATEST or LEAST of ${type.name}`);
  const isNumber = type.kind.startsWith("int") || scaleOf(type) !== null;
  const isTime = type.kind === "date" || type.kind === "timestamp" || type.kind === "timestamptz";
  if (!isNumber && !isTime && !(type.kind === "text" && type.collation?.bytewise === true)) return refusal;
  if (analysis.surroundings.needsText(type) || terms.length > OPERANDS) return refusal;
  let sql: string | null = null;
  for (const term of terms) {
    const value = term.value();
    if (typeof value !== "string") return value;
    sql = sql === null ? value : `coalesce(${name}(${sql}, ${value}), ${sql}, ${value})`;
  }
  if (sql === null) return refusal;
  const result = computed({
    type,
    sql,
    neverNull: (facts) => terms.some((term) => term.neverNull(facts)),
    wide: (facts) => terms.some((term) => term.wide(facts)),
    interval: (facts) => hull(terms.map((term) => term.interval(facts))),
  });
  return variableWith(terms, result);
}

function hull(ranges: readonly (Interval | null)[]): Interval | null {
  return ranges.reduce((a, b) => (a === null || b === null ? null : union(a, b)));
}
