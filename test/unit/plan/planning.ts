import type { Table } from "../../../src/catalog.ts";
import type { FieldDescription } from "../../../src/dialects/dialect.ts";
import { postgres } from "../../../src/dialects/postgres/dialect.ts";
import { type ColumnSet, columnSetOf } from "../../../src/load/coverage.ts";
import { type Bypass, bypass } from "../../../src/outcome.ts";
import type { FromItem, QualifiedName, Query, TableReference } from "../../../src/parse/ast.ts";
import { fingerprint } from "../../../src/parse/fingerprint.ts";
import type { PlannedTable } from "../../../src/plan/analysis.ts";
import { namedTables } from "../../../src/plan/named-tables.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { planStatement } from "../../../src/plan/plan-statement.ts";
import { type ColumnFacts, physicalName } from "../../../src/store/column-set.ts";
import type { StoredTable } from "../../../src/store/contract.ts";
import { ITEMS, MARKS, OWNERS, ordinaryFacts, PAPERS, typeId, types } from "./items.ts";

await postgres.ready();

interface Asked {
  /** What there is besides `items`, `owners` and `other.marks`, or instead of one of them. */
  readonly table?: Table;
  /** Types of `$1`, `$2` … as the origin would resolve them. */
  readonly parameters?: readonly string[];
  /** `name:type` of each result column; may be left out where all of them are plain columns. */
  readonly fields?: readonly string[];
}

/** Plans a statement as the planner does, with the origin's description made by hand. */
export function plan(sql: string, { table, parameters = [], fields }: Asked = {}): Plan | Bypass {
  const tokens = postgres.tokenize(sql);
  if (tokens === null) throw new Error(`not tokenized: ${sql}`);
  const statement = postgres.parse(sql, tokens);
  if (statement.kind !== "query") throw new Error(`no query: ${JSON.stringify(statement)}`);
  const catalog = [...(table === undefined ? [] : [table]), ITEMS, OWNERS, MARKS, PAPERS];
  const find = (name: QualifiedName): Table | Bypass =>
    catalog.find((one) => one.name === name.at(-1) && (name.length === 1 || one.schema === name[0])) ??
    bypass("unknown-table", `no table ${name.join(".")}`);
  return planStatement({
    query: statement.query,
    surroundings: {
      tables: namedTables(statement.query).flatMap((name) => {
        const found = find(name);
        return "kind" in found ? [] : [found];
      }),
      table: find,
      types,
      parameterTypes: parameters.map(typeId),
      // As in a session whose time zone knows summer time.
      needsText: (type) => type.kind === "timestamptz",
      literals: fingerprint(tokens).literals,
    },
    fields: fields?.map(readField) ?? describedColumns(statement.query, find),
    pinned: statement.pinned,
  });
}

/** A plan where nothing but a plan will do. */
export function planned(sql: string, asked: Asked = {}): Plan {
  const result = plan(sql, asked);
  if (result.kind === "bypass") throw new Error(`${result.reason}: ${result.detail}`);
  return result;
}

function readField(field: string): FieldDescription {
  const at = field.lastIndexOf(":");
  return { name: field.slice(0, at), typeId: typeId(field.slice(at + 1)), typeModifier: -1 };
}

/** What the origin says of columns of tables follows from the catalog; of anything else the test has to say it. */
function describedColumns(query: Query, find: (name: QualifiedName) => Table | Bypass): FieldDescription[] {
  const { body } = query;
  if (body.kind !== "select" || body.from === null) throw new Error("the result needs a description");
  const tables = tablesOf(body.from).flatMap(({ name, alias }) => {
    const table = find(name);
    return "kind" in table ? [] : [{ name: alias ?? table.name, table }];
  });
  const among = (path: QualifiedName): typeof tables =>
    path.length === 0 ? tables : tables.filter(({ name }) => name === path.at(-1));
  const fields: FieldDescription[] = [];
  for (const target of body.targets) {
    if (target.kind === "star") {
      const columns = among(target.path).flatMap(({ table }) => table.columns);
      fields.push(...columns.map(({ name, type }) => ({ name, typeId: type.oid, typeModifier: -1 })));
      continue;
    }
    const { expression, alias } = target;
    if (expression.kind !== "column") throw new Error("a result column that is computed needs a description");
    const name = expression.path.at(-1) ?? "";
    const columns = among(expression.path.slice(0, -1)).flatMap(({ table }) => table.columns);
    const type = columns.find((column) => column.name === name)?.type;
    fields.push({ name: alias ?? name, typeId: type?.oid ?? 0, typeModifier: -1 });
  }
  return fields;
}

function tablesOf(item: FromItem): readonly TableReference[] {
  if (item.kind === "join") return [...tablesOf(item.left), ...tablesOf(item.right)];
  return item.kind === "table" ? [item] : [];
}

interface Loaded {
  readonly rows?: number;
  /** By physical name, or `table.name`: what differs from `ordinaryFacts`. */
  readonly facts?: Readonly<Record<string, Partial<ColumnFacts>>>;
}

/** The tables as a load for this plan would have left them. */
export function stored({ tables }: Plan, loaded: Loaded = {}): StoredTable[] {
  return tables.map((planned) => storedTable(planned, loaded));
}

/** The only table of a plan. */
export function storedAlone(plan: Plan, loaded: Loaded = {}): StoredTable {
  const [table, ...more] = stored(plan, loaded);
  if (table === undefined || more.length > 0) throw new Error("not a plan over one table");
  return table;
}

/** What a plan needs of its only table. */
export function wanted({ tables }: Plan): ColumnSet {
  const [table, ...more] = tables;
  if (table === undefined || more.length > 0) throw new Error("not a plan over one table");
  return columnSetOf(table);
}

function storedTable(planned: PlannedTable, { rows = 1000, facts = {} }: Loaded): StoredTable {
  const { columns, dictionaries } = columnSetOf(planned);
  const { id, schema, name, fingerprint: definition, primaryKey } = planned.table;
  const [key = "", ...more] = primaryKey;
  const factsOf = (column: string): ColumnFacts => ({
    ...ordinaryFacts(column),
    ...facts[column],
    ...facts[`${name}.${column}`],
  });
  return {
    id,
    schema,
    table: name,
    storeName: name,
    fingerprint: definition,
    version: 1,
    rowsCommit: 1,
    dictionaryCommit: 1,
    columns: new Map([...columns.keys()].map((column) => [column, factsOf(column)])),
    dictionaries: new Map([...dictionaries].map((column) => [column, `${name}:${column}:dictionary`])),
    rowidColumn: more.length === 0 && columns.has(physicalName(key, "value")) ? key : null,
    indexes: new Map(),
    rows,
    rowBound: rows,
    bytes: 4096,
    loadedAt: 0,
  };
}
