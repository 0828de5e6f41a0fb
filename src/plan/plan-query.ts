import { type Bypass, bypass } from "../outcome.ts";
import type { Query } from "../parse/ast.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import type { Block } from "./block.ts";
import { CommonTable, Environment } from "./environment.ts";
import { namesTable } from "./named-tables.ts";
import { planCompound, planValues } from "./plan-compound.ts";
import { planSelect } from "./plan-select.ts";
import type { Scope } from "./scope.ts";

/**
 * Plans a query of any kind: the statement itself, or one inside it. `outer` is the scope that it stands in; `names` are
 * the origin's own names of the columns, where it was asked for them.
 */
export function planQuery(
  analysis: Analysis,
  query: Query,
  outer: Scope | null,
  names: readonly string[] | null = null,
): Block | Bypass {
  const around = analysis.environment;
  analysis.queries += 1;
  try {
    const common = planCommonTables(analysis, query, outer);
    if (isBypass(common)) return common;
    const block = analysis.within(outer, () => planBody(analysis, query, outer, names));
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
): Block | Bypass {
  switch (query.body.kind) {
    case "select":
      return planSelect(analysis, query, query.body, outer, names);
    case "setOperation":
      return planCompound(analysis, query, query.body, outer, names);
    case "values":
      return planValues(analysis, query, query.body, outer);
  }
}

/** Each entry sees those before it; the last environment is that of the query. */
function planCommonTables(analysis: Analysis, query: Query, outer: Scope | null): readonly CommonTable[] | Bypass {
  const tables: CommonTable[] = [];
  for (const [index, { name, columnAliases, query: definition, recursive }] of query.with.entries()) {
    const later = query.with.slice(index);
    if (recursive && later.some((entry) => namesTable(definition, entry.name))) {
      return bypass("cte", `${name} refers to itself or to what follows it`);
    }
    const block = planQuery(analysis, definition, outer);
    if (isBypass(block)) return block;
    const table = new CommonTable(analysis, name, block, columnAliases);
    tables.push(table);
    analysis.environment = new Environment(analysis.environment, [table]);
  }
  return tables;
}

/** What the mentions ask for is known when the query is printed, so its text comes first. */
function withCommonTables(block: Block, tables: readonly CommonTable[]): Block {
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
