import { expect, it } from "vitest";
import { describeOnServers, openEngine, type SharedDatabase, until } from "../support/engine.ts";
import { openFollowed } from "../support/followed.ts";

// What the change stream does not say, or says in a way of its own. From maxLagMs after each statement on no answer may be
// another than the origin's; rows and errors alike. Then the cache answers again, where it can.

interface Definition {
  readonly name: string;
  readonly sql: string;
  /** Asked before and after, of tables as in `SETUP`. */
  readonly reads?: readonly string[];
  /** Changes after it that must be followed, too. */
  readonly afterwards?: string;
}

/** A refused catch-up makes no answer wrong: most of what these wait for is that the promise runs out. */
const SHORT_LAG_MS = 100;

const SETUP = `
DROP TABLE IF EXISTS t, child, p, p1, p2, p3, q, loose CASCADE;
DROP TYPE IF EXISTS mood CASCADE;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE t (id int PRIMARY KEY, v int, w text, m mood);
INSERT INTO t SELECT i, i * 10, 'w' || i, (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood FROM generate_series(1, 20) AS i;
CREATE TABLE child (id int PRIMARY KEY, t_id int REFERENCES t ON DELETE CASCADE);
INSERT INTO child SELECT i, 1 + i % 20 FROM generate_series(1, 40) AS i;
CREATE TABLE p (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);
CREATE TABLE p3 (id int PRIMARY KEY, v int);
INSERT INTO p SELECT i, i FROM generate_series(0, 199) AS i;
INSERT INTO p3 SELECT i, -i FROM generate_series(200, 299) AS i`;

const T = [
  "SELECT * FROM t ORDER BY id",
  "SELECT id, v, w FROM t ORDER BY id",
  "SELECT m, count(*) FROM t GROUP BY m ORDER BY m",
];
const BOTH = [
  "SELECT id, v FROM t ORDER BY id",
  "SELECT id, t_id FROM child ORDER BY id",
  "SELECT count(*) FROM t JOIN child c ON c.t_id = t.id",
];
const P = ["SELECT count(*) AS n, sum(v) AS v FROM p", "SELECT id, v FROM p WHERE id BETWEEN 95 AND 105 ORDER BY id"];
const CHANGE_T = "UPDATE t SET v = 5 WHERE id = 5; DELETE FROM t WHERE id = 6";
const CHANGE_P = "UPDATE p SET v = 5 WHERE id IN (5, 105); DELETE FROM p WHERE id = 6";
const PUBLICATION = "(SELECT pubname FROM pg_publication WHERE pubname LIKE 'sqlmem\\_%')";
const alterPublication = (what: string): string =>
  `DO $do$ BEGIN EXECUTE (SELECT format('ALTER PUBLICATION %I ${what}', pubname) FROM ${PUBLICATION} AS x); END $do$`;

const DEFINITIONS: readonly Definition[] = [
  {
    name: "ADD COLUMN with a volatile default",
    sql: "ALTER TABLE t ADD more float8 DEFAULT random()",
    afterwards: CHANGE_T,
  },
  { name: "privileges of columns", sql: "GRANT SELECT (id) ON t TO PUBLIC", afterwards: CHANGE_T },
  { name: "REPLICA IDENTITY FULL", sql: "ALTER TABLE t REPLICA IDENTITY FULL", afterwards: CHANGE_T },
  {
    name: "another key",
    sql: "ALTER TABLE t DROP CONSTRAINT t_pkey CASCADE; UPDATE t SET v = id; ALTER TABLE t ALTER v SET NOT NULL, ADD PRIMARY KEY (v)",
    afterwards: "UPDATE t SET id = 77 WHERE v = 5; UPDATE t SET v = -6 WHERE v = 6",
  },
  {
    name: "a trigger that writes elsewhere",
    sql: "CREATE OR REPLACE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN UPDATE child SET t_id = NULL WHERE t_id = NEW.id; RETURN NEW; END $f$; CREATE TRIGGER twice AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION twice()",
    afterwards: CHANGE_T,
    reads: BOTH,
  },
  {
    name: "TRUNCATE that is rolled back",
    sql: "BEGIN; TRUNCATE child; INSERT INTO child VALUES (9, 9); ROLLBACK",
    reads: BOTH,
    afterwards: "INSERT INTO child VALUES (101, 1)",
  },
  {
    name: "DETACH PARTITION CONCURRENTLY",
    sql: "ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY",
    reads: P,
    afterwards: "UPDATE p SET v = 1000 WHERE id = 3",
  },
  { name: "a partition dropped", sql: "DROP TABLE p2", reads: P, afterwards: "UPDATE p SET v = 2 WHERE id = 50" },
  {
    name: "a row that moves to another partition",
    sql: "UPDATE p SET id = 1000 - 850, v = 1 WHERE id = 50 AND false; DELETE FROM p WHERE id = 150; UPDATE p SET id = 150 WHERE id = 50",
    reads: P,
    afterwards: CHANGE_P,
  },
  { name: "taken out of the publication", sql: alterPublication("DROP TABLE t"), afterwards: CHANGE_T },
  {
    name: "a row filter in the publication",
    sql: alterPublication("SET TABLE t WHERE (id > 15)"),
    afterwards: CHANGE_T,
  },
  {
    name: "a column list in the publication",
    sql: alterPublication("SET TABLE t (id, v)"),
    afterwards: "UPDATE t SET w = 'other' WHERE id = 5",
  },
  {
    name: "no updates in the publication",
    sql: alterPublication("SET (publish = 'insert')").replaceAll("'insert'", "''insert''"),
    afterwards: CHANGE_T,
  },
  { name: "a publication renamed", sql: alterPublication("RENAME TO renamed_one"), afterwards: CHANGE_T },
];

