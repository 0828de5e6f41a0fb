import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import type { Analysis } from "../analysis.ts";
import type { Term } from "../term.ts";
import { decimalTerm, inherit, isVariable } from "./decimals.ts";
import { computed } from "./expressions.ts";

/**
 * True where a function of the term may raise as the origin does: no row is left out, and the value is not a constant, which
 * the origin computes before it looks for rows.
 */
export function raisesAlike(analysis: Analysis, term: Term): boolean {
  return (analysis.computesSameRows || analysis.computesEachRow) && isVariable(term);
}

/**
 * A cast of a text to another type: the origin raises for texts that are no value of it. So it is only done where each
 * row that the origin casts is cast here too; what is not spelled plainly raises, and the origin answers.
 */
export function castFromText(analysis: Analysis, term: Term, type: ColumnType): Term | Bypass | null {
  if (term.type.kind !== "text") return null;
  const { kind } = type;
  const isInteger = kind === "int2" || kind === "int4" || kind === "int8";
  if (!isInteger && kind !== "bool" && kind !== "float8" && (kind !== "numeric" || type.modifier !== -1)) return null;
  if (!raisesAlike(analysis, term))
    return bypass("may-raise", `a cast of a text to ${type.name} where rows may be left out`);
  const value = term.value();
  if (typeof value !== "string") return value;
  const sql = `pg_text_${kind}(${value})`;
  const { neverNull } = term;
  const read =
    kind === "numeric"
      ? decimalTerm(analysis, { sql, neverNull })
      : computed({ type, sql, neverNull, ...(kind === "int8" && { wide: () => true }) });
  inherit(read, [term]);
  return read;
}
