import { expect, it, onTestFinished } from "vitest";
import { isHit, openAttached, warm } from "../../support/attach.ts";
import { describeOnServers, type OpenedEngine, openEngine, type SharedDatabase, until } from "../../support/engine.ts";

// What others see of a write, and what the cache keeps right of it, end to end.

const SETUP = [
  "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
  `CREATE TABLE people (id int PRIMARY KEY, name text COLLATE "en-x-icu" NOT NULL, mood mood, paid numeric(10,2), free numeric,
     seen timestamptz, tags text[], big bigint, born date, ratio float8, notes jsonb)`,
  `INSERT INTO people SELECT i, 'name ' || i, (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, i / 3.0, i / 7.0,
     timestamptz '2024-01-01 00:00Z' + i * interval '1 day', ARRAY['a', 'b' || i], i * 1000000000000, date '2000-01-01' + i, i / 3.0,
     jsonb_build_object('n', i) FROM generate_series(1, 50) AS i`,
  "CREATE TABLE visits (id int PRIMARY KEY, person_id int REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE, at timestamptz DEFAULT now())",
  "INSERT INTO visits (id, person_id) SELECT i, 1 + i % 50 FROM generate_series(1, 200) AS i",
];

const EVERYTHING = "SELECT * FROM people ORDER BY name, id";
const READS = [
  EVERYTHING,
  "SELECT id FROM people WHERE name > 'name 3' ORDER BY name DESC LIMIT 5",
  "SELECT min(name), max(name), count(*), sum(paid), max(big), min(ratio) FROM people",
  "SELECT mood, count(*) FROM people GROUP BY mood ORDER BY mood",
  "SELECT id FROM people WHERE born BETWEEN '2000-01-10' AND '2000-02-20' ORDER BY born DESC",
  "SELECT p.name, count(v.id) FROM people p LEFT JOIN visits v ON v.person_id = p.id GROUP BY p.id, p.name ORDER BY p.name, p.id",
  "SELECT id, free, seen, tags, notes->>'n' AS n FROM people WHERE free > 3 ORDER BY free, id",
];

/** Statements of others, one after the other, each of a kind that the stream tells in another way. */
const CHANGES = [
  "INSERT INTO people (id, name, mood, paid) VALUES (51, 'Ärger', 'happy', 0.01)",
  "INSERT INTO people (id, name) VALUES (52, 'aaa'), (53, 'zzz'), (54, 'name 30a'), (55, 'NAME 30A')",
  "UPDATE people SET name = 'moved ' || id, paid = -99999999.99, big = 9223372036854775807 WHERE id < 4",
  "UPDATE people SET id = id + 1000 WHERE id = 5",
  "UPDATE people SET mood = NULL, ratio = 'NaN', born = 'infinity', seen = '-infinity', free = 'NaN' WHERE id = 6",
  "UPDATE people SET ratio = -0.0, free = 1e50, notes = NULL WHERE id = 7",
  "DELETE FROM people WHERE id BETWEEN 10 AND 20",
  "BEGIN; UPDATE people SET name = 'half'; SAVEPOINT a; DELETE FROM visits; ROLLBACK TO a; UPDATE people SET name = 'n' || id; COMMIT",
  "BEGIN; UPDATE people SET id = -1 WHERE id = 30; UPDATE people SET id = 30 WHERE id = 31; UPDATE people SET id = 31 WHERE id = -1; COMMIT",
  "INSERT INTO visits (id, person_id) SELECT i, 40 FROM generate_series(1001, 4000) AS i",
  "DELETE FROM visits",
];

async function expectSame({ engine, bare }: OpenedEngine, sql: string): Promise<void> {
  expect(await engine.execute(sql), sql).toEqual(await bare(sql));
}

/** All reads are answered from memory. */
async function warmUp({ engine }: OpenedEngine): Promise<void> {
  for (const sql of READS) await until(`a hit: ${sql}`, () => isHit(engine, () => engine.execute(sql)));
}

const FOLLOWED = { mode: "transparent", freshness: "session" } as const;

