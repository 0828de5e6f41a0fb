import type { Random } from "../random.ts";
import type { Schema } from "../schema.ts";
import type { SqlType } from "../sql-type.ts";
import type { Node } from "./node.ts";
import type { Choice, Relation, Scope } from "./scope.ts";
import type { Weights } from "./weights.ts";

/** A query with what its surroundings must know of it. */
export interface Made {
  readonly node: Node;
  readonly columns: readonly { readonly name: string; readonly type: SqlType }[];
  /** Positions of output columns that tell the rows apart; `null` when unknown. */
  readonly key: readonly number[] | null;
  readonly rows: number;
}

export interface SelectWish {
  readonly outer: Scope | null;
  readonly depth: number;
  /** Types of the output columns; `null`: any. */
  readonly types: readonly SqlType[] | null;
  /** At most one row: by a key, an aggregate or LIMIT 1. */
  readonly single?: boolean;
  /** Output columns need names of their own, because something refers to them. */
  readonly named?: boolean;
}

/**
 * What the parts of the grammar share. The shape of a statement comes from `shape`, every constant from `values`: the
 * same shape seed with another value seed gives the same statement with other literals and parameters.
 */
export interface Grammar {
  readonly shape: Random;
  readonly values: Random;
  readonly schema: Schema;
  readonly weights: Weights;
  /** Probability per operand of a type that does not fit. */
  readonly wrong: number;
  /** Share of constants that are parameters. */
  readonly parameters: number;
  /** Factor on plain columns and constants where expressions could stand: most programs' statements are plain. */
  readonly calm: number;
  /** CTEs that FROM may name. */
  readonly ctes: Relation[];
  /** A name that no other relation of the same FROM has; at times one that hides a relation of a level around. */
  alias(base: string): string;
  /** Makes something with relations of a level of its own. */
  level<T>(make: () => T): T;
  choose<K extends string>(area: string, alternatives: { readonly [key in K]: number }): K;
  chance(name: string, probability: number): boolean;
  constant(type: SqlType, like?: Choice | null): Node;
  value(scope: Scope, type: SqlType, depth: number): Node;
  predicate(scope: Scope, depth: number): Node;
  select(wish: SelectWish): Made;
}
