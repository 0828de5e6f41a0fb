import { type Bypass, bypass } from "../outcome.ts";
import type { DerivedTable, Join, Query, Select } from "../parse/ast.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import type { Block } from "./block.ts";
import { planTruth } from "./plan-expression.ts";
import { fillWithNull, NOT_FILLED, type PlannedFrom, planFrom, printNested, rowBoundOf } from "./plan-from.ts";
import { planQuery } from "./plan-query.ts";
import { queryTerm } from "./plan-subquery.ts";
import { type NamedTerm, type Namespace, type Relation, Scope } from "./scope.ts";

type LateralJoin = Omit<Join, "right"> & { readonly right: DerivedTable };

/**
 * SQLite has no LATERAL. A query that has one row for each row on its left is read as a value, once for each column that
 * is asked for; one that only filters is a join with its WHERE as the condition; one that only filters, sorts and limits a
 * table is a join with the rows of the table that it finds; anything else is left to the origin.
 */
export function planLateral(
  analysis: Analysis,
  join: LateralJoin,
  left: PlannedFrom,
  outer: Scope | null,
): PlannedFrom | Bypass {
  const { query, columnAliases } = join.right;
  const plain = plainSelect(query);
  if (plain !== null && isPlainlyJoined(join)) return asJoin(analysis, join, plain, left, outer);
  if (join.type !== "inner" && join.type !== "left") return bypass("join", "a lateral query on the left of a join");
  if (!isAlways(join.condition)) return bypass("join", "a lateral query with a condition of its own");
  const block = planQuery(analysis, query, new Scope(outer, left.namespace));
  if (isBypass(block)) return block;
  const isOneRow = block.oneRow || (join.type === "left" && block.atMostOneRow());
  const limited = isOneRow ? null : plainSelect({ ...query, limit: null, offset: null });
  if (limited?.from?.kind === "table") return asRowsFound(analysis, join, limited, block, left, outer);
  if (!isOneRow) {
    return bypass("join", "a lateral query that may have any number of rows");
  }
  const columns = block.columns.map(({ name, term }, index) => ({
    name: columnAliases[index] ?? name,
    term: queryTerm(block, term),
  }));
  const relation = lateralRelation(join.right, columns, null);
  const namespace = withRelation(left.namespace, relation, left.namespace.rowBound);
  return { ...left, namespace };
}

/** What a lateral query is to the queries around it. `from`: the relations that it reads, if its rows are joined. */
function lateralRelation({ alias }: DerivedTable, columns: readonly NamedTerm[], from: Namespace | null): Relation {
  return {
    name: alias,
    table: null,
    bare: false,
    single: () => false,
    alias: "",
    columns,
    nullable: { value: true },
    within: from?.relations ?? [],
    inPlace: from === null,
  };
}

function withRelation(left: Namespace, relation: Relation, rowBound: Namespace["rowBound"]): Namespace {
  const { relations, columns } = left;
  return { relations: [...relations, relation], columns: [...columns, ...relation.columns], rowBound };
}

/** A SELECT of columns with nothing but FROM and WHERE: a computed value would not become NULL in an outer join. */
function plainSelect({ with: common, body, limit, offset }: Query): Select | null {
  if (common.length > 0 || limit !== null || offset !== null || body.kind !== "select" || body.from === null)
    return null;
  const isPlain = body.distinct === false && body.groupBy.length === 0 && body.having === null;
  const selectsColumns = body.targets.every((target) => target.kind === "star" || target.expression.kind === "column");
  return isPlain && selectsColumns ? body : null;
}

function isPlainlyJoined({ type, condition }: LateralJoin): boolean {
  return (type === "inner" || type === "left") && (condition === null || condition.kind === "on");
}

function isAlways(condition: Join["condition"]): boolean {
  if (condition === null) return true;
  return condition.kind === "on" && condition.expression.kind === "boolean" && condition.expression.value;
}

