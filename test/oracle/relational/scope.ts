import { quoteIdentifier } from "../print.ts";
import type { Random } from "../random.ts";
import type { ColumnSpec, TableSpec } from "../schema.ts";
import type { Kind, SqlType } from "../sql-type.ts";
import { type Node, node } from "./node.ts";

/** A column that an expression can name. */
export interface ScopeColumn {
  readonly name: string;
  readonly type: SqlType;
  /** Where its values come from, for constants that match some. */
  readonly source: { readonly table: TableSpec; readonly column: ColumnSpec } | null;
}

/** One entry of FROM as the rest of the query sees it. */
export interface Relation {
  /** The name that stands before its columns. */
  readonly alias: string;
  readonly columns: readonly ScopeColumn[];
  /** Columns that together tell its rows apart, all of sortable types; `null` when there are none. */
  readonly key: readonly string[] | null;
  /** A guess of the number of rows, to keep joins small. */
  readonly rows: number;
  /** The table itself, where it is one. */
  readonly table: TableSpec | null;
}

/** What an expression may refer to. */
export interface Scope {
  readonly relations: readonly Relation[];
  readonly outer: Scope | null;
  /** Inside of an aggregate's operand, WHERE, ON: no aggregate may be made. */
  readonly depth: number;
}

export function scopeOf(relations: readonly Relation[], outer: Scope | null): Scope {
  return { relations, outer, depth: outer === null ? 0 : outer.depth + 1 };
}

export const valueSort = (type: SqlType): string => `value ${type.kind}`;

export interface Choice {
  readonly relation: Relation;
  readonly column: ScopeColumn;
}

/** All columns of the kinds, or of any kind. */
export function columnsOf(scope: Scope, kinds: readonly Kind[] | null = null): Choice[] {
  return scope.relations.flatMap((relation) =>
    relation.columns
      .filter(({ type }) => kinds === null || kinds.includes(type.kind))
      .map((column) => ({ relation, column })),
  );
}

/**
 * The column as text: qualified where its bare name would be ambiguous, else at times. A sort item has to be qualified: its
 * bare name would mean an output of that name.
 */
export function reference(random: Random, scope: Scope, { relation, column }: Choice, qualified = false): Node {
  const sort = valueSort(column.type);
  const name = quoteIdentifier(column.name);
  const namesakes = scope.relations.flatMap(({ columns }) => columns).filter((other) => other.name === column.name);
  const isAlias = scope.relations.some(({ alias }) => alias === column.name);
  const bare = namesakes.length === 1 && !isAlias && scope.depth === 0 && !qualified && random.chance(0.25);
  if (bare || relation.alias === "") return node("column", sort, name);
  return node("column qualified", sort, `${quoteIdentifier(relation.alias)}.${name}`);
}

/** Sortable columns that can be named in full: the bare name of a merged one could mean an output of that name. */
export function namedColumns(scope: Scope): Choice[] {
  return columnsOf(scope).filter(({ relation, column }) => relation.alias !== "" && sortable(column.type));
}

/** References to keys of all relations: sorting by them decides the order of all rows. `null` if one has no key. */
export function totalKey(scope: Scope): Choice[] | null {
  const choices: Choice[] = [];
  for (const relation of scope.relations) {
    if (relation.key === null) return null;
    for (const name of relation.key) {
      const column = relation.columns.find((candidate) => candidate.name === name);
      if (column === undefined) return null;
      choices.push({ relation, column });
    }
  }
  return choices;
}

/** Types with an order of their own in the origin. */
export function sortable({ kind, name }: SqlType): boolean {
  if (kind === "json" || kind === "array" || kind === "other") return false;
  return name.name[0] !== "point";
}
