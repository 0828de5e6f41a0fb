import type { Table } from "../catalog.ts";
import { type Bypass, bypass } from "../outcome.ts";
import { quoteName } from "../quoting.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import type { Block, Item } from "./block.ts";
import type { NamedTerm, Relation } from "./scope.ts";
import type { Term } from "./term.ts";
import { columnTerm } from "./treatments/columns.ts";

/** A relation, and how FROM names it. Printed last: what is wanted of a query's columns is known only then. */
export interface PlannedRelation extends Relation {
  print(): string;
}

/** A table under its own name or an alias. */
export function tableRelation(
  analysis: Analysis,
  table: Table,
  alias: string | null,
  columnAliases: readonly string[],
): PlannedRelation | Bypass {
  const twins = columnsAlike(table);
  if (twins !== null) return twins;
  analysis.read(table);
  const occurrence = { table, alias: analysis.newAlias("t"), nullable: { value: false } };
  return {
    name: alias ?? table.name,
    bare: alias === null,
    single: () => false,
    within: [],
    inPlace: false,
    ...occurrence,
    columns: table.columns.map((column, index) => ({
      name: columnAliases[index] ?? column.name,
      term: columnTerm(analysis, occurrence, column),
    })),
    print: () => `${analysis.defer((facts) => quoteName(facts.of(table).storeName))} AS ${occurrence.alias}`,
  };
}

/** SQLite does not tell names apart that differ only in the case of letters, and takes TRUE for a column of that name. */
function columnsAlike(table: Table): Bypass | null {
  const folded = new Set(table.columns.map((column) => column.name.toLowerCase()));
  if (folded.has("true") || folded.has("false")) return bypass("generated-name", "a column named true or false");
  return folded.size === table.columns.length
    ? null
    : bypass("generated-name", `${table.name} has columns whose names differ only in upper and lower case`);
}

/** The forms of a block's columns that somebody outside wants: each is an item of its select list, under a name. */
export class Exports {
  readonly #block: Block;
  readonly #names = new Map<string, string>();

  constructor(block: Block) {
    this.#block = block;
  }

  /** The name under which a form can be read from outside. */
  nameOf(sql: string): string {
    let name = this.#names.get(sql);
    if (name === undefined) {
      name = `f${this.#names.size}`;
      this.#names.set(sql, name);
    }
    return name;
  }

  print(): string {
    for (const sql of this.#block.compared) this.nameOf(sql);
    const items = [...this.#names].map(([sql, as]) => ({ sql, as }));
    return this.#block.print(items.length === 0 ? [ANYTHING] : items);
  }
}

/** What a query selects of which only the rows matter. */
export const ANYTHING: Item = { sql: "1", as: null };

/** A query in FROM, or one reference to an entry of WITH; `print` gives what stands before AS. */
export function blockRelation(
  analysis: Analysis,
  block: Block,
  exports: Exports,
  name: string | null,
  columnAliases: readonly string[],
  print: () => string,
): PlannedRelation {
  const alias = analysis.newAlias("q");
  const nullable = { value: false };
  return {
    name,
    table: null,
    bare: false,
    single: () => block.atMostOneRow(),
    within: [],
    inPlace: false,
    alias,
    nullable,
    columns: exportedColumns(block, columnAliases, (term) =>
      throughForms(
        term,
        (sql) => `${alias}.${exports.nameOf(sql)}`,
        (facts) => !nullable.value && term.neverNull(facts),
      ),
    ),
    print: () => `${print()} AS ${alias}`,
  };
}

function exportedColumns(
  block: Block,
  columnAliases: readonly string[],
  exported: (term: Term) => Term,
): readonly NamedTerm[] {
  return block.columns.map(({ name, term }, index) => ({ name: columnAliases[index] ?? name, term: exported(term) }));
}

/** The same value seen from elsewhere: each form is read in another way. */
export function throughForms(inner: Term, seen: (sql: string) => string, neverNull: Term["neverNull"]): Term {
  const through = (form: string | Bypass): string | Bypass => (typeof form === "string" ? seen(form) : form);
  return {
    kind: "term",
    type: inner.type,
    column: inner.column,
    value: () => through(inner.value()),
    equality: () => through(inner.equality()),
    order: () => through(inner.order()),
    output: () => {
      const output = inner.output();
      return isBypass(output) ? output : { sql: seen(output.sql), output: output.output };
    },
    wide: inner.wide,
    interval: inner.interval,
    neverNull,
    canonical: inner.canonical,
  };
}
