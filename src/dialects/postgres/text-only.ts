import type pg from "pg";

/** Parsers that leave the server's text as it is, so that neither global nor the pool's own parsers matter. */
export const TEXT_TYPES: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text };

/**
 * The one text value that a query yields; `""` for NULL or no row.
 *
 * @param name of a prepared statement to keep on the connection: for long queries that are asked again and again
 */
export async function textOnly(
  client: Pick<pg.ClientBase, "query">,
  sql: string,
  values: readonly unknown[],
  name?: string,
): Promise<string> {
  const query: pg.QueryArrayConfig = {
    text: sql,
    values: [...values],
    rowMode: "array",
    types: TEXT_TYPES,
    ...(name !== undefined && { name }),
  };
  const result = await client.query<unknown[]>(query);
  const value = result.rows[0]?.[0];
  return typeof value === "string" ? value : "";
}
