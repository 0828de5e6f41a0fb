import { expect, it } from "vitest";
import { counted, describeOnServers, HIT, type OpenedEngine, openEngine } from "../support/engine.ts";
import { createNumbers } from "../support/numbers.ts";

describeOnServers(
  "budgets, indexes, threads",
  (database) => {
    it.each([
      { how: "by the origin's estimate", analyzed: true },
      { how: "by count", analyzed: false },
    ])("a table over maxTableRows is not cached, $how; remembered until invalidate", async ({ analyzed }) => {
      const table = analyzed ? "large_estimated" : "large_counted";
      await createNumbers(database, table, 5000, analyzed);
      for (const mode of ["strict", "transparent"] as const) {
        const { engine, proxy, faults } = await openEngine(database, { mode, maxTableRows: 1000 });
        const sql = `SELECT v FROM ${table} WHERE id = $1`;
        expect(await engine.execute(sql, [7])).toEqual([{ v: 7 }]);
        expect(await engine.explain(sql, [7])).toMatchObject({ outcome: "bypass", reason: "table-too-large" });
        expect(engine.stats().bypassesByReason).toEqual({ "table-too-large": 1 });
        proxy.clear();
        expect(await engine.execute(sql, [8])).toEqual([{ v: 8 }]);
        expect(proxy.copyData).toBe(0);
        expect(engine.stats().tables).toEqual([]);
        expect(faults).toEqual([]);
        if (!analyzed) continue;
        await database.query(`DELETE FROM ${table} WHERE id > 500`);
        await database.query(`ANALYZE ${table}`);
        await engine.invalidate(table);
        await engine.execute(sql, [7]);
        expect([mode, await counted(engine, () => engine.execute(sql, [7]))]).toEqual([mode, HIT]);
        await database.query(`INSERT INTO ${table} SELECT i, i % 100 FROM generate_series(501, 5000) i`);
        await database.query(`ANALYZE ${table}`);
      }
    });

    it("a table that alone does not fit maxBytes is table-too-large, and nothing else is lost for it", async () => {
      await createNumbers(database, "unfit", 50_000, true);
      await createNumbers(database, "fit", 100, true);
      const { engine, faults, bare } = await openEngine(database, { maxBytes: 600_000 });
      await engine.execute("SELECT id FROM fit");
      const sql = "SELECT t FROM unfit WHERE id = 77";
      expect(await engine.execute(sql)).toEqual(await bare(sql));
      expect(await engine.explain(sql)).toMatchObject({ outcome: "bypass", reason: "table-too-large" });
      expect(await engine.execute(sql)).toEqual(await bare(sql));
      expect(faults).toEqual([]);
      expect(await counted(engine, () => engine.execute("SELECT id FROM fit"))).toEqual(HIT);
    });

    async function expectIndexed(
      opened: OpenedEngine,
      sql: string,
      params: readonly unknown[],
      index: string,
    ): Promise<void> {
      const { engine } = opened;
      await engine.execute(sql, params);
      await expect
        .poll(
          async () => {
            await engine.execute(sql, params);
            return engine.stats().tables.flatMap(({ indexes }) => indexes);
          },
          { timeout: 15_000 },
        )
        .toContain(index);
      expect(await engine.explain(sql, params)).toMatchObject({
        outcome: "hit",
        thread: expect.stringMatching(/^main/),
      });
      expect(await engine.execute(sql, params)).toEqual(await opened.bare(sql, params));
    }

    it("indexes what is filtered by, and answers on the main thread then; scans go to a worker", async () => {
      await createNumbers(database, "filtered", 30_000, true);
      const opened = await openEngine(database);
      const { engine } = opened;
      await expectIndexed(opened, "SELECT id, v FROM filtered WHERE id = $1", [77], "id");
      await expectIndexed(opened, "SELECT id FROM filtered WHERE v = $1 AND id < $2 ORDER BY id", [5, 500], "v,id");
      const scan = "SELECT count(*), sum(v), min(t) FROM filtered WHERE v <> 3";
      await engine.execute(scan);
      expect(await engine.explain(scan)).toMatchObject({ outcome: "hit", thread: "scan-worker" });
      const counts = await counted(engine, async () =>
        expect(await engine.execute(scan)).toEqual(await opened.bare(scan)),
      );
      expect(counts).toEqual(HIT);
    });

    it("finds every NULL by an index whose other keys are all different", async () => {
      await database.query("CREATE TABLE mostly_unique (id int PRIMARY KEY, v int)");
      await database.query(
        "INSERT INTO mostly_unique SELECT i, CASE WHEN i % 10 > 0 THEN i END FROM generate_series(1, 3000) AS i",
      );
      const opened = await openEngine(database);
      await expectIndexed(opened, "SELECT id FROM mostly_unique WHERE v = $1", [7], "v");
      expect(await opened.engine.execute("SELECT id FROM mostly_unique WHERE v = 7")).toEqual([{ id: 7 }]);
      expect(await opened.engine.execute("SELECT id FROM mostly_unique WHERE v IS NULL")).toHaveLength(300);
      const same = "SELECT id FROM mostly_unique WHERE v IS NOT DISTINCT FROM $1";
      expect(await opened.engine.execute(same, [null])).toHaveLength(300);
      expect(await opened.engine.execute(same, [7])).toEqual([{ id: 7 }]);
    });

    it("finds each of several keys, however they are written", async () => {
      await createNumbers(database, "several_keys", 3000, true);
      const { engine } = await openEngine(database);
      const queries = [
        "SELECT id FROM several_keys WHERE id = 1 OR id = 2",
        "SELECT id FROM several_keys WHERE id IN (1, 2)",
        "SELECT id FROM several_keys WHERE (id = 1 OR id = 2) AND id > 0",
        "SELECT id FROM several_keys WHERE id = 1 OR id IN (2)",
        "SELECT id FROM several_keys WHERE NOT (id <> 1 AND id <> 2)",
        "SELECT id FROM several_keys WHERE id BETWEEN 1 AND 2",
      ];
      for (const sql of queries) {
        for (const run of ["miss", "hit"])
          expect([sql, run, await engine.execute(sql)]).toEqual([sql, run, [{ id: 1 }, { id: 2 }]]);
      }
      expect(await engine.execute("SELECT id FROM several_keys WHERE id = ANY($1)", [[1, 2]])).toHaveLength(2);
    });

    it("answers exactly where SQLite reads names and numbers its own way", async () => {
      await database.query('CREATE TABLE odd_names (name text, "name:rank" int, f float8)');
      await database.query("INSERT INTO odd_names VALUES ('b', 2147483647, 424690029667930000), ('a', 1, 0.5)");
      await database.query('CREATE TABLE odd_truths ("true" int, flag boolean)');
      await database.query("INSERT INTO odd_truths VALUES (0, true), (0, false)");
      const { engine, bare } = await openEngine(database, { mode: "transparent" });
      const queries: readonly (readonly [string, unknown[]?])[] = [
        ["SELECT f FROM odd_names WHERE f = ANY($1)", [[424690029667930000, 0.5]]],
        ['SELECT "true" FROM odd_truths WHERE flag IS TRUE'],
        ["SELECT true AS t FROM odd_truths"],
        ['SELECT "name:rank" FROM odd_names ORDER BY name'],
      ];
      for (const [sql, params] of queries) {
        for (const run of [1, 2])
          expect([sql, run, await engine.execute(sql, params)]).toEqual([sql, run, await bare(sql, params)]);
      }
      const overflow = 'SELECT "name:rank" + 1 FROM odd_names ORDER BY name';
      await expect(engine.execute(overflow)).rejects.toThrow("integer out of range");
    });

    it("an index outlives a load with more columns or comes back", async () => {
      await createNumbers(database, "reindexed", 5000, true);
      const opened = await openEngine(database);
      await expectIndexed(opened, "SELECT id FROM reindexed WHERE id = $1", [5], "id");
      await opened.engine.execute("SELECT t FROM reindexed WHERE id = 5");
      await expectIndexed(opened, "SELECT id FROM reindexed WHERE id = $1", [6], "id");
    });

    it("an integer primary key needs no index", async () => {
      await database.query("CREATE TABLE keyed AS SELECT i AS id, i AS v FROM generate_series(1, 5000) i");
      await database.query("ALTER TABLE keyed ADD PRIMARY KEY (id)");
      const { engine } = await openEngine(database);
      await engine.execute("SELECT v FROM keyed WHERE id = 7");
      expect(await engine.explain("SELECT v FROM keyed WHERE id = 7")).toMatchObject({
        outcome: "hit",
        thread: "main",
      });
      expect(engine.stats().tables[0]?.indexes).toEqual([]);
    });

    it("LIMIT decides by its value where it is answered", async () => {
      await createNumbers(database, "limited", 30_000, true);
      const { engine, bare } = await openEngine(database);
      for (const limit of [3, 29_000]) {
        const sql = "SELECT id FROM limited LIMIT $1";
        expect(await engine.execute(sql, [limit])).toHaveLength(limit);
        expect((await engine.explain(sql, [limit])).thread).toBe("main or scan-worker, by the values");
      }
      const ordered = "SELECT id FROM limited ORDER BY id LIMIT 5 OFFSET 20000";
      expect(await engine.execute(ordered)).toEqual(await bare(ordered));
    });

    it("scan workers answer many at once, with parameters, while tables change", async () => {
      await createNumbers(database, "scanned", 30_000, true);
      const { engine } = await openEngine(database, { scanWorkers: 2 });
      const sql = "SELECT count(*)::int AS n FROM scanned WHERE v + id > $1".replace("::int", "");
      const asked = Array.from({ length: 30 }, (_, i) => i * 1000);
      await engine.execute(sql, [0]);
      const all = Promise.all(asked.map((floor) => engine.execute(sql, [floor])));
      await engine.execute("SELECT t FROM scanned WHERE id = 1");
      const answers = await all;
      const expected = await Promise.all(asked.map((floor) => database.query(sql, [floor])));
      expect(answers).toEqual(expected);
    });
  },
  { newestOnly: true },
);