function asJoin(
  analysis: Analysis,
  join: LateralJoin,
  select: Select,
  left: PlannedFrom,
  outer: Scope | null,
): PlannedFrom | Bypass {
  if (select.from === null) return bypass("join", "a lateral query without tables");
  const beside = new Scope(outer, left.namespace);
  const right = planFrom(analysis, select.from, beside);
  if (isBypass(right)) return right;
  const inner = new Scope(beside, right.namespace);
  const columns = selectedColumns(select, inner, join.right.columnAliases);
  if (isBypass(columns)) return columns;
  const rowBound = rowBoundOf(join.type, left.namespace, right.namespace);
  const namespace = withRelation(left.namespace, lateralRelation(join.right, columns, right.namespace), rowBound);
  const conditions: string[] = [];
  const planned = [
    { expression: select.where, scope: inner },
    {
      expression: join.condition?.kind === "on" ? join.condition.expression : null,
      scope: new Scope(outer, namespace),
    },
  ];
  for (const { expression, scope } of planned) {
    if (expression === null) continue;
    const sql = analysis.within(scope, () => planTruth(analysis, expression));
    if (typeof sql !== "string") return sql;
    conditions.push(sql);
  }
  if (join.type === "left" && !fillWithNull(right.namespace)) return NOT_FILLED;
  const on = conditions.length === 0 ? "TRUE" : conditions.join(" AND ");
  const operator = join.type === "left" ? "LEFT JOIN" : "JOIN";
  return {
    ...left,
    namespace,
    print: () => `${left.print()} ${operator} ${printNested(right)} ON ${on}`,
    conditions: [],
  };
}

/**
 * The table is joined by the numbers that SQLite gives to its rows: those that the query finds for the row on the left. The
 * query runs once for each such row, as it does in the origin.
 */
function asRowsFound(
  analysis: Analysis,
  join: LateralJoin,
  select: Select,
  block: Block,
  left: PlannedFrom,
  outer: Scope | null,
): PlannedFrom | Bypass {
  const [found] = block.select?.scope.namespace.relations ?? [];
  const beside = new Scope(outer, left.namespace);
  const right = select.from === null ? NOT_FILLED : planFrom(analysis, select.from, beside);
  if (isBypass(right)) return right;
  const [relation] = right.namespace.relations;
  const table = relation?.table ?? null;
  if (found === undefined || relation === undefined || table === null || found.table?.id !== table.id) {
    return bypass("join", "a lateral query that may have any number of rows");
  }
  if (table.columns.some(({ name }) => name.toLowerCase() === ROW_NUMBER)) {
    return bypass("join", `a lateral query over a table with a column named ${ROW_NUMBER}`);
  }
  const columns = selectedColumns(select, new Scope(beside, right.namespace), join.right.columnAliases);
  if (isBypass(columns)) return columns;
  const rowBound = rowBoundOf(join.type, left.namespace, right.namespace);
  const namespace = withRelation(left.namespace, lateralRelation(join.right, columns, right.namespace), rowBound);
  if (join.type === "left" && !fillWithNull(right.namespace)) return NOT_FILLED;
  const operator = join.type === "left" ? "LEFT JOIN" : "JOIN";
  return {
    ...left,
    namespace,
    print: () => {
      const rows = block.print([{ sql: `${found.alias}.${ROW_NUMBER}`, as: null }]);
      return `${left.print()} ${operator} ${printNested(right)} ON ${relation.alias}.${ROW_NUMBER} IN (${rows})`;
    },
    conditions: [],
  };
}

/** SQLite's own name for the number of a row. */
const ROW_NUMBER = "rowid";

/** Its own columns only: one from around it would not become NULL in an outer join. */
function selectedColumns({ targets }: Select, scope: Scope, aliases: readonly string[]): readonly NamedTerm[] | Bypass {
  const columns: NamedTerm[] = [];
  for (const target of targets) {
    if (target.kind === "star") {
      const found = scope.star(target.path);
      if (found.length === 0) return bypass("unknown-column", `${target.path.join(".")}.*`);
      columns.push(...found);
      continue;
    }
    const { expression, alias } = target;
    if (expression.kind !== "column") return bypass("join", "a computed column of a lateral query");
    const term = scope.column(expression.path);
    if (term === null) return bypass("join", "a lateral query that selects a column from around it");
    if (isBypass(term)) return term;
    columns.push({ name: alias ?? expression.path.at(-1) ?? "", term });
  }
  return columns.map(({ name, term }, index) => ({ name: aliases[index] ?? name, term }));
}
