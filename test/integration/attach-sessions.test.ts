import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { connectClient, isHit, openAttached, warm } from "../support/attach.ts";
import { describeOnServers, openEngine, until } from "../support/engine.ts";

const SETUP = [
  "CREATE TABLE seen AS SELECT i AS id, timestamptz '2024-01-01 00:00:00Z' AS at, i / 3.0::float8 AS f FROM generate_series(1, 3) i",
  "CREATE SCHEMA aside",
  "CREATE TABLE aside.seen AS SELECT i + 10 AS id, now() AS at, 1.5::float8 AS f FROM generate_series(1, 3) i",
  "CREATE TABLE other AS SELECT 1 AS id",
];

const READ = "SELECT id, f FROM seen ORDER BY id";
const AT = "SELECT at::text AS at FROM seen WHERE id = 1";

describeOnServers(
  "attached: sessions",
  (database) => {
    it.each([
      ["SET search_path = aside, public", "RESET search_path"],
      ["SELECT set_config('search_path', 'aside', false)", "DISCARD ALL"],
      ["SET search_path TO aside; SELECT 1", "SET search_path TO DEFAULT"],
      ["SET extra_float_digits = -6", "RESET ALL"],
      ["CREATE TEMP TABLE seen AS SELECT 99 AS id, 1.25::float8 AS f", "DROP TABLE pg_temp.seen"],
      ["DO $$ BEGIN PERFORM set_config('search_path', 'aside', false); END $$", "RESET search_path"],
    ])("after %s one client is left alone, until %s", async (change, back) => {
      const { engine, pool } = await openAttached(database);
      const [changed, unchanged] = [await pool.connect(), await pool.connect()];
      onTestFinished(() => {
        changed.release();
        unchanged.release();
      });
      const bare = await connectClient(database);
      for (const client of [changed, unchanged]) await warm(engine, client, READ);
      for (const client of [changed, bare]) await client.query(change);
      for (let time = 0; time < 4; time++) {
        expect(await isHit(engine, () => changed.query(READ))).toBe(false);
        expect((await changed.query(READ)).rows).toEqual((await bare.query(READ)).rows);
      }
      await warm(engine, unchanged, READ);
      await warm(engine, pool, READ);
      expect((await pool.query(READ)).rows).toEqual((await unchanged.query(READ)).rows);
      await changed.query(back);
      await warm(engine, changed, READ);
    });

    it("an idle client with other settings answers for the pool as it would without the cache", async () => {
      const { engine, pool } = await openAttached(database, { pool: { max: 2 } });
      await warm(engine, pool, READ);
      await pool.query("SET search_path = aside");
      expect((await pool.query(READ)).rows[0].id).toBe(11);
      expect((await pool.query(READ)).rows[0].id).toBe(11);
      const held = await pool.connect();
      await held.query("RESET search_path");
      held.release();
      await warm(engine, pool, READ);
      await pool.query("BEGIN");
      await pool.query("DELETE FROM seen WHERE id = 1");
      expect((await pool.query(READ)).rows).toHaveLength(2);
      await pool.query("ROLLBACK");
      expect((await pool.query(READ)).rows).toHaveLength(3);
    });

    it("clients of another user, zone, search path or database are not answered, and do no harm", async () => {
      const { engine, pool } = await openAttached(database);
      await warm(engine, pool, READ);
      const name = database.url.split("/").at(-1) ?? "";
      const role = `reader_${name}`.slice(0, 60);
      await database.query(`CREATE ROLE ${role} LOGIN; GRANT SELECT ON seen TO ${role}`);
      onTestFinished(async () => {
        await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      });
      const tokyo = await connectClient(database, { options: "-c TimeZone=Asia/Tokyo" });
      const aside = await connectClient(database, { options: "-c search_path=aside" });
      const reader = await connectClient(database);
      await reader.query(`SET ROLE ${role}`);
      const elsewhere = await connectClient({ url: database.url.replace(/[^/]*$/, "postgres") });
      for (const client of [tokyo, aside, reader, elsewhere]) {
        const bare = (await client.query(AT).catch((error: pg.DatabaseError) => ({ rows: error.code }))).rows;
        // An error is told before the server is ready again; a client is attached when it is.
        await client.query("SELECT 1");
        engine.attach(client);
        for (let time = 0; time < 3; time++) {
          const result = await client.query(AT).catch((error: pg.DatabaseError) => ({ rows: error.code }));
          expect(result.rows).toEqual(bare);
          expect(await isHit(engine, () => client.query(READ).catch(() => {}))).toBe(false);
        }
      }
      await until("what is written in another database does no harm", async () => {
        await warm(engine, pool, READ);
        await elsewhere.query(
          "DROP TABLE IF EXISTS seen; CREATE TEMP TABLE seen (id int); INSERT INTO seen VALUES (1)",
        );
        return isHit(engine, () => pool.query(READ));
      });
      await warm(engine, pool, "SELECT id FROM aside.seen ORDER BY id");
      await aside.query("DELETE FROM seen WHERE id = 13");
      expect((await pool.query("SELECT id FROM aside.seen ORDER BY id")).rows).toHaveLength(2);
      await aside.query("INSERT INTO seen VALUES (13)");
    });

    it("another pool with other options", async () => {
      const { engine, pool } = await openAttached(database);
      await warm(engine, pool, "SELECT id FROM aside.seen ORDER BY id");
      const other = engine.attach(new pg.Pool({ connectionString: database.url, options: "-c search_path=aside" }));
      onTestFinished(() => other.end());
      await other.query("INSERT INTO seen VALUES (14)");
      expect((await pool.query("SELECT id FROM aside.seen ORDER BY id")).rows.at(-1)).toEqual({ id: 14 });
      await other.query("DELETE FROM seen WHERE id = 14");
      expect((await pool.query("SELECT id FROM aside.seen ORDER BY id")).rows.at(-1)).toEqual({ id: 13 });
      for (let time = 0; time < 5; time++) expect((await other.query(READ)).rows[0].id).toBe(11);
    });

    it("UTC by another name is UTC", async () => {
      const { engine, pool } = await openAttached(database, { pool: { options: "-c TimeZone=UTC" } });
      const sql = "SELECT at FROM seen WHERE id = 1";
      await warm(engine, pool, sql);
      const client = await connectClient(database);
      await client.query("SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE");
      engine.attach(client);
      await warm(engine, client, sql);
    });

    it("a hook that sets up each client, registered before or after", async () => {
      const early = new pg.Pool({ connectionString: database.url });
      onTestFinished(() => early.end());
      early.on("connect", (client) => void client.query("SET search_path = aside"));
      const { engine } = await openEngine(database, { pool: {} });
      engine.attach(early);
      for (let time = 0; time < 5; time++) expect((await early.query(READ)).rows[0].id).toBe(11);
      const late = engine.attach(new pg.Pool({ connectionString: database.url }));
      onTestFinished(() => late.end());
      late.on("connect", (client) => void client.query("SET search_path = aside"));
      for (let time = 0; time < 5; time++) expect((await late.query(READ)).rows[0].id).toBe(11);
      expect(engine.stats().hits).toBe(0);
    });

    it("the engine's own pool with such a hook", async () => {
      const pool = new pg.Pool({ connectionString: database.url });
      pool.on("connect", (client) => void client.query("SET search_path = aside"));
      const { engine } = await openEngine(database);
      const own = new (engine.constructor as typeof import("../../src/engine.ts").CachingEngine)(pool, {
        cacheDb: false,
        envFile: false,
      });
      onTestFinished(async () => {
        await own.close();
        await pool.end();
      });
      own.attach(pool);
      await warm(own, pool, READ);
      expect((await pool.query(READ)).rows[0].id).toBe(11);
    });

    it("row-level security is the database's", async () => {
      await database.query("CREATE TABLE secured AS SELECT 1 AS id; ALTER TABLE secured ENABLE ROW LEVEL SECURITY");
      const { engine, pool } = await openAttached(database);
      await until("it is known why", async () => {
        await pool.query("SELECT id FROM secured");
        return (engine.stats().bypassesByReason["row-level-security"] ?? 0) > 0;
      });
      expect(await isHit(engine, () => pool.query("SELECT id FROM secured"))).toBe(false);
    });

    it("what was found out about a session before it changed says nothing", async () => {
      const { engine, pool, proxy } = await openAttached(database, { pool: { max: 1 } });
      await warm(engine, pool, READ);
      const client = await connectClient(database);
      // The engine's own connections stand still: it has the session's answers, and waits for what to compare them with.
      proxy.pause();
      engine.attach(client);
      await client.query("SELECT 1");
      await client.query("SET search_path = aside");
      await client.query(READ);
      await client.query("SELECT 1");
      proxy.resume();
      for (let time = 0; time < 10; time++) {
        expect((await client.query(READ)).rows[0].id).toBe(11);
        await sleep(10);
      }
      await client.query("RESET search_path");
      await warm(engine, client, READ);
    });

    it("LISTEN, SHOW and transactions that only read do not end the hits of a client", async () => {
      const { engine, pool } = await openAttached(database);
      const client = await pool.connect();
      onTestFinished(() => client.release());
      await warm(engine, client, READ);
      await client.query("LISTEN something");
      await client.query("SHOW search_path");
      await client.query("BEGIN READ ONLY");
      expect(await isHit(engine, () => client.query(READ))).toBe(false);
      await client.query("COMMIT");
      expect(await isHit(engine, () => client.query(READ))).toBe(true);
      const notified = new Promise((resolve) => client.once("notification", resolve));
      await pool.query("NOTIFY something, 'x'");
      expect(await notified).toMatchObject({ payload: "x" });
    });
  },
  { setup: SETUP, newestOnly: true },
);
