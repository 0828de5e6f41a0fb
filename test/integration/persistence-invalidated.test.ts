import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import {
  describeOnServers,
  type EngineSetup,
  type OpenedEngine,
  openEngine,
  type SharedDatabase,
} from "../support/engine.ts";

function temporaryFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "sqlmem-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "cache.db");
}

/** Opens an engine, asks, closes. */
async function runOnce(
  database: Pick<SharedDatabase, "url">,
  options: EngineSetup,
  queries: readonly string[],
): Promise<OpenedEngine> {
  const opened = await openEngine(database, options);
  for (const sql of queries) await opened.engine.execute(sql);
  await opened.close();
  return opened;
}

describeOnServers("persistence, open", (database) => {
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
});
