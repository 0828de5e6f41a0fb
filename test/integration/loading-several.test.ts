import { expect, it } from "vitest";
import { copies, counted, describeOnServers, HIT, openEngine, until } from "../support/engine.ts";

/** So many bytes that they do not fit the buffers between the server and the engine. */
const WIDE_ROWS = 40_000;

describeOnServers("loading several tables", (database) => {
  async function create(name: string, rows = 100): Promise<void> {
    await database.query(`CREATE TABLE ${name} AS SELECT i AS id, 1 AS version FROM generate_series(1, ${rows}) i`);
  }

  async function createWide(name: string): Promise<void> {
    await database.query(
      `CREATE TABLE ${name} AS SELECT i AS id, 1 AS version, repeat('x', 1000) AS wide FROM generate_series(1, ${WIDE_ROWS}) i`,
    );
    await database.query(`ALTER TABLE ${name} SET (autovacuum_enabled = off)`);
  }

  it("the tables of a query come from one snapshot", async () => {
    await createWide("snap_a");
    await createWide("snap_b");
    const opened = await openEngine(database, { mode: "transparent" });
    const { engine, proxy } = opened;
    const sql =
      "SELECT a.version AS a, b.version AS b FROM snap_a a JOIN snap_b b ON a.id = b.id WHERE a.wide < b.wide || 'y' AND a.id = 7";
    await engine.explain(sql);
    proxy.clear();
    const first = engine.execute<{ a: number; b: number }>(sql);
    await until("the COPY is under way", () => proxy.copyData > 0);
    proxy.pause();
    await database.query("UPDATE snap_a SET version = 2; UPDATE snap_b SET version = 2");
    proxy.resume();
    expect(await first).toEqual([{ a: 1, b: 1 }]);
    expect(copies(opened)).toHaveLength(2);
    expect(await counted(engine, async () => expect(await engine.execute(sql)).toEqual([{ a: 1, b: 1 }]))).toEqual(HIT);
  });

  it("queries that share a table share its load", async () => {
    for (const name of ["share_a", "share_b", "share_c"]) await create(name);
    const opened = await openEngine(database, { mode: "transparent" });
    const both = (x: string, y: string): string =>
      `SELECT count(*) AS n FROM share_${x} x JOIN share_${y} y ON x.id = y.id AND x.version = y.version`;
    const statements = [
      both("a", "b"),
      both("b", "c"),
      both("c", "a"),
      "SELECT count(id) AS n FROM share_b WHERE version = 1",
    ];
    const answers = await Promise.all(statements.flatMap((sql) => [1, 2, 3].map(() => opened.engine.execute(sql))));
    expect(answers).toEqual(answers.map(() => [{ n: "100" }]));
    expect(copies(opened)).toHaveLength(3);
    for (const sql of statements) expect(await counted(opened.engine, () => opened.engine.execute(sql))).toEqual(HIT);
  });

  it("only what is missing is fetched, and what is there stays", async () => {
    for (const name of ["more_a", "more_b"]) await create(name);
    const opened = await openEngine(database, { mode: "transparent" });
    const { engine, proxy } = opened;
    await engine.execute("SELECT id FROM more_a");
    await engine.execute("SELECT id, version FROM more_b");
    await database.query("UPDATE more_b SET version = 2");
    proxy.clear();
    const sql = "SELECT a.version AS a, b.version AS b FROM more_a a JOIN more_b b ON a.id = b.id WHERE b.id = 3";
    expect(await engine.execute(sql)).toEqual([{ a: 1, b: 1 }]);
    expect(copies(opened)).toHaveLength(1);
    expect(copies(opened)[0]).toContain("more_a");
  });

  it("a table that is too large keeps its queries out, and no others", async () => {
    await create("room_a");
    await create("room_large", 5000);
    const { engine, bare, faults } = await openEngine(database, { mode: "transparent", maxTableRows: 1000 });
    const join = "SELECT a.id FROM room_a a JOIN room_large l ON l.id = a.id WHERE l.id < 3 ORDER BY a.id";
    for (let time = 0; time < 3; time++) expect(await engine.execute(join)).toEqual(await bare(join));
    expect(await engine.explain(join)).toMatchObject({ outcome: "bypass", reason: "table-too-large" });
    const alone = "SELECT id FROM room_a WHERE id = 3";
    await engine.execute(alone);
    expect(await counted(engine, () => engine.execute(alone))).toEqual(HIT);
    expect(faults).toEqual([]);
  });

  it("an invalidation that overtakes the load of one table is seen by queries over it", async () => {
    await createWide("late_a");
    await create("late_b");
    const { engine, proxy } = await openEngine(database, { mode: "transparent" });
    const sql =
      "SELECT a.version AS a, b.version AS b FROM late_a a JOIN late_b b ON a.id = b.id WHERE b.id = 5 AND a.wide <> ''";
    await engine.explain(sql);
    proxy.clear();
    const first = engine.execute(sql);
    await until("the COPY is under way", () => proxy.copyData > 0);
    proxy.pause();
    await database.query("UPDATE late_b SET version = 2");
    await engine.invalidate();
    proxy.resume();
    await first;
    expect(await engine.execute(sql)).toEqual([{ a: 1, b: 2 }]);
    expect(await counted(engine, () => engine.execute(sql))).toEqual(HIT);
  });

  it("an invalidation of one table leaves the other in the cache", async () => {
    for (const name of ["one_a", "one_b"]) await create(name);
    const opened = await openEngine(database, { mode: "transparent" });
    const { engine, proxy } = opened;
    const sql = "SELECT a.version AS a, b.version AS b FROM one_a a JOIN one_b b ON a.id = b.id WHERE a.id = 4";
    await engine.execute(sql);
    await database.query("UPDATE one_a SET version = 2; UPDATE one_b SET version = 2");
    await engine.invalidate("one_b");
    proxy.clear();
    expect(await engine.execute(sql)).toEqual([{ a: 1, b: 2 }]);
    expect(copies(opened)).toHaveLength(1);
    expect(await counted(engine, () => engine.execute("SELECT version FROM one_a WHERE id = 4"))).toEqual(HIT);
  });

  it("a write to one table of a join is seen by the next join", async () => {
    for (const name of ["write_a", "write_b"]) await create(name);
    const { engine } = await openEngine(database, { mode: "transparent" });
    const sql = "SELECT a.version AS a, b.version AS b FROM write_a a JOIN write_b b ON a.id = b.id WHERE a.id = 4";
    await engine.execute(sql);
    await engine.execute("UPDATE write_b SET version = 3 WHERE id = 4");
    expect(await engine.execute(sql)).toEqual([{ a: 1, b: 3 }]);
    await engine.execute("DELETE FROM write_a WHERE id = 4");
    expect(await engine.execute(sql)).toEqual([]);
    expect(await counted(engine, () => engine.execute(sql))).toEqual(HIT);
  });

  it("a table that changes its definition makes a new plan of its joins", async () => {
    for (const name of ["altered_a", "altered_b"]) await create(name);
    const { engine, bare } = await openEngine(database, { mode: "transparent" });
    const sql = "SELECT * FROM altered_a a JOIN altered_b b ON a.id = b.id WHERE a.id = 4";
    await engine.execute(sql);
    await engine.execute("ALTER TABLE altered_b ADD COLUMN extra text DEFAULT 'e'");
    expect(await engine.execute(sql)).toEqual(await bare(sql));
    expect(await engine.execute(sql)).toEqual([{ id: 4, version: 1, extra: "e" }]);
    expect(await counted(engine, () => engine.execute(sql))).toEqual(HIT);
  });
});

describeOnServers(
  "a table that cannot be read as a whole",
  (database) => {
    it("keeps its queries out, and not the tables beside it", async () => {
      await database.query("CREATE TABLE sound AS SELECT i AS id FROM generate_series(1, 9) i");
      await database.query("CREATE TABLE raising (id int, d int, q int GENERATED ALWAYS AS (100 / d) VIRTUAL)");
      await database.query("INSERT INTO raising (id, d) VALUES (1, 1), (2, 0)");
      const { engine, bare, faults } = await openEngine(database, { mode: "transparent" });
      const sql = "SELECT s.id, r.q FROM sound s JOIN raising r ON r.id = s.id WHERE s.id = 1 AND r.id = 1";
      for (let time = 0; time < 3; time++) expect(await engine.execute(sql)).toEqual(await bare(sql));
      expect(await engine.explain(sql)).toMatchObject({ outcome: "bypass", reason: "load-failed" });
      expect(faults.map(({ message }) => message)).toEqual([expect.stringContaining("public.raising")]);
      expect(await counted(engine, () => engine.execute("SELECT id FROM sound WHERE id = 3"))).toEqual(HIT);
    });
  },
  { newestOnly: true },
);
