import { readFileSync } from "node:fs";
import { loadTables } from "../load-tables.ts";
import { type ParameterStyle, readQueries, type WorkloadQuery } from "../queries.ts";
import { generateTpch } from "./generate.ts";

/** Makes and fills the eight tables in an empty database. */
export async function loadTpch(url: string, scale: number): Promise<void> {
  await loadTables(url, readFileSync(new URL("schema.sql", import.meta.url), "utf8"), generateTpch(scale));
}

export function tpchQueries(style: ParameterStyle): readonly WorkloadQuery[] {
  return readQueries(new URL("queries.sql", import.meta.url), style);
}

/** The expressions of the queries, each over one table. */
export function tpchPieces(): readonly WorkloadQuery[] {
  return readQueries(new URL("pieces.sql", import.meta.url), "literal");
}
