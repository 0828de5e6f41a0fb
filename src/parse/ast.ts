/**
 * The small SELECT language that plans are made from. A dialect lowers its own syntax tree into it; what has no node
 * here is refused by the dialect, never approximated. Names are already folded as the origin folds them.
 */

/** A name as written: `["orders"]` or `["public", "orders"]`. */
export type QualifiedName = readonly string[];

/** A type as written in a cast: `numeric(10,2)[]` is `{ name: ["numeric"], modifiers: [10, 2], array: true }`. */
export interface TypeName {
  readonly name: QualifiedName;
  readonly modifiers: readonly number[];
  readonly array: boolean;
}

/**
 * A constant of the statement. `slot` is its index among the literals that `fingerprint()` takes out of the text, so
 * that one plan serves every value; `null` and booleans are keywords, not literals, and have no slot.
 */
export interface Literal {
  readonly kind: "literal";
  readonly type: "integer" | "decimal" | "string";
  /** Unsigned text of the constant as the tokenizer reads it (string literals already unescaped). */
  readonly text: string;
  /** True for `-5`: the sign is part of the constant for the origin's parser, but not of the slot's text. */
  readonly negated: boolean;
  readonly slot: number;
}

export type ComparisonOperator = "=" | "<>" | "<" | "<=" | ">" | ">=";
export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%";
/** Operators of arrays, json and jsonb. */
export type DocumentOperator = "@>" | "<@" | "&&" | "->" | "->>" | "#>" | "#>>" | "?" | "?|" | "?&";

export type Expression =
  | Literal
  | { readonly kind: "null" }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "column"; readonly path: QualifiedName }
  | { readonly kind: "parameter"; readonly number: number }
  | { readonly kind: "cast"; readonly operand: Expression; readonly type: TypeName }
  | { readonly kind: "collate"; readonly operand: Expression; readonly collation: QualifiedName }
  | {
      readonly kind: "comparison";
      readonly operator: ComparisonOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "arithmetic";
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "document";
      readonly operator: DocumentOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  /** `ARRAY[a, b]`. */
  | { readonly kind: "array"; readonly items: readonly Expression[] }
  | { readonly kind: "negate"; readonly operand: Expression }
  | { readonly kind: "concat"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "and" | "or"; readonly operands: readonly Expression[] }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "isNull"; readonly operand: Expression; readonly negated: boolean }
  /** `x IS [NOT] TRUE | FALSE | UNKNOWN`. */
  | {
      readonly kind: "isTruth";
      readonly operand: Expression;
      readonly value: boolean | null;
      readonly negated: boolean;
    }
  | {
      readonly kind: "isDistinct";
      readonly left: Expression;
      readonly right: Expression;
      readonly negated: boolean;
    }
  | {
      readonly kind: "in";
      readonly operand: Expression;
      readonly list: readonly Expression[];
      readonly negated: boolean;
    }
  /** `left = ANY(array)` / `left <> ALL(array)`, the only two quantified forms in the language. */
  | {
      readonly kind: "anyOf";
      readonly operand: Expression;
      readonly array: Expression;
      readonly negated: boolean;
    }
  | {
      readonly kind: "between";
      readonly operand: Expression;
      readonly low: Expression;
      readonly high: Expression;
      readonly negated: boolean;
    }
  | {
      readonly kind: "like";
      readonly operand: Expression;
      readonly pattern: Expression;
      readonly negated: boolean;
      readonly caseInsensitive: boolean;
      /** ESCAPE: what takes away the meaning of the next character of the pattern; `""` for nothing, a backslash unless said. */
      readonly escape?: string;
    }
  | {
      readonly kind: "case";
      readonly operand: Expression | null;
      readonly branches: readonly { readonly when: Expression; readonly then: Expression }[];
      readonly otherwise: Expression | null;
    }
  | { readonly kind: "coalesce"; readonly operands: readonly Expression[] }
  | { readonly kind: "nullIf"; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "call";
      readonly name: QualifiedName;
      readonly operands: readonly Expression[];
      /** `count(*)`. */
      readonly star: boolean;
      readonly distinct: boolean;
      readonly filter: Expression | null;
      /** Order of the rows that an aggregate sees; empty when none is given. */
      readonly orderBy: readonly OrderItem[];
      readonly over: Window | null;
      /** `EXTRACT(field FROM operand)`, in lower case. */
      readonly field?: string;
    }
  /** GREATEST and LEAST. */
  | { readonly kind: "extremum"; readonly greatest: boolean; readonly operands: readonly Expression[] }
  /** `t.*` as one value: the whole row of a relation. */
  | { readonly kind: "wholeRow"; readonly path: QualifiedName }
  /** `(a, b)`; only as an operand of a comparison or IN. */
  | { readonly kind: "row"; readonly items: readonly Expression[] }
  | { readonly kind: "exists"; readonly query: Query }
  /** A query of one column as a value. */
  | { readonly kind: "scalarQuery"; readonly query: Query }
  /** `x IN (SELECT …)`, `x = ANY (SELECT …)`, `x <> ALL (SELECT …)`. */
  | { readonly kind: "inQuery"; readonly operand: Expression; readonly query: Query; readonly negated: boolean };

