import { expect, it } from "vitest";
import { ReadOnlyError } from "../../src/errors.ts";
import { counted, describeOnServers, errorFields, expectSeen, HIT, openEngine, rejection } from "../support/engine.ts";

describeOnServers(
  "transparent mode: sessions, hidden writes, names that change hands",
  (database) => {
    it("follows a writing function in the default of a column", async () => {
      await database.query("CREATE TABLE hidden (id int, v text)");
      await database.query(
        "CREATE FUNCTION hide(int) RETURNS int LANGUAGE sql AS 'INSERT INTO hidden VALUES ($1, ''h'') RETURNING id'",
      );
      await database.query("CREATE TABLE defaults (id int DEFAULT hide(7), v text)");
      const opened = await openEngine(database, { mode: "transparent" });
      await expectSeen(opened, "INSERT INTO defaults (v) VALUES ('x')", ["defaults", "hidden"]);
    });

    it.each(["SELECT set_config('search_path', 'aside', false)"])("… nor after %s", async (sql) => {
      await database.query("CREATE SCHEMA IF NOT EXISTS aside");
      await database.query("CREATE TABLE IF NOT EXISTS aside.configured AS SELECT 2 AS id");
      await database.query("CREATE TABLE IF NOT EXISTS configured AS SELECT 1 AS id");
      const { engine } = await openEngine(database, { mode: "transparent", pool: { max: 1 } });
      expect(await engine.execute("SELECT id FROM configured")).toEqual([{ id: 1 }]);
      await engine.execute(sql);
      expect(await engine.execute("SELECT id FROM configured")).toEqual([{ id: 2 }]);
    });

    it("sees a temporary table that hides a cached one on its pool of one", async () => {
      await database.query("CREATE TABLE shadowed AS SELECT 1 AS id");
      const { engine } = await openEngine(database, { mode: "transparent", pool: { max: 1 } });
      expect(await engine.execute("SELECT id FROM shadowed")).toEqual([{ id: 1 }]);
      await engine.execute("CREATE TEMP TABLE shadowed AS SELECT 2 AS id");
      expect(await engine.execute("SELECT id FROM shadowed")).toEqual([{ id: 2 }]);
    });

    it('writes: "block" refuses functions of the user that may write', async () => {
      await database.query("CREATE TABLE guarded AS SELECT 1 AS id");
      await database.query("CREATE FUNCTION ungard() RETURNS int LANGUAGE sql AS 'DELETE FROM guarded RETURNING 1'");
      const { engine } = await openEngine(database, { mode: "transparent", writes: "block" });
      expect(await rejection(engine.execute("SELECT ungard()"))).toBeInstanceOf(ReadOnlyError);
      expect(await database.query("SELECT id FROM guarded")).toEqual([{ id: 1 }]);
    });

    it("follows a function in the select list of a cacheable table", async () => {
      await database.query("CREATE TABLE called (id int, v text)");
      await database.query("INSERT INTO called VALUES (1, 'a')");
      await database.query(
        "CREATE FUNCTION call_it(int) RETURNS int LANGUAGE sql AS 'INSERT INTO called VALUES ($1, ''f'') RETURNING id'",
      );
      const opened = await openEngine(database, { mode: "transparent" });
      await expectSeen(opened, "SELECT call_it(id) FROM called WHERE id = 1", ["called"]);
    });

    it("an empty statement and a syntax error leave the cache as it is", async () => {
      await database.query("CREATE TABLE kept AS SELECT 1 AS id");
      const { engine } = await openEngine(database, { mode: "transparent" });
      await engine.execute("SELECT id FROM kept");
      await engine.execute("");
      expect(await counted(engine, () => engine.execute("SELECT id FROM kept"))).toEqual(HIT);
      await rejection(engine.execute("SELEC"));
      expect(await counted(engine, () => engine.execute("SELECT id FROM kept"))).toEqual(HIT);
    });

    it("COMMIT AND CHAIN leaves a transaction open", async () => {
      await database.query("CREATE TABLE chained AS SELECT 1 AS id");
      const { engine } = await openEngine(database, { mode: "transparent", pool: { max: 1 } });
      await engine.execute("SELECT id FROM chained");
      await engine.execute("BEGIN");
      await engine.execute("COMMIT AND CHAIN");
      await engine.execute("DELETE FROM chained");
      expect(await engine.execute("SELECT id FROM chained")).toEqual([]);
      await engine.execute("ROLLBACK");
      expect(await engine.execute("SELECT id FROM chained")).toEqual([{ id: 1 }]);
    });

    it.each(["strict", "transparent"] as const)(
      "invalidate(name) after the table was made anew behind the cache's back (%s)",
      async (mode) => {
        const { engine } = await openEngine(database, { mode });
        await database.query("DROP TABLE IF EXISTS anew");
        await database.query("CREATE TABLE anew AS SELECT 1 AS id");
        expect(await engine.execute("SELECT id FROM anew")).toEqual([{ id: 1 }]);
        await database.query("DROP TABLE anew");
        await database.query("CREATE TABLE anew AS SELECT 2 AS id");
        await engine.invalidate("anew");
        expect(await engine.execute("SELECT id FROM anew")).toEqual([{ id: 2 }]);
        expect(await engine.execute("SELECT id + 1 AS more FROM anew")).toEqual([{ more: 3 }]);
      },
    );

    it("invalidate(name) after another table got the name", async () => {
      const { engine } = await openEngine(database);
      await database.query("CREATE TABLE swap_a AS SELECT 1 AS id");
      await database.query("CREATE TABLE swap_b AS SELECT 2 AS id");
      await engine.execute("SELECT id FROM swap_a");
      await engine.execute("SELECT id FROM swap_b");
      await database.query("ALTER TABLE swap_a RENAME TO swap_c");
      await database.query("ALTER TABLE swap_b RENAME TO swap_a");
      await engine.invalidate("swap_a");
      expect(await engine.execute("SELECT id FROM swap_a")).toEqual([{ id: 2 }]);
    });

    it("invalidate(name) after a table of that name appeared earlier in the search path", async () => {
      const { engine } = await openEngine(database, { pool: { options: "-c search_path=first,public" } });
      await database.query("CREATE SCHEMA first");
      await database.query("CREATE TABLE public.path AS SELECT 1 AS id");
      expect(await engine.execute("SELECT id FROM path")).toEqual([{ id: 1 }]);
      await database.query("CREATE TABLE first.path AS SELECT 2 AS id");
      await engine.invalidate("path");
      expect(await engine.execute("SELECT id FROM path")).toEqual([{ id: 2 }]);
    });

    it("invalidate(name) of a dropped table", async () => {
      const { engine, bare } = await openEngine(database);
      await database.query("CREATE TABLE gone AS SELECT 1 AS id");
      await engine.execute("SELECT id FROM gone");
      await database.query("DROP TABLE gone");
      await engine.invalidate("gone");
      expect(errorFields(await rejection(engine.execute("SELECT id FROM gone")))).toEqual(
        errorFields(await rejection(bare("SELECT id FROM gone"))),
      );
    });

    it("invalidate() of a partition or a parent", async () => {
      await database.query("CREATE TABLE pp (id int) PARTITION BY RANGE (id)");
      await database.query("CREATE TABLE pp1 PARTITION OF pp FOR VALUES FROM (0) TO (10)");
      const { engine } = await openEngine(database);
      await engine.execute("SELECT id FROM pp");
      await engine.execute("SELECT id FROM pp1");
      await database.query("INSERT INTO pp VALUES (1)");
      await engine.invalidate("pp");
      expect(await engine.execute("SELECT id FROM pp")).toEqual([{ id: 1 }]);
      expect([await engine.execute("SELECT id FROM pp1")]).toEqual([[{ id: 1 }]]);
      await database.query("INSERT INTO pp1 VALUES (2)");
      await engine.invalidate("pp1");
      expect(await engine.execute("SELECT id FROM pp ORDER BY id")).toEqual([{ id: 1 }, { id: 2 }]);
    });
  },
  { newestOnly: true },
);
