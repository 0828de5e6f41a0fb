// DATABASE_URL=postgresql://localhost/shop node orms/examples/typeorm.ts
//
// TypeORM makes its own pool: attach it once the data source is initialized.
// In a program of your own, import from "sqlmem".

import "reflect-metadata";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { DataSource, EntitySchema } from "typeorm";
import { CachingEngine } from "../../src/index.ts";

const User = new EntitySchema<{ id: number; name: string }>({
  name: "User",
  tableName: "users",
  columns: { id: { type: "integer", primary: true }, name: { type: "text" } },
});

const url = process.env.DATABASE_URL ?? "";
const engine = new CachingEngine(url, { cacheDb: false });
const db = await new DataSource({ type: "postgres", url, entities: [User] }).initialize();
engine.attach((db.driver as unknown as { master: pg.Pool }).master);

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  console.log(await db.getRepository(User).findOneBy({ id: 42 }));
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await db.destroy();
