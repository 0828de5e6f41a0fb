import type { SharedDatabase } from "./engine.ts";

/** A table of so many rows: `id`, `v` of 100 values, `t` of 1000 texts. Not analyzed, nobody knows how many they are. */
export async function createNumbers(
  database: Pick<SharedDatabase, "query">,
  name: string,
  rows: number,
  analyzed: boolean,
): Promise<void> {
  await database.query(
    `CREATE TABLE ${name} AS SELECT i AS id, i % 100 AS v, 'text ' || i % 1000 AS t FROM generate_series(1, ${rows}) i`,
  );
  if (analyzed) await database.query(`ANALYZE ${name}`);
  else await database.query(`ALTER TABLE ${name} SET (autovacuum_enabled = off)`);
}