/** One entry of the select list. `path` of a star is what stands before it: `[]`, `["u"]`, `["public", "users"]`. */
export type Target =
  | { readonly kind: "expression"; readonly expression: Expression; readonly alias: string | null }
  | { readonly kind: "star"; readonly path: QualifiedName };

export interface OrderItem {
  readonly expression: Expression;
  readonly descending: boolean;
  /** As written; `null` means the origin's default for the direction. */
  readonly nulls: "first" | "last" | null;
}

export interface TableReference {
  readonly kind: "table";
  readonly name: QualifiedName;
  readonly alias: string | null;
  /** `AS t(a, b)`: other names for the first columns. */
  readonly columnAliases: readonly string[];
}

/** A query in FROM. Only a lateral one sees what stands before it. */
export interface DerivedTable {
  readonly kind: "derived";
  readonly query: Query;
  readonly alias: string | null;
  readonly columnAliases: readonly string[];
  readonly lateral: boolean;
}

/** `CROSS JOIN` and the comma are inner joins without condition. */
export interface Join {
  readonly kind: "join";
  readonly type: "inner" | "left" | "right" | "full";
  readonly left: FromItem;
  readonly right: FromItem;
  readonly condition: JoinCondition | null;
}

export type JoinCondition =
  | { readonly kind: "on"; readonly expression: Expression }
  | { readonly kind: "using"; readonly columns: readonly string[] }
  | { readonly kind: "natural" };

export type FromItem = TableReference | DerivedTable | Join;

/** What stands between a query's WITH and its ORDER BY. */
export type QueryBody = Select | SetOperation | Values;

export interface Select {
  readonly kind: "select";
  /** `DISTINCT`, or the expressions of `DISTINCT ON`. */
  readonly distinct: boolean | readonly Expression[];
  readonly targets: readonly Target[];
  /** `null` for a SELECT without FROM. */
  readonly from: FromItem | null;
  readonly where: Expression | null;
  readonly groupBy: readonly Expression[];
  readonly having: Expression | null;
}

export interface SetOperation {
  readonly kind: "setOperation";
  readonly operator: "union" | "intersect" | "except";
  readonly all: boolean;
  readonly left: Query;
  readonly right: Query;
}

/** `VALUES (1, 'a'), (2, 'b')`. */
export interface Values {
  readonly kind: "values";
  readonly rows: readonly (readonly Expression[])[];
}

/** One entry of a WITH clause. */
export interface CommonTable {
  readonly name: string;
  readonly columnAliases: readonly string[];
  readonly query: Query;
  /** It may refer to itself. */
  readonly recursive: boolean;
}

export interface Query {
  readonly with: readonly CommonTable[];
  readonly body: QueryBody;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Expression | null;
  readonly offset: Expression | null;
}

/** A window: its own clauses, or what an entry of the WINDOW clause adds to them. */
export interface Window {
  readonly partitionBy: readonly Expression[];
  readonly orderBy: readonly OrderItem[];
  readonly frame: Frame | null;
}

export interface Frame {
  readonly unit: "rows" | "range" | "groups";
  readonly start: FrameBound;
  readonly end: FrameBound;
  readonly exclude: "current row" | "group" | "ties" | null;
}

export type FrameBound =
  | { readonly kind: "unbounded preceding" | "current row" | "unbounded following" }
  | { readonly kind: "preceding" | "following"; readonly offset: Expression };
