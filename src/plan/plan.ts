import type { Table } from "../catalog.ts";
import type { EncodedColumn } from "../store/column-set.ts";
import type { Input, Output, Proof, TableFacts } from "./term.ts";

/** One result column. */
export interface Result {
  readonly name: string;
  readonly sql: string;
  readonly output: Output;
  readonly wide: (facts: TableFacts) => boolean;
}

export interface SortKey {
  readonly sql: string;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly neverNull: (facts: TableFacts) => boolean;
}

/** How one shape is answered from the cache, as far as the catalog alone decides. Frozen. */
export interface Plan {
  readonly kind: "plan";
  readonly table: Table;
  /** `*` or `alias.*` stands in the select list. */
  readonly wildcard: boolean;
  /** The column set: what has to be loaded. */
  readonly columns: readonly EncodedColumn[];
  /** Columns whose dictionary has to be kept. */
  readonly dictionaries: readonly string[];
  readonly inputs: readonly Input[];
  readonly proofs: readonly Proof[];
  readonly results: readonly Result[];
  readonly distinct: boolean;
  readonly where: string | null;
  /** The first so many inputs are all that WHERE uses. */
  readonly whereInputs: number;
  /** Comparisons that WHERE joins with AND at its top; a BETWEEN is two. */
  readonly conditions: number;
  /** Physical columns that every row of the result has equal to one constant each: `a = $1 AND b = 2`. */
  readonly fixedColumns: readonly string[];
  /** True when an aggregate function is called anywhere. */
  readonly aggregates: boolean;
  readonly groupBy: readonly string[];
  readonly having: string | null;
  readonly orderBy: readonly SortKey[];
  readonly limit: string | null;
  readonly offset: string | null;
  /** Physical columns worth an index, best first: compared for equality, then one range or sort column. */
  readonly indexColumns: readonly string[];
  /** Literals whose value is part of the plan. */
  readonly pinned: readonly number[];
}
