import { type Bypass, bypass } from "../outcome.ts";
import type { DerivedTable, Expression, FromItem, Join, TableReference } from "../parse/ast.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import { planTruth } from "./plan-expression.ts";
import { planLateral } from "./plan-lateral.ts";
import { planQuery } from "./plan-query.ts";
import { blockRelation, Exports, type PlannedRelation, tableRelation } from "./relations.ts";
import { type NamedTerm, type Namespace, Scope } from "./scope.ts";
import type { Facts, Term } from "./term.ts";
import { compare } from "./treatments/comparison.ts";
import { coalesce } from "./treatments/conditionals.ts";

/** A FROM clause, or a part of it. */
export interface PlannedFrom {
  readonly namespace: Namespace;
  /** Printed last: what is wanted of the queries in it is known only then. */
  print(): string;
  /** Conditions that belong to WHERE: those of the inner joins that nothing outer stands around. */
  readonly conditions: readonly Expression[];
  /** All conditions of joins: what indexes would serve. */
  readonly joinConditions: readonly Expression[];
  /** Columns that USING and NATURAL compare. */
  readonly merged: readonly (readonly [Term, Term])[];
}

/** Plans an item of FROM. `outer`: the surroundings of its query, which it can refer to. */
export function planFrom(analysis: Analysis, item: FromItem, outer: Scope | null): PlannedFrom | Bypass {
  switch (item.kind) {
    case "table":
      return planTable(analysis, item);
    case "derived":
      return planDerived(analysis, item, outer);
    case "join":
      return planJoin(analysis, item, outer);
  }
}

function planTable(analysis: Analysis, { name, alias, columnAliases }: TableReference): PlannedFrom | Bypass {
  const common = name.length === 1 ? analysis.environment.find(name[0] ?? "") : null;
  if (common !== null) return fromRelation(common.reference(analysis, alias, columnAliases), common.rowBound);
  const table = analysis.surroundings.table(name);
  if (isBypass(table)) return table;
  const relation = tableRelation(analysis, table, alias, columnAliases);
  return isBypass(relation) ? relation : fromRelation(relation, (facts) => BigInt(facts.of(table).rows));
}

function fromRelation(relation: PlannedRelation, rowBound: (facts: Facts) => bigint): PlannedFrom {
  const namespace: Namespace = { relations: [relation], columns: relation.columns, rowBound };
  return { namespace, print: () => relation.print(), conditions: [], joinConditions: [], merged: [] };
}

/** A query in FROM sees what its own query sees, and nothing of what stands beside it. */
function planDerived(analysis: Analysis, item: DerivedTable, outer: Scope | null): PlannedFrom | Bypass {
  const block = planQuery(analysis, item.query, outer);
  if (isBypass(block)) return block;
  const exports = new Exports(block);
  const relation = blockRelation(
    analysis,
    block,
    exports,
    item.alias,
    item.columnAliases,
    () => `(${exports.print()})`,
  );
  return fromRelation(relation, block.rowBound);
}

function planJoin(analysis: Analysis, join: Join, outer: Scope | null): PlannedFrom | Bypass {
  if (join.type !== "inner") analysis.joined.outerJoins = true;
  const left = planFrom(analysis, join.left, outer);
  if (isBypass(left)) return left;
  if (join.right.kind === "derived" && join.right.lateral) {
    return planLateral(analysis, { ...join, right: join.right }, left, outer);
  }
  const right = planFrom(analysis, join.right, outer);
  return isBypass(right) ? right : joinOf(analysis, join, left, right, outer);
}

/** Joins two planned sides. */
function joinOf(
  analysis: Analysis,
  join: Pick<Join, "type" | "condition">,
  left: PlannedFrom,
  right: PlannedFrom,
  outer: Scope | null,
): PlannedFrom | Bypass {
  const merged = mergedColumns(join, left.namespace, right.namespace);
  if (isBypass(merged)) return merged;
  const both: Namespace = {
    relations: [...left.namespace.relations, ...right.namespace.relations],
    columns: [...left.namespace.columns, ...right.namespace.columns],
    rowBound: () => 0n,
  };
  if (join.type === "right" || join.type === "full") analysis.joinsFromRight = true;
  const conditions: string[] = [];
  for (const { left: a, right: b } of merged) {
    const equal = compare(analysis, "=", a, b);
    if (typeof equal !== "string") return equal;
    conditions.push(equal);
  }
  const { condition } = join;
  if (condition?.kind === "on") {
    if (join.type === "full" && !isEquiJoin(condition.expression, left.namespace, right.namespace)) {
      return bypass("join", "FULL JOIN on something else than equal columns");
    }
    const scope = new Scope(outer, both);
    const sql = analysis.within(scope, () => planTruth(analysis, condition.expression));
    if (typeof sql !== "string") return sql;
    conditions.push(sql);
  } else if (join.type === "full" && merged.length === 0) {
    return bypass("join", "FULL JOIN without equal columns");
  }
  if ((join.type === "left" || join.type === "full") && !fillWithNull(right.namespace)) return NOT_FILLED;
  if ((join.type === "right" || join.type === "full") && !fillWithNull(left.namespace)) return NOT_FILLED;
  const columns = visibleColumns(analysis, join, merged, left.namespace, right.namespace);
  if (isBypass(columns)) return columns;
  const on = conditions.length === 0 ? (join.type === "inner" ? "" : " ON TRUE") : ` ON ${conditions.join(" AND ")}`;
  return {
    namespace: { relations: both.relations, columns, rowBound: rowBoundOf(join.type, left.namespace, right.namespace) },
    print: () => `${left.print()} ${JOINS[join.type]} ${printNested(right)}${on}`,
    conditions: join.type === "inner" ? [...left.conditions, ...right.conditions, ...onlyOn(join)] : [],
    joinConditions: [...left.joinConditions, ...right.joinConditions, ...onlyOn(join)],
    merged: [...left.merged, ...right.merged, ...merged.map((pair) => [pair.left, pair.right] as const)],
  };
}

