// DATABASE_URL=postgresql://localhost/shop node orms/examples/prisma.ts
//
// Prisma's adapter takes a pool: attach it.
// In a program of your own, import from "sqlmem".

import { setTimeout as sleep } from "node:timers/promises";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";
import pg from "pg";
import { CachingEngine } from "../../src/index.ts";

const connectionString = process.env.DATABASE_URL ?? "";
const engine = new CachingEngine(connectionString, { cacheDb: false });
const pool = engine.attach(new pg.Pool({ connectionString }));
const db = new PrismaClient({ adapter: new PrismaPg(pool) });

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  console.log(await db.user.findUnique({ select: { id: true, name: true }, where: { id: 42 } }));
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await db.$disconnect();
await pool.end();
