import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { connectClient, isHit } from "../support/attach.ts";
import { describeOnServers, rejection, until } from "../support/engine.ts";
import { follow, MAX_LAG_MS, WATCHED } from "../support/freshness.ts";

// Transactions that are hard to follow, and writers who are in the way of a load.

const HARD = [
  "CREATE TABLE big (id int PRIMARY KEY, v int NOT NULL)",
  "CREATE TABLE keyed (id int PRIMARY KEY, v text, long text)",
  "ALTER TABLE keyed ALTER long SET STORAGE EXTERNAL",
  "INSERT INTO keyed SELECT i, 'v' || i, repeat(chr(64 + i), 20000) FROM generate_series(1, 9) AS i",
];
const KEYED = "SELECT id, v, long FROM keyed ORDER BY id";

describeOnServers(
  "freshness: transactions",
  (database) => {
    it("the event loop is blocked for longer than maxLagMs: no hit of before", async () => {
      const followed = await follow(database);
      const { engine, bare } = followed;
      const read = "SELECT v FROM watched WHERE id = 1";
      await followed.warm([read]);
      // Another process writes while this one does nothing.
      const writer = await connectClient(database);
      await writer.query("UPDATE watched SET v = 0 WHERE id = 1");
      for (let n = 1; n <= 10; n++) {
        await until("a hit", () => isHit(engine, () => engine.execute(read)));
        const written = writer.query(`SELECT pg_sleep(0.01); UPDATE watched SET v = ${n} WHERE id = 1`);
        // It is on its way: the client writes when its turn comes.
        await new Promise((resolve) => setImmediate(resolve));
        const endsAt = performance.now() + 2 * MAX_LAG_MS;
        while (performance.now() < endsAt);
        // In the same turn as the block: nothing of the clock has run.
        const wasHit = engine.stats().hits;
        const answer = engine.execute(read);
        expect(engine.stats().hits).toBe(wasHit);
        expect(await answer).toEqual([{ v: n }]);
        await written;
      }
      expect(await bare(read)).toEqual([{ v: 10 }]);
      await followed.recovered();
      await followed.close();
    });

    it("others write with synchronous_commit = off", async () => {
      const name = new URL(database.url).pathname.slice(1);
      await database.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
      const followed = await follow(database);
      await followed.warm();
      const observer = followed.observe();
      await observer.hits(200);
      const { errors } = await observer.stop();
      expect(errors).toEqual([]);
      await followed.recovered();
      await followed.close();
      await database.query(`ALTER DATABASE ${name} RESET synchronous_commit`);
    });

    it("aborted savepoints and transactions leave no trace", async () => {
      const followed = await follow(database);
      await followed.warm([KEYED]);
      const { loads } = followed.engine.stats();
      const writer = await connectClient(database);
      for (const end of ["COMMIT", "ROLLBACK"]) {
        await writer.query(`BEGIN; INSERT INTO keyed VALUES (100, 'a'); SAVEPOINT one; UPDATE keyed SET v = 'wrong';
          SAVEPOINT two; DELETE FROM keyed; ROLLBACK TO two; INSERT INTO keyed VALUES (101, 'wrong'); ROLLBACK TO one;
          SAVEPOINT three; UPDATE keyed SET v = v || '!' WHERE id < 3; RELEASE three; DELETE FROM keyed WHERE id = 100`);
        await followed.expectRight([KEYED]);
        await writer.query(end);
        await followed.expectRight([KEYED]);
        expect(await isHit(followed.engine, () => followed.engine.execute(KEYED))).toBe(true);
      }
      await expect(writer.query("BEGIN; DELETE FROM keyed; SELECT 1 / 0")).rejects.toThrow(/division/);
      await writer.query("ROLLBACK");
      await followed.expectRight([KEYED]);
      expect(followed.engine.stats().loads).toBe(loads);
      await followed.close();
    });

    it("keys change places in one transaction; texts that are stored apart stay when keys change", async () => {
      const followed = await follow(database);
      await followed.warm([KEYED]);
      for (const sql of [
        "BEGIN; UPDATE keyed SET id = -1 WHERE id = 1; UPDATE keyed SET id = 1 WHERE id = 2; UPDATE keyed SET id = 2 WHERE id = -1; COMMIT",
        "UPDATE keyed SET id = id + 50 WHERE id = 3",
        "UPDATE keyed SET v = 'other' WHERE id = 4",
        "BEGIN; UPDATE keyed SET id = 60 WHERE id = 5; UPDATE keyed SET v = 'moved' WHERE id = 60; UPDATE keyed SET id = 5 WHERE id = 60; COMMIT",
        "BEGIN; DELETE FROM keyed WHERE id = 6; INSERT INTO keyed VALUES (6, 'anew', 'short'); UPDATE keyed SET id = 61 WHERE id = 6; COMMIT",
      ]) {
        await database.query(sql);
        await followed.expectRight([KEYED]);
        await followed.warm([KEYED]);
        await followed.expectRight([KEYED]);
      }
      await followed.close();
    });

    it("a transaction of 300,000 rows: given up, within bounds, and back", async () => {
      const followed = await follow(database);
      const { engine } = followed;
      const read = "SELECT count(*), sum(v) FROM big";
      await followed.warm();
      await followed.warm([read]);
      // The second one is three times as long. Kept as a whole, its 600,000 changes more would be 230 MB of objects.
      const most: number[] = [];
      const writes = [
        "INSERT INTO big SELECT i, i FROM generate_series(1, 300000) AS i",
        "BEGIN; UPDATE big SET v = v + 1; UPDATE big SET v = v + 1; UPDATE big SET v = v + 1; COMMIT",
      ];
      for (const [index, write] of writes.entries()) {
        const watching = setInterval(() => {
          most[index] = Math.max(most[index] ?? 0, process.memoryUsage().rss);
        }, 10);
        const { refetched } = engine.stats().freshness;
        const observer = followed.observe();
        await database.query(write);
        const [row] = await engine.execute(read, [], { after: await engine.token() });
        expect(row).toEqual((await followed.bare(read))[0]);
        await observer.hits(20, 30_000);
        await observer.stop();
        await followed.recovered([read]);
        clearInterval(watching);
        expect(engine.stats().freshness.refetched).toBeGreaterThan(refetched);
      }
      expect(((most[1] ?? 0) - (most[0] ?? 0)) / (1 << 20)).toBeLessThan(220);
      await database.query("TRUNCATE big");
      await followed.recovered([read]);
      await followed.close();
    }, 60_000);

    it("a transaction that is open across the load", async () => {
      const followed = await follow(database);
      const { engine } = followed;
      await engine.ready();
      await database.query("TRUNCATE big");
      const writer = await connectClient(database);
      await writer.query("BEGIN; INSERT INTO big VALUES (1, 1)");
      const read = "SELECT count(*), sum(v) FROM big";
      // The database's answers while it cannot be loaded, none of them from the cache.
      const first = engine.execute(read);
      await until("it is published", async () => (await database.query(PUBLISHED, ["big"])).length === 1);
      await writer.query("UPDATE big SET v = 2 WHERE id = 1");
      await writer.query("COMMIT");
      await first;
      await followed.recovered([read]);
      // This one began before and writes after.
      await writer.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM keyed");
      await engine.execute(KEYED);
      await followed.warm([KEYED]);
      await writer.query("UPDATE big SET v = 7; UPDATE keyed SET v = 'late'");
      await followed.expectRight([read, KEYED]);
      await writer.query("COMMIT");
      await followed.recovered([read, KEYED]);
      await database.query("TRUNCATE big");
      await followed.close();
    });

    it("a prepared transaction that is open at the load", async () => {
      const gid = `faults_${randomBytes(6).toString("hex")}`;
      const read = "SELECT count(*), sum(v) FROM big";
      const followed = await follow(database);
      const { engine } = followed;
      await engine.ready();
      await database.query("TRUNCATE big");
      await database.query(`BEGIN; INSERT INTO big VALUES (5, 5); PREPARE TRANSACTION '${gid}'`);
      try {
        expect(await engine.execute(read)).toEqual([{ count: "0", sum: null }]);
        expect(engine.stats().hits).toBe(0);
      } finally {
        await database.query(`COMMIT PREPARED '${gid}'`);
      }
      expect(await engine.execute(read)).toEqual([{ count: "1", sum: "5" }]);
      // The load, for which the read has not waited, goes on once the transaction has ended.
      await followed.recovered([read]);
      expect(await engine.execute(read)).toEqual([{ count: "1", sum: "5" }]);
      // Of one that is prepared while the table is followed nothing is seen before it is committed.
      for (const end of ["ROLLBACK", "COMMIT"]) {
        await database.query(`BEGIN; UPDATE big SET v = v + 1; PREPARE TRANSACTION '${gid}'`);
        await followed.expectRight([read]);
        await database.query(`${end} PREPARED '${gid}'`);
        await followed.expectRight([read]);
      }
      await followed.recovered([read]);
      await database.query("TRUNCATE big");
      await followed.close();
    });

    it("a table without a key: what the application does to it works, through the engine and past it", async () => {
      await database.query("CREATE TABLE bag (v int); INSERT INTO bag VALUES (1), (1), (2)");
      const followed = await follow(database);
      const read = "SELECT v FROM bag ORDER BY v";
      for (const sql of ["UPDATE bag SET v = v + 1", "DELETE FROM bag WHERE v = 3", "INSERT INTO bag VALUES (9)"]) {
        for (const ask of [followed.bare, (text: string) => followed.engine.execute(text)]) {
          await ask(sql);
          await followed.expectRight([read]);
          expect(await followed.engine.execute(read)).toEqual(await followed.bare(read));
        }
      }
      await followed.close();
    });

    it.each([
      ["partition", "PARTITION BY LIST (id)", (n: number) => `PARTITION OF family FOR VALUES IN (${n})`],
      ["child", "", () => "() INHERITS (family)"],
    ] as const)(
      "a write of one's own to a %s that another has just made is seen by the next read",
      async (_, how, of) => {
        await database.query(
          `DROP TABLE IF EXISTS family CASCADE; CREATE TABLE family (id int PRIMARY KEY, v int) ${how}`,
        );
        const followed = await follow(database);
        const read = "SELECT id, v FROM family ORDER BY id";
        for (let n = 1; n <= 10; n++) {
          await followed.warm([read]);
          await database.query(`CREATE TABLE family_${n} ${of(n).replace("()", "(PRIMARY KEY (id))")}`);
          await followed.engine.execute(`INSERT INTO family_${n} VALUES ($1, $1)`, [n]);
          expect(await followed.engine.execute(read)).toHaveLength(n);
        }
        await followed.close();
      },
    );

    it("an administrator takes the table out of the publication, and drops it", async () => {
      const followed = await follow(database);
      const observer = followed.observe();
      await observer.hits(20);
      const [publication] = await followed.bare("SELECT pubname AS name FROM pg_publication");
      await followed.bare(`ALTER PUBLICATION ${publication?.name} DROP TABLE watched`);
      // Past the time for which hits of before are allowed.
      await observer.hits(200);
      await followed.bare(`DROP PUBLICATION ${publication?.name}`);
      await until("lost", () => followed.engine.stats().freshness.losses === 1);
      await observer.hits(20);
      const { errors } = await observer.stop();
      expect(errors).toEqual([]);
      await followed.recovered();
      await followed.close();
    });

    it.each(["before", "after"] as const)(
      "the connection is lost %s COMMIT takes effect, of an attached client",
      async (when) => {
        const followed = await follow(database);
        const { engine, pool, network } = followed;
        engine.attach(pool);
        const read = "SELECT v FROM watched WHERE id = 2";
        const ask = async (): Promise<unknown> => (await pool.query(read)).rows[0]?.v;
        await engine.ready();
        for (let n = 1001; n <= 1020; n++) {
          await until("a hit", () => isHit(engine, ask));
          const client = await pool.connect();
          await client.query("BEGIN");
          await client.query("UPDATE watched SET v = $1 WHERE id = 2", [n]);
          const cut = (): void => {
            network.onClientData(null);
            network.onServerData(null);
            network.cut("all");
          };
          if (when === "before") network.onClientData((chunk) => chunk.includes("COMMIT") && cut());
          else network.onServerData((chunk) => chunk.includes("COMMIT\0") && cut());
          await rejection(client.query("COMMIT"));
          client.release(true);
          // The program does not know, and asks: from now on the answer is the database's, or as new.
          const [row] = await database.query("SELECT v FROM watched WHERE id = 2");
          if (when === "after") expect(row?.v).toBe(n);
          const seen = await ask().catch(() => ask());
          expect(seen).toBe((await database.query(read))[0]?.v);
        }
        await followed.recovered();
        await followed.close();
      },
    );
  },
  { setup: [...WATCHED, ...HARD], newestOnly: true },
);

const PUBLISHED = "SELECT 1 FROM pg_publication_tables WHERE tablename = $1";
