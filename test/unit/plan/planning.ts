import type { Table } from "../../../src/catalog.ts";
import type { FieldDescription } from "../../../src/dialects/dialect.ts";
import { postgres } from "../../../src/dialects/postgres/dialect.ts";
import { columnSetOf } from "../../../src/load/coverage.ts";
import type { Bypass } from "../../../src/outcome.ts";
import type { Query } from "../../../src/parse/ast.ts";
import { fingerprint } from "../../../src/parse/fingerprint.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { planQuery } from "../../../src/plan/plan-query.ts";
import { type ColumnFacts, physicalName } from "../../../src/store/column-set.ts";
import type { StoredTable } from "../../../src/store/contract.ts";
import { ITEMS, ordinaryFacts, typeId, types } from "./items.ts";

await postgres.ready();

interface Asked {
  readonly table?: Table;
  /** Types of `$1`, `$2` … as the origin would resolve them. */
  readonly parameters?: readonly string[];
  /** `name:type` of each result column; may be left out where all of them are plain columns. */
  readonly fields?: readonly string[];
}

/** Plans a statement as the planner does, with the origin's description made by hand. */
export function plan(sql: string, { table = ITEMS, parameters = [], fields }: Asked = {}): Plan | Bypass {
  const tokens = postgres.tokenize(sql);
  if (tokens === null) throw new Error(`not tokenized: ${sql}`);
  const statement = postgres.parse(sql, tokens);
  if (statement.kind !== "query") throw new Error(`no query: ${JSON.stringify(statement)}`);
  return planQuery({
    query: statement.query,
    surroundings: {
      table,
      types,
      parameterTypes: parameters.map(typeId),
      // As in a session whose time zone knows summer time.
      needsText: (type) => type.kind === "timestamptz",
      literals: fingerprint(tokens).literals,
    },
    fields: fields?.map(readField) ?? describedColumns(statement.query, table),
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

/** What the origin says of columns follows from the catalog; of anything else the test has to say it. */
function describedColumns(query: Query, table: Table): FieldDescription[] {
  const describe = (path: readonly string[], alias: string | null): FieldDescription => {
    const column = table.columns.find(({ name }) => name === path.at(-1));
    return { name: alias ?? path.at(-1) ?? "", typeId: column?.type.oid ?? 0, typeModifier: -1 };
  };
  return query.targets.flatMap((target) => {
    if (target.kind === "star") return table.columns.map(({ name }) => describe([name], null));
    const { expression, alias } = target;
    if (expression.kind !== "column") throw new Error("a result column that is computed needs a description");
    return [describe(expression.path, alias)];
  });
}

interface Loaded {
  readonly rows?: number;
  /** By physical name: what differs from `ordinaryFacts`. */
  readonly facts?: Readonly<Record<string, Partial<ColumnFacts>>>;
}

/** The table as a load for this plan would have left it. */
export function stored(plan: Plan, { rows = 1000, facts = {} }: Loaded = {}): StoredTable {
  const { columns, dictionaries } = columnSetOf(plan);
  const { id, schema, name, fingerprint: definition, primaryKey } = plan.table;
  const [key = "", ...more] = primaryKey;
  return {
    id,
    schema,
    table: name,
    storeName: name,
    fingerprint: definition,
    version: 1,
    columns: new Map([...columns.keys()].map((column) => [column, { ...ordinaryFacts(column), ...facts[column] }])),
    dictionaries: new Map([...dictionaries].map((column) => [column, `${name}:${column}:dictionary`])),
    rowidColumn: more.length === 0 && columns.has(physicalName(key, "value")) ? key : null,
    indexes: new Map(),
    rows,
    bytes: 4096,
    loadedAt: 0,
  };
}
