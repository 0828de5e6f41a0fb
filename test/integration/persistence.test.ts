import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import {
  copies,
  counted,
  describeOnServers,
  HIT,
  MISS,
  openEngine,
  runOnce,
  temporaryFile,
  until,
} from "../support/engine.ts";
import { createDatabase } from "../support/postgres.ts";

describeOnServers(
  "persistence",
  (database) => {
    it("comes back warm: no COPY, the same rows, also those of the last run", async () => {
      await database.query(
        `CREATE TABLE warm (id int PRIMARY KEY, "Odd Name" text, n numeric, f float8, at timestamptz, e json)`,
      );
      await database.query(
        "INSERT INTO warm VALUES (1, 'ä', 1.50, 'NaN', '2024-02-29 12:34:56.789012+00', '{\"a\" : 1}'), (2, NULL, 'NaN', -0.0, 'infinity', NULL)",
      );
      const cacheDb = temporaryFile();
      const sql = 'SELECT id, "Odd Name", n, f, at, e FROM warm ORDER BY "Odd Name", id';
      await runOnce(database, { cacheDb }, [sql]);
      const opened = await openEngine(database, { cacheDb });
      const before = await opened.bare(sql);
      await database.query("DELETE FROM warm");
      const counts = await counted(opened.engine, async () => {
        expect(await opened.engine.execute(sql)).toStrictEqual(before);
      });
      expect(counts).toEqual(HIT);
      expect(copies(opened)).toEqual([]);
      expect(opened.proxy.copyData).toBe(0);
      await opened.engine.invalidate("warm");
      expect(await opened.engine.execute(sql)).toEqual([]);
      expect(opened.faults).toEqual([]);
    });

    it("is a SQLite file that anybody can read, with names as they are", async () => {
      await database.query('CREATE SCHEMA "Sales"');
      await database.query(
        'CREATE TABLE "Sales"."Order Items" (id int PRIMARY KEY, "the price" numeric(10,2), name text)',
      );
      await database.query(`INSERT INTO "Sales"."Order Items" VALUES (1, 9.99, 'x')`);
      await database.query("CREATE TABLE readable (id int, name text)");
      const cacheDb = temporaryFile();
      await runOnce(database, { cacheDb }, [
        'SELECT id, "the price", name FROM "Sales"."Order Items"',
        "SELECT id, name FROM readable",
      ]);
      expect(statSync(cacheDb).mode & 0o777).toBe(0o600);
      const db = new DatabaseSync(cacheDb, { readOnly: true });
      onTestFinished(() => db.close());
      expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
      const names = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .all()
        .map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(["Sales.Order Items", "readable", "sqlmem_meta"]));
      expect(db.prepare('SELECT * FROM "Sales.Order Items"').all()).toEqual([
        expect.objectContaining({ id: 1, name: "x" }),
      ]);
    });

    it("writes nothing with cacheDb: false", async () => {
      await database.query("CREATE TABLE nowhere AS SELECT 1 AS id");
      const directory = join(temporaryFile(), "..");
      const cwd = process.cwd();
      await runOnce(database, { cacheDb: false, backupIntervalSeconds: 0.01 }, ["SELECT id FROM nowhere"]);
      await runOnce(database, { cacheDb: "", backupIntervalSeconds: 0.01 }, ["SELECT id FROM nowhere"]);
      expect(readdirSync(directory)).toEqual([]);
      expect(existsSync(join(cwd, "false"))).toBe(false);
    });

    it("saves at each interval if something changed", async () => {
      await database.query("CREATE TABLE interval AS SELECT 1 AS id, 2 AS v");
      const cacheDb = temporaryFile();
      const { engine } = await openEngine(database, { cacheDb, backupIntervalSeconds: 0.02 });
      await engine.execute("SELECT id FROM interval");
      await until("it is saved", () => existsSync(cacheDb));
      const first = statSync(cacheDb).ino;
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(statSync(cacheDb).ino).toBe(first);
      await engine.execute("SELECT v FROM interval");
      await until("it is saved again", () => statSync(cacheDb).ino !== first);
    });

    it("saves only at the end with an interval of 0", async () => {
      await database.query("CREATE TABLE at_end AS SELECT 1 AS id");
      const cacheDb = temporaryFile();
      const opened = await openEngine(database, { cacheDb, backupIntervalSeconds: 0 });
      await opened.engine.execute("SELECT id FROM at_end");
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(existsSync(cacheDb)).toBe(false);
      await opened.close();
      expect(existsSync(cacheDb)).toBe(true);
    });

    it("does not bring back what was invalidated", async () => {
      await database.query("CREATE TABLE forgotten AS SELECT 1 AS id");
      const cacheDb = temporaryFile();
      const opened = await openEngine(database, { cacheDb });
      await opened.engine.execute("SELECT id FROM forgotten");
      await opened.close();
      const second = await openEngine(database, { cacheDb });
      await second.engine.invalidate("forgotten");
      await second.close();
      const third = await openEngine(database, { cacheDb });
      expect(await counted(third.engine, () => third.engine.execute("SELECT id FROM forgotten"))).toEqual(MISS);
    });

    it("does not bring back what a write in transparent mode made wrong before the first query of a run", async () => {
      await database.query("CREATE TABLE early_write AS SELECT 1 AS id");
      const cacheDb = temporaryFile();
      await runOnce(database, { cacheDb, mode: "transparent" }, ["SELECT id FROM early_write"]);
      const opened = await openEngine(database, { cacheDb, mode: "transparent" });
      await opened.engine.execute("UPDATE early_write SET id = 2");
      expect(await opened.engine.execute("SELECT id FROM early_write")).toEqual([{ id: 2 }]);
      await opened.close();
      await runOnce(database, { cacheDb, mode: "transparent" }, ["UPDATE early_write SET id = 3"]);
      const last = await openEngine(database, { cacheDb, mode: "transparent" });
      expect(await last.engine.execute("SELECT id FROM early_write")).toEqual([{ id: 3 }]);
    });

    it("reloads only the tables that were changed in their definition meanwhile", async () => {
      const tables = ["same", "altered", "retyped", "renamed_column", "remade", "emptied"];
      for (const table of tables) await database.query(`CREATE TABLE ${table} AS SELECT 1 AS id, 2 AS v`);
      const cacheDb = temporaryFile();
      await runOnce(
        database,
        { cacheDb },
        tables.map((table) => `SELECT id, v FROM ${table}`),
      );
      await database.query("ALTER TABLE altered ADD COLUMN w int DEFAULT 3");
      await database.query("ALTER TABLE retyped ALTER COLUMN v TYPE text USING 'text'");
      await database.query("ALTER TABLE renamed_column RENAME COLUMN v TO x");
      await database.query("ALTER TABLE renamed_column ADD COLUMN v int DEFAULT 9");
      await database.query("DROP TABLE remade");
      await database.query("CREATE TABLE remade AS SELECT 5 AS id, 6 AS v");
      await database.query("TRUNCATE emptied");
      const { engine, bare } = await openEngine(database, { cacheDb });
      for (const table of tables) {
        const sql = `SELECT id, v FROM ${table}`;
        const counts = await counted(engine, async () => expect(await engine.execute(sql)).toEqual(await bare(sql)));
        expect([table, counts]).toEqual([table, table === "same" ? HIT : MISS]);
      }
    });

    it("raises the origin's error for a table that was dropped meanwhile", async () => {
      await database.query("CREATE TABLE dropped AS SELECT 1 AS id");
      const cacheDb = temporaryFile();
      await runOnce(database, { cacheDb }, ["SELECT id FROM dropped"]);
      await database.query("DROP TABLE dropped");
      const { engine } = await openEngine(database, { cacheDb });
      await expect(engine.execute("SELECT id FROM dropped")).rejects.toMatchObject({ code: "42P01" });
    });

    it("starts empty, with one fault, when the file is of another database, another layout, damaged or no file of ours", async () => {
      await database.query("CREATE TABLE checked AS SELECT 1 AS id");
      const sql = "SELECT id FROM checked";
      const good = temporaryFile();
      await runOnce(database, { cacheDb: good }, [sql]);
      const bytes = readFileSync(good);
      await using other = await createDatabase(database.server, { setup: ["CREATE TABLE checked AS SELECT 2 AS id"] });
      const othersFile = temporaryFile();
      await runOnce(other, { cacheDb: othersFile }, [sql]);
      const foreign = temporaryFile();
      const db = new DatabaseSync(foreign);
      db.exec("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
      db.close();
      const flip = (at: number): Buffer => {
        const copy = Buffer.from(bytes);
        copy[at] = (copy[at] ?? 0) ^ 1;
        return copy;
      };
      const cases: readonly (readonly [string, Buffer, ours: boolean])[] = [
        ["another database", readFileSync(othersFile), true],
        ["truncated", bytes.subarray(0, bytes.length - 1000), true],
        ["cut in its header", bytes.subarray(0, 50), true],
        ["empty", Buffer.alloc(0), true],
        ["a bit of its rows", flip(bytes.length - 10), true],
        ["a bit in the middle", flip(bytes.length >> 1), true],
        ["a text", Buffer.from("not a database at all, but a text of somebody\n".repeat(100)), false],
        ["somebody's database", readFileSync(foreign), false],
      ];
      for (const [what, content, ours] of cases) {
        const cacheDb = temporaryFile();
        writeFileSync(cacheDb, content);
        const opened = await openEngine(database, { cacheDb });
        const counts = await counted(opened.engine, async () =>
          expect(await opened.engine.execute(sql)).toEqual([{ id: 1 }]),
        );
        expect([what, counts]).toEqual([what, MISS]);
        expect([what, opened.faults.map(({ code }) => code)]).toEqual([what, ["ERR_SQLMEM_SNAPSHOT_FILE"]]);
        await opened.close();
        if (!ours) {
          expect([what, readFileSync(cacheDb).equals(content)]).toEqual([what, true]);
          continue;
        }
        // Replaced by a good one.
        const again = await openEngine(database, { cacheDb });
        expect([what, await counted(again.engine, () => again.engine.execute(sql))]).toEqual([what, HIT]);
        await again.close();
      }
    });

    it("starts empty when the settings that shape texts are others", async () => {
      await database.query("CREATE TABLE zoned AS SELECT '2024-01-01 00:00:00+00'::timestamptz AS at");
      const cacheDb = temporaryFile();
      await runOnce(database, { cacheDb }, ["SELECT at FROM zoned"]);
      const opened = await openEngine(database, { cacheDb, pool: { options: "-c TimeZone=America/New_York" } });
      expect(await counted(opened.engine, () => opened.engine.execute("SELECT at FROM zoned"))).toEqual(MISS);
    });

    it("goes on without a file in a directory that it cannot write to, or that is not there", async () => {
      await database.query("CREATE TABLE unwritable AS SELECT 1 AS id");
      const file = temporaryFile();
      const directory = join(file, "..", "locked");
      mkdirSync(directory);
      chmodSync(directory, 0o500);
      const isRoot = process.getuid?.() === 0;
      for (const cacheDb of [join(directory, "cache.db"), join(file, "..", "missing", "cache.db"), join(file, "..")]) {
        if (isRoot && cacheDb.includes("locked")) continue;
        const opened = await openEngine(database, { cacheDb });
        expect(await opened.engine.execute("SELECT id FROM unwritable")).toEqual([{ id: 1 }]);
        await opened.close();
        expect([cacheDb, opened.faults.map(({ code }) => code)]).toEqual([
          cacheDb,
          expect.arrayContaining(["ERR_SQLMEM_SNAPSHOT_FILE"]),
        ]);
        expect(opened.faults[0]?.message).toContain(cacheDb);
      }
    });

    it("two engines on one file: the last to save wins, the file is whole", async () => {
      await database.query("CREATE TABLE shared_a AS SELECT 1 AS id");
      await database.query("CREATE TABLE shared_b AS SELECT 2 AS id");
      const cacheDb = temporaryFile();
      const both = await Promise.all([openEngine(database, { cacheDb }), openEngine(database, { cacheDb })]);
      await Promise.all(
        both.map(({ engine }, i) => engine.execute(`SELECT id FROM ${i === 0 ? "shared_a" : "shared_b"}`)),
      );
      await Promise.all(both.map(({ close }) => close()));
      const opened = await openEngine(database, { cacheDb });
      const hits = await Promise.all(
        ["shared_a", "shared_b"].map(async (table) => (await opened.engine.explain(`SELECT id FROM ${table}`)).outcome),
      );
      expect(hits.toSorted()).toEqual(["hit", "miss"]);
      expect(opened.faults).toEqual([]);
      expect(readdirSync(join(cacheDb, ".."))).toEqual(["cache.db"]);
    });

    it("an engine that never asked anything leaves the file alone", async () => {
      await database.query("CREATE TABLE alone AS SELECT 1 AS id");
      const cacheDb = temporaryFile();
      await runOnce(database, { cacheDb }, ["SELECT id FROM alone"]);
      const before = readFileSync(cacheDb);
      await runOnce(database, { cacheDb }, []);
      await runOnce(database, { cacheDb }, ["SELECT id FROM alone"]);
      expect(readFileSync(cacheDb).equals(before)).toBe(true);
    });
  },
  { newestOnly: true },
);
