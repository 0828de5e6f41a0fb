// DATABASE_URL=postgresql://localhost/shop node orms/examples/sequelize.ts
//
// Sequelize makes its own clients: attach each of them in its afterConnect hook.
// In a program of your own, import from "sqlmem".

import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { DataTypes, Sequelize } from "sequelize";
import { CachingEngine } from "../../src/index.ts";

const url = process.env.DATABASE_URL ?? "";
// Sequelize sets its sessions to UTC: the engine's have to be so, too.
const engine = new CachingEngine({ connectionString: url, options: "-c TimeZone=UTC" }, { cacheDb: false });
const db = new Sequelize(url, {
  logging: false,
  hooks: {
    afterConnect(client) {
      engine.attach(client as pg.Client);
    },
  },
});
const User = db.define("User", { name: DataTypes.TEXT }, { tableName: "users", timestamps: false });

// The database answers until the columns have been fetched; what is asked for then is answered from memory.
for (let call = 0; call < 200 && engine.stats().hits < 3; call++) {
  console.log((await User.findByPk(42))?.toJSON());
  await sleep(50);
}
console.log(`from memory: ${engine.stats().hits}`);
await engine.close();
await db.close();