const JOINS = { inner: "JOIN", left: "LEFT JOIN", right: "RIGHT JOIN", full: "FULL JOIN" } as const;

function onlyOn({ condition }: Pick<Join, "condition">): readonly Expression[] {
  return condition?.kind === "on" ? [condition.expression] : [];
}

/** A join on the right of a join stands in parentheses. */
export function printNested(from: PlannedFrom): string {
  return from.namespace.relations.length > 1 ? `(${from.print()})` : from.print();
}

/** Marks what an outer join may fill up with NULL; false if something would keep its values. */
export function fillWithNull({ relations }: Pick<Namespace, "relations">): boolean {
  for (const relation of relations) {
    relation.nullable.value = true;
    if (relation.inPlace || !fillWithNull({ relations: relation.within })) return false;
  }
  return true;
}

export const NOT_FILLED: Bypass = bypass("join", "an outer join around a lateral query that is read as a value");

/** Outer joins keep the rows that match nothing. */
export function rowBoundOf(type: Join["type"], left: Namespace, right: Namespace): (facts: Facts) => bigint {
  return (facts) => {
    const a = left.rowBound(facts);
    const b = right.rowBound(facts);
    if (type === "inner") return a * b;
    if (type === "left") return a * (b > 1n ? b : 1n);
    if (type === "right") return b * (a > 1n ? a : 1n);
    return a * b + a + b;
  };
}

/** The origin joins fully only on conditions that it can sort or hash; the others it rejects, when it runs them. */
function isEquiJoin(expression: Expression, left: Namespace, right: Namespace): boolean {
  if (expression.kind === "and") return expression.operands.every((operand) => isEquiJoin(operand, left, right));
  if (expression.kind !== "comparison" || expression.operator !== "=") return false;
  const { left: a, right: b } = expression;
  return (isColumnOf(a, left) && isColumnOf(b, right)) || (isColumnOf(a, right) && isColumnOf(b, left));
}

function isColumnOf(expression: Expression, namespace: Namespace): boolean {
  const term = expression.kind === "column" ? new Scope(null, namespace).column(expression.path) : null;
  return term !== null && term.kind === "term";
}

interface MergedColumn {
  readonly name: string;
  readonly left: Term;
  readonly right: Term;
}

/** The pairs of columns that USING names and NATURAL finds. */
function mergedColumns(
  { condition }: Pick<Join, "condition">,
  left: Namespace,
  right: Namespace,
): readonly MergedColumn[] | Bypass {
  if (condition === null || condition.kind === "on") return [];
  const names =
    condition.kind === "using"
      ? condition.columns
      : left.columns.map(({ name }) => name).filter((name) => right.columns.some((column) => column.name === name));
  const merged: MergedColumn[] = [];
  for (const name of names) {
    const a = only(left.columns, name);
    const b = only(right.columns, name);
    if (a === null || b === null) return bypass("unknown-column", `the column ${name} to join by`);
    merged.push({ name, left: a, right: b });
  }
  return merged;
}

function only(columns: readonly NamedTerm[], name: string): Term | null {
  const found = columns.filter((column) => column.name === name);
  const [first] = found;
  return first !== undefined && found.length === 1 ? first.term : null;
}

/** Merged columns stand first, then the rest of the left side, then that of the right. */
function visibleColumns(
  analysis: Analysis,
  { type }: Pick<Join, "type">,
  merged: readonly MergedColumn[],
  left: Namespace,
  right: Namespace,
): readonly NamedTerm[] | Bypass {
  const first: NamedTerm[] = [];
  for (const { name, left: a, right: b } of merged) {
    if (a.type.oid !== b.type.oid || a.type.modifier !== b.type.modifier) {
      return bypass("type-mismatch", `${name} is joined by and has two types: ${a.type.name} and ${b.type.name}`);
    }
    const term = type === "full" ? coalesce(analysis, [a, b]) : type === "right" ? b : a;
    if (isBypass(term)) return term;
    first.push({ name, term });
  }
  const names = new Set(merged.map(({ name }) => name));
  const others = [...left.columns, ...right.columns].filter(({ name }) => !names.has(name));
  return [...first, ...others];
}
