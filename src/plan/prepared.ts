import type { FieldDescription } from "../dialects/dialect.ts";
import type { BoundValue } from "../execute/bind.ts";
import type { Execution } from "../execute/execution.ts";
import type { Pace } from "../execute/pace.ts";
import type { Bypass } from "../outcome.ts";
import type { Plan } from "./plan.ts";
import type { Source } from "./term.ts";

/** One plan and what belongs to it for as long as it lives: shared by all texts of its shape. */
export interface PlanEntry {
  readonly plan: Plan;
  /** The texts' common shape; empty for a text whose constants cannot be taken out. */
  readonly shape: string;
  /** One per input; they look at values only, so they outlive the loaded data. */
  readonly binders: readonly ((value: unknown) => BoundValue)[];
  /** Number of `$n` that the statement takes. */
  readonly parameterCount: number;
  /** The origin's types of them. */
  readonly parameterTypes: readonly number[];
  /** The result's columns, as the origin describes them. */
  readonly fields: readonly FieldDescription[];
  /** The tables' places in the order of use. */
  readonly uses: readonly { tick: number }[];
  /** The compiled plan for the versions of the tables that were seen last. */
  execution: Execution | null;
  /** Why SQLite does not take the statement, while the store is at this generation. */
  rejection: { readonly generation: number; readonly bypass: Bypass } | null;
  /** Indexes that are being built for it. */
  indexing: Promise<void> | null;
  /** Of its scans. */
  readonly pace: Pace;
}

/** One exact text whose plan is known: the plan, and where its run-time values come from. */
export class Prepared {
  readonly kind = "prepared";
  readonly sql: string;
  readonly entry: PlanEntry;
  readonly #sources: readonly Source[];
  readonly #literals: readonly unknown[];
  readonly #inOrder: boolean;

  constructor(sql: string, entry: PlanEntry, literals: readonly { readonly value: string }[]) {
    this.sql = sql;
    this.entry = entry;
    this.#sources = entry.plan.inputs.map((input) => input.source);
    this.#literals = this.#sources.map((source) => literalValue(source, literals));
    this.#inOrder =
      this.#sources.length === entry.parameterCount &&
      this.#sources.every((source, index) => source.from === "parameter" && source.index === index);
  }

  /** The unbound value of each input. */
  values(params: readonly unknown[]): readonly unknown[] {
    if (this.#inOrder) return params;
    return this.#sources.map((source, index) => {
      if (source.from === "parameter") return params[source.index];
      const literal = this.#literals[index];
      return source.from === "joined" ? joined(source, literal, params) : literal;
    });
  }
}

type JoinedSource = Extract<Source, { readonly from: "joined" }>;

/** What no binder takes. */
const NOT_CANONICAL = Symbol("not canonical");

/** What is no text, only the origin may judge. */
function joined(source: JoinedSource, literals: unknown, params: readonly unknown[]): unknown {
  let text = "";
  let isNull = false;
  for (const [index, part] of source.parts.entries()) {
    const value: unknown = part.from === "parameter" ? params[part.index] : (literals as readonly unknown[])[index];
    if (value === null || value === undefined) isNull ||= !source.skipsNull;
    else if (typeof value === "string" && value.isWellFormed()) text += value;
    else return NOT_CANONICAL;
  }
  return isNull ? null : text;
}

function literalValue(source: Source, literals: readonly { readonly value: string }[]): unknown {
  if (source.from === "parameter") return undefined;
  if (source.from === "joined") return source.parts.map((part) => literalValue(part, literals));
  const text = literals[source.slot]?.value;
  return source.negated && text !== undefined ? `-${text}` : text;
}
