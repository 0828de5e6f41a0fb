import { expect } from "vitest";
import { type SharedDatabase, until } from "./engine.ts";

/**
 * Nothing is left of engines that have been closed: no slot, no publication, no trigger, and no session of this name.
 * Databases are shared by the tests of one file only.
 */
export async function expectCleanOrigin(
  database: Pick<SharedDatabase, "query">,
  applicationName: string | null = null,
): Promise<void> {
  let left: readonly object[] = [];
  await until("the origin is as it was found", async () => {
    left = await database.query(
      `SELECT 'slot ' || slot_name AS what FROM pg_replication_slots WHERE database = current_database()
       UNION ALL SELECT 'publication ' || pubname FROM pg_publication WHERE pubname LIKE 'sqlmem\\_%'
       UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE 'sqlmem%'
       UNION ALL SELECT 'session ' || pid || ': ' || query FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = $1`,
      [applicationName],
    );
    return left.length === 0;
  }).catch((error: unknown) => {
    // What is left says more; the server itself may be gone.
    expect(left).toEqual([]);
    throw error;
  });
}
