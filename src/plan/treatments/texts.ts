import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isTerm } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import { computed } from "./expressions.ts";

/** length(), char_length() and character_length(): code points; of a char(n) without its trailing blanks. */
export function length(analysis: Analysis, operand: Operand): Term | Bypass {
  if (!isTerm(operand) || (operand.type.kind !== "text" && operand.type.kind !== "char")) {
    return bypass("unsupported-function", "length() over something that is not a text column");
  }
  const value = operand.value();
  if (typeof value !== "string") return value;
  return computed({
    type: analysis.builtin("int4"),
    sql: `length(${value})`,
    neverNull: operand.neverNull,
    interval: () => ({ low: 0n, high: 1_073_741_823n }),
  });
}

/** `text COLLATE "C"`: the order becomes that of the bytes, which SQLite has. */
export function collate(operand: Operand, collation: readonly string[]): Term | Bypass {
  if (!isTerm(operand) || operand.type.kind !== "text") {
    return bypass("collation", "COLLATE over something that is not a text or varchar column");
  }
  const name = collation.at(-1) ?? "";
  const isSystem = collation.length === 1 || (collation.length === 2 && collation[0] === "pg_catalog");
  if (!isSystem || (name !== "C" && name !== "POSIX")) return bypass("collation", `COLLATE "${collation.join('"."')}"`);
  const type: ColumnType = {
    ...operand.type,
    collation: { name, version: null, bytewise: true, deterministic: true, casing: { kind: "ascii" } },
  };
  const value = operand.value();
  return typeof value === "string" ? computed({ type, sql: value, neverNull: operand.neverNull }) : value;
}