describeOnServers(
  "freshness: session",
  (database) => {
    it("changes of others are applied in place: the same answers, and nothing is fetched again", async () => {
      const opened = await openEngine(database, FOLLOWED);
      const { engine, faults } = opened;
      await engine.ready();
      await warmUp(opened);
      const { loads } = engine.stats();
      for (const change of CHANGES) {
        await database.query(change);
        const after = await engine.token();
        // A read that has waited for long enough is the database's: what it would have said, the next one says.
        await until("the token is reached", () =>
          isHit(engine, () => engine.execute("SELECT count(*) FROM people", [], { after })),
        );
        for (const sql of READS) {
          expect(await engine.execute(sql, [], { after }), `${change}: ${sql}`).toEqual(await opened.bare(sql));
        }
        expect(engine.stats().loads, change).toBe(loads);
      }
      // Its rows are in another file then, as after an ALTER TABLE that rewrites them, which the stream does not tell.
      await database.query("TRUNCATE visits");
      await until("the table is fetched again", async () => {
        for (const sql of READS) await expectSame(opened, sql);
        return engine.stats().loads > loads;
      });
      expect(engine.stats().freshness).toMatchObject({ state: "live", losses: 0 });
      expect(engine.stats().freshness.changes).toBeGreaterThan(3000);
      expect(faults).toEqual([]);
      await opened.close();
      await expectClean(database);
    });

    it("own writes are seen by the next read, cascades and triggers included", async () => {
      const opened = await openEngine(database, FOLLOWED);
      const { engine } = opened;
      await database.query("INSERT INTO people (id, name) VALUES (60, 'sixty') ON CONFLICT DO NOTHING");
      await database.query("INSERT INTO visits (id, person_id) VALUES (9000, 60) ON CONFLICT DO NOTHING");
      await warmUp(opened);
      for (let n = 0; n < 200; n++) {
        await engine.execute("UPDATE people SET paid = $1 WHERE id = 60", [n]);
        expect(await engine.execute("SELECT paid::int AS paid FROM people WHERE id = 60")).toEqual([{ paid: n }]);
      }
      await engine.execute("DELETE FROM people WHERE id = 60");
      await expectSame(opened, "SELECT count(*) FROM visits WHERE person_id = 60");
      await until("hits again", () => isHit(engine, () => engine.execute(EVERYTHING)));
    });

    it("attached clients: no read overtakes a write that was awaited, whoever wrote", async () => {
      const { engine, pool } = await openAttached(database, { freshness: "session" });
      await database.query("INSERT INTO people (id, name) VALUES (70, 'seventy') ON CONFLICT DO NOTHING");
      await engine.ready();
      await warm(engine, pool, "SELECT big FROM people WHERE id = $1", [70]);
      const read = async (): Promise<unknown> =>
        (await pool.query("SELECT big FROM people WHERE id = $1", [70])).rows[0]?.big;
      let served = 0;
      for (let n = 0; n < 300; n++) {
        await pool.query("UPDATE people SET big = $1 WHERE id = 70", [n]);
        expect(await read()).toBe(String(n));
        if (n % 10 === 0) await until("a hit", () => isHit(engine, read)).then(() => served++);
      }
      expect(served).toBe(30);
      expect(engine.stats().loads).toBe(1);
    });

    it("a token is seen by another engine", async () => {
      const [first, second] = [await openEngine(database, FOLLOWED), await openEngine(database, FOLLOWED)];
      await database.query("INSERT INTO people (id, name) VALUES (80, 'eighty') ON CONFLICT DO NOTHING");
      const read = "SELECT paid::int AS paid FROM people WHERE id = 80";
      await second.engine.execute(read);
      for (let n = 0; n < 100; n++) {
        const { rows, token } = await first.engine.write("UPDATE people SET paid = $1 WHERE id = 80 RETURNING id", [n]);
        expect(rows).toEqual([{ id: 80 }]);
        expect(await second.engine.execute(read, [], { after: token })).toEqual([{ paid: n }]);
      }
      expect(second.engine.stats().hits).toBeGreaterThan(0);
    });

    it("strict: what was committed before the query is seen, definitions included", async () => {
      const opened = await openEngine(database, { mode: "transparent", freshness: "strict" });
      const { engine } = opened;
      await database.query(
        "CREATE TABLE IF NOT EXISTS strictly (id int PRIMARY KEY, v int); TRUNCATE strictly; INSERT INTO strictly VALUES (1, 0)",
      );
      const read = "SELECT v FROM strictly WHERE id = 1";
      await engine.execute(read);
      for (let n = 1; n <= 100; n++) {
        await database.query("UPDATE strictly SET v = $1", [n]);
        expect(await engine.execute(read)).toEqual([{ v: n }]);
      }
      expect(engine.stats().hits).toBeGreaterThan(50);
      await database.query("ALTER TABLE strictly ALTER v TYPE int USING v + 1000");
      expect(await engine.execute(read)).toEqual([{ v: 1100 }]);
      await database.query("ALTER TABLE strictly RENAME v TO w; ALTER TABLE strictly ADD v text DEFAULT 'new'");
      expect(await engine.execute(read)).toEqual([{ v: "new" }]);
    });

    it("tables that cannot be watched are the database's, and their writes work", async () => {
      const opened = await openEngine(database, FOLLOWED);
      const { engine } = opened;
      await database.query("CREATE TABLE unkeyed (v int); INSERT INTO unkeyed VALUES (1)");
      onTestFinished(() => database.query("DROP TABLE unkeyed").then(() => {}));
      const read = "SELECT v FROM unkeyed ORDER BY v";
      for (let n = 2; n < 6; n++) {
        expect(await engine.execute(read)).toEqual(await opened.bare(read));
        await database.query("UPDATE unkeyed SET v = v + 1");
        await database.query("DELETE FROM unkeyed WHERE v > 100");
      }
      expect(await engine.explain(read)).toMatchObject({ outcome: "bypass", reason: "not-watched" });
      expect(engine.stats().hits).toBe(0);
    });
  },
  { setup: SETUP, newestOnly: true },
);

async function expectClean(database: SharedDatabase): Promise<void> {
  await until("nothing is left", async () => {
    const left = await database.query(
      `SELECT slot_name FROM pg_replication_slots WHERE database = current_database()
       UNION ALL SELECT pubname FROM pg_publication`,
    );
    return left.length === 0;
  });
}
