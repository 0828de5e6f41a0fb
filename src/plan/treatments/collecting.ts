import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import type { AggregateCall } from "./aggregates.ts";
import { mergeCollations } from "./collations.ts";
import { isTextKind } from "./columns.ts";
import { constantTerm } from "./constants.ts";
import { computed } from "./expressions.ts";
import { wireSql } from "./wire.ts";

/** ORDER BY among the arguments of an aggregate of SQLite; `""` for none. */
export function orderClause(call: AggregateCall): string | Bypass {
  const keys: string[] = [];
  for (const { term, descending, nullsFirst } of call.orderBy) {
    const key = term.order();
    if (typeof key !== "string") return key;
    keys.push(`${key}${descending ? " DESC" : ""} NULLS ${nullsFirst ? "FIRST" : "LAST"}`);
  }
  return keys.length === 0 ? "" : ` ORDER BY ${keys.join(", ")}`;
}

/**
 * What follows DISTINCT: SQLite takes one argument only, so it is the text in which the value appears. Equal values have
 * one text, and without an order of its own the origin's DISTINCT yields them sorted.
 */
export function distinctClause(analysis: Analysis, call: AggregateCall, operand: Term, text: string): string | Bypass {
  const equality = operand.equality();
  if (typeof equality !== "string") return equality;
  analysis.proofs.push(operand.canonical);
  if (call.orderBy.length > 0) {
    const order = orderClause(call);
    return typeof order === "string" ? `DISTINCT ${text}${order}` : order;
  }
  const key = operand.order();
  return typeof key === "string" ? `DISTINCT ${text} ORDER BY ${key} NULLS LAST` : key;
}

/** string_agg(text, separator). The separator may differ from row to row; a row's own stands before its text. */
export function collectText(analysis: Analysis, call: AggregateCall): Term | Bypass {
  const [first, second, ...rest] = call.operands;
  const refusal = bypass("unsupported-function", "string_agg() over something that is not a text");
  if (first === undefined || second === undefined || rest.length > 0) return refusal;
  if (!isTerm(first) || !isTextKind(first.type.kind)) return refusal;
  const text = first.value();
  if (typeof text !== "string") return text;
  const separator = separatorSql(analysis, second);
  if (typeof separator !== "string") return separator;
  const types = [first, ...(isTerm(second) ? [second] : [])].map((term) => term.type);
  const type = { ...analysis.builtin("text"), collation: mergeCollations(analysis, types) };
  if (!call.distinct) {
    const order = orderClause(call);
    if (typeof order !== "string") return order;
    return computed({ type, sql: `group_concat(${text}, ${separator}${order})${call.filter}` });
  }
  if (isTerm(second)) return bypass("unsupported-function", "string_agg(DISTINCT …) with a separator that varies");
  const distinct = distinctClause(analysis, call, first, text);
  if (typeof distinct !== "string") return distinct;
  return computed({ type, sql: `pg_list_join(pg_text_list(${distinct})${call.filter}, ${separator})` });
}

function separatorSql(analysis: Analysis, operand: Operand): string | Bypass {
  if (operand.kind === "null") return "''";
  const term = isTerm(operand) ? operand : constantTerm(analysis, operand, analysis.builtin("text"));
  if (isBypass(term)) return term;
  return isTextKind(term.type.kind) ? term.value() : bypass("type-mismatch", "a separator that is not a text");
}

/** array_agg(): the text of an array, from the texts of its elements. */
export function collectArray(analysis: Analysis, call: AggregateCall, operand: Term): Term | Bypass {
  const { kind, name, oid } = operand.type;
  const type = kind === "wire" || kind === "enum" ? null : analysis.surroundings.types.arrayOf(oid);
  if (type === null) return bypass("unsupported-type", `array_agg() over ${name}`);
  const text = wireSql(analysis, operand);
  if (typeof text !== "string") return text;
  const order = orderClause(call);
  const over = call.distinct ? distinctClause(analysis, call, operand, text) : order;
  if (typeof over !== "string") return over;
  const sql = `pg_array_agg(${call.distinct ? over : `${text}${over}`})${call.filter}`;
  const refusal = bypass("unsupported-type", "a comparison of arrays");
  return computed({ type, sql, equality: refusal, order: refusal });
}
