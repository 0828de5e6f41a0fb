import net from "node:net";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { CachingEngine } from "../../src/engine.ts";
import {
  copies,
  counted,
  describeOnServers,
  errorFields,
  HIT,
  MISS,
  openEngine,
  rejection,
  until,
} from "../support/engine.ts";

const ROWS = 40_000;

describeOnServers(
  "the origin dies",
  (database) => {
    async function createWide(name: string): Promise<void> {
      await database.query(
        `CREATE TABLE ${name} AS SELECT i AS id, 'old' AS v, repeat('x', 1000) AS wide FROM generate_series(1, ${ROWS}) i`,
      );
    }

    it.each(["first bytes", "middle"])(
      "in a load, at its %s: the query gets the error, the next one loads",
      async (at) => {
        const table = at === "middle" ? "cut_middle" : "cut_first";
        await createWide(table);
        const opened = await openEngine(database);
        const { engine, proxy } = opened;
        const known = `SELECT v FROM ${table} WHERE id = 1`;
        await engine.execute(known);
        await database.query(`UPDATE ${table} SET v = 'new' WHERE id = 1`);
        proxy.stopAfterBytes(at === "middle" ? 10_000_000 : 1);
        const error = await rejection(engine.execute(`SELECT wide FROM ${table} WHERE id = 1`));
        expect(error.name).not.toMatch(/Sqlmem|Load|Store/);
        expect(Reflect.get(error, "code") ?? "").not.toMatch(/^ERR_SQLMEM/);
        // The store is as before: the old columns hit, on the old rows.
        const counts = await counted(engine, async () => expect(await engine.execute(known)).toEqual([{ v: "old" }]));
        expect(counts).toEqual(HIT);
        expect(await counted(engine, () => engine.execute(`SELECT wide FROM ${table} WHERE id = 1`))).toEqual(MISS);
        expect(await engine.execute(known)).toEqual([{ v: "new" }]);
      },
    );

    it("all that wait for one load get the error", async () => {
      await createWide("shared_load");
      const { engine, proxy } = await openEngine(database);
      await engine.explain("SELECT wide FROM shared_load WHERE id = 1");
      proxy.stopAfterBytes(5_000_000);
      const results = await Promise.allSettled(
        [1, 2, 3].map(() => engine.execute("SELECT wide FROM shared_load WHERE id = 1")),
      );
      expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      expect(await engine.execute("SELECT wide FROM shared_load WHERE id = 1")).toHaveLength(1);
    });

    it("terminated by an administrator in a load: the server's error arrives", async () => {
      await createWide("terminated");
      const opened = await openEngine(database);
      const { engine, proxy } = opened;
      await engine.explain("SELECT wide FROM terminated WHERE id = 1");
      proxy.clear();
      const query = rejection(engine.execute("SELECT wide FROM terminated WHERE id = 1"));
      await until("the COPY is under way", () => proxy.copyData > 0);
      proxy.pause();
      await database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY %terminated%' AND pid <> pg_backend_pid()",
      );
      proxy.resume();
      const error = await query;
      expect(Reflect.get(error, "code") ?? "").not.toMatch(/^ERR_SQLMEM/);
      expect(await engine.execute("SELECT id FROM terminated WHERE id = 7")).toEqual([{ id: 7 }]);
      expect(copies(opened).length).toBeGreaterThan(1);
    });

    it("cancelled in a load: the server's error arrives, and the connection is used again", async () => {
      await createWide("cancelled");
      const { engine, proxy } = await openEngine(database);
      await engine.explain("SELECT wide FROM cancelled WHERE id = 1");
      proxy.clear();
      const query = rejection(engine.execute("SELECT wide FROM cancelled WHERE id = 1"));
      await until("the COPY is under way", () => proxy.copyData > 0);
      proxy.pause();
      await database.query(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY %cancelled%' AND pid <> pg_backend_pid()",
      );
      proxy.resume();
      expect(errorFields(await query)).toMatchObject({ code: "57014", severity: "ERROR" });
      expect(await engine.execute("SELECT id FROM cancelled WHERE id = 7")).toEqual([{ id: 7 }]);
    });

    it("while idle: hits go on, and the next miss connects again", async () => {
      await database.query("CREATE TABLE idle AS SELECT 1 AS id, 2 AS v");
      const { engine, proxy } = await openEngine(database);
      await engine.execute("SELECT id FROM idle");
      for (const sql of ["SELECT v FROM idle", "SELECT id + v AS sum FROM idle"]) {
        proxy.dropConnections();
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(await counted(engine, () => engine.execute("SELECT id FROM idle"))).toEqual(HIT);
        expect(await engine.execute(sql)).toHaveLength(1);
      }
      proxy.dropConnections();
      expect(await engine.execute("SELECT v AS other FROM idle")).toHaveLength(1);
    });

    it("a load that the origin rejects (no right on a column) is its error, and no state changes", async () => {
      await database.query("CREATE TABLE rights AS SELECT 1 AS a, 2 AS b");
      const role = `sqlmem_${process.pid}_${Date.now().toString(36)}`;
      await database.query(`CREATE ROLE ${role}`);
      onTestFinished(async () => {
        await database.query(`DROP OWNED BY ${role}`);
        await database.query(`DROP ROLE ${role}`);
      });
      await database.query(`GRANT SELECT (a) ON rights TO ${role}`);
      const { engine, bare } = await openEngine(database, { pool: { options: `-c role=${role}` } });
      expect(await engine.execute("SELECT a FROM rights")).toEqual([{ a: 1 }]);
      expect(errorFields(await rejection(engine.execute("SELECT b FROM rights")))).toEqual(
        errorFields(await rejection(bare("SELECT b FROM rights"))),
      );
      expect(await counted(engine, () => engine.execute("SELECT a FROM rights"))).toEqual(HIT);
    });

    it("is down at the start: its error, and later an answer", async () => {
      await database.query("CREATE TABLE late AS SELECT 1 AS id");
      const { hostname, port, pathname, username } = new URL(database.url);
      const listener = net.createServer();
      await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
      const address = listener.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      await new Promise((resolve) => listener.close(resolve));
      const pool = new pg.Pool({ connectionString: `postgresql://${username}@127.0.0.1:${address.port}${pathname}` });
      pool.on("error", () => {});
      const engine = new CachingEngine(pool, { cacheDb: false, envFile: false });
      onTestFinished(async () => {
        await engine.close();
        await pool.end();
      });
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(await rejection(engine.execute("SELECT id FROM late"))).toMatchObject({ code: "ECONNREFUSED" });
      }
      expect(await rejection(engine.invalidate("late"))).toMatchObject({ code: "ECONNREFUSED" });
      const bridge = net.createServer((client) => {
        const server = net.connect(Number(port || 5432), hostname);
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as const) {
          from.on("error", () => to.destroy());
          from.pipe(to);
        }
      });
      await new Promise<void>((resolve) => bridge.listen(address.port, "127.0.0.1", resolve));
      onTestFinished(() => void bridge.close());
      expect(await engine.execute("SELECT id FROM late")).toEqual([{ id: 1 }]);
    });

    it("in transparent mode while a big table loads behind: a fault reported, no query failed", async () => {
      await createWide("behind");
      await database.query("ANALYZE behind");
      const { engine, proxy, faults } = await openEngine(database, { mode: "transparent" });
      proxy.stopAfterBytes(5_000_000);
      expect(await engine.execute("SELECT id FROM behind WHERE id = 1 AND wide IS NOT NULL")).toEqual([{ id: 1 }]);
      await until("the fault is reported", () => faults.length > 0);
      expect(faults[0]).toMatchObject({ code: expect.stringMatching(/^ERR_SQLMEM_(LOAD|STORE)$/) });
      expect(await engine.execute("SELECT id FROM behind WHERE id = 2 AND wide IS NOT NULL")).toEqual([{ id: 2 }]);
      await until("it is loaded", () => engine.stats().loads === 1);
    });

    it("close() in the middle of a load ends", async () => {
      await createWide("closing");
      const opened = await openEngine(database);
      const { engine, proxy } = opened;
      await engine.explain("SELECT wide FROM closing WHERE id = 1");
      proxy.clear();
      const query = engine.execute("SELECT wide FROM closing WHERE id = 1").then(
        () => "answered",
        () => "rejected",
      );
      await until("the COPY is under way", () => proxy.copyData > 0);
      proxy.pause();
      const closed = engine.close();
      proxy.resume();
      await closed;
      expect(["answered", "rejected"]).toContain(await query);
    });
  },
  { newestOnly: true },
);
