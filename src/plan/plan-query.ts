import { type Bypass, bypass } from "../outcome.ts";
import type { Query } from "../parse/ast.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import type { Block } from "./block.ts";
import { CommonTable, Environment, type NamedQuery } from "./environment.ts";
import { namesTable } from "./named-tables.ts";
import { planCompound, planValues } from "./plan-compound.ts";
import { planSelect } from "./plan-select.ts";
import { planRecursive } from "./recursive-table.ts";
import type { Scope } from "./scope.ts";

/**
 * Plans a query of any kind: the statement itself, or one inside it. `outer` is the scope that it stands in; `names` are
 * the origin's own names of the columns, where it was asked for them. `readInFull`: all its rows are wanted, in both
 * engines.
 */
export function planQuery(
  analysis: Analysis,
  query: Query,
  outer: Scope | null,
  names: readonly string[] | null = null,
  readInFull: boolean = names !== null,
): Block | Bypass {
  const around = analysis.environment;
  analysis.queries += 1;
  try {
    const common = planCommonTables(analysis, query, outer, readInFull);
    if (isBypass(common)) return common;
    const block = analysis.within(outer, () => planBody(analysis, query, outer, names, readInFull));
    return isBypass(block) || common.length === 0 ? block : withCommonTables(block, common);
  } finally {
    analysis.environment = around;
  }
}

function planBody(
  analysis: Analysis,
  query: Query,
  outer: Scope | null,
  names: readonly string[] | null,
  readInFull: boolean,
): Block | Bypass {
  switch (query.body.kind) {
    case "select":
      return planSelect(analysis, query, query.body, outer, { names, readInFull });
    case "setOperation":
      return planCompound(analysis, query, query.body, outer, names);
    case "values":
      return planValues(analysis, query, query.body, outer);
  }
}

/** Each entry sees those before it; the last environment is that of the query. */
function planCommonTables(
  analysis: Analysis,
  query: Query,
  outer: Scope | null,
  readInFull: boolean,
): readonly NamedQuery[] | Bypass {
  const tables: NamedQuery[] = [];
  for (const [index, entry] of query.with.entries()) {
    const later = entry.recursive ? query.with.slice(index + 1) : [];
    if (later.some(({ name }) => namesTable(entry.query, name))) {
      return bypass("cte", `${entry.name} refers to what follows it`);
    }
    const table = planCommonTable(analysis, entry, outer, readInFull && readsNothingBut(query, entry.name));
    if (isBypass(table)) return table;
    tables.push(table);
    analysis.environment = new Environment(analysis.environment, [table]);
  }
  return tables;
}

/** True for `WITH t AS (…) SELECT … FROM t …`, without LIMIT: each row of t is read. */
function readsNothingBut({ with: common, body, limit, offset }: Query, name: string): boolean {
  if (common.length > 1 || limit !== null || offset !== null || body.kind !== "select") return false;
  return body.from?.kind === "table" && body.from.name.length === 1 && body.from.name[0] === name;
}

function planCommonTable(
  analysis: Analysis,
  { name, columnAliases, query, recursive }: Query["with"][number],
  outer: Scope | null,
  readInFull: boolean,
): NamedQuery | Bypass {
  if (recursive && namesTable(query, name))
    return planRecursive(analysis, name, columnAliases, query, outer, readInFull);
  const block = planQuery(analysis, query, outer);
  return isBypass(block) ? block : new CommonTable(analysis, name, block, columnAliases);
}

/** What the mentions ask for is known when the query is printed, so its text comes first. */
function withCommonTables(block: Block, tables: readonly NamedQuery[]): Block {
  return {
    ...block,
    select: null,
    print: (items) => {
      const body = block.print(items);
      const definitions: string[] = [];
      for (const table of tables.toReversed()) definitions.unshift(table.print());
      return `WITH ${definitions.join(", ")} ${body}`;
    },
  };
}
