// DATABASE_URL=postgresql://localhost/shop node orms/examples/node-postgres.ts
//
// Reads through a pool of pg are answered from memory.
// In a program of your own, import from "sqlmem".

import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { CachingEngine } from "../../src/index.ts";

const connectionString = process.env.DATABASE_URL ?? "";
const engine = new CachingEngine(connectionString, { cacheDb: false });
const pool = engine.attach(new pg.Pool({ connectionString }));

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  const { rows } = await pool.query("SELECT id, name FROM users WHERE id = $1", [42]);
  console.log(rows[0]);
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await pool.end();
