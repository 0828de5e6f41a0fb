import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTables } from "../load-tables.ts";
import type { WorkloadQuery } from "../queries.ts";
import { generateFilms } from "./generate.ts";

/** Makes and fills the 21 tables in an empty database. */
export async function loadFilms(url: string, titles: number): Promise<void> {
  await loadTables(url, readFileSync(new URL("schema.sql", import.meta.url), "utf8"), generateFilms(titles));
}

/** `1a`, `1b` … with the lowest values of the join, as the benchmark asks for, and `1a#` … with its size. */
export function filmQueries(): readonly WorkloadQuery[] {
  const text = readFileSync(new URL("families.sql", import.meta.url), "utf8");
  const [, ...families] = text.split(/^-- Family .*\n/m);
  return families.flatMap((family) => {
    const [select = "", ...variants] = family.trimEnd().split(/^-- (?=\d)/m);
    const size = `select count(*) as size${select.slice(select.indexOf("\nfrom "))}`;
    return variants.flatMap((variant) => {
      const [name = "", ...conditions] = variant.trimEnd().split("\n");
      return [
        { name, sql: `${select}${conditions.join("\n")}`, params: null },
        { name: `${name}#`, sql: `${size}${conditions.join("\n")}`, params: null },
      ];
    });
  });
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
