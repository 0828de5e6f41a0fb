import type { ColumnType } from "../../catalog.ts";
import type { Bypass } from "../../outcome.ts";
import type { Analysis } from "../analysis.ts";
import type { Constant, Operand, TableColumn, Term } from "../term.ts";
import { isSameCollation } from "./collations.ts";
import { sameColumn } from "./comparison.ts";

/**
 * The order of a choice among one text column, a constant and NULL (`coalesce(name, '')`, `CASE WHEN a THEN name END`)
 * under a collation that only the origin knows: that of the column's ranks, among which the constant has its place. Which
 * of two constants between the same values comes first, ranks do not tell. `null` where it is another choice.
 */
export function choiceOrder(
  analysis: Analysis,
  type: ColumnType,
  operands: readonly Operand[],
  print: (parts: readonly string[]) => string,
): (() => string | Bypass) | null {
  if (type.kind !== "text" || type.collation?.deterministic !== true || type.collation.bytewise) return null;
  const terms = operands.filter((operand): operand is Term => operand.kind === "term");
  const [first] = terms;
  const column = first?.column ?? null;
  if (first === undefined || column === null || !isSameCollation(first.type.collation, type.collation)) return null;
  if (!terms.every((term) => sameColumn(term, first))) return null;
  const constants = operands.filter((operand): operand is Constant => operand.kind === "constant");
  if (new Set(constants.map(identityOf)).size > 1) return null;
  return () => {
    const parts: string[] = [];
    for (const operand of operands) {
      const part =
        operand.kind === "null" ? "NULL" : operand.kind === "term" ? operand.order() : place(analysis, operand, column);
      if (typeof part !== "string") return part;
      parts.push(part);
    }
    return print(parts);
  };
}

/** Equal for two that are the same in every statement of the plan: literals among alternatives are a part of it. */
function identityOf({ source, text, type }: Constant): string {
  const parameter = source.from === "parameter" ? source.index : null;
  return JSON.stringify([parameter, text, typeof type === "string" ? type : type.oid]);
}

/**
 * The rank of a constant that is one of the column's values, else the half between the ranks around it: one less than the
 * mean of how many values are before it and how many are not after it.
 */
function place(analysis: Analysis, constant: Constant, column: TableColumn): string {
  analysis.useDictionary(column);
  const before = analysis.input(constant.source, { kind: "position", column, through: false });
  const through = analysis.input(constant.source, { kind: "position", column, through: true });
  return `((${before} + ${through} - 1) / 2.0)`;
}
