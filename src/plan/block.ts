import type { Scope } from "./scope.ts";
import type { Facts, Operand, Term } from "./term.ts";

/** A column of a query, under the name that the origin gives it. */
export interface BlockColumn {
  readonly name: string;
  /** What the select list says: a constant may still get its type from around the query. */
  readonly operand: Operand;
  /** The column as a value of its own. */
  readonly term: Term;
}

/** An entry of a select list in the SQLite text. */
export interface Item {
  readonly sql: string;
  readonly as: string | null;
}

export function printItem({ sql, as }: Item): string {
  return as === null ? sql : `${sql} AS ${as}`;
}

/**
 * A planned query, to be printed when all that is wanted of its columns is known: a column can be asked for in several
 * forms (its value, its rank, its text), and each that is asked for becomes an item of the select list.
 */
export interface Block {
  readonly columns: readonly BlockColumn[];
  /** The SQLite text of the query with these items as its select list. */
  print(items: readonly Item[]): string;
  /** What DISTINCT compares rows by: part of the select list whatever is asked for. The caller of `print` sees to that. */
  readonly compared: readonly string[];
  /** An upper bound of its rows. */
  readonly rowBound: (facts: Facts) => bigint;
  /** It has one row, whatever the data: aggregates without GROUP BY. */
  readonly oneRow: boolean;
  /** True if it is proven to have one row at most; asking may pin the literal of its LIMIT. */
  atMostOneRow(): boolean;
  /** The clauses of a plain SELECT. */
  readonly select: {
    readonly scope: Scope;
    readonly where: string | null;
    /** Number of inputs that were registered when WHERE was planned. */
    readonly whereInputs: number;
    readonly limit: string | null;
    readonly offset: string | null;
  } | null;
}

/** The block as a list of rows of these values: the right side of IN, or a value. */
export function printValues(block: Block, values: readonly string[]): string {
  const more = block.compared.filter((sql) => !values.includes(sql));
  if (more.length === 0) return block.print(values.map((sql) => ({ sql, as: null })));
  const named = values.map((sql, index) => ({ sql, as: `v${index}` }));
  const all = block.print([...named, ...more.map((sql) => ({ sql, as: null }))]);
  return `SELECT ${named.map(({ as }) => as).join(", ")} FROM (${all})`;
}
