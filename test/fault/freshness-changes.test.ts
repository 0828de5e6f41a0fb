import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { connectClient } from "../support/attach.ts";
import { describeOnServers, type SharedDatabase } from "../support/engine.ts";
import { type Followed, openFollowed } from "../support/followed.ts";

// Transactions that a change stream gets wrong easily: what is cached afterwards is compared with the origin, and in between
// no answer may show a part of one.

const ALL = "SELECT id, v, w FROM items ORDER BY id";
const SUM = "SELECT count(*) AS n, sum(v) AS v, min(w) AS first, max(w) AS last FROM items";

describeOnServers(
  "freshness: changes",
  (database) => {
    /** The table anew, and cached. */
    async function start(rows = 100): Promise<Followed> {
      await database.query(
        `DROP TABLE IF EXISTS items, parts CASCADE;
         CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL, w text);
         INSERT INTO items SELECT i, i, 'w' || i FROM generate_series(1, ${rows}) AS i`,
      );
      const followed = await openFollowed(database);
      await followed.expectSame(ALL, SUM);
      return followed;
    }

    it.each([
      ["a transaction that is rolled back", "BEGIN; UPDATE items SET v = -1; DELETE FROM items; ROLLBACK"],
      [
        "savepoints that are rolled back, released, and rolled back around released ones",
        `BEGIN; UPDATE items SET v = 1000 + v WHERE id <= 10; SAVEPOINT a; DELETE FROM items WHERE id <= 50; SAVEPOINT b;
         INSERT INTO items VALUES (200, 200, 'b'); RELEASE b; ROLLBACK TO a; INSERT INTO items VALUES (201, 201, 'a');
         SAVEPOINT c; UPDATE items SET id = 202 WHERE id = 201; RELEASE c; COMMIT`,
      ],
      [
        "subtransactions of exceptions",
        `DO $$ BEGIN FOR i IN 1..20 LOOP BEGIN INSERT INTO items VALUES (i + 90, 0, 'x'); EXCEPTION WHEN unique_violation THEN
         UPDATE items SET v = v + 7 WHERE id = i; END; END LOOP; END $$`,
      ],
      [
        "keys that are swapped",
        `BEGIN; UPDATE items SET id = -1 WHERE id = 1; UPDATE items SET id = 1 WHERE id = 2; UPDATE items SET id = 2 WHERE id = -1; COMMIT`,
      ],
      ["keys that all move", "BEGIN; UPDATE items SET id = id + 1000; UPDATE items SET id = id - 999; COMMIT"],
      [
        "a key that is deleted and inserted",
        "BEGIN; DELETE FROM items WHERE id = 5; INSERT INTO items VALUES (5, 55, 'again'); COMMIT",
      ],
      [
        "a row that comes and goes",
        "BEGIN; INSERT INTO items VALUES (300, 1, 'x'); UPDATE items SET v = 2 WHERE id = 300; DELETE FROM items WHERE id = 300; COMMIT",
      ],
      [
        "the same row over and over",
        "DO $$ BEGIN FOR i IN 1..500 LOOP UPDATE items SET v = i, w = 'i' || i WHERE id = 3; END LOOP; END $$",
      ],
      [
        "MERGE",
        "MERGE INTO items AS t USING (SELECT i AS id FROM generate_series(95, 105) AS i) AS s ON t.id = s.id WHEN MATCHED AND t.id < 98 THEN DELETE WHEN MATCHED THEN UPDATE SET v = 0 WHEN NOT MATCHED THEN INSERT VALUES (s.id, 9, 'm')",
      ],
      ["many rows at once", "INSERT INTO items SELECT i, i, NULL FROM generate_series(400, 900) AS i"],
    ])("%s: in place", async (_, sql) => {
      const followed = await start();
      await database.query(sql);
      await followed.expectInPlace(ALL, SUM);
      await followed.leave();
    });

    it("values that are too long for their row, unchanged where the key changes: they are kept", async () => {
      const followed = await start(3);
      await database.query(
        `ALTER TABLE items ALTER w SET STORAGE EXTERNAL; UPDATE items SET w = repeat(id::text, 100000)`,
      );
      const read = "SELECT id, v, length(w) AS n, w FROM items ORDER BY id";
      // That the definition is another one has been seen.
      await followed.engine.execute(read, [], { freshness: "strict" });
      await followed.expectSame(read, ALL);
      await database.query("UPDATE items SET v = v + 1");
      await database.query("UPDATE items SET id = id + 10");
      await database.query("BEGIN; UPDATE items SET id = -id; UPDATE items SET id = -id + 1, v = 5; COMMIT");
      await database.query(
        "BEGIN; UPDATE items SET id = 60 WHERE id = 12; UPDATE items SET id = 12 WHERE id = 60; COMMIT",
      );
      await database.query(
        "BEGIN; DELETE FROM items WHERE id = 13; INSERT INTO items VALUES (13, 6, 'short'); UPDATE items SET id = 61 WHERE id = 13; COMMIT",
      );
      await followed.expectInPlace(read, ALL, "SELECT count(*) FROM items WHERE length(w) = 100000");
      await followed.leave();
    });

    it("a transaction that wrote before the load and commits after it", async () => {
      await database.query(
        "DROP TABLE IF EXISTS items; CREATE TABLE items (id int PRIMARY KEY, v int, w text); INSERT INTO items VALUES (1, 1, 'a'), (2, 2, 'b')",
      );
      const followed = await openFollowed(database);
      await followed.engine.ready();
      const writer = await connectClient(database);
      await writer.query("BEGIN; UPDATE items SET v = 100 WHERE id = 1; INSERT INTO items VALUES (3, 3, 'c')");
      // Its table cannot be handed over while it lasts: the origin answers, and nobody waits for that.
      const at = performance.now();
      expect(await followed.engine.execute(ALL)).toEqual(await followed.bare(ALL));
      expect(performance.now() - at).toBeLessThan(3000);
      await writer.query("DELETE FROM items WHERE id = 2; COMMIT");
      await followed.expectSame(ALL, SUM);
      expect((await followed.bare(ALL)).map(({ id }) => id)).toEqual([1, 3]);
      await followed.leave();
    });

    it("a transaction that stays open across loads, and loads of other columns meanwhile", async () => {
      const followed = await start();
      const { engine } = followed;
      const writer = await connectClient(database);
      await writer.query("BEGIN; UPDATE items SET v = v + 1, w = 'open' WHERE id % 2 = 0");
      await database.query(
        "CREATE TABLE IF NOT EXISTS other_items (id int PRIMARY KEY, a int, b int); TRUNCATE other_items; INSERT INTO other_items VALUES (1, 1, 1)",
      );
      await followed.expectSame("SELECT a FROM other_items ORDER BY a");
      await followed.expectSame("SELECT a, b FROM other_items ORDER BY a");
      // The table that it has written to goes on as it was.
      await followed.expectInPlace(ALL);
      await engine.invalidate("items");
      const during = await engine.execute(ALL);
      expect(during).toEqual(await followed.bare(ALL));
      await writer.query("COMMIT");
      await followed.expectSame(ALL, SUM);
      // This one begins before the load and writes after it.
      await writer.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other_items");
      await engine.invalidate("items");
      await followed.expectSame(ALL);
      await writer.query("UPDATE items SET w = 'late'");
      await followed.expectInPlace(ALL);
      await writer.query("COMMIT");
      await followed.expectInPlace(ALL);
      await followed.leave();
    });

    it("prepared transactions: open at the start, open at the load, committed later, rolled back", {
      timeout: 60_000,
    }, async () => {
      const writer = await connectClient(database);
      await database.query(
        `DROP TABLE IF EXISTS items, parts; CREATE TABLE items (id int PRIMARY KEY, v int, w text); INSERT INTO items VALUES (1, 1, 'a');
         CREATE TABLE parts (id int PRIMARY KEY, v int); INSERT INTO parts VALUES (1, 1)`,
      );
      const names = ["start", "load", "never", "late"].map((name) => `${database.url.split("/").at(-1)}_${name}`);
      const [atLoad, never, late] = [names[1], names[2], names[3]];
      onTestFinished(async () => {
        for (const name of names) await writer.query(`ROLLBACK PREPARED '${name}'`).catch(() => {});
      });
      const followed = await openFollowed(database);
      const { engine } = followed;
      await engine.ready();
      // Open while its table is to be fetched: the origin answers, and the table is fetched once that is over.
      await writer.query(`BEGIN; UPDATE items SET v = 2; PREPARE TRANSACTION '${atLoad}'`);
      expect(await engine.execute(ALL)).toEqual([{ id: 1, v: 1, w: "a" }]);
      expect(engine.stats().tables).toEqual([]);
      await writer.query(`COMMIT PREPARED '${atLoad}'`);
      expect(await engine.execute(ALL, [], { freshness: "strict" })).toEqual([{ id: 1, v: 2, w: "a" }]);
      // The load, for which the read has not waited, goes on now.
      await followed.expectSame(ALL);
      await engine.invalidate();
      await followed.expectSame(ALL);
      // Prepared while the table is cached.
      await writer.query(`BEGIN; UPDATE items SET v = 3; PREPARE TRANSACTION '${never}'`);
      await followed.expectInPlace(ALL);
      await writer.query(`ROLLBACK PREPARED '${never}'`);
      await followed.expectInPlace(ALL);
      await writer.query(
        `BEGIN; UPDATE items SET v = 4; INSERT INTO items VALUES (2, 2, 'b'); PREPARE TRANSACTION '${late}'`,
      );
      await followed.expectInPlace(ALL);
      await followed.expectSame("SELECT v FROM parts");
      await writer.query(`COMMIT PREPARED '${late}'`);
      await followed.expectInPlace(ALL);
      expect(await followed.bare(ALL)).toHaveLength(2);
      await followed.leave();
    });

    it("sums over several tables: no answer shows a part of a transaction", { timeout: 60_000 }, async () => {
      const followed = await startTransfers(database);
      const { engine } = followed;
      let writing = true;
      const writers = [0, 1].map(async (seed) => {
        const client = new pg.Client({ connectionString: database.url });
        await client.connect();
        for (let step = seed; writing; step += 2) {
          const [from, to] = [1 + (step % 7), 1 + ((step * 3) % 5)];
          await client.query("BEGIN");
          await client.query("UPDATE items SET v = v - 1 WHERE id = $1", [from]);
          await client.query("UPDATE parts SET v = v + 1 WHERE id = $1", [to]);
          await client.query(step % 5 === 0 ? "ROLLBACK" : "COMMIT");
        }
        await client.end();
      });
      const { hits } = engine.stats();
      for (let read = 0; engine.stats().hits - hits < 300 && read < 10_000; read++) {
        expect(await engine.execute(TOTAL)).toEqual([{ total: "1000" }]);
        if (read % 5 === 0) await sleep(1);
      }
      writing = false;
      await Promise.all(writers);
      expect(engine.stats().hits - hits).toBeGreaterThanOrEqual(300);
      await followed.expectInPlace(TOTAL, "SELECT id, v FROM items ORDER BY id", "SELECT id, v FROM parts ORDER BY id");
      await followed.leave();
    });
  },
  { newestOnly: true },
);

const TOTAL = "SELECT sum(t.v) AS total FROM (SELECT v FROM items UNION ALL SELECT v FROM parts) AS t";

async function startTransfers(database: SharedDatabase): Promise<Followed> {
  await database.query(
    `DROP TABLE IF EXISTS items, parts; CREATE TABLE items (id int PRIMARY KEY, v int); CREATE TABLE parts (id int PRIMARY KEY, v int);
     INSERT INTO items SELECT i, 100 FROM generate_series(1, 10) AS i; INSERT INTO parts SELECT i, 0 FROM generate_series(1, 5) AS i`,
  );
  const followed = await openFollowed(database);
  await followed.expectSame(TOTAL);
  return followed;
}
