// DATABASE_URL=postgresql://localhost/shop node orms/examples/drizzle.ts
//
// Drizzle takes a pool: attach it.
// In a program of your own, import from "sqlmem".

import { setTimeout as sleep } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import { CachingEngine } from "../../src/index.ts";
import { users } from "../programs/models/drizzle.ts";

const connectionString = process.env.DATABASE_URL ?? "";
const engine = new CachingEngine(connectionString, { cacheDb: false });
const pool = engine.attach(new pg.Pool({ connectionString }));
const db = drizzle(pool);

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  console.log(await db.select({ id: users.id, name: users.name }).from(users).where(eq(users.id, 42)));
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await pool.end();
