import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import type { Interval } from "../interval.ts";
import type { Facts, Output, Proof, Term } from "../term.ts";
import { valueOutput } from "./columns.ts";

const NO_INTERVAL = (): Interval | null => null;
const NEVER_WIDE = (): boolean => false;
const MAYBE_NULL = (): boolean => false;
const ALWAYS_CANONICAL: Proof = () => null;

/** What differs from term to term; the rest has safe defaults. */
export interface ComputedTerm {
  readonly type: ColumnType;
  /** SQLite text of the value encoding. */
  readonly sql: string;
  readonly output?: Output;
  /** Where `sql` is not the value encoding: why there is none. */
  readonly value?: Bypass;
  readonly wide?: (facts: Facts) => boolean;
  readonly order?: string | Bypass;
  readonly equality?: string | Bypass;
  readonly interval?: (facts: Facts) => Interval | null;
  readonly neverNull?: (facts: Facts) => boolean;
  readonly canonical?: Proof;
}

/** A term that is computed rather than stored. Its order is that of its value, unless a text collation decides. */
export function computed(term: ComputedTerm): Term {
  const { type, sql } = term;
  const output = term.output ?? valueOutput(type);
  return {
    kind: "term",
    type,
    column: null,
    value: () => term.value ?? sql,
    wide: term.wide ?? NEVER_WIDE,
    equality: () => term.equality ?? equalityOf(type, sql),
    order: () => term.order ?? orderOf(type, sql),
    output: () => ({ sql, output }),
    interval: term.interval ?? NO_INTERVAL,
    neverNull: term.neverNull ?? MAYBE_NULL,
    canonical: term.canonical ?? ALWAYS_CANONICAL,
  };
}

function equalityOf(type: ColumnType, sql: string): string | Bypass {
  if ((type.kind === "text" || type.kind === "char") && type.collation?.deterministic !== true) {
    return bypass("collation", "equality follows a nondeterministic collation");
  }
  return sql;
}

function orderOf(type: ColumnType, sql: string): string | Bypass {
  if (type.kind === "text" || type.kind === "char") {
    return type.collation?.bytewise === true
      ? sql
      : bypass(
          "collation",
          `the order of a computed text under ${type.collation?.name ?? "its collation"} is not known`,
        );
  }
  if (type.kind === "enum") return bypass("unsupported-type", "the order of a computed enum value is not known");
  return sql;
}

/** A predicate: SQLite's 1, 0, NULL for true, false, unknown. */
export function predicate(type: ColumnType, sql: string): Term {
  return computed({ type, sql });
}
