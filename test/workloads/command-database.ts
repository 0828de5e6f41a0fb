import { createDatabase, startServers, type TestCollation, type TestDatabase } from "../support/postgres.ts";

/** A database for a command, on the server at `SQLMEM_TEST_POSTGRES` unless `SQLMEM_TEST_SERVERS` names another. */
export async function withCommandDatabase(
  action: (database: TestDatabase) => Promise<void>,
  options: { readonly collation?: TestCollation } = {},
): Promise<void> {
  await using running = await startServers({ SQLMEM_TEST_SERVERS: "postgres", ...process.env });
  const [server] = running.servers;
  if (server === undefined) throw new Error("no PostgreSQL to run on");
  await using database = await createDatabase(server, options);
  await action(database);
}
