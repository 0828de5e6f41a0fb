import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass, literalBypass } from "../../outcome.ts";
import { type Analysis, isTerm } from "../analysis.ts";
import { contains, type Interval } from "../interval.ts";
import type { Constant, Operand, Term } from "../term.ts";
import { isIntegerKind } from "./columns.ts";
import { constantTerm, integerLiteralType, integerValue } from "./constants.ts";
import { computed } from "./expressions.ts";

/** An argument of a type that functions over texts take: text, varchar, char(n) (which loses its blanks), a constant. */
export function textArgument(analysis: Analysis, operand: Operand, what: string): Term | Bypass {
  if (operand.kind === "null") return nullTerm(analysis.builtin("text"));
  if (!isTerm(operand)) {
    return isTextConstant(operand)
      ? constantTerm(analysis, operand, analysis.builtin("text"))
      : bypass("type-mismatch", `${what} of a constant that is not a text`);
  }
  const { kind } = operand.type;
  if (kind === "text" || kind === "char") return operand;
  return bypass("type-mismatch", `${what} of a value of type ${operand.type.name}`);
}

/** A constant that is a text, or becomes one as it has no type yet. */
export function isTextConstant({ type }: Constant): boolean {
  return type === "unknown" || (typeof type !== "string" && type.kind === "text");
}

function nullTerm(type: ColumnType): Term {
  return computed({ type, sql: "NULL" });
}

/**
 * An integer argument that lies in `range` for sure: a literal by its value, a parameter when it is bound, an expression
 * by the extremes loaded. Outside of it the origin raises, or nobody has looked at what it does.
 */
export function integerArgument(analysis: Analysis, operand: Operand, range: Interval, what: string): Term | Bypass {
  const int4 = analysis.builtin("int4");
  if (operand.kind === "null") return nullTerm(int4);
  if (isTerm(operand)) return integerTerm(analysis, operand, range, what);
  const refusal = literalBypass("may-raise", `${what} outside of ${range.low} to ${range.high}`);
  if (operand.source.from === "literal") {
    if (operand.type !== "integer" && (typeof operand.type === "string" || operand.type.kind !== "int4")) {
      return bypass("type-mismatch", `${what} that is no integer`);
    }
    analysis.pin(operand);
    const value = integerValue(operand);
    const type = integerLiteralType(analysis, operand);
    if (value === null || type?.kind !== "int4" || value < range.low || value > range.high) return refusal;
    return computed({
      type: int4,
      sql: String(value),
      interval: () => ({ low: value, high: value }),
      neverNull: () => true,
    });
  }
  if (typeof operand.type === "string" || operand.type.kind !== "int4") {
    return bypass("type-mismatch", `${what} that is no integer`);
  }
  const sql = `CAST(${analysis.input(operand.source, { kind: "bounded", type: int4, ...range })} AS INTEGER)`;
  return computed({ type: int4, sql, interval: () => range });
}

function integerTerm(analysis: Analysis, term: Term, range: Interval, what: string): Term | Bypass {
  if (!isIntegerKind(term.type.kind) || term.type.kind === "int8") {
    return bypass("type-mismatch", `${what} of type ${term.type.name}`);
  }
  analysis.proofs.push((facts) => {
    const seen = term.interval(facts);
    return seen !== null && contains(range, seen)
      ? null
      : bypass("may-raise", `${what} could be outside of ${range.low} to ${range.high} with the values loaded`);
  });
  return term;
}
