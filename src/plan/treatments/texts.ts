import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import { isIntegerKind } from "./columns.ts";
import { constantTerm } from "./constants.ts";
import { computed } from "./expressions.ts";

/** `text LIKE constant pattern`: SQLite's LIKE folds case, so the pattern is rewritten to GLOB when it is bound. */
export function like(analysis: Analysis, operand: Operand, pattern: Operand, negated: boolean): string | Bypass {
  if (!isTerm(operand) || operand.type.kind !== "text") {
    return bypass("unsupported-operator", "LIKE over something that is not a text or varchar column");
  }
  if (pattern.kind !== "constant") return bypass("unsupported-operator", "LIKE with a pattern that is not a constant");
  const { type } = pattern;
  if (type !== "unknown" && (typeof type === "string" || type.kind !== "text")) {
    return bypass("type-mismatch", "LIKE with a pattern that is not a text");
  }
  const text = operand.equality();
  if (typeof text !== "string") return text;
  return `(${text} ${negated ? "NOT GLOB" : "GLOB"} ${analysis.input(pattern.source, { kind: "glob" })})`;
}

/** `a || b` of texts. A char(n) loses its trailing blanks on the way to text, as the store keeps it. */
export function concat(analysis: Analysis, left: Operand, right: Operand): Term | Bypass {
  const a = textTerm(analysis, left);
  if (isBypass(a)) return a;
  const b = textTerm(analysis, right);
  if (isBypass(b)) return b;
  const collation = a.type.collation?.name === b.type.collation?.name ? a.type.collation : null;
  const leftText = a.value();
  if (typeof leftText !== "string") return leftText;
  const rightText = b.value();
  if (typeof rightText !== "string") return rightText;
  return computed({ type: { ...analysis.builtin("text"), collation }, sql: `(${leftText} || ${rightText})` });
}

function textTerm(analysis: Analysis, operand: Operand): Term | Bypass {
  if (operand.kind === "null") return bypass("unsupported-operator", "|| with NULL");
  if (operand.kind === "constant") {
    const isText = operand.type === "unknown" || (typeof operand.type !== "string" && operand.type.kind === "text");
    if (!isText) return bypass("type-mismatch", "|| with a constant that is not a text");
    return constantTerm(analysis, operand, analysis.builtin("text"));
  }
  const { kind } = operand.type;
  if (kind === "text" || kind === "char") return operand;
  return bypass("unsupported-operator", `|| with a value of type ${operand.type.name}`);
}

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
    collation: { name, version: null, bytewise: true, deterministic: true },
  };
  const value = operand.value();
  return typeof value === "string" ? computed({ type, sql: value, neverNull: operand.neverNull }) : value;
}

/** Casts that change the type but not the value, or spell a value exactly as the origin does. */
export function cast(operand: Operand, type: ColumnType): Term | Bypass {
  if (operand.kind === "null") return bypass("unsupported-operator", "a cast of NULL");
  if (operand.kind === "constant") return bypass("unsupported-operator", `a cast of this constant to ${type.name}`);
  const from = operand.type;
  if (from.oid === type.oid && type.modifier === -1 && type.kind !== "char") return operand;
  const value = operand.value();
  if (typeof value !== "string") return value;
  const toText = type.kind === "text" && type.modifier === -1;
  if (toText && from.kind === "text") return retyped(operand, value, { ...type, collation: from.collation });
  if (toText && (from.kind === "char" || from.kind === "uuid" || from.kind === "enum")) {
    return retyped(operand, value, from.kind === "char" ? { ...type, collation: from.collation } : type);
  }
  if (toText && isIntegerKind(from.kind)) {
    return computed({ type, sql: `CAST(${value} AS TEXT)`, neverNull: operand.neverNull });
  }
  if (toText && from.kind === "bool") {
    return computed({ type, sql: `(CASE ${value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)` });
  }
  const widens = isIntegerKind(from.kind) && (type.kind === "int8" || (type.kind === "int4" && from.kind === "int2"));
  if (widens) return retyped(operand, value, type);
  return bypass("unsupported-operator", `a cast from ${from.name} to ${type.name}`);
}

function retyped(operand: Term, sql: string, type: ColumnType): Term {
  return computed({
    type,
    sql,
    neverNull: operand.neverNull,
    interval: operand.interval,
    wide: operand.wide,
    canonical: operand.canonical,
  });
}
