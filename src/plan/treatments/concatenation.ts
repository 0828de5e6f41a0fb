import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import { textSql } from "./casts.ts";
import { mergeCollations } from "./collations.ts";
import { isTextKind } from "./columns.ts";
import { constantTerm, untypedConstantTerm } from "./constants.ts";
import { computed } from "./expressions.ts";
import { wireSql } from "./wire.ts";

/**
 * `a || b` where one side at least is a text: the other is cast to text. Beside an untyped constant a json, an array and
 * other types that have `||` themselves would draw the constant to their type.
 */
export function concat(analysis: Analysis, left: Operand, right: Operand): Term | Bypass {
  const isText = (operand: Operand): boolean => isTerm(operand) && isTextKind(operand.type.kind);
  const untyped = (operand: Operand): boolean => operand.kind === "constant" && operand.type === "unknown";
  const texts = [left, right].filter((operand) => isText(operand) || isTextParameter(operand));
  if (texts.length === 0) {
    const other = untyped(left) ? right : untyped(right) ? left : null;
    const draws = other !== null && isTerm(other) && (other.type.kind === "json" || other.type.kind === "wire");
    if (other === null || draws) return bypass("unsupported-operator", "|| of two values that are no texts");
  }
  const a = concatenated(analysis, left);
  if (isBypass(a)) return a;
  const b = concatenated(analysis, right);
  if (isBypass(b)) return b;
  return joined(analysis, [a, b], (sql) => `(${sql.join(" || ")})`, textSql);
}

function isTextParameter(operand: Operand): boolean {
  return operand.kind === "constant" && typeof operand.type !== "string" && operand.type.kind === "text";
}

/** A constant of `||` is a text: an untyped one becomes one. */
function concatenated(analysis: Analysis, operand: Operand): Term | Bypass {
  if (operand.kind === "null") return bypass("unsupported-operator", "|| with NULL");
  if (operand.kind !== "constant") return operand;
  if (operand.type !== "unknown" && !isTextParameter(operand)) {
    return bypass("type-mismatch", "|| with a constant that is not a text");
  }
  return constantTerm(analysis, operand, analysis.builtin("text"));
}

/** The parts as texts, and what their collations come to; `null` where they differ. */
function joined(
  analysis: Analysis,
  terms: readonly Term[],
  print: (parts: readonly string[]) => string,
  toText: (analysis: Analysis, term: Term, index: number) => string | Bypass,
): Term | Bypass {
  const parts: string[] = [];
  for (const [index, term] of terms.entries()) {
    const text = toText(analysis, term, index);
    if (typeof text !== "string") return text;
    parts.push(text);
  }
  const type = analysis.builtin("text");
  const texts = terms.map((term) => term.type).filter(({ kind }) => isTextKind(kind));
  const collation = mergeCollations(analysis, texts);
  return computed({
    type: { ...type, collation },
    sql: print(parts),
    neverNull: (facts) => terms.every((term) => term.neverNull(facts)),
  });
}

/**
 * `concat(…)` and `concat_ws(separator, …)`: what the origin would send for each value that is not NULL (so `t` for true,
 * and a char(n) with its blanks).
 */
export function concatFunction(
  analysis: Analysis,
  name: "concat" | "concat_ws",
  operands: readonly Operand[],
): Term | Bypass {
  const terms: Term[] = [];
  for (const [index, operand] of operands.entries()) {
    // NULL adds nothing, unless it is the separator.
    if (operand.kind === "null" && (name === "concat" || index > 0)) continue;
    if (operand.kind === "null") return bypass("unsupported-function", "concat_ws() with a separator that is NULL");
    const isSeparator = name === "concat_ws" && index === 0;
    const term = isTerm(operand) ? operand : textConstant(analysis, operand);
    if (isBypass(term)) return term;
    if (isSeparator && !isTextKind(term.type.kind)) return bypass("type-mismatch", "a separator that is not a text");
    terms.push(term);
  }
  if (terms.length === 0) return bypass("unsupported-function", `${name}() of nothing`);
  const separated = name === "concat_ws";
  const result = joined(
    analysis,
    terms,
    (parts) => (separated ? `pg_concat_ws(${parts.join(", ")})` : `pg_concat_ws('', ${parts.join(", ")})`),
    (_, term, index) => (separated && index === 0 ? textSql(analysis, term) : wireSql(analysis, term)),
  );
  const neverNull = separated ? terms[0]?.neverNull : () => true;
  return isBypass(result) || neverNull === undefined ? result : { ...result, neverNull };
}

function textConstant(analysis: Analysis, operand: Exclude<Operand, Term>): Term | Bypass {
  if (operand.kind === "null") return bypass("unsupported-function", "concat() of NULL");
  return untypedConstantTerm(analysis, operand);
}
