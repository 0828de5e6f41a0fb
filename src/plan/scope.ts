import type { Table } from "../catalog.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { QualifiedName } from "../parse/ast.ts";
import type { Facts, Term } from "./term.ts";

/** A column under the name by which a query can ask for it. */
export interface NamedTerm {
  readonly name: string;
  readonly term: Term;
}

/** One item of FROM: a table, a query, or an entry of WITH. */
export interface Relation {
  /** The name that its columns can be qualified with; `null` for a query without alias. */
  readonly name: string | null;
  /** The table that it is, if it is one. */
  readonly table: Table | null;
  /** Under its own name, so that the schema may stand before it. */
  readonly bare: boolean;
  /** Its name in the SQLite text. */
  readonly alias: string;
  readonly columns: readonly NamedTerm[];
  /** It has one row at most, whatever the data. */
  single(): boolean;
  /** An outer join may fill up its columns with NULL. */
  readonly nullable: { value: boolean };
  /** The relations that its columns are columns of, where it has no place of its own in the SQLite text. */
  readonly within: readonly Relation[];
  /** Its columns are computed from others, in place: an outer join around it would not make them NULL. */
  readonly inPlace: boolean;
}

/** What FROM, or one join in it, makes visible. */
export interface Namespace {
  readonly relations: readonly Relation[];
  /** What `*` means, in order: columns that USING and NATURAL have merged stand first, and once. */
  readonly columns: readonly NamedTerm[];
  readonly rowBound: (facts: Facts) => bigint;
}

export const NOTHING: Namespace = { relations: [], columns: [], rowBound: () => 1n };

/**
 * What names mean inside one query: its FROM, and around it the scopes of the queries that it stands in. The origin has
 * resolved all names before, so what is found first is what it found, unless two columns answer to a name.
 */
export class Scope {
  readonly outer: Scope | null;
  readonly namespace: Namespace;
  /** How many calls of aggregate functions belong to this query. */
  aggregates = 0;
  /** It has a GROUP BY: no group is without rows. */
  grouped = false;
  /** How many calls of window functions. */
  windows = 0;

  constructor(outer: Scope | null, namespace: Namespace) {
    this.outer = outer;
    this.namespace = namespace;
  }

  rowBound(facts: Facts): bigint {
    return this.namespace.rowBound(facts);
  }

  /** The column of this name, `null` if this scope has none. */
  column(path: QualifiedName): Term | Bypass | null {
    const name = path.at(-1) ?? "";
    const candidates = path.length === 1 ? this.namespace.columns : (this.relation(path.slice(0, -1))?.columns ?? []);
    const found = candidates.filter((column) => column.name === name);
    const [first] = found;
    if (first === undefined) return null;
    return found.length === 1 ? first.term : bypass("unknown-column", `two columns here have the name ${name}`);
  }

  /** What `*`, or `t.*` for a path, means: nothing if there is no such relation. */
  star(path: QualifiedName): readonly NamedTerm[] {
    return path.length === 0 ? this.namespace.columns : (this.relation(path)?.columns ?? []);
  }

  /** The relation that a term is a column of. */
  relationOf(term: Term): Relation | undefined {
    return this.namespace.relations.find(({ columns }) => columns.some((column) => column.term === term));
  }

  /** The relation of this name: `t` or `schema.t`. */
  relation(path: QualifiedName): Relation | null {
    const { relations } = this.namespace;
    const [first, second] = path;
    const found = relations.find(({ name, table, bare }) =>
      path.length === 1 ? name === first : bare && path.length === 2 && table?.schema === first && name === second,
    );
    return found ?? null;
  }
}
