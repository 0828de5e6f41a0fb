import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTables } from "../load-tables.ts";
import type { WorkloadQuery } from "../queries.ts";
import { FAMILIES, type Family } from "./families.ts";
import { generateFilms } from "./generate.ts";

/** Makes and fills the 21 tables in an empty database. */
export async function loadFilms(url: string, titles: number): Promise<void> {
  await loadTables(url, readFileSync(new URL("schema.sql", import.meta.url), "utf8"), generateFilms(titles));
}

/** `1a`, `1b` … with the lowest values of the join, as the benchmark asks for, and `1a#` … with its size. */
export function filmQueries(): readonly WorkloadQuery[] {
  return FAMILIES.flatMap((family, index) =>
    family.variants.flatMap((conditions, variant) => {
      const name = `${index + 1}${"abcdef"[variant]}`;
      return [
        { name, sql: statement(family.select, family, conditions), params: null },
        { name: `${name}#`, sql: statement(["count(*) as size"], family, conditions), params: null },
      ];
    }),
  );
}

function statement(select: readonly string[], { from, joins }: Family, conditions: readonly string[]): string {
  const tables = from.map((item) => item.replace(" ", " as "));
  return [
    `select\n  ${select.join(",\n  ")}`,
    `from\n  ${tables.join(",\n  ")}`,
    `where\n  ${[...conditions, ...joins].join("\n  and ")}`,
  ].join("\n");
}

/** The files `*.sql` of a folder, one statement each: how the benchmark itself is published. */
export function queriesOfFolder(folder: string): readonly WorkloadQuery[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((file) => ({
      name: file.slice(0, -".sql".length),
      sql: readFileSync(join(folder, file), "utf8").trim().replace(/;$/, ""),
      params: null,
    }));
}
