import { type Bypass, bypass } from "../outcome.ts";
import type { Query } from "../parse/ast.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import type { Block, Item } from "./block.ts";
import { Environment, type NamedQuery } from "./environment.ts";
import { namesTable } from "./named-tables.ts";
import { isSameOutput } from "./plan-compound.ts";
import { planQuery } from "./plan-query.ts";
import type { PlannedRelation } from "./relations.ts";
import type { Scope } from "./scope.ts";
import type { Facts, Term } from "./term.ts";
import { isSameCollation } from "./treatments/collations.ts";
import { sameColumn } from "./treatments/comparison.ts";
import { markVariable } from "./treatments/decimals.ts";

type Form = "value" | "equality" | "order" | "output";

/** How many rows come out is not known before. */
const ANY_NUMBER = 2n ** 62n;

/**
 * `WITH RECURSIVE t AS (start UNION [ALL] step)`. Both engines run the step on what it brought the time before, until it
 * brings nothing. What the values become on the way is not known, so nothing is proven of them.
 */
export function planRecursive(
  analysis: Analysis,
  name: string,
  columnAliases: readonly string[],
  { with: common, body, orderBy, limit, offset }: Query,
  outer: Scope | null,
  readInFull: boolean,
): NamedQuery | Bypass {
  const refusal = bypass("cte", `${name} refers to itself in another form than start UNION step`);
  const plain = common.length === 0 && orderBy.length === 0 && limit === null && offset === null;
  if (!plain || body.kind !== "setOperation" || body.operator !== "union" || namesTable(body.left, name))
    return refusal;
  const start = planQuery(analysis, body.left, outer, null, readInFull);
  if (isBypass(start)) return start;
  const table = new RecursiveTable(analysis, name, start, columnAliases, body.all);
  const around = analysis.environment;
  analysis.environment = new Environment(around, [table]);
  try {
    const step = planQuery(analysis, body.right, outer, null, readInFull);
    return isBypass(step) ? step : (table.complete(step) ?? table);
  } finally {
    analysis.environment = around;
  }
}

class RecursiveTable implements NamedQuery {
  readonly name: string;
  readonly rowBound = (): bigint => ANY_NUMBER;
  readonly #alias: string;
  readonly #start: Block;
  readonly #columnAliases: readonly string[];
  readonly #all: boolean;
  /** The forms of columns that somebody asked for, in the order of their names `f0`, `f1` … */
  readonly #forms: { readonly index: number; readonly form: Form }[] = [];
  /** Those of the forms that turned out not to be had. */
  readonly #unavailable = new Map<number, Bypass>();
  /** Columns whose canonical form is being asked for. */
  readonly #asked = new Set<number>();
  #step: Block | null = null;

  constructor(analysis: Analysis, name: string, start: Block, columnAliases: readonly string[], all: boolean) {
    this.name = name;
    this.#alias = analysis.newAlias("c");
    this.#start = start;
    this.#columnAliases = columnAliases;
    this.#all = all;
  }

  /** The step must bring what the start brings, in every form that was asked for while it was planned. */
  complete(step: Block): Bypass | null {
    const select = step.select;
    if (select === null || select.limit !== null || step.compared.length > 0) {
      return bypass("cte", `the step of ${this.name} is more than a plain SELECT`);
    }
    if (select.scope.aggregates > 0 || select.scope.windows > 0) {
      return bypass("cte", `the step of ${this.name} computes over several rows`);
    }
    for (const [index, { term }] of this.#start.columns.entries()) {
      const next = step.columns[index]?.term;
      if (next === undefined || !isSameType(term, next)) {
        return bypass("cte", `the step of ${this.name} brings another type`);
      }
    }
    this.#step = step;
    if (!this.#all) {
      for (const index of this.#start.columns.keys()) {
        const compared = this.#nameOf(index, "equality");
        if (typeof compared !== "string") return compared;
      }
    }
    // Asking the step for its forms can make it ask for more of its own rows.
    for (let at = 0; at < this.#forms.length; at++) {
      const wanted = this.#forms[at];
      const skip = wanted === undefined || this.#unavailable.has(at);
      const missing = skip ? null : this.#missing(wanted.index, wanted.form);
      if (missing !== null) return missing;
    }
    return null;
  }

