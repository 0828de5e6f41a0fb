// DATABASE_URL=postgresql://localhost/shop node orms/examples/mikro-orm.ts
//
// MikroORM hands out its pool as soon as it is made.
// In a program of your own, import from "sqlmem".

import { setTimeout as sleep } from "node:timers/promises";
import { EntitySchema } from "@mikro-orm/core";
import { MikroORM } from "@mikro-orm/postgresql";
import type pg from "pg";
import { CachingEngine } from "../../src/index.ts";

const User = new EntitySchema<{ id: number; name: string }>({
  name: "User",
  tableName: "users",
  properties: { id: { type: "integer", primary: true }, name: { type: "text" } },
});

const clientUrl = process.env.DATABASE_URL ?? "";
const engine = new CachingEngine(clientUrl, { cacheDb: false });
const orm = await MikroORM.init({
  clientUrl,
  entities: [User],
  driverOptions: { onPoolCreated: (pool: pg.Pool) => void engine.attach(pool) },
});

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  console.log((await orm.em.fork().findOneOrFail(User, 42)).name);
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await orm.close();
