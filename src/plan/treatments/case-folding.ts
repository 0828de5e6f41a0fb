import type { Collation } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { quoteText } from "../../quoting.ts";
import { type Analysis, isBypass } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import { textArgument } from "./arguments.ts";
import { mergeCollations } from "./collations.ts";
import { computed } from "./expressions.ts";

type Mapping = "lower" | "upper" | "initcap";

/**
 * lower(), upper() and initcap(). SQLite's own know ASCII only, which is all that there is under "C"; with libc a table of
 * the origin's own answers maps each character. ICU looks at more than the character: texts beyond ASCII raise.
 */
export function changeCase(analysis: Analysis, mapping: Mapping, operand: Operand): Term | Bypass {
  const term = textArgument(analysis, operand, `${mapping}()`);
  if (isBypass(term)) return term;
  const value = term.value();
  if (typeof value !== "string") return value;
  const collation = mergeCollations(analysis, [term.type]);
  const sql = caseSql(analysis, mapping, value, collation);
  if (typeof sql !== "string") return sql;
  return computed({ type: { ...analysis.builtin("text"), collation }, sql, neverNull: term.neverNull });
}

/** SQLite text of the mapping applied to SQLite text of a text. */
export function caseSql(
  analysis: Analysis,
  mapping: Mapping,
  value: string,
  collation: Collation | null,
): string | Bypass {
  const casing = collation?.casing;
  if (casing === undefined) {
    return bypass("collation", `${mapping}() under ${collation?.name ?? "two collations"} is the origin's alone`);
  }
  switch (casing.kind) {
    case "ascii":
      return mapping === "initcap"
        ? bypass("unsupported-function", `initcap() under ${collation?.name}`)
        : `${mapping}(${value})`;
    case "context":
      return mapping === "initcap"
        ? bypass("unsupported-function", `initcap() under ${collation?.name}`)
        : `${mapping}(pg_ascii(${value}))`;
    case "table":
      analysis.resources.add(casing.resource);
      return `pg_${mapping}(${value}, ${quoteText(casing.resource)})`;
  }
}
