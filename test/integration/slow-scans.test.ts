import { expect, it } from "vitest";
import { isHit } from "../support/attach.ts";
import { describeOnServers, openEngine, until } from "../support/engine.ts";

// What SQLite has no good plan for, and the origin has: two tables of which only computed values are equal.

const SLOW = "SELECT count(*) AS n, min(a.v) FROM many AS a JOIN many AS b ON a.v + 0 = b.v + 0";
const FAST = "SELECT count(*) AS n FROM many WHERE v % 7 = 3";

describeOnServers(
  "a scan that takes longer than the origin",
  (database) => {
    it("is given up, and the origin answers, for a while without a try", { timeout: 90_000 }, async () => {
      const { engine, faults, bare } = await openEngine(database, { mode: "transparent", scanWorkers: 1 });
      await engine.execute(FAST);
      await until("it is there", async () => (await engine.explain(FAST)).outcome === "hit");
      const expected = await bare(SLOW);
      // The second waits for the thread of the first; the third would, if it tried.
      for (let time = 0; time < 3; time++) {
        const answers = await Promise.all([engine.execute(SLOW), engine.execute(SLOW)]);
        expect(answers).toEqual([expected, expected]);
      }
      expect(engine.stats().bypassesByReason["slower-than-origin"]).toBe(6);
      expect(await engine.explain(SLOW)).toMatchObject({ outcome: "bypass", reason: "slower-than-origin" });
      const fast = await bare(FAST);
      expect(await isHit(engine, async () => expect(await engine.execute(FAST)).toEqual(fast))).toBe(true);
      expect(faults).toEqual([]);
    });

    it("is given up behind an attached client, which never waits for it", { timeout: 90_000 }, async () => {
      const { engine, pool, faults, bare } = await openEngine(database, { mode: "transparent", scanWorkers: 1 });
      engine.attach(pool);
      const expected = await bare(SLOW);
      await until("it is left to the origin", async () => {
        expect((await pool.query(SLOW)).rows).toEqual(expected);
        return (engine.stats().bypassesByReason["slower-than-origin"] ?? 0) > 0;
      });
      await until("a hit of another", async () => {
        const expectedRows = await bare(FAST);
        return await isHit(engine, async () => expect((await pool.query(FAST)).rows).toEqual(expectedRows));
      });
      expect(faults).toEqual([]);
    });
  },
  {
    setup: ["CREATE TABLE many (v int NOT NULL)", "INSERT INTO many SELECT generate_series(1, 60000)"],
    newestOnly: true,
  },
);
