import { expect, it } from "vitest";
import { Child } from "../support/child-process.ts";
import { describeOnServers, openEngine, type SharedDatabase, until } from "../support/engine.ts";
import type { FollowedChildJob } from "../support/followed-child.ts";
import { expectCleanOrigin } from "../support/freshness-witness.ts";

// Several processes with an engine each on one database, and what is left of one that was killed.

const SETUP = [
  "CREATE TABLE counters (id int PRIMARY KEY, v int NOT NULL)",
  "INSERT INTO counters SELECT i, 0 FROM generate_series(1, 9) AS i",
];

function startChild(database: SharedDatabase, id: number, rounds: number): Child {
  const job: FollowedChildJob = { url: database.url, id, rounds };
  return new Child("followed-child.ts", job);
}

const said = (child: Child, start: string): string[] => child.lines.filter((line) => line.startsWith(start));

describeOnServers(
  "freshness: processes",
  (database) => {
    const slots = () =>
      database.query("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()");

    it("a token of another process is seen here, while both write and read", { timeout: 60_000 }, async () => {
      const { engine, bare, close } = await openEngine(database, { mode: "transparent", freshness: "session" });
      await engine.ready();
      const child = startChild(database, 2, 150);
      const read = "SELECT v FROM counters WHERE id = 2";
      let checked = 0;
      let counter = 0;
      await until("the other one has ended", async () => {
        await engine.execute("UPDATE counters SET v = $1 WHERE id = 1", [++counter]);
        expect(await engine.execute("SELECT v FROM counters WHERE id = 1")).toEqual([{ v: counter }]);
        for (const line of said(child, "wrote ").slice(checked)) {
          const [, value, after = ""] = line.split(" ");
          const rows = await engine.execute<{ v: number }>(read, [], { after });
          expect(rows[0]?.v).toBeGreaterThanOrEqual(Number(value));
          checked++;
        }
        return said(child, "closed").length > 0;
      });
      expect(await child.end()).toBe(0);
      expect(said(child, "stale")).toEqual([]);
      expect(checked).toBeGreaterThan(100);
      expect(Number(said(child, "hits ")[0]?.split(" ")[1])).toBeGreaterThan(0);
      expect(engine.stats().hits).toBeGreaterThan(0);
      expect(await engine.execute(read)).toEqual(await bare(read));
      expect(await slots()).toHaveLength(1);
      await close();
      await expectCleanOrigin(database);
    });

    it("one is killed while it writes, and started anew: the other goes on, and nothing stays", {
      timeout: 60_000,
    }, async () => {
      const { engine, close } = await openEngine(database, { mode: "transparent", freshness: "session" });
      await engine.ready();
      for (let time = 0; time < 3; time++) {
        const child = startChild(database, 3, 1_000_000);
        await until("it writes", () => said(child, "wrote ").length > 20);
        await child.kill();
        const [, value, after = ""] = said(child, "wrote ").at(-1)?.split(" ") ?? [];
        expect(said(child, "stale")).toEqual([]);
        await until("its slot is gone", async () => (await slots()).length === 1);
        const rows = await engine.execute<{ v: number }>("SELECT v FROM counters WHERE id = 3", [], { after });
        expect(rows[0]?.v).toBeGreaterThanOrEqual(Number(value));
        expect(engine.stats().freshness).toMatchObject({ state: "live", losses: 0 });
      }
      // What a killed one has published is swept by the next that starts, and by it alone.
      const last = startChild(database, 4, 3);
      await last.line("closed");
      expect(await last.end()).toBe(0);
      await close();
      await expectCleanOrigin(database);
    });

    it("an engine is closed while its walsender is being made, while it loads, and at once", async () => {
      for (let milliseconds = 0; milliseconds < 200; milliseconds += 9) {
        const { engine, close } = await openEngine(database, { mode: "transparent", freshness: "session" });
        const asked = Promise.allSettled([engine.ready(), engine.execute("SELECT v FROM counters ORDER BY id")]);
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        await close();
        await asked;
      }
      await expectCleanOrigin(database);
    });
  },
  { setup: SETUP, newestOnly: true },
);
