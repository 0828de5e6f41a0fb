// DATABASE_URL=postgresql://localhost/shop node orms/examples/pg-promise.ts
//
// In a program of your own, import from "sqlmem".

import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import pgPromise from "pg-promise";
import { CachingEngine } from "../../src/index.ts";

const connectionString = process.env.DATABASE_URL ?? "";
const engine = new CachingEngine(connectionString, { cacheDb: false });
const db = pgPromise()(connectionString);
engine.attach(db.$pool as unknown as pg.Pool);

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  console.log(await db.oneOrNone("SELECT id, name FROM users WHERE id = $1", [42]));
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await db.$pool.end();
