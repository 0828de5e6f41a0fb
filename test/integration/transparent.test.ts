import { expect, it } from "vitest";
import { ReadOnlyError } from "../../src/errors.ts";
import {
  BYPASS,
  counted,
  describeOnServers,
  errorFields,
  expectSeen,
  HIT,
  MISS,
  openEngine,
  rejection,
} from "../support/engine.ts";

describeOnServers("transparent mode", (database) => {
  it("answers everything as the driver does", async () => {
    await database.query(
      "CREATE TABLE everything (id int PRIMARY KEY, name text, price numeric, at timestamptz DEFAULT now(), data jsonb)",
    );
    await database.query(
      "INSERT INTO everything (id, name, price, data) VALUES (1, 'a', 1.0, '{\"x\":1}'), (2, 'B', 1.00, NULL), (3, NULL, 2, '[]')",
    );
    await database.query("CREATE TABLE others (id int, everything_id int)");
    await database.query("INSERT INTO others VALUES (1, 1), (2, 1), (3, 9)");
    const { engine, bare } = await openEngine(database, { mode: "transparent" });
    const statements: readonly (readonly [sql: string, params?: readonly unknown[]])[] = [
      ["SELECT * FROM everything ORDER BY id"],
      ["SELECT e.*, id FROM everything e WHERE id = $1", [2]],
      ["SELECT count(*) FROM everything"],
      ["SELECT e.id, o.id AS o FROM everything e JOIN others o ON o.everything_id = e.id ORDER BY 1, 2"],
      ["SELECT id FROM everything WHERE id IN (SELECT everything_id FROM others) ORDER BY id"],
      ["WITH a AS (SELECT id FROM everything) SELECT sum(id) FROM a"],
      ["SELECT id FROM everything UNION ALL SELECT id FROM others ORDER BY 1"],
      ["SELECT id, row_number() OVER (ORDER BY id DESC) FROM everything ORDER BY id"],
      ["SELECT DISTINCT price FROM everything WHERE id > 2"],
      ["SELECT id FROM everything WHERE name ILIKE 'b'"],
      ["SELECT data -> 'x' AS x FROM everything ORDER BY id"],
      ["SELECT 1 AS one, $1::text AS two", ["x"]],
      ["SELECT now() IS NOT NULL AS yes"],
      ["VALUES (1, 'a'), (2, 'b')"],
      ["TABLE others"],
      ["EXPLAIN (COSTS off) SELECT id FROM everything WHERE id = 1"],
      ["SHOW server_encoding"],
      ["SELECT relname FROM pg_class WHERE relname = 'everything'"],
      ["SELECT id FROM everything; SELECT count(*) FROM others"],
      [""],
      ["/* nothing */;"],
      ["SELECT FROM everything"],
    ];
    for (const round of [1, 2]) {
      for (const [sql, params] of statements) {
        let theirs: unknown = await bare(sql, params).catch(errorFields);
        // Several statements in one text: the driver gives a list of results, the engine the last one's rows.
        if (sql.includes("; SELECT")) theirs = [{ count: "3" }];
        const ours = await engine.execute(sql, params).catch(errorFields);
        expect({ round, sql, rows: ours }).toStrictEqual({ round, sql, rows: theirs });
      }
    }
    await engine.execute("SELECT * FROM everything ORDER BY id");
    expect(await counted(engine, () => engine.execute("SELECT * FROM everything ORDER BY id"))).toEqual(HIT);
  });

  it("gives the origin's errors, for reads and for writes", async () => {
    await database.query("CREATE TABLE strictly (id int PRIMARY KEY, v text NOT NULL)");
    await database.query("INSERT INTO strictly VALUES (1, 'a')");
    const { engine, bare } = await openEngine(database, { mode: "transparent" });
    for (const sql of [
      "INSERT INTO strictly VALUES (1, 'b')",
      "INSERT INTO strictly VALUES (2, NULL)",
      "INSERT INTO nothing VALUES (1)",
      "SELEC 1",
      "SELECT id FROM nothing",
      "SELECT * FROM strictly JOIN nothing USING (id)",
      "SELECT 1/0",
      "SELECT id / 0 FROM strictly",
      "UPDATE strictly SET id = 'x'",
    ]) {
      expect([sql, errorFields(await rejection(engine.execute(sql)))]).toEqual([
        sql,
        errorFields(await rejection(bare(sql))),
      ]);
    }
  });

  it("sees its own writes", async () => {
    await database.query("CREATE TABLE plain (id int PRIMARY KEY, v text)");
    await database.query("INSERT INTO plain VALUES (1, 'a'), (2, 'b')");
    const opened = await openEngine(database, { mode: "transparent" });
    const { engine } = opened;
    const writes: readonly (readonly [sql: string, params?: readonly unknown[]])[] = [
      ["INSERT INTO plain VALUES ($1, $2)", [3, "c"]],
      ["UPDATE plain SET v = v || '!' WHERE id = 1"],
      ["DELETE FROM plain WHERE id = 2"],
      ["INSERT INTO public.plain AS p VALUES (1, 'z') ON CONFLICT (id) DO UPDATE SET v = excluded.v"],
      ["MERGE INTO plain p USING (SELECT 3 AS id) s ON s.id = p.id WHEN MATCHED THEN UPDATE SET v = 'merged'"],
      ["WITH gone AS (DELETE FROM plain WHERE id = 3 RETURNING id) SELECT id FROM gone"],
      ["WITH new AS (INSERT INTO plain VALUES (4, 'd') RETURNING id) SELECT id FROM new"],
      ["SELECT 1; INSERT INTO plain VALUES (5, 'e'); SELECT 2"],
      ["EXPLAIN ANALYZE DELETE FROM plain WHERE id = 5"],
      ["DO $$ BEGIN UPDATE plain SET v = 'done' WHERE id = 4; END $$"],
      ["TRUNCATE plain"],
    ];
    for (const [sql, params] of writes) await expectSeen(opened, sql, ["plain"], params);
    const rows = await engine.execute("INSERT INTO plain VALUES (1, 'r') RETURNING id, v");
    expect(rows).toEqual([{ id: 1, v: "r" }]);
    expect(await engine.execute("UPDATE plain SET v = 's'")).toEqual([]);
  });

  it("keeps what a write does not touch", async () => {
    await database.query("CREATE TABLE touched (id int, v text)");
    await database.query("CREATE TABLE untouched (id int, v text)");
    const { engine, proxy } = await openEngine(database, { mode: "transparent" });
    for (const table of ["touched", "untouched"]) await engine.execute(`SELECT id FROM ${table}`);
    await engine.execute("INSERT INTO touched VALUES (1)");
    proxy.clear();
    expect(await counted(engine, () => engine.execute("SELECT id FROM untouched"))).toEqual(HIT);
    expect(await counted(engine, () => engine.execute("INSERT INTO touched VALUES (2)"))).toEqual(BYPASS);
    expect(await counted(engine, () => engine.execute("SELECT id FROM untouched"))).toEqual(HIT);
    expect(await counted(engine, () => engine.execute("SELECT id FROM touched"))).toEqual(MISS);
  });

  it("follows foreign keys, to any depth", async () => {
    await database.query("CREATE TABLE grand (id int PRIMARY KEY, v text)");
    await database.query(
      "CREATE TABLE parent (id int PRIMARY KEY, v int REFERENCES grand ON DELETE CASCADE ON UPDATE CASCADE)",
    );
    await database.query("CREATE TABLE child (id int PRIMARY KEY, v int REFERENCES parent ON DELETE SET NULL)");
    await database.query("CREATE TABLE tree (id int PRIMARY KEY, v int REFERENCES tree ON DELETE CASCADE)");
    await database.query("INSERT INTO grand VALUES (1), (2), (3)");
    await database.query("INSERT INTO parent VALUES (1, 1), (2, 2), (3, 3)");
    await database.query("INSERT INTO child VALUES (1, 1), (2, 2), (3, 3)");
    await database.query("INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2)");
    const opened = await openEngine(database, { mode: "transparent" });
    await expectSeen(opened, "DELETE FROM grand WHERE id = 1", ["grand", "parent", "child"]);
    await expectSeen(opened, "UPDATE grand SET id = 20 WHERE id = 2", ["grand", "parent"]);
    await expectSeen(opened, "DELETE FROM tree WHERE id = 1", ["tree"]);
    await expectSeen(opened, "TRUNCATE grand CASCADE", ["grand", "parent", "child"]);
  });

  it("follows triggers, rules and functions", async () => {
    for (const table of ["source", "log1", "log2", "log3"])
      await database.query(`CREATE TABLE ${table} (id int, v text)`);
    await database.query("INSERT INTO source VALUES (1, 'a')");
    await database.query(
      "CREATE FUNCTION write_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log1 VALUES (NEW.id, 'trigger'); RETURN NEW; END $$",
    );
    await database.query("CREATE TRIGGER logs AFTER UPDATE ON source FOR EACH ROW EXECUTE FUNCTION write_log()");
    await database.query("CREATE RULE logs AS ON DELETE TO source DO ALSO INSERT INTO log2 VALUES (OLD.id, 'rule')");
    await database.query(
      "CREATE FUNCTION write_more(int) RETURNS int LANGUAGE sql AS 'INSERT INTO log3 VALUES ($1, ''function'') RETURNING id'",
    );
    await database.query(
      "CREATE PROCEDURE write_proc(int) LANGUAGE sql AS 'INSERT INTO log3 VALUES ($1, ''procedure'')'",
    );
    const opened = await openEngine(database, { mode: "transparent" });
    await expectSeen(opened, "UPDATE source SET v = 'b'", ["source", "log1"]);
    await expectSeen(opened, "DELETE FROM source", ["source", "log2"]);
    await expectSeen(opened, "SELECT write_more(1)", ["log3"]);
    await expectSeen(opened, "SELECT public.write_more(2)", ["log3"]);
    await expectSeen(opened, "INSERT INTO source VALUES (write_more(4), 'x')", ["source", "log3"]);
    await expectSeen(opened, "CALL write_proc(3)", ["log3"]);
    await expectSeen(opened, "SELECT s.id FROM source s, LATERAL write_more(s.id) w", ["log3"]);
    await expectSeen(opened, "SELECT * FROM write_more(5)", ["log3"]);
  });

  it("follows partitions and inheritance, from both ends, and updatable views", async () => {
    await database.query("CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id)");
    await database.query("CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10)");
    await database.query("CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (10) TO (20)");
    await database.query("CREATE TABLE base (id int, v text)");
    await database.query("CREATE TABLE derived () INHERITS (base)");
    await database.query("CREATE VIEW through AS SELECT id, v FROM base WHERE id > 0");
    const opened = await openEngine(database, { mode: "transparent" });
    await expectSeen(opened, "INSERT INTO parts VALUES (1, 'root')", ["parts", "parts_low"]);
    await expectSeen(opened, "INSERT INTO parts_high VALUES (11, 'leaf')", ["parts", "parts_high"]);
    await expectSeen(opened, "UPDATE parts SET id = 12 WHERE id = 1", ["parts", "parts_low", "parts_high"]);
    await expectSeen(opened, "INSERT INTO derived VALUES (1, 'derived')", ["base", "derived"]);
    await expectSeen(opened, "UPDATE base SET v = 'both'", ["base", "derived"]);
    await expectSeen(opened, "INSERT INTO through VALUES (2, 'view')", ["base"]);
    await expectSeen(opened, "ALTER TABLE parts DETACH PARTITION parts_high", ["parts"]);
    await expectSeen(opened, "ALTER TABLE parts ATTACH PARTITION parts_high FOR VALUES FROM (10) TO (20)", ["parts"]);
    await expectSeen(opened, "DROP TABLE parts_high", ["parts"]);
    await expectSeen(opened, "TRUNCATE base", ["base", "derived"].slice(0, 1));
  });

  it("follows materialized views", async () => {
    await database.query("CREATE TABLE of_mat (id int, v text)");
    await database.query("CREATE MATERIALIZED VIEW mat AS SELECT id, v FROM of_mat");
    const opened = await openEngine(database, { mode: "transparent" });
    await opened.engine.execute("SELECT id, v FROM mat");
    await opened.engine.execute("INSERT INTO of_mat VALUES (1, 'a')");
    await expectSeen(opened, "REFRESH MATERIALIZED VIEW mat", ["mat"]);
  });

  it("follows DDL", async () => {
    await database.query("CREATE TABLE ddl (id int, v text, extra int)");
    await database.query("INSERT INTO ddl VALUES (1, '10', 5)");
    const { engine, bare } = await openEngine(database, { mode: "transparent" });
    const queries = [
      "SELECT * FROM ddl ORDER BY 1",
      "SELECT id, v FROM ddl ORDER BY 1",
      "SELECT extra FROM ddl",
      "SELECT added FROM ddl",
      "SELECT renamed FROM ddl",
      "SELECT v FROM ddl_renamed",
      "SELECT count(*) FROM ddl WHERE v = '10'",
      "SELECT id FROM ddl WHERE id = $1",
    ];
    const compare = async (after: string): Promise<void> => {
      for (const sql of queries) {
        const params = sql.includes("$1") ? [1] : undefined;
        for (const round of [1, 2]) {
          const answers = await Promise.all(
            [engine, { execute: bare }].map((each) => each.execute(sql, params).catch(errorFields)),
          );
          expect({ after, round, sql, answer: answers[0] }).toStrictEqual({ after, round, sql, answer: answers[1] });
        }
      }
    };
    await compare("the start");
    for (const sql of [
      "ALTER TABLE ddl ADD COLUMN added int DEFAULT 7",
      "ALTER TABLE ddl DROP COLUMN extra",
      "ALTER TABLE ddl RENAME COLUMN added TO renamed",
      "ALTER TABLE ddl ALTER COLUMN v TYPE int USING v::int + 1",
      "ALTER TABLE ddl RENAME TO ddl_renamed",
      "CREATE TABLE ddl (id bigint, v text)",
      "INSERT INTO ddl VALUES (9007199254740993, 'new')",
      "DROP TABLE ddl; CREATE TABLE ddl (v text, id text); INSERT INTO ddl VALUES ('x', '1')",
      "BEGIN; ALTER TABLE ddl ADD COLUMN extra boolean DEFAULT true; COMMIT",
      "CREATE SCHEMA shadow; CREATE TABLE shadow.ddl AS SELECT 5 AS id",
      "ALTER TABLE ddl SET SCHEMA shadow2",
      "CREATE VIEW added AS SELECT 1",
      "DROP TABLE ddl",
    ]) {
      await engine.execute(sql).catch(() => {});
      await compare(sql);
    }
  });

  it("invalidates after a write that failed, as it may have happened", async () => {
    await database.query("CREATE TABLE failing (id int PRIMARY KEY, v text)");
    await database.query("INSERT INTO failing VALUES (1, 'a')");
    const { engine } = await openEngine(database, { mode: "transparent" });
    await engine.execute("SELECT id, v FROM failing");
    await database.query("UPDATE failing SET v = 'behind'");
    await rejection(engine.execute("INSERT INTO failing VALUES (1, 'again')"));
    expect(await engine.execute("SELECT id, v FROM failing")).toEqual([{ id: 1, v: "behind" }]);
  });

  it("serves nothing from memory while a transaction is open on its pool of one", async () => {
    await database.query("CREATE TABLE tx (id int, v text)");
    await database.query("INSERT INTO tx VALUES (1, 'a')");
    const { engine } = await openEngine(database, { mode: "transparent", pool: { max: 1 } });
    const sql = "SELECT id, v FROM tx ORDER BY id";
    await engine.execute(sql);
    for (const end of ["COMMIT", "ROLLBACK"]) {
      const before = await database.query(sql);
      await engine.execute("BEGIN");
      await engine.execute("INSERT INTO tx VALUES (2, $1)", [end]);
      expect(await engine.execute(sql)).toHaveLength(before.length + 1);
      expect(await engine.explain(sql)).toMatchObject({ outcome: "bypass", reason: "session-state" });
      expect(await database.query(sql)).toEqual(before);
      await engine.execute(end);
      expect(await engine.execute(sql)).toEqual(await database.query(sql));
      expect(await counted(engine, () => engine.execute(sql))).toEqual(HIT);
    }
    await engine.execute("BEGIN; INSERT INTO tx VALUES (3, 'one text'); COMMIT");
    expect(await engine.execute(sql)).toEqual(await database.query(sql));
    // pg throws a pool's client away whose statement failed, and its transaction with it.
    await engine.execute("BEGIN");
    await engine.execute("DELETE FROM tx");
    await rejection(engine.execute("SELECT 1/0"));
    expect(await engine.execute(sql)).toEqual(await database.query(sql));
    await engine.execute("ROLLBACK");
    expect(await engine.execute(sql)).toEqual(await database.query(sql));
    await engine.execute("BEGIN ISOLATION LEVEL SERIALIZABLE");
    await engine.execute("SAVEPOINT s");
    await engine.execute("DELETE FROM tx");
    await engine.execute("ROLLBACK TO s");
    await engine.execute("END");
    expect(await engine.execute(sql)).toEqual(await database.query(sql));
  });

  it("serves nothing from memory after a setting of a connection was changed", async () => {
    await database.query("CREATE SCHEMA elsewhere");
    await database.query("CREATE TABLE elsewhere.moved AS SELECT 2 AS id");
    await database.query("CREATE TABLE moved AS SELECT 1 AS id");
    const { engine } = await openEngine(database, { mode: "transparent", pool: { max: 1 } });
    expect(await engine.execute("SELECT id FROM moved")).toEqual([{ id: 1 }]);
    await engine.execute("SET search_path = elsewhere");
    expect(await engine.execute("SELECT id FROM moved")).toEqual([{ id: 2 }]);
  });

  it('writes: "block" refuses writes and passes the other reads', async () => {
    await database.query("CREATE TABLE blocked AS SELECT 1 AS id");
    const { engine, proxy } = await openEngine(database, { mode: "transparent", writes: "block" });
    expect(await engine.execute("SELECT a.id FROM blocked a JOIN blocked b USING (id)")).toEqual([{ id: 1 }]);
    proxy.clear();
    for (const sql of [
      "DELETE FROM blocked",
      "SELECT id FROM blocked FOR UPDATE",
      "SELECT nextval('x')",
      "DROP TABLE blocked",
    ]) {
      expect(await rejection(engine.execute(sql))).toBeInstanceOf(ReadOnlyError);
    }
    expect(proxy.messages).toBe(0);
    expect(await engine.execute("SELECT * FROM blocked")).toEqual([{ id: 1 }]);
  });

  it("answers a first query of a big table at once, and loads it behind", async () => {
    await database.query("CREATE TABLE big AS SELECT i AS id, i % 10 AS v FROM generate_series(1, 30000) i");
    await database.query("ANALYZE big");
    const { engine, bare } = await openEngine(database, { mode: "transparent" });
    const sql = "SELECT id FROM big WHERE v = 3 ORDER BY id LIMIT 3";
    expect(await engine.execute(sql)).toEqual(await bare(sql));
    expect(engine.stats().misses).toBe(1);
    await expect.poll(() => engine.stats().loads, { timeout: 15_000 }).toBe(1);
    expect(await counted(engine, () => engine.execute(sql))).toEqual(HIT);
  });
});
