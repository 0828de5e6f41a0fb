import type { Socket } from "node:net";
import type pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { isHit, openAttached, warm } from "../support/attach.ts";
import { describeOnServers, rejection, until } from "../support/engine.ts";

const SETUP = [
  "CREATE TABLE faulty AS SELECT i AS id, 'v' || i AS v FROM generate_series(1, 10) AS i",
  "ALTER TABLE faulty ADD PRIMARY KEY (id)",
];

const READ = "SELECT v FROM faulty WHERE id = $1";

describeOnServers(
  "attached: faults",
  (database) => {
    it("statements that time out or are cancelled, by whoever, fail as they do without", async () => {
      const { engine, pool, barePool } = await openAttached(database, { pool: { statement_timeout: 300 } });
      await warm(engine, pool, READ, [1]);
      const slow = "UPDATE faulty SET v = 'never' WHERE id = 1 AND pg_sleep(10) IS NOT NULL";
      for (const target of [pool, barePool]) {
        expect(await rejection(target.query(slow))).toMatchObject({ code: "57014" });
      }
      expect(
        await rejection(pool.query({ text: "SELECT pg_sleep(10)", query_timeout: 50 } as pg.QueryConfig)),
      ).toMatchObject({
        message: "Query read timeout",
      });
      const client = await pool.connect();
      onTestFinished(() => client.release());
      const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
      const cancelled = rejection(client.query("SET statement_timeout = 0; SELECT pg_sleep(10)"));
      await until("it runs", async () => {
        const [activity] = await database.query("SELECT query FROM pg_stat_activity WHERE pid = $1", [rows[0].pid]);
        return String(activity?.query).includes("pg_sleep");
      });
      await database.query("SELECT pg_cancel_backend($1)", [rows[0].pid]);
      expect(await cancelled).toMatchObject({ code: "57014" });
      await warm(engine, client, READ, [1]);
      expect((await client.query(READ, [1])).rows).toEqual([{ v: "v1" }]);
    });

    it("a write that its caller gave up waiting for is seen once it is there", async () => {
      const { engine, pool, barePool } = await openAttached(database);
      await warm(engine, pool, READ, [2]);
      const slow = "UPDATE faulty SET v = 'late' FROM pg_sleep(0.5) WHERE id = 2";
      const error = await rejection(pool.query({ text: slow, query_timeout: 50 } as pg.QueryConfig));
      expect(error.message).toBe("Query read timeout");
      await until("the write is there", async () => (await barePool.query(READ, [2])).rows[0].v === "late");
      await until("the cache follows", async () => (await pool.query(READ, [2])).rows[0].v === "late");
      await warm(engine, pool, READ, [2]);
      expect((await pool.query(READ, [2])).rows[0].v).toBe("late");
    });

    it("a write whose connection is lost is seen, whenever the server gets to it", async () => {
      const { engine, pool, barePool } = await openAttached(database);
      await warm(engine, pool, READ, [3]);
      const client = await pool.connect();
      client.on("error", () => {});
      const lost = rejection(client.query("UPDATE faulty SET v = 'survived' FROM pg_sleep(0.7) WHERE id = 3"));
      await until("it runs", async () => {
        const found = await database.query(
          "SELECT FROM pg_stat_activity WHERE query LIKE 'UPDATE faulty SET v = ''survived%' AND state = 'active'",
        );
        return found.length > 0;
      });
      (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
      expect((await lost).message).toMatch(/terminated|ECONNRESET/);
      client.release(true);
      const seen = new Set<unknown>();
      await until("the write is there", async () => {
        const [ours, theirs] = [await pool.query(READ, [3]), await barePool.query(READ, [3])];
        seen.add(ours.rows[0].v);
        return theirs.rows[0].v === "survived";
      });
      for (let time = 0; time < 20; time++) expect((await pool.query(READ, [3])).rows[0].v).toBe("survived");
      await warm(engine, pool, READ, [3]);
      expect((await pool.query(READ, [3])).rows[0].v).toBe("survived");
    });

    it("connections that the server ends: the same errors and events, then hits again", async () => {
      const { engine, pool, barePool } = await openAttached(database);
      const events: Record<string, unknown[]> = { ours: [], theirs: [] };
      const pools = [
        ["ours", pool],
        ["theirs", barePool],
      ] as const;
      await warm(engine, pool, READ, [4]);
      for (const [name, target] of pools) {
        target.on("error", (error) => events[name]?.push((error as pg.DatabaseError).code ?? error.message));
        const client = await target.connect();
        client.on("error", (error) =>
          events[name]?.push(`client ${(error as pg.DatabaseError).code ?? error.message}`),
        );
        const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
        // Noted when it comes: whoever terminates the backend may hear of it later than its client.
        const inFlight = rejection(client.query("SELECT pg_sleep(10)")).then((error) =>
          events[name]?.push(`query ${(error as pg.DatabaseError).code}`),
        );
        await until("it runs", async () => {
          const [activity] = await database.query("SELECT query FROM pg_stat_activity WHERE pid = $1", [rows[0].pid]);
          return String(activity?.query).includes("pg_sleep");
        });
        await database.query("SELECT pg_terminate_backend($1)", [rows[0].pid]);
        await inFlight;
        await until("the client knows", () => (client as unknown as { _ended: boolean })._ended === true);
        events[name]?.push(`after ${(await rejection(client.query(READ, [4]))).message}`);
        client.release(true);
        expect((await target.query(READ, [4])).rows).toEqual([{ v: "v4" }]);
      }
      expect(events.ours).toEqual(events.theirs);
      await warm(engine, pool, READ, [4]);
    });

    it("hits go on while the server is away, the rest fails as it would", async () => {
      const { engine, pool, proxy } = await openAttached(database);
      await warm(engine, pool, READ, [5]);
      await proxy.close();
      expect(await isHit(engine, () => pool.query(READ, [5]))).toBe(true);
      expect(await rejection(pool.query("SELECT 1 AS one"))).toBeInstanceOf(Error);
      expect(await rejection(pool.query("UPDATE faulty SET v = 'x' WHERE id = 5"))).toBeInstanceOf(Error);
    });

    it("a pool that cannot connect fails as without, and the engine stays quiet about it", async () => {
      const { engine, pool, faults, proxy } = await openAttached(database);
      await proxy.close();
      for (let time = 0; time < 3; time++) {
        expect(await rejection(pool.query(READ, [6]))).toMatchObject({ code: "ECONNREFUSED" });
      }
      expect(engine.stats().hits).toBe(0);
      expect(faults.length).toBeLessThanOrEqual(1);
    });

    it("a rollback that the server made by itself leaves the cache as it is", async () => {
      const { engine, pool } = await openAttached(database);
      await warm(engine, pool, READ, [7]);
      const client = await pool.connect();
      client.on("error", () => {});
      await client.query("SET idle_in_transaction_session_timeout = 100");
      await client.query("BEGIN");
      await client.query("UPDATE faulty SET v = 'gone' WHERE id = 7");
      await until("the server ended it", () => (client as unknown as { _ended: boolean })._ended === true);
      client.release(true);
      await warm(engine, pool, READ, [7]);
      expect((await pool.query(READ, [7])).rows).toEqual([{ v: "v7" }]);
    });
  },
  { setup: SETUP, newestOnly: true },
);
