import { expect, it } from "vitest";
import { OptionsError, ReadOnlyError, UnsupportedQueryError } from "../../src/errors.ts";
import { BYPASS, copies, counted, describeOnServers, HIT, MISS, openEngine, rejection } from "../support/engine.ts";

describeOnServers("the contract table", (database) => {
  /** A table `name` with columns a, b, d and three rows. */
  async function createTable(name: string): Promise<void> {
    await database.query(`CREATE TABLE ${name} (a int PRIMARY KEY, b text, d numeric(10,2))`);
    await database.query(`INSERT INTO ${name} VALUES (1, 'one', 1.5), (2, 'two', NULL), (3, NULL, 3.25)`);
  }

  it("a first query is a miss that fetches its columns with one COPY", async () => {
    await createTable("first");
    const opened = await openEngine(database);
    const { engine } = opened;
    const rows: unknown[] = [];
    const counts = await counted(engine, async () => {
      rows.push(...(await engine.execute("SELECT a, b FROM first ORDER BY a")));
    });
    expect(counts).toEqual(MISS);
    expect(rows).toEqual([
      { a: 1, b: "one" },
      { a: 2, b: "two" },
      { a: 3, b: null },
    ]);
    const [copy, ...more] = copies(opened);
    expect(more).toEqual([]);
    expect(copy).toContain('"a"');
    expect(copy).toContain('"b"');
    expect(copy).not.toContain('"d"');
    // Its text was described, once, and never run.
    expect(opened.proxy.statements.filter((sql) => sql.includes("FROM first"))).toHaveLength(1);
  });

  it("a hit sends nothing and shows the rows of the load; invalidate brings the new ones", async () => {
    await createTable("behind");
    const { engine, proxy } = await openEngine(database);
    const sql = "SELECT b FROM behind WHERE a = $1";
    expect(await engine.execute(sql, [1])).toEqual([{ b: "one" }]);
    await database.query("UPDATE behind SET b = 'changed' WHERE a = 1");
    proxy.clear();
    const counts = await counted(engine, async () => {
      expect(await engine.execute(sql, [1])).toEqual([{ b: "one" }]);
    });
    expect(counts).toEqual(HIT);
    expect([proxy.messages, proxy.connections]).toEqual([0, 0]);
    await engine.invalidate("behind");
    const after = await counted(engine, async () => {
      expect(await engine.execute(sql, [1])).toEqual([{ b: "changed" }]);
    });
    expect(after).toEqual(MISS);
    expect(await counted(engine, () => engine.execute(sql, [1]))).toEqual(HIT);
  });

  it("a query with other clauses over the same columns hits after one round trip that runs nothing", async () => {
    await createTable("clauses");
    const { engine, proxy } = await openEngine(database);
    await engine.execute("SELECT a, d FROM clauses");
    proxy.clear();
    const sql = "SELECT a FROM clauses WHERE d > 1 ORDER BY a DESC LIMIT 1";
    const counts = await counted(engine, async () => {
      expect(await engine.execute(sql)).toEqual([{ a: 3 }]);
    });
    expect(counts).toEqual(HIT);
    expect(proxy.executes).toBe(0);
    expect(proxy.copyData).toBe(0);
    proxy.clear();
    // Other constants are the same shape.
    expect(await engine.execute("SELECT a FROM clauses WHERE d > 2 ORDER BY a DESC LIMIT 2")).toEqual([{ a: 3 }]);
    expect(proxy.messages).toBe(0);
  });

  it("columns accumulate: a, b and then a, d is one COPY of a, b, d, and every subset hits", async () => {
    await createTable("accumulate");
    const opened = await openEngine(database);
    const { engine, proxy } = opened;
    await engine.execute("SELECT a, b FROM accumulate");
    proxy.clear();
    expect(await counted(engine, () => engine.execute("SELECT a, d FROM accumulate"))).toEqual(MISS);
    const [copy, ...more] = copies(opened);
    expect(more).toEqual([]);
    for (const column of ["a", "b", "d"]) expect(copy).toContain(`"${column}"`);
    await database.query("DELETE FROM accumulate");
    for (const columns of ["a", "b", "d", "a, b", "a, d", "b, d", "d, b, a"]) {
      const counts = await counted(engine, async () => {
        expect(await engine.execute(`SELECT ${columns} FROM accumulate`)).toHaveLength(3);
      });
      expect(counts).toEqual(HIT);
    }
    expect(copies(opened)).toHaveLength(1);
    expect(engine.stats().tables.find(({ table }) => table === "accumulate")?.columns).toEqual(
      expect.arrayContaining(["a", "b", "d"]),
    );
  });

  it("columns of the conditions are fetched too, and the predicate is not sent", async () => {
    await createTable("conditions");
    const opened = await openEngine(database);
    await opened.engine.execute("SELECT b FROM conditions WHERE a = 2");
    expect(copies(opened)).toHaveLength(1);
    expect(copies(opened)[0]).not.toMatch(/\ba\W* = /);
    expect(await counted(opened.engine, () => opened.engine.execute("SELECT a, b FROM conditions"))).toEqual(HIT);
  });

  it("invalidate forgets which columns were used", async () => {
    await createTable("forget");
    const opened = await openEngine(database);
    const { engine, proxy } = opened;
    await engine.execute("SELECT a, b FROM forget");
    await engine.invalidate("forget");
    proxy.clear();
    await engine.execute("SELECT d FROM forget");
    expect(copies(opened)).toHaveLength(1);
    expect(copies(opened)[0]).not.toContain('"b"');
  });

  it("count(*) needs no column, and is a hit afterwards", async () => {
    await createTable("counting");
    const { engine } = await openEngine(database);
    expect(await engine.execute("SELECT count(*) FROM counting")).toEqual([{ count: "3" }]);
    await database.query("DELETE FROM counting");
    const counts = await counted(engine, async () => {
      expect(await engine.execute("SELECT count(*) AS n FROM counting")).toEqual([{ n: "3" }]);
    });
    expect(counts).toEqual(HIT);
  });

  it("wildcards and joins are refused with their reason, and run nowhere", async () => {
    await createTable("refused");
    const { engine, proxy } = await openEngine(database);
    await engine.execute("SELECT a, b FROM refused");
    const cases: readonly (readonly [string, string])[] = [
      ["SELECT * FROM refused", "wildcard"],
      ["SELECT refused.* FROM refused", "wildcard"],
      ["SELECT r.*, a FROM refused r WHERE a = 1", "wildcard"],
      ["SELECT x.a, y.b FROM refused x JOIN refused y ON x.a = y.a", "join"],
      ["SELECT x.a FROM refused x, refused y", "join"],
      ["SELECT x.a FROM refused x LEFT JOIN refused y USING (a)", "join"],
      ["SELECT x.a FROM refused x NATURAL JOIN refused y", "join"],
    ];
    for (const [sql, reason] of cases) {
      proxy.clear();
      const counts = await counted(engine, async () => {
        const error = await rejection(engine.execute(sql));
        expect(error).toBeInstanceOf(UnsupportedQueryError);
        expect(error).toMatchObject({ reason, code: "ERR_SQLMEM_UNSUPPORTED_QUERY" });
        expect(error.message).toContain("transparent");
      });
      expect([sql, counts]).toEqual([sql, BYPASS]);
      expect([sql, proxy.executes, proxy.copyData]).toEqual([sql, 0, 0]);
    }
  });

  it("whatever writes is a ReadOnlyError, sends nothing, changes nothing", async () => {
    await database.query("CREATE TABLE written AS SELECT 1 AS a");
    const { engine, proxy } = await openEngine(database);
    expect(await engine.execute("SELECT a FROM written")).toEqual([{ a: 1 }]);
    const cases: readonly (readonly [string, string])[] = [
      ["INSERT INTO written VALUES (9)", "INSERT"],
      ["INSERT INTO written SELECT 9", "INSERT"],
      ["UPDATE written SET a = 9", "UPDATE"],
      ["DELETE FROM written", "DELETE"],
      ["MERGE INTO written w USING (SELECT 1 AS a) s ON w.a = s.a WHEN MATCHED THEN DELETE", "MERGE"],
      ["TRUNCATE written", "TRUNCATE"],
      ["DROP TABLE written", "DROP TABLE"],
      ["ALTER TABLE written ADD COLUMN z int", "ALTER TABLE"],
      ["CREATE TABLE written2 (a int)", "CREATE TABLE"],
      ["CREATE TABLE written2 AS SELECT a FROM written", "CREATE TABLE AS"],
      ["CREATE INDEX ON written (a)", "CREATE INDEX"],
      ["WITH gone AS (DELETE FROM written RETURNING a) SELECT a FROM gone", "WITH … DELETE"],
      ["SELECT a FROM written FOR UPDATE", "SELECT … FOR UPDATE"],
      ["SELECT a INTO written2 FROM written", "SELECT INTO"],
    ];
    proxy.clear();
    for (const [sql, command] of cases) {
      const error = await rejection(engine.execute(sql));
      expect([sql, error]).toEqual([sql, expect.any(ReadOnlyError)]);
      expect(error).toMatchObject({ name: "ReadOnlyError", code: "ERR_SQLMEM_READ_ONLY", command });
      expect(error.message).toContain(command);
    }
    expect(proxy.messages).toBe(0);
    expect(await database.query("SELECT a FROM written")).toEqual([{ a: 1 }]);
    expect(await database.query("SELECT to_regclass('written2') AS made")).toEqual([{ made: null }]);
    expect(await counted(engine, () => engine.execute("SELECT a FROM written"))).toEqual(HIT);
  });

  it("invalidate takes names as the origin reads them, and refuses unknown ones", async () => {
    await database.query("CREATE SCHEMA other");
    for (const name of ["named", '"Named"', "other.named", 'other."a.b""c"']) {
      await database.query(`CREATE TABLE ${name} (a int)`);
      await database.query(`INSERT INTO ${name} VALUES (1)`);
    }
    const { engine } = await openEngine(database);
    const all = ["named", '"Named"', "other.named", 'other."a.b""c"'];
    for (const name of all) await engine.execute(`SELECT a FROM ${name}`);
    const cases: readonly (readonly [string, string])[] = [
      ["named", "named"],
      ["NAMED", "named"],
      ["public.named", "named"],
      ['"Named"', '"Named"'],
      ['public."Named"', '"Named"'],
      ["other.named", "other.named"],
      ['"other"."named"', "other.named"],
      ['other."a.b""c"', 'other."a.b""c"'],
    ];
    for (const [written, meant] of cases) {
      await engine.invalidate(written);
      for (const name of all) {
        const counts = await counted(engine, () => engine.execute(`SELECT a FROM ${name}`));
        expect([written, name, counts]).toEqual([written, name, name === meant ? MISS : HIT]);
      }
    }
    for (const unknown of [
      "nothing",
      "other.nothing",
      "nowhere.named",
      '"NAMED"',
      "",
      " ",
      "a b",
      "named;",
      "1",
      "a.b.c.d",
    ]) {
      const error = await rejection(engine.invalidate(unknown));
      expect([unknown, error]).toEqual([unknown, expect.any(OptionsError)]);
      expect(error.message).toContain(JSON.stringify(unknown));
    }
    // @ts-expect-error not a name
    expect(await rejection(engine.invalidate(7))).toBeInstanceOf(OptionsError);
    for (const name of all) expect(await counted(engine, () => engine.execute(`SELECT a FROM ${name}`))).toEqual(HIT);
  });

  it("invalidate without a name forgets all tables", async () => {
    await createTable("every1");
    await createTable("every2");
    const { engine } = await openEngine(database);
    for (const table of ["every1", "every2"]) await engine.execute(`SELECT a FROM ${table}`);
    await engine.invalidate();
    for (const table of ["every1", "every2"]) {
      expect(await counted(engine, () => engine.execute(`SELECT a FROM ${table}`))).toEqual(MISS);
    }
  });

  it("explain says what execute would do, and does nothing", async () => {
    await createTable("explained");
    const { engine, proxy } = await openEngine(database);
    const sql = "SELECT b FROM explained WHERE a = $1";
    const miss = await engine.explain(sql, [1]);
    expect(miss).toMatchObject({ outcome: "miss", reason: null, sqlite: null, thread: null });
    expect(miss.tables).toMatchObject([
      { schema: "public", table: "explained", columns: expect.arrayContaining(["a", "b"]) },
    ]);
    expect(proxy.copyData).toBe(0);
    expect(engine.stats()).toMatchObject({ hits: 0, misses: 0, bypasses: 0, loads: 0, tables: [] });
    await engine.execute(sql, [1]);
    const hit = await engine.explain(sql, [1]);
    expect(hit).toMatchObject({ outcome: "hit", reason: null, thread: "main" });
    expect(hit.sqlite).toContain("SELECT");
    expect(await engine.explain("SELECT * FROM explained")).toMatchObject({ outcome: "bypass", reason: "wildcard" });
    expect(await engine.explain("DELETE FROM explained")).toMatchObject({ outcome: "bypass", reason: "write" });
    expect(await engine.explain(sql, ["one"])).toMatchObject({ outcome: "bypass", reason: "parameter" });
    expect(await database.query("SELECT count(*)::int AS n FROM explained")).toEqual([{ n: 3 }]);
  });

  it("stats report the cached tables", async () => {
    await createTable("reported");
    const { engine } = await openEngine(database);
    await engine.execute("SELECT a, b FROM reported");
    const stats = engine.stats();
    expect(stats.tables).toEqual([
      expect.objectContaining({ schema: "public", table: "reported", rows: 3, columns: ["a", "b"], indexes: [] }),
    ]);
    expect(stats.tables[0]?.bytes).toBeGreaterThan(0);
    expect(stats.tables[0]?.ageMs).toBeGreaterThanOrEqual(0);
    expect(stats.bytes).toBeGreaterThan(0);
  });
});
