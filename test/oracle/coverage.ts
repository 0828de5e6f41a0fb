import type { TableSpec } from "./schema.ts";
import type { Expression, Query } from "./single-table.ts";
import { roots, walk } from "./tree.ts";

interface Count {
  seen: number;
  cached: number;
}

/** Name, times generated, times answered from the cache. */
export interface CoverageCounts {
  readonly counts: readonly (readonly [string, number, number])[];
  readonly pairs: readonly (readonly [string, number, number])[];
}

/** How often each part of the language was generated, and how often it was answered from the cache. */
export class Coverage {
  readonly #counts = new Map<string, Count>();
  readonly #pairs = new Map<string, Count>();

  add(query: Query, table: TableSpec, cached: boolean): void {
    for (const name of new Set(features(query, table))) count(this.#counts, name, cached);
  }

  /** The features of a statement of the grammar, also in pairs. What raises at the origin reaches nothing. */
  addNames(names: readonly string[], cached: boolean, raised: boolean): void {
    if (raised) return;
    const sorted = names.toSorted();
    for (const [index, name] of sorted.entries()) {
      count(this.#counts, name, cached);
      for (let other = index + 1; other < sorted.length; other++)
        count(this.#pairs, `${name} + ${sorted[other]}`, cached);
    }
  }

  /** Numbers of pairs of features: reached, and reached by an answer from the cache. */
  pairs(): { readonly reached: number; readonly cached: number } {
    let cached = 0;
    for (const pair of this.#pairs.values()) if (pair.cached > 0) cached++;
    return { reached: this.#pairs.size, cached };
  }

  /** The pairs, most often generated first. */
  pairRows(): readonly (readonly [name: string, seen: number, cached: number])[] {
    return [...this.#pairs]
      .map(([name, { seen, cached }]) => [name, seen, cached] as const)
      .sort((left, right) => right[1] - left[1]);
  }

  /** Adds what another process has counted. */
  merge(counts: CoverageCounts): void {
    for (const [target, source] of [
      [this.#counts, counts.counts],
      [this.#pairs, counts.pairs],
    ] as const) {
      for (const [name, seen, cached] of source) {
        const sum = target.get(name) ?? { seen: 0, cached: 0 };
        target.set(name, { seen: sum.seen + seen, cached: sum.cached + cached });
      }
    }
  }

  toJSON(): CoverageCounts {
    return { counts: this.rows(), pairs: this.pairRows() };
  }

  /** Name, times generated, times answered from the cache; by name. */
  rows(): readonly (readonly [name: string, seen: number, cached: number])[] {
    return [...this.#counts]
      .map(([name, { seen, cached }]) => [name, seen, cached] as const)
      .sort(([left], [right]) => (left < right ? -1 : 1));
  }
}

function count(counts: Map<string, Count>, name: string, cached: boolean): void {
  const sum = counts.get(name) ?? { seen: 0, cached: 0 };
  sum.seen++;
  if (cached) sum.cached++;
  counts.set(name, sum);
}

function features(query: Query, table: TableSpec): string[] {
  const names = roots(query).flatMap((root) => [...walk(root)].flatMap((node) => nodeNames(node, table)));
  if (query.distinct) names.push("clause distinct");
  if (query.where !== null) names.push("clause where");
  if (query.groupBy.length > 0) names.push("clause group by");
  if (query.having !== null) names.push("clause having");
  if (query.limit !== null) names.push("clause limit");
  if (query.offset !== null) names.push("clause offset");
  if (query.targets.some(({ kind }) => kind === "star")) names.push("target star");
  for (const { nulls, expression } of query.orderBy) {
    names.push("clause order by", `order nulls ${nulls ?? "default"}`);
    if (expression.kind === "literal") names.push("order by position");
  }
  return names;
}

function nodeNames(node: Expression, table: TableSpec): string[] {
  switch (node.kind) {
    case "column": {
      const column = table.columns.find(({ name }) => name === node.path.at(-1));
      return ["column", ...(column === undefined ? [] : [`type ${column.type.kind}`])];
    }
    case "literal":
      return [`literal ${node.type}`];
    case "comparison":
    case "arithmetic":
      return [`${node.kind} ${node.operator}`];
    case "cast":
      return [`cast to ${node.type.array ? "array" : node.type.name.at(-1)}`];
    case "call":
      return [
        `call ${node.name.at(-1)}${node.star ? "(*)" : ""}`,
        ...(node.distinct ? ["call distinct"] : []),
        ...(node.filter === null ? [] : ["call filter"]),
      ];
    case "isNull":
    case "isDistinct":
    case "isTruth":
    case "in":
    case "anyOf":
    case "between":
      return [`${node.kind}${node.negated ? " negated" : ""}`];
    case "like":
      return [node.caseInsensitive ? "ilike" : "like"];
    default:
      return [node.kind];
  }
}
