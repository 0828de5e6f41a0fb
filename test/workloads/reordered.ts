import pg from "pg";

/** A table as `explain` names it. */
interface NamedTable {
  readonly schema: string;
  readonly table: string;
}

const ORDERS = ["ctid DESC", "hashtext(source::text)"];

/**
 * The origin's answers to a statement over the same rows stored in other orders: copies of its tables that stand before
 * them in the search path of one session. Where they differ, the statement leaves it to the server which answer it gives
 * (a window over rows that tie, an aggregate that keeps the order of its rows, a LIMIT without ORDER BY).
 *
 * @returns nothing where the copies cannot be made or the statement does not run over them
 */
export async function answersReordered(
  config: pg.ClientConfig,
  tables: readonly NamedTable[],
  sql: string,
  params: readonly string[] | null,
): Promise<readonly (readonly Record<string, unknown>[])[]> {
  const answers: (readonly Record<string, unknown>[])[] = [];
  for (const order of ORDERS) {
    const client = new pg.Client(config);
    await client.connect();
    try {
      for (const { schema, table } of tables) {
        const name = client.escapeIdentifier(table);
        const source = `${client.escapeIdentifier(schema)}.${name}`;
        await client.query(`CREATE TEMP TABLE ${name} (LIKE ${source} INCLUDING ALL EXCLUDING IDENTITY)`);
        await client.query(`INSERT INTO pg_temp.${name} SELECT * FROM ${source} AS source ORDER BY ${order}`);
      }
      answers.push((await client.query(sql, params === null ? undefined : [...params])).rows);
    } catch {
      // A generated column, a partitioned table: it cannot be told.
    } finally {
      await client.end();
    }
  }
  return answers;
}
