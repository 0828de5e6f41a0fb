import type { Table } from "../catalog.ts";
import type { Deferred, PlannedTable } from "./analysis.ts";
import type { Facts, Input, Output, Proof } from "./term.ts";

/** One result column. */
export interface Result {
  readonly name: string;
  readonly output: Output;
}

export interface SortKey {
  readonly sql: string;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly neverNull: (facts: Facts) => boolean;
}

/** What is known of a query over one table and nothing else: how many rows it can touch is decided by it. */
export interface SingleTable {
  /** The table and its alias, as FROM names them. */
  readonly from: Deferred;
  readonly where: string | null;
  /** The first so many inputs are all that WHERE uses. */
  readonly whereInputs: number;
  /** Comparisons that WHERE joins with AND at its top; a BETWEEN is two. */
  readonly conditions: number;
  /** Physical columns that every row of the result has equal to one constant each: `a = $1 AND b = 2`. */
  readonly fixedColumns: readonly string[];
  /** It sorts, groups or merges rows, so that it needs all of them before it has the first. */
  readonly collects: boolean;
  readonly limit: string | null;
  readonly offset: string | null;
}

/** What is known of a SELECT over several tables that neither sorts, groups nor has a query inside, and ends after LIMIT rows. */
export interface JoinedPage {
  /** As of a single table; those of joins are not counted. */
  readonly conditions: number;
  readonly limit: string;
  readonly offset: string | null;
}

/** An index that would serve a plan. A hint, never needed for a right answer. */
export interface IndexHint {
  readonly table: Table;
  /** Physical columns, best first: compared for equality, then one range or sort column. */
  readonly columns: readonly string[];
}

/** How one shape is answered from the cache, as far as the catalog alone decides. Frozen. */
export interface Plan {
  readonly kind: "plan";
  /** The tables that it reads, and the column set of each: what has to be loaded. */
  readonly tables: readonly PlannedTable[];
  /** `*` or `alias.*` stands in a select list. */
  readonly wildcard: boolean;
  /** FROM names more than one table or query. */
  readonly joins: boolean;
  /** What its functions look up, besides the tables. */
  readonly resources: readonly string[];
  readonly inputs: readonly Input[];
  readonly proofs: readonly Proof[];
  readonly results: readonly Result[];
  /** The SQLite text; what `deferred` stands for is marked in it. */
  readonly sql: string;
  readonly deferred: readonly Deferred[];
  readonly single: SingleTable | null;
  readonly page: JoinedPage | null;
  readonly indexes: readonly IndexHint[];
  /** Two right answers over the same rows cannot differ in more than their order. */
  readonly determined: boolean;
  /** Literals whose value is part of the plan. */
  readonly pinned: readonly number[];
}