describeOnServers(
  "freshness: altered",
  (database) => {
    it.each(DEFINITIONS)("$name", async ({ sql, reads = T, afterwards }) => {
      await database.query(SETUP);
      const followed = await openFollowed(database, { maxLagMs: SHORT_LAG_MS });
      await followed.expectSame(...reads);
      for (const statement of statementsOf(sql)) await writeInTheEnd(database, statement);
      await followed.expectRightSoon(...reads);
      if (afterwards !== undefined) {
        await writeInTheEnd(database, afterwards);
        await followed.expectRightSoon(...reads);
      }
      expect(followed.faults.filter(({ code }) => code !== "ERR_SQLMEM_FRESHNESS")).toEqual([]);
      await database.query("DROP PUBLICATION IF EXISTS renamed_one");
      await followed.leave();
    });

    it.each([
      ["no key", "CREATE TABLE loose (id int, v int)"],
      ["a key that is deferrable", "CREATE TABLE loose (id int PRIMARY KEY DEFERRABLE, v int)"],
      ["an unlogged one", "CREATE UNLOGGED TABLE loose (id int PRIMARY KEY, v int)"],
      [
        "a partition without key",
        "CREATE TABLE loose (id int, v int) PARTITION BY LIST (id); CREATE TABLE loose_1 PARTITION OF loose DEFAULT",
      ],
    ])("a table that cannot be published (%s): passed through, and its own writes work", async (_, sql) => {
      await database.query(`DROP TABLE IF EXISTS loose CASCADE; ${sql}; INSERT INTO loose VALUES (1, 1), (2, 2)`);
      const { engine, bare, close } = await openEngine(database, { mode: "transparent", freshness: "session" });
      await engine.ready();
      const read = "SELECT id, v FROM loose ORDER BY id";
      for (let v = 10; v < 13; v++) {
        expect(await engine.execute(read)).toEqual(await bare(read));
        await database.query("UPDATE loose SET v = $1 WHERE id = 1", [v]);
        await engine.execute("UPDATE loose SET v = $1 WHERE id = 2", [v]);
        expect(await engine.execute(read)).toEqual(await bare(read));
        expect(await database.query("DELETE FROM loose WHERE id = 2 RETURNING id")).toEqual([{ id: 2 }]);
        await engine.execute("INSERT INTO loose VALUES (2, 0)");
      }
      expect(engine.stats()).toMatchObject({ hits: 0 });
      expect(await engine.explain(read)).toMatchObject({ outcome: "bypass", reason: "not-watched" });
      await close();
    });
  },
  { newestOnly: true },
);

/** One by one where there is no transaction among them: some may not run in one. */
function statementsOf(sql: string): readonly string[] {
  return /\$|BEGIN/.test(sql) ? [sql] : sql.split("; ");
}

/** A table may have lost its key a moment ago, and be published until that is noticed. */
async function writeInTheEnd(database: SharedDatabase, sql: string): Promise<void> {
  await until("it is written", () =>
    database.query(sql).then(
      () => true,
      (error: Error) => {
        if (/replica identity|replica identities/.test(error.message)) return false;
        throw error;
      },
    ),
  );
}
