import { expect, it } from "vitest";
import { counted, describeOnServers, HIT, MISS, openEngine } from "../support/engine.ts";
import { createNumbers } from "../support/numbers.ts";

describeOnServers(
  "eviction",
  (database) => {
    it("maxBytes evicts the least recently used table, which is loaded again when it is needed", async () => {
      for (const name of ["evict_a", "evict_b", "evict_c"]) await createNumbers(database, name, 20_000, true);
      const measure = await openEngine(database, {});
      await measure.engine.execute("SELECT id, t FROM evict_a WHERE id = 1");
      const { bytes } = measure.engine.stats();
      await measure.close();
      const { engine } = await openEngine(database, { maxBytes: Math.round(bytes * 2.6) });
      const query = (name: string): Promise<unknown> => engine.execute(`SELECT id, t FROM ${name} WHERE id = 1`);
      const held = (): string[] =>
        engine
          .stats()
          .tables.map(({ table }) => table)
          .toSorted();
      await query("evict_a");
      await query("evict_b");
      expect(held()).toEqual(["evict_a", "evict_b"]);
      await query("evict_a");
      expect(await counted(engine, () => query("evict_c"))).toEqual(MISS);
      await expect.poll(held, { timeout: 10_000 }).toEqual(["evict_a", "evict_c"]);
      expect(await counted(engine, () => query("evict_a"))).toEqual(HIT);
      expect(await counted(engine, () => query("evict_c"))).toEqual(HIT);
      expect(await counted(engine, () => query("evict_b"))).toEqual(MISS);
      expect(engine.stats().bytes).toBeLessThanOrEqual(bytes * 2.7);
    });

    it("a load that was broken off as too large leaves no old snapshot to later loads", async () => {
      await database.query("CREATE TABLE too_large AS SELECT i AS id FROM generate_series(1, 5000) i");
      await database.query("CREATE TABLE small AS SELECT 1 AS id");
      const { engine } = await openEngine(database, { maxTableRows: 1000 });
      expect(await engine.execute("SELECT id FROM too_large WHERE id = 7")).toEqual([{ id: 7 }]);
      await database.query("UPDATE small SET id = 2");
      expect(await engine.execute("SELECT id FROM small")).toEqual([{ id: 2 }]);
      const idle = await database.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
      );
      expect(idle).toEqual([{ n: 0 }]);
    });
  },
  { newestOnly: true },
);
