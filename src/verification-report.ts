import type { Column, TypeSystem } from "./catalog.ts";
import type { PlannedTable } from "./plan/analysis.ts";
import type { PlanEntry } from "./plan/prepared.ts";
import { quoteName } from "./quoting.ts";

/** How many rows each side answered with. */
export interface RowCounts {
  readonly origin: number;
  readonly cache: number;
}

/** All that is needed to look into a wrong answer, and no value: of parameters, of constants, of rows. */
export function describeWrongAnswer(entry: PlanEntry, types: Pick<TypeSystem, "byId">, rows: RowCounts): string {
  const { plan, shape, parameterTypes, execution } = entry;
  const parameters = parameterTypes.map((id, index) => `$${index + 1} ${typeName(id, plan.tables, types)}`);
  return [
    "The cache's answer differs from the origin's, with the same rows at hand; the origin answers statements of this shape from now on.",
    `statement: ${shape === "" ? "a text whose constants cannot be taken out" : shape.trim()}`,
    `parameters: ${parameters.length === 0 ? "none" : parameters.join(", ")}`,
    ...plan.tables.map((planned) => `table: ${describeTable(planned)}`),
    `SQLite: ${execution === null ? "not compiled" : withoutConstants(execution.program.sql)}`,
    `rows: ${rows.origin} of the origin, ${rows.cache} of the cache`,
  ].join("\n  ");
}

function typeName(id: number, tables: readonly PlannedTable[], types: Pick<TypeSystem, "byId">): string {
  const known =
    types.byId(id) ?? tables.flatMap(({ table }) => table.columns).find(({ type }) => type.oid === id)?.type;
  return known?.name ?? `of the type with the id ${id}`;
}

/** The columns that the statement reads, as CREATE TABLE would have them. */
function describeTable({ table, columns }: PlannedTable): string {
  const read = new Set(columns.map(({ column }) => column));
  const described = table.columns.filter(({ name }) => read.has(name)).map(describeColumn);
  const keys = table.uniqueKeys.filter((key) => key.every((name) => read.has(name)));
  const constraints = keys.map((key) => `UNIQUE (${key.map(quoteName).join(", ")})`);
  return `${quoteName(table.schema)}.${quoteName(table.name)} (${[...described, ...constraints].join(", ")})`;
}

function describeColumn({ name, type, nullable }: Column): string {
  const { collation } = type;
  const collate = collation === null ? "" : ` COLLATE ${quoteName(collation.name)}`;
  const rule = collation === null || collation.deterministic ? "" : " (nondeterministic)";
  return `${quoteName(name)} ${type.name}${collate}${rule}${nullable ? "" : " NOT NULL"}`;
}

/** Names, placeholders, words, and what is neither: texts and numbers, which a plan may have taken over from the statement. */
const PARTS = /"(?:[^"]|"")*"|\?\d+|[A-Za-z_][\w$]*|('(?:[^']|'')*'|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

function withoutConstants(sql: string): string {
  return sql.replaceAll(PARTS, (part, constant: string | undefined) => {
    if (constant === undefined) return part;
    return constant.startsWith("'") ? "''" : "0";
  });
}
