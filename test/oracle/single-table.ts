/**
 * The tree of the single-table generator: SELECTs over one table. It is the harness's own, so that a change of the
 * product's tree changes nothing of what is asked.
 */

/** A name as written: `["orders"]` or `["public", "orders"]`. */
export type QualifiedName = readonly string[];

/** A type as written in a cast: `numeric(10,2)[]` is `{ name: ["numeric"], modifiers: [10, 2], array: true }`. */
export interface TypeName {
  readonly name: QualifiedName;
  readonly modifiers: readonly number[];
  readonly array: boolean;
}

export interface Literal {
  readonly kind: "literal";
  readonly type: "integer" | "decimal" | "string";
  /** Unsigned. */
  readonly text: string;
  /** True for `-5`. */
  readonly negated: boolean;
}

type ComparisonOperator = "=" | "<>" | "<" | "<=" | ">" | ">=";
type ArithmeticOperator = "+" | "-" | "*" | "/" | "%";

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
    };

/** One entry of the select list. `path` of a star is what stands before it: `[]`, `["u"]`, `["public", "users"]`. */
export type Target =
  | { readonly kind: "expression"; readonly expression: Expression; readonly alias: string | null }
  | { readonly kind: "star"; readonly path: QualifiedName };

interface TableReference {
  readonly name: QualifiedName;
  readonly alias: string | null;
}

export interface OrderItem {
  readonly expression: Expression;
  readonly descending: boolean;
  /** As written; `null` means the origin's default for the direction. */
  readonly nulls: "first" | "last" | null;
}

export interface Query {
  readonly distinct: boolean;
  readonly targets: readonly Target[];
  readonly from: TableReference;
  readonly where: Expression | null;
  readonly groupBy: readonly Expression[];
  readonly having: Expression | null;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Expression | null;
  readonly offset: Expression | null;
}
