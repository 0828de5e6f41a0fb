// DATABASE_URL=postgresql://localhost/shop node orms/examples/kysely.ts
//
// Kysely's PostgresDialect takes a pool: attach it.
// In a program of your own, import from "sqlmem".

import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { CachingEngine } from "../../src/index.ts";

interface Schema {
  users: { id: number; name: string };
}

const connectionString = process.env.DATABASE_URL ?? "";
const engine = new CachingEngine(connectionString, { cacheDb: false });
const pool = engine.attach(new pg.Pool({ connectionString }));
const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  console.log(await db.selectFrom("users").select(["id", "name"]).where("id", "=", 42).executeTakeFirst());
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await db.destroy();
