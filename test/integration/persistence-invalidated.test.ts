import { expect, it } from "vitest";
import { describeOnServers, openEngine, runOnce, temporaryFile } from "../support/engine.ts";

describeOnServers(
  "persistence of what was invalidated",
  (database) => {
    it("does not bring back what was invalidated before the first query of a run", async () => {
      await database.query("CREATE TABLE early AS SELECT 1 AS id");
      const cacheDb = temporaryFile();
      await runOnce(database, { cacheDb }, ["SELECT id FROM early"]);
      for (const name of [undefined, "early"]) {
        await database.query("UPDATE early SET id = id + 1");
        const opened = await openEngine(database, { cacheDb });
        await opened.engine.invalidate(name);
        expect(await opened.engine.execute("SELECT id FROM early")).toEqual(await opened.bare("SELECT id FROM early"));
        await opened.close();
      }
      // … nor where no query came after it.
      await database.query("UPDATE early SET id = id + 1");
      const opened = await openEngine(database, { cacheDb });
      await opened.engine.invalidate();
      await opened.close();
      const later = await openEngine(database, { cacheDb });
      expect(await later.engine.execute("SELECT id FROM early")).toEqual(await later.bare("SELECT id FROM early"));
    });

    it("does not bring back what is invalidated while the first query starts", async () => {
      await database.query("CREATE TABLE racing AS SELECT 1 AS id");
      const cacheDb = temporaryFile();
      await runOnce(database, { cacheDb }, ["SELECT id FROM racing"]);
      await database.query("UPDATE racing SET id = 2");
      const opened = await openEngine(database, { cacheDb });
      const first = opened.engine.execute("SELECT id FROM racing");
      await opened.engine.invalidate();
      await first;
      expect(await opened.engine.execute("SELECT id FROM racing")).toEqual([{ id: 2 }]);
    });
  },
  { newestOnly: true },
);
