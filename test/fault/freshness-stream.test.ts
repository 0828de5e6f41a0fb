import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import type { CachingEngine } from "../../src/engine.ts";
import { FreshnessError } from "../../src/errors.ts";
import { describeOnServers, until } from "../support/engine.ts";
import { follow, WATCHED } from "../support/freshness.ts";

// The stream fails, the server does not: what the engine promises is kept, and it comes back by itself.

const refused = (engine: CachingEngine): number => engine.stats().bypassesByReason["not-fresh"] ?? 0;

/** Where the engine writes as well, an unconfirmed write alone keeps it from serving. */
const WRITERS = [
  { who: "others write", ownWrites: false },
  { who: "the engine writes, too", ownWrites: true },
];

describeOnServers(
  "freshness: the stream fails",
  (database) => {
    it("nothing fails: the observer itself", async () => {
      const followed = await follow(database);
      await followed.engine.ready();
      await followed.warm();
      const observer = followed.observe();
      await observer.hits(200);
      const { errors } = await observer.stop();
      expect(errors).toEqual([]);
      expect(followed.engine.stats().freshness).toMatchObject({ state: "live", losses: 0 });
      expect(followed.faults).toEqual([]);
      await followed.close();
    });

    it("when close() resolves the slot is gone: the database could be dropped", async () => {
      for (let n = 0; n < 5; n++) {
        const followed = await follow(database);
        await followed.warm();
        await followed.engine.close();
        expect(await followed.bare("SELECT slot_name FROM pg_replication_slots")).toEqual([]);
        await followed.close();
      }
    });

    it("the walsender is terminated", async () => {
      const followed = await follow(database);
      await followed.warm();
      const observer = followed.observe();
      await observer.hits(20);
      await followed.bare("SELECT pg_terminate_backend($1)", [await followed.walsender()]);
      await until("lost", () => followed.engine.stats().freshness.losses === 1);
      await observer.hits(20);
      const { errors } = await observer.stop();
      expect(errors).toEqual([]);
      await followed.recovered();
      expect(followed.faults.length).toBeGreaterThan(0);
      await followed.close();
    });

    it.each(WRITERS)("the walsender is frozen; $who", async ({ ownWrites }) => {
      const followed = await follow(database);
      await followed.warm();
      const observer = followed.observe({ ownWrites });
      await observer.hits(20);
      const thaw = await followed.freezeWalsender();
      await until("lost", () => followed.engine.stats().freshness.losses === 1);
      // Its slot is another one, the frozen process has still its own.
      await observer.hits(20);
      thaw();
      await observer.hits(20);
      const { errors } = await observer.stop();
      expect(errors).toEqual([]);
      await followed.recovered();
      await followed.close();
    });

    it.each(WRITERS)("the walsender is frozen for a moment only: nothing is lost; $who", async ({ ownWrites }) => {
      const followed = await follow(database);
      await followed.warm();
      const observer = followed.observe({ ownWrites });
      await observer.hits(20);
      const { loads } = followed.engine.stats();
      const thaw = await followed.freezeWalsender();
      const before = refused(followed.engine);
      // Reads wait only very shortly for what would make them hits, as the database can answer: not for `maxLagMs` each,
      // in which time so many of them would see the stream given up.
      await until("not fresh any more", () => refused(followed.engine) >= before + 15);
      thaw();
      await observer.hits(50);
      await observer.stop();
      await followed.recovered();
      expect(followed.engine.stats()).toMatchObject({ loads, freshness: { losses: 0 } });
      await followed.close();
    });

    it("the walsender is terminated during a load: the database answers, and the table is back soon", async () => {
      const followed = await follow(database);
      const { engine, bare } = followed;
      await bare(
        "CREATE TABLE long (id int PRIMARY KEY, v int); INSERT INTO long SELECT i, 1 FROM generate_series(1, 20000) AS i",
      );
      const read = "SELECT count(*), sum(v) FROM long";
      await followed.warm([read]);
      for (let n = 0; n < 15; n++) {
        await engine.invalidate("long");
        const reading = engine.execute(read);
        // At any of its steps.
        await sleep(4 * n);
        await bare("SELECT pg_terminate_backend($1)", [await followed.walsender()]);
        expect(await reading).toEqual([{ count: "20000", sum: "20000" }]);
        await until("lost", () => engine.stats().freshness.losses > n);
        await followed.recovered([read]);
      }
      expect(followed.faults.filter((fault) => !(fault instanceof FreshnessError))).toEqual([]);
      await followed.close();
    });

    it("the walsender is frozen during a load, until it is given up: the database answers, and the table is back", async () => {
      const followed = await follow(database);
      const { engine, bare } = followed;
      const read = "SELECT count(*), sum(v) FROM short";
      await bare("CREATE TABLE short (id int PRIMARY KEY, v int); INSERT INTO short VALUES (1, 1)");
      await followed.warm([read]);
      for (let n = 1; n < 3; n++) {
        await engine.invalidate("short");
        const thaw = await followed.freezeWalsender();
        await bare("UPDATE short SET v = v + 1");
        expect(await engine.execute(read)).toEqual(await bare(read));
        await until("lost", () => engine.stats().freshness.losses === n);
        await followed.recovered([read]);
        thaw();
        await until("there is one of them", async () => {
          const sessions = await bare("SELECT pid FROM pg_stat_replication WHERE application_name = $1", [
            followed.name,
          ]);
          return sessions.length === 1;
        });
      }
      expect(followed.faults.filter((fault) => !(fault instanceof FreshnessError))).toEqual([]);
      await followed.close();
    });

    it.each(["replication", "all"] as const)("%s connections are cut", async (reach) => {
      const followed = await follow(database);
      await followed.warm();
      const observer = followed.observe();
      for (let losses = 1; losses < 4; losses++) {
        await observer.hits(20);
        followed.network.cut(reach);
        await until("lost", () => followed.engine.stats().freshness.losses >= losses);
      }
      await observer.hits(20);
      const { errors } = await observer.stop();
      // What was on its way on the program's own connections.
      if (reach === "replication") expect(errors).toEqual([]);
      await followed.recovered();
      await followed.close();
    });

    it.each(WRITERS)(
      "a black hole swallows the replication connection, and new ones; $who",
      async ({ ownWrites }) => {
        const followed = await follow(database);
        await followed.warm();
        const observer = followed.observe({ ownWrites });
        await observer.hits(20);
        followed.network.blackHole("replication");
        await until("lost", () => followed.engine.stats().freshness.losses === 1);
        await observer.reads(100);
        followed.network.heal();
        await observer.hits(20);
        const { errors } = await observer.stop();
        expect(errors).toEqual([]);
        await followed.recovered();
        await followed.close();
      },
      60_000,
    );

    it("a black hole swallows all connections, and new ones", async () => {
      const followed = await follow(database, { pool: { query_timeout: 2000 } });
      await followed.warm();
      const observer = followed.observe();
      await observer.hits(20);
      followed.network.blackHole("all");
      const { errors } = observer.observed;
      await until("reads are rejected", () => errors.length > 3);
      followed.network.heal();
      await observer.hits(20);
      await observer.stop();
      await followed.recovered();
      await followed.close();
    }, 60_000);

    it("a black hole swallows all that is the engine's own, without any limit; the program's pool goes on", async () => {
      const followed = await follow(database, { pool: { connectionTimeoutMillis: 0 } });
      const { engine, network } = followed;
      const pool = new pg.Pool({ connectionString: database.url });
      onTestFinished(() => pool.end());
      engine.attach(pool);
      await engine.ready();
      await followed.warm();
      const observer = followed.observe({
        ask: async (sql, params) => (await pool.query(sql, params === undefined ? [] : [...params])).rows,
      });
      await observer.hits(20);
      network.blackHole("all");
      await observer.reads(200);
      network.heal();
      // Statements and attempts that hang are given up after ten seconds each.
      await observer.hits(20, 45_000);
      const { errors } = await observer.stop();
      expect(errors).toEqual([]);
      await followed.recovered();
      // It ends in there, too. What it cannot take along goes when the next one starts.
      network.blackHole("all");
      await engine.close();
      network.cut("all");
      await until(
        "its slot is gone",
        async () => (await followed.bare("SELECT FROM pg_replication_slots")).length === 0,
      );
      const next = await follow(database);
      await next.engine.ready();
      expect(await next.bare("SELECT FROM pg_publication")).toHaveLength(1);
      await next.close();
      await followed.close();
    }, 120_000);

    it("a black hole that accepts new connections, and a pool without any limit: it comes back, and closes", async () => {
      const followed = await follow(database, { pool: { connectionTimeoutMillis: 0 } });
      await followed.warm();
      const observer = followed.observe();
      await observer.hits(20);
      let connecting = 0;
      followed.network.onClientData((chunk) => {
        if (chunk.includes("replication\0database")) connecting += 1;
      });
      followed.network.blackHole("replication");
      await until("lost", () => followed.engine.stats().freshness.losses === 1);
      await until("it tries to connect", () => connecting > 0);
      followed.network.heal();
      // The attempt that hangs is given up after ten seconds.
      await observer.hits(20, 30_000);
      followed.network.blackHole("replication");
      await until("lost again", () => followed.engine.stats().freshness.losses === 2);
      const before = connecting;
      await until("it tries again", () => connecting > before);
      const { errors } = await observer.stop();
      expect(errors).toEqual([]);
      await followed.close();
    }, 90_000);
  },
  { setup: WATCHED, newestOnly: true },
);
