import pg from "pg";
import { SETUP } from "./setup.ts";

/** A database of its own with the domain's rows, on the server of `SQLMEM_TEST_POSTGRES`. */
export interface Database extends AsyncDisposable {
  readonly url: string;
}

export async function openDatabase(name: string): Promise<Database> {
  const server = process.env.SQLMEM_TEST_POSTGRES ?? "postgresql://postgres@127.0.0.1:5432/postgres";
  const database = `sqlmem_orms_${name.replace(/\W/g, "_")}_${process.pid}`;
  const url = new URL(server);
  url.pathname = `/${database}`;
  await run(server, [
    `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`,
    `CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'`,
    // Sequelize sets its sessions to UTC: an engine whose sessions are otherwise would leave them alone.
    `ALTER DATABASE ${database} SET TimeZone = 'UTC'`,
  ]);
  await run(url.href, SETUP);
  return {
    url: url.href,
    // Without FORCE the server waits some seconds for connections that are just being closed.
    [Symbol.asyncDispose]: () =>
      run(server, [`DROP DATABASE IF EXISTS ${database}`]).catch(() =>
        run(server, [`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`]),
      ),
  };
}

async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
