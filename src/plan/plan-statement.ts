import type { FieldDescription } from "../dialects/dialect.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { Query, Select } from "../parse/ast.ts";
import { quoteName } from "../quoting.ts";
import { Analysis, isBypass, type Surroundings } from "./analysis.ts";
import type { Block, BlockColumn } from "./block.ts";
import { isDetermined } from "./determined.ts";
import { countConditions, fixedColumns } from "./index-hints.ts";
import { hasJoin, hasWildcard } from "./named-tables.ts";
import type { JoinedPage, Plan, Result, SingleTable } from "./plan.ts";
import { planQuery } from "./plan-query.ts";
import type { Scope } from "./scope.ts";
import type { Facts, Source } from "./term.ts";

/** What planning one statement starts from: its tree and what the origin says of it. */
export interface PlanRequest {
  readonly query: Query;
  readonly surroundings: Surroundings;
  /** The origin's own names and types of the result columns; ours must agree. */
  readonly fields: readonly FieldDescription[];
  /** Literals that the syntax tree already consumed (type modifiers). */
  readonly pinned: readonly number[];
}

/**
 * Turns a statement into a plan, or says why it cannot be answered exactly. The origin has already described it, so it
 * is known to be legal SQL: nothing here re-checks what the origin checks, only what SQLite does differently.
 */
export function planStatement({ query, surroundings, fields, pinned }: PlanRequest): Plan | Bypass {
  const analysis = new Analysis(surroundings);
  for (const slot of pinned) analysis.pinned.add(slot);
  const names = fields.map(({ name }) => name);
  const block = planQuery(analysis, query, null, names);
  if (isBypass(block)) return block;
  if (block.columns.length === 0) return bypass("unsupported-syntax", "SELECT without a select list");
  const unused = checkUnused(analysis);
  if (unused !== null) return unused;
  const results = planResults(analysis, block.columns, fields);
  if (isBypass(results)) return results;
  return Object.freeze<Plan>({
    kind: "plan",
    tables: analysis.tables,
    wildcard: hasWildcard(query),
    joins: hasJoin(query),
    resources: [...analysis.resources],
    inputs: analysis.inputs,
    proofs: analysis.proofs,
    results: results.map(({ name, output }) => ({ name, output })),
    sql: block.print(results.map(({ sql }) => ({ sql, as: null }))),
    deferred: analysis.deferred,
    single: singleTable(analysis, query, block),
    page: joinedPage(analysis, query, block),
    indexes: analysis.indexes,
    determined: isDetermined(query, block.select?.scope ?? null),
    pinned: [...analysis.pinned].sort((a, b) => a - b),
  });
}

/** The origin reads each parameter when it is bound, also one that nothing uses: it has to be canonical all the same. */
function checkUnused(analysis: Analysis): Bypass | null {
  const { parameterTypes, types } = analysis.surroundings;
  const used = new Set(analysis.inputs.flatMap(({ source }) => parametersOf(source)));
  for (const [index, id] of parameterTypes.entries()) {
    if (used.has(index)) continue;
    const type = types.byId(id);
    if (type === null) return bypass("unsupported-type", `parameter $${index + 1} is of a type that is not modelled`);
    analysis.input({ from: "parameter", index }, { kind: "value", type });
  }
  return null;
}

function parametersOf(source: Source): readonly number[] {
  if (source.from === "joined") return source.parts.flatMap(parametersOf);
  return source.from === "parameter" ? [source.index] : [];
}

function planResults(
  analysis: Analysis,
  columns: readonly BlockColumn[],
  fields: readonly FieldDescription[],
): readonly (Result & { readonly sql: string })[] | Bypass {
  if (fields.length !== columns.length) {
    return bypass("describe-mismatch", `the origin describes ${fields.length} columns, not ${columns.length}`);
  }
  const results: (Result & { sql: string })[] = [];
  for (const [index, { term }] of columns.entries()) {
    const field = fields[index];
    if (field === undefined || field.typeId !== term.type.oid) {
      const detail = `the origin gives column ${index + 1} type ${field?.typeId}, not ${term.type.oid}`;
      return bypass("describe-mismatch", detail);
    }
    if (field.name === "__proto__") return bypass("generated-name", "a column named __proto__");
    const output = term.output();
    if (isBypass(output)) return output;
    if (output.output.kind === "value" && analysis.surroundings.needsText(term.type)) {
      return bypass("unsupported-type", `the text of a computed ${term.type.name} depends on settings of the session`);
    }
    results.push({ name: field.name, sql: printResult(analysis, output, term.wide), output: output.output });
  }
  return results;
}

/** An integer that may be beyond 2^53 is read as text. */
function printResult(
  analysis: Analysis,
  { sql, output }: { readonly sql: string; readonly output: Result["output"] },
  wide: (facts: Facts) => boolean,
): string {
  const mayBeInteger = output.kind === "value" || output.kind === "scaled";
  return mayBeInteger ? analysis.defer((facts) => (wide(facts) ? `CAST(${sql} AS TEXT)` : sql)) : sql;
}

/** What decides how many rows the statement touches, if it reads one table and has no query inside. */
function singleTable(analysis: Analysis, query: Query, { select }: Block): SingleTable | null {
  if (select === null || query.body.kind !== "select" || analysis.aliases !== 1 || analysis.queries !== 1) return null;
  const { where } = query.body;
  const [relation] = select.scope.namespace.relations;
  const table = relation?.table ?? null;
  if (relation === undefined || table === null) return null;
  return {
    from: (facts) => `${quoteName(facts.of(table).storeName)} AS ${relation.alias}`,
    where: select.where,
    whereInputs: select.whereInputs,
    conditions: countConditions(where),
    fixedColumns: fixedColumns(analysis, where, select.scope),
    collects: collects(query.body, select.scope),
    limit: select.limit,
    offset: select.offset,
  };
}

function joinedPage(analysis: Analysis, query: Query, { select }: Block): JoinedPage | null {
  if (select === null || select.limit === null || query.body.kind !== "select") return null;
  if (analysis.aliases < 2 || analysis.queries !== 1 || collects(query.body, select.scope)) return null;
  return { conditions: countConditions(query.body.where), limit: select.limit, offset: select.offset };
}

function collects({ distinct, groupBy, having }: Select, { aggregates, windows }: Scope): boolean {
  return distinct !== false || groupBy.length > 0 || having !== null || aggregates > 0 || windows > 0;
}
