import { expect, it } from "vitest";
import { copies, counted, describeOnServers, HIT, openEngine, until } from "../support/engine.ts";

/** So many bytes that they do not fit the buffers between the server and the engine. */
const WIDE_ROWS = 40_000;

describeOnServers(
  "concurrency",
  (database) => {
    async function createWide(name: string): Promise<void> {
      await database.query(
        `CREATE TABLE ${name} AS SELECT i AS id, 1 AS version, repeat('x', 1000) AS wide FROM generate_series(1, ${WIDE_ROWS}) i`,
      );
    }

    it("100 misses of one table at once make one COPY", async () => {
      await database.query("CREATE TABLE crowd AS SELECT i AS id, i % 7 AS v FROM generate_series(1, 1000) i");
      const opened = await openEngine(database);
      const { engine } = opened;
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => engine.execute("SELECT v FROM crowd WHERE id = $1", [i + 1])),
      );
      expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => [{ v: (i + 1) % 7 }]));
      expect(copies(opened)).toHaveLength(1);
      expect(engine.stats()).toMatchObject({ loads: 1, misses: 100, hits: 0 });
    });

    it("100 misses of different shapes make one COPY", async () => {
      await database.query("CREATE TABLE shapes AS SELECT i AS id, i % 7 AS v FROM generate_series(1, 1000) i");
      const opened = await openEngine(database);
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          opened.engine.execute(`SELECT v AS v${i} FROM shapes WHERE id = 3 AND v < 1000${"0".repeat(i % 3)}`),
        ),
      );
      expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => [{ [`v${i}`]: 3 }]));
      expect(copies(opened)).toHaveLength(1);
    });

    it("different columns at once end with all of them, in few COPYs", async () => {
      await database.query(
        "CREATE TABLE columns AS SELECT i AS id, i + 1 AS a, i + 2 AS b, i + 3 AS c FROM generate_series(1, 100) i",
      );
      const opened = await openEngine(database);
      const { engine } = opened;
      const sets = ["a", "b", "c", "a, b", "b, c", "id", "a, b, c, id"];
      const answers = await Promise.all(
        sets.map((set) => engine.execute(`SELECT ${set} FROM columns ORDER BY id LIMIT 1`)),
      );
      const row: Record<string, number> = { id: 1, a: 2, b: 3, c: 4 };
      expect(answers).toEqual(
        sets.map((set) => [Object.fromEntries(set.split(", ").map((name) => [name, row[name]]))]),
      );
      expect(copies(opened).length).toBeLessThanOrEqual(sets.length);
      for (const set of sets) {
        expect(await counted(engine, () => engine.execute(`SELECT ${set} FROM columns ORDER BY id LIMIT 1`))).toEqual(
          HIT,
        );
      }
    });

    it("several tables at once", async () => {
      const names = Array.from({ length: 8 }, (_, i) => `several${i}`);
      for (const [i, name] of names.entries()) await database.query(`CREATE TABLE ${name} AS SELECT ${i} AS id`);
      const opened = await openEngine(database);
      const answers = await Promise.all(
        names.flatMap((name) => [1, 2, 3].map(() => opened.engine.execute(`SELECT id FROM ${name}`))),
      );
      expect(answers).toEqual(names.flatMap((_, i) => [1, 2, 3].map(() => [{ id: i }])));
      expect(copies(opened)).toHaveLength(names.length);
    });

    it("what an invalidation overtakes is not served afterwards", async () => {
      await createWide("overtaken");
      const opened = await openEngine(database);
      const { engine, proxy } = opened;
      await engine.explain("SELECT version, wide FROM overtaken WHERE id = 1");
      proxy.clear();
      const first = engine.execute<{ version: number }>("SELECT version, wide FROM overtaken WHERE id = 1");
      await until("the COPY is under way", () => proxy.copyData > 0);
      proxy.pause();
      await database.query("UPDATE overtaken SET version = 2");
      // Without a name it needs no round trip, which the proxy would hold up.
      await engine.invalidate();
      proxy.resume();
      await first;
      const rows = await engine.execute("SELECT version FROM overtaken WHERE id = 1");
      expect(rows).toEqual([{ version: 2 }]);
      expect(await counted(engine, () => engine.execute("SELECT version FROM overtaken WHERE id = 1"))).toEqual(HIT);
    });

    it("hits go on, on the old version, while a table is fetched with a new column", async () => {
      await createWide("growing");
      await database.query("CREATE TABLE aside AS SELECT 5 AS id");
      const { engine, proxy } = await openEngine(database);
      const known = "SELECT version FROM growing WHERE id = $1";
      await engine.execute(known, [1]);
      await engine.execute("SELECT id FROM aside");
      await engine.explain("SELECT wide FROM growing WHERE id = 1");
      await database.query("UPDATE growing SET version = 2");
      proxy.clear();
      let done = false;
      const load = engine.execute<{ wide: string }>("SELECT wide FROM growing WHERE id = 1").finally(() => {
        done = true;
      });
      await until("the COPY is under way", () => proxy.copyData > 0);
      proxy.pause();
      for (let id = 1; id <= 50; id++) {
        const counts = await counted(engine, async () => {
          expect(await engine.execute(known, [id])).toEqual([{ version: 1 }]);
        });
        expect(counts).toEqual(HIT);
      }
      expect(await engine.execute("SELECT id FROM aside")).toEqual([{ id: 5 }]);
      expect(done).toBe(false);
      proxy.resume();
      expect(await load).toHaveLength(1);
      expect(await engine.execute(known, [1])).toEqual([{ version: 2 }]);
    });

    it("queries and invalidations at random end with the truth", async () => {
      await database.query("CREATE TABLE busy AS SELECT i AS id, 0 AS version FROM generate_series(1, 500) i");
      const { engine } = await openEngine(database);
      let written = 0;
      const writer = async (): Promise<void> => {
        for (let version = 1; version <= 20; version++) {
          await database.query("UPDATE busy SET version = $1", [version]);
          await engine.invalidate("busy");
          written = version;
        }
      };
      const reader = async (id: number): Promise<void> => {
        while (written < 20) {
          const floor = written;
          const rows = await engine.execute<{ version: number }>("SELECT version FROM busy WHERE id = $1", [id]);
          expect(rows).toHaveLength(1);
          // What was invalidated before the query began may not be seen by it.
          expect(rows[0]?.version).toBeGreaterThanOrEqual(floor);
          await new Promise(setImmediate);
        }
      };
      await Promise.all([writer(), ...[1, 2, 3, 4].map(reader)]);
      expect(await engine.execute("SELECT DISTINCT version FROM busy")).toEqual([{ version: 20 }]);
    });

    it("one answer shows one version of the rows", async () => {
      await database.query("CREATE TABLE consistent AS SELECT i AS id, 0 AS version FROM generate_series(1, 5000) i");
      const { engine } = await openEngine(database);
      let stop = false;
      const writer = async (): Promise<void> => {
        for (let version = 1; version <= 10; version++) {
          await database.query("UPDATE consistent SET version = $1", [version]);
          await engine.invalidate("consistent");
        }
        stop = true;
      };
      const reader = async (): Promise<void> => {
        while (!stop) {
          const [row] = await engine.execute<{ low: number; high: number }>(
            "SELECT min(version) AS low, max(version) AS high FROM consistent",
          );
          expect(row?.low).toBe(row?.high);
          await new Promise(setImmediate);
        }
      };
      await Promise.all([writer(), reader(), reader()]);
    });
  },
  { newestOnly: true },
);
