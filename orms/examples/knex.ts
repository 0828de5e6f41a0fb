// DATABASE_URL=postgresql://localhost/shop node orms/examples/knex.ts
//
// Knex and Objection make their own clients: attach each of them as it is made.
// In a program of your own, import from "sqlmem".

import { setTimeout as sleep } from "node:timers/promises";
import knex from "knex";
import type pg from "pg";
import { CachingEngine } from "../../src/index.ts";

const connection = process.env.DATABASE_URL ?? "";
const engine = new CachingEngine(connection, { cacheDb: false });
const db = knex({
  client: "pg",
  connection,
  pool: {
    afterCreate(client: pg.Client, done: (error: Error | null, client: pg.Client) => void) {
      done(null, engine.attach(client));
    },
  },
});

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  console.log(await db("users").select("id", "name").where({ id: 42 }).first());
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await db.destroy();