  reference(analysis: Analysis, alias: string | null, columnAliases: readonly string[]): PlannedRelation {
    const own = analysis.newAlias("q");
    return {
      name: alias ?? this.name,
      table: null,
      bare: false,
      alias: own,
      single: () => false,
      within: [],
      inPlace: false,
      nullable: { value: true },
      columns: this.#start.columns.map(({ name, term }, index) => ({
        name: columnAliases[index] ?? this.#columnAliases[index] ?? name,
        term: this.#column(own, index, term),
      })),
      print: () => `${this.#alias} AS ${own}`,
    };
  }

  print(): string {
    const step = this.#step;
    if (step === null) return "";
    const names = [...this.#forms.keys()].map((at) => `f${at}`);
    const start = `SELECT ${[...names, "0"].join(", ")} FROM (${this.#start.print(this.#items(this.#start))})`;
    // A call in each row: a thread that runs without end can be stopped there.
    const rows = step.print([...this.#items(step), { sql: "pg_step()", as: null }]);
    return `${this.#alias}(${[...names, "step"].join(", ")}) AS (${start} UNION${this.#all ? " ALL" : ""} ${rows})`;
  }

  #items(block: Block): Item[] {
    return this.#forms.map(({ index, form }, at) => {
      const sql = formOf(block.columns[index]?.term, form);
      return { sql: typeof sql === "string" ? sql : "NULL", as: `f${at}` };
    });
  }

  #column(alias: string, index: number, start: Term): Term {
    const form = (kind: Form): string | Bypass => {
      const name = this.#nameOf(index, kind);
      return typeof name === "string" ? `${alias}.${name}` : name;
    };
    const column: Term = {
      kind: "term",
      type: start.type,
      column: null,
      value: () => form("value"),
      equality: () => form("equality"),
      order: () => form("order"),
      output: () => {
        const output = start.output();
        const sql = form("output");
        if (isBypass(output)) return output;
        return typeof sql === "string" ? { sql, output: output.output } : sql;
      },
      wide: () => true,
      interval: () => null,
      neverNull: () => false,
      canonical: (facts) => this.#canonical(index, start, facts),
    };
    markVariable(column);
    return column;
  }

  /** A step that hands on its own column adds nothing to what is known of it. */
  #canonical(index: number, start: Term, facts: Facts): Bypass | null {
    if (this.#asked.has(index)) return null;
    this.#asked.add(index);
    try {
      return start.canonical(facts) ?? this.#step?.columns[index]?.term.canonical(facts) ?? null;
    } finally {
      this.#asked.delete(index);
    }
  }

  /** A form is on the list before the step is asked for it: the step may hand on its own column. */
  #nameOf(index: number, form: Form): string | Bypass {
    const known = this.#forms.findIndex((wanted) => wanted.index === index && wanted.form === form);
    if (known >= 0) return this.#unavailable.get(known) ?? `f${known}`;
    const at = this.#forms.push({ index, form }) - 1;
    const missing = this.#missing(index, form);
    if (missing === null) return `f${at}`;
    // Its place stays taken: others may have come after it meanwhile.
    this.#unavailable.set(at, missing);
    return missing;
  }

  #missing(index: number, form: Form): Bypass | null {
    const start = this.#start.columns[index]?.term;
    const sql = formOf(start, form);
    if (isBypass(sql)) return sql;
    const next = this.#step?.columns[index]?.term;
    if (start === undefined || next === undefined) return this.#missingBefore(start, form);
    const after = formOf(next, form);
    if (isBypass(after)) return after;
    const isRank = form === "order" && isRanked(start);
    if (isRank && !sameColumn(start, next))
      return bypass("collation", "the order of texts from several columns is not known");
    const outputs = [start.output(), next.output()] as const;
    const [a, b] = outputs;
    const alike = !isBypass(a) && !isBypass(b) && isSameOutput(a.output, b.output);
    return form !== "output" || alike ? null : bypass("cte", "a recursive column that is stored in different ways");
  }

  /** While the step is planned, nothing is known of what it brings. */
  #missingBefore(start: Term | undefined, form: Form): Bypass | null {
    const isRank = form === "order" && start !== undefined && isRanked(start);
    return isRank ? bypass("collation", "the order of texts in a recursive query is not known") : null;
  }
}

function formOf(term: Term | undefined, form: Form): string | Bypass {
  if (term === undefined) return bypass("cte", "a column that is not there");
  if (form !== "output") return term[form]();
  const output = term.output();
  return isBypass(output) ? output : output.sql;
}

function isRanked({ type }: Term): boolean {
  return (type.kind === "text" || type.kind === "char") && type.collation?.bytewise !== true;
}

function isSameType(a: Term, b: Term): boolean {
  return (
    a.type.oid === b.type.oid &&
    a.type.modifier === b.type.modifier &&
    a.type.precision?.join() === b.type.precision?.join() &&
    isSameCollation(a.type.collation, b.type.collation)
  );
}
