import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeOnServers, type SharedDatabase, until } from "../support/engine.ts";
import { type Followed, openFollowed } from "../support/followed.ts";

// The stream ends while a table is fetched: its query is answered, and the table comes back soon.

const READ = "SELECT count(*), sum(v) FROM fetched";

/** The table anew, not cached. */
async function start(database: SharedDatabase): Promise<Followed> {
  await database.query(
    `DROP TABLE IF EXISTS fetched; CREATE TABLE fetched (id int PRIMARY KEY, v int);
     INSERT INTO fetched SELECT i, 1 FROM generate_series(1, 20000) AS i`,
  );
  const followed = await openFollowed(database);
  await followed.engine.explain(READ);
  followed.proxy.clear();
  return followed;
}

async function end(followed: Followed): Promise<void> {
  await followed.expectRecovered(READ);
  expect(followed.faults.filter(({ code }) => code !== "ERR_SQLMEM_FRESHNESS")).toEqual([]);
  await followed.leave();
}

describeOnServers(
  "freshness: the stream ends during a load",
  (database) => {
    it("before its snapshot is known", async () => {
      const followed = await start(database);
      const { engine, proxy, bare } = followed;
      // The load asks at which snapshot it is; the answer is held back.
      const snapshot = /'transactions', pg_catalog\.pg_current_snapshot/;
      proxy.pauseAfter(snapshot);
      const asked = engine.execute(READ);
      await until("it begins to fetch", () => proxy.statements.some((sql) => snapshot.test(sql)));
      proxy.dropConnections("replication");
      await until("it is lost", () => engine.stats().freshness.losses === 1);
      proxy.resume();
      expect(await asked).toEqual(await bare(READ));
      await end(followed);
    });

    it("while the rows that were fetched wait for it", async () => {
      const followed = await start(database);
      const { engine, proxy, bare } = followed;
      proxy.pause({ kind: "replication", to: "client" });
      // What it has to come to lies ahead of it.
      await database.query("UPDATE other SET v = v + 1");
      const asked = engine.execute(READ);
      await until("it was fetched", () => proxy.copyData > 0);
      expect(await asked).toEqual(await bare(READ));
      proxy.dropConnections("replication");
      proxy.resume();
      await end(followed);
    });

    it("at any of its steps", async () => {
      const followed = await start(database);
      const { engine, bare } = followed;
      await followed.warm(READ);
      for (let n = 0; n < 8; n++) {
        await engine.invalidate("fetched");
        const reading = engine.execute(READ);
        await sleep(8 * n);
        await bare("SELECT pg_terminate_backend($1)", [await followed.walsender()]);
        expect(await reading).toEqual([{ count: "20000", sum: "20000" }]);
        await until("lost", () => engine.stats().freshness.losses > n);
        await followed.expectRecovered(READ);
      }
      await end(followed);
    });
  },
  {
    setup: ["CREATE TABLE other (id int PRIMARY KEY, v int); INSERT INTO other VALUES (1, 1)"],
    newestOnly: true,
  },
);
