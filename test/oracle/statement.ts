import type { Query } from "./single-table.ts";

/** One generated query with the JS values of its parameters: `parameter.number` is an index into `params` (from 1). */
export interface Case {
  readonly query: Query;
  readonly params: readonly unknown[];
  /** Seed of the printer's freedom: parentheses, case, quoting, comments. 0 is the plainest text. */
  readonly style: number;
}

/** What is run and how its answer is judged. Serialisable: a regression file holds it. */
export interface Statement {
  readonly sql: string;
  /** `null`: the parameter argument is left out (the simple protocol of the driver). */
  readonly params: readonly unknown[] | null;
  readonly check: Check;
}

/** What SQL leaves open in the answer. */
export interface Check {
  /** An ORDER BY stands in the statement. */
  readonly ordered: boolean;
  readonly limited: boolean;
  /** Rows skipped by OFFSET; `null` when the harness does not know. */
  readonly offset: number | null;
  /**
   * The statement without LIMIT and OFFSET; if `ordered`, with a last column `RANK_COLUMN`: the dense rank of each row
   * under the ORDER BY, so that rows of equal rank are ties.
   */
  readonly full: { readonly sql: string; readonly params: readonly unknown[] | null } | null;
  /** The ORDER BY leaves no ties: the order of the rows is decided. */
  readonly total?: boolean;
  /** JSON arrays were collected in no order: their elements are compared as a bag. */
  readonly looseJson?: boolean;
}

export const RANK_COLUMN = "sqlmem_oracle_rank";

export const UNORDERED: Check = { ordered: false, limited: false, offset: 0, full: null };
