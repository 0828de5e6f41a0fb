import { expect, it, onTestFinished } from "vitest";
import { describeOnServers, type SharedDatabase, until } from "../support/engine.ts";
import { openFollowed } from "../support/followed.ts";

// Others change definitions and rows in ways that the stream tells badly or not at all. `maxLagMs` later the answers are
// the database's, errors included, and writes after it are followed again.

/** A refused catch-up makes no answer wrong: most of what these wait for is that the promise runs out. */
const SHORT_LAG_MS = 100;

interface Case {
  readonly title: string;
  readonly setup: readonly string[];
  readonly reads: readonly string[];
  readonly change: string;
  /** What the reads of after the change are; the same unless told. */
  readonly readsAfter?: readonly string[];
  /** A write after it. */
  readonly next?: string;
  /** Nothing of `readsAfter` is cached then. */
  readonly uncached?: true;
}

const PLAIN = ["CREATE TABLE t (id int PRIMARY KEY, v int, w text)", "INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b')"];
const PARTED = [
  "CREATE TABLE t (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)",
  "CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (0) TO (100)",
  "CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (100) TO (200)",
  "INSERT INTO t SELECT i, i FROM generate_series(0, 199, 10) AS i",
];
const ALL = "SELECT * FROM t ORDER BY id";
const SUM = "SELECT count(*), sum(v) FROM t";
const ADD = "UPDATE t SET v = v + 1";

const CASES: readonly Case[] = [
  {
    title: "ALTER COLUMN TYPE … USING with the same type",
    setup: PLAIN,
    reads: [ALL, SUM],
    change: "ALTER TABLE t ALTER v TYPE int USING v * 2",
    next: ADD,
  },
  {
    title: "ALTER COLUMN TYPE to another type",
    setup: PLAIN,
    reads: [ALL, SUM],
    change: "ALTER TABLE t ALTER v TYPE text USING 'x' || v",
    readsAfter: [ALL, "SELECT max(v) FROM t"],
    next: "UPDATE t SET v = v || 'y'",
  },
  { title: "ADD COLUMN", setup: PLAIN, reads: [ALL], change: "ALTER TABLE t ADD n int DEFAULT 7", next: ADD },
  { title: "DROP COLUMN", setup: PLAIN, reads: [ALL, SUM], change: "ALTER TABLE t DROP v" },
  { title: "RENAME COLUMN", setup: PLAIN, reads: [ALL, SUM], change: "ALTER TABLE t RENAME v TO z" },
  {
    title: "two columns change names",
    setup: ["CREATE TABLE t (id int PRIMARY KEY, v int, w int)", "INSERT INTO t VALUES (1, 10, -10), (2, 20, -20)"],
    reads: [SUM, "SELECT v FROM t WHERE id = 1"],
    change: "BEGIN; ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME w TO v; ALTER TABLE t RENAME x TO w; COMMIT",
    next: ADD,
  },
  {
    title: "another table takes the name",
    setup: [
      ...PLAIN,
      "CREATE TABLE other (id int PRIMARY KEY, v int, w text)",
      "INSERT INTO other VALUES (1, -1, 'o')",
    ],
    reads: [ALL, SUM],
    change: "BEGIN; ALTER TABLE t RENAME TO former; ALTER TABLE other RENAME TO t; COMMIT",
    next: ADD,
  },
  { title: "DROP TABLE", setup: PLAIN, reads: [ALL, SUM], change: "DROP TABLE t" },
  {
    title: "dropped and made anew",
    setup: PLAIN,
    reads: [ALL, SUM],
    change: "BEGIN; DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (7, 7); COMMIT",
    next: ADD,
  },
  { title: "VACUUM FULL", setup: PLAIN, reads: [ALL, SUM], change: "VACUUM FULL t", next: ADD },
  { title: "CLUSTER", setup: PLAIN, reads: [ALL, SUM], change: "CLUSTER t USING t_pkey", next: ADD },
  {
    title: "DETACH PARTITION",
    setup: PARTED,
    reads: [ALL, SUM],
    change: "ALTER TABLE t DETACH PARTITION t_low",
    next: ADD,
  },
  {
    title: "ATTACH PARTITION with rows",
    setup: [
      ...PARTED,
      "CREATE TABLE t_more (id int PRIMARY KEY, v int)",
      "INSERT INTO t_more SELECT i, i FROM generate_series(200, 299) AS i",
    ],
    reads: [ALL, SUM],
    change: "ALTER TABLE t ATTACH PARTITION t_more FOR VALUES FROM (200) TO (300)",
    next: ADD,
  },
  {
    title: "a new partition, and rows in it",
    setup: PARTED,
    reads: [ALL, SUM],
    change:
      "BEGIN; CREATE TABLE t_new PARTITION OF t FOR VALUES FROM (200) TO (300); INSERT INTO t SELECT i, 1 FROM generate_series(200, 250) AS i; COMMIT",
    next: ADD,
  },
  {
    title: "TRUNCATE",
    setup: PLAIN,
    reads: [ALL, SUM],
    change: "TRUNCATE t",
    next: "INSERT INTO t VALUES (5, 5, 'e')",
  },
  { title: "TRUNCATE of a leaf", setup: PARTED, reads: [ALL, SUM], change: "TRUNCATE t_high", next: ADD },
  {
    title: "TRUNCATE of a partitioned table",
    setup: PARTED,
    reads: [ALL, SUM],
    change: "TRUNCATE t",
    next: "INSERT INTO t VALUES (1, 1)",
  },
  {
    title: "TRUNCATE … CASCADE",
    setup: [
      ...PLAIN,
      "CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t)",
      "INSERT INTO child VALUES (1, 1), (2, 2)",
    ],
    reads: ["SELECT * FROM child ORDER BY id", "SELECT count(*) FROM t JOIN child ON child.t = t.id", ALL],
    change: "TRUNCATE t CASCADE",
    next: "INSERT INTO t VALUES (5, 5, 'e'); INSERT INTO child VALUES (5, 5)",
  },
  {
    title: "TRUNCATE and rows in one transaction",
    setup: PLAIN,
    reads: [ALL, SUM],
    change: "BEGIN; UPDATE t SET v = 0; TRUNCATE t; INSERT INTO t VALUES (1, 1, 'n'), (9, 9, 'n'); COMMIT",
    next: ADD,
  },
  {
    title: "ALTER TYPE … RENAME VALUE",
    setup: [
      "CREATE TYPE mood AS ENUM ('sad', 'ok')",
      "CREATE TABLE t (id int PRIMARY KEY, v int, m mood)",
      "INSERT INTO t VALUES (1, 1, 'sad'), (2, 2, 'ok')",
    ],
    reads: [ALL, "SELECT m, count(*) FROM t GROUP BY m ORDER BY m"],
    change: "ALTER TYPE mood RENAME VALUE 'sad' TO 'glad'",
    next: ADD,
  },
  {
    title: "ALTER TYPE … ADD VALUE in between",
    setup: [
      "CREATE TYPE mood AS ENUM ('sad', 'ok')",
      "CREATE TABLE t (id int PRIMARY KEY, v int, m mood)",
      "INSERT INTO t VALUES (1, 1, 'sad'), (2, 2, 'ok')",
    ],
    reads: [ALL, "SELECT id FROM t ORDER BY m"],
    change: "ALTER TYPE mood ADD VALUE 'fair' BEFORE 'ok'",
    next: "INSERT INTO t VALUES (3, 3, 'fair')",
  },
  {
    title: "row-level security is enabled",
    setup: [...PLAIN, "CREATE POLICY few ON t USING (id = 1)"],
    reads: [ALL, SUM],
    change: "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    next: ADD,
    uncached: true,
  },
  { title: "REVOKE", setup: PLAIN, reads: [ALL, SUM], change: "REVOKE SELECT ON t FROM CURRENT_USER", uncached: true },
  {
    title: "the primary key is dropped",
    setup: PLAIN,
    reads: [ALL, SUM],
    change: "BEGIN; ALTER TABLE t DROP CONSTRAINT t_pkey; COMMIT",
    next: "INSERT INTO t VALUES (1, 1, 'twice')",
    uncached: true,
  },
  {
    title: "REPLICA IDENTITY NOTHING",
    setup: PLAIN,
    reads: [ALL, SUM],
    change: "ALTER TABLE t REPLICA IDENTITY NOTHING",
    next: "INSERT INTO t VALUES (3, 3, 'c')",
    uncached: true,
  },
];

describeOnServers(
  "freshness: definitions change",
  (database) => {
    it.each(CASES)("$title", async ({ setup, reads, change, readsAfter = reads, next, uncached }) => {
      const followed = await openFollowed({ url: await ownerUrl(database) }, { maxLagMs: SHORT_LAG_MS });
      const { engine, bare } = followed;
      for (const sql of setup) await bare(sql);
      await followed.expectSame(...reads);
      await bare(change);
      const changedAt = performance.now();
      // At this level it may take so long.
      await until("it must be seen", () => performance.now() > changedAt + SHORT_LAG_MS);
      for (const sql of readsAfter) expect(await outcome(engine.execute(sql)), sql).toEqual(await outcome(bare(sql)));
      if (next !== undefined) {
        await bare(next);
        const after = await engine.token();
        for (const sql of readsAfter) {
          expect(await outcome(engine.execute(sql, [], { after })), sql).toEqual(await outcome(bare(sql)));
        }
      }
      for (const sql of readsAfter) {
        if (uncached) expect(await engine.explain(sql), sql).not.toMatchObject({ outcome: "hit" });
        else if (!("error" in (await outcome(bare(sql))))) await followed.expectSame(sql);
      }
      // Writes of the application work as they would without SQLmem, after all.
      for (const sql of ["UPDATE t SET id = id WHERE id = 2", "DELETE FROM t WHERE id = 2"]) {
        const expected = await outcome(rolledBack(bare, sql));
        expect(await outcome(engine.execute(sql)), sql).toEqual(expected);
      }
      await followed.leave();
    });

    it("SET UNLOGGED is refused while the table is followed, as of every published table; not afterwards", async () => {
      const followed = await openFollowed({ url: await ownerUrl(database) }, { maxLagMs: SHORT_LAG_MS });
      for (const sql of PLAIN) await followed.bare(sql);
      await followed.warm(ALL);
      await expect(followed.bare("ALTER TABLE t SET UNLOGGED")).rejects.toThrow(/part of a publication/);
      await followed.expectSame(ALL);
      await followed.engine.close();
      await followed.bare("ALTER TABLE t SET UNLOGGED");
      await followed.leave();
    });
  },
  { newestOnly: true },
);

/** Of a role that owns a schema, empty and the first of its search path, and is no superuser: it is told what it may not see. */
async function ownerUrl(database: SharedDatabase): Promise<string> {
  const url = new URL(database.url);
  const name = url.pathname.slice(1);
  const role = `${name}_owner`;
  await database.query(
    `CREATE ROLE ${role} LOGIN REPLICATION; CREATE SCHEMA faulty AUTHORIZATION ${role}; GRANT CREATE ON DATABASE ${name} TO ${role}`,
  );
  onTestFinished(async () => void (await database.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)));
  url.username = role;
  url.searchParams.set("options", "-c search_path=faulty");
  return url.href;
}

type Ask = (sql: string, params?: readonly unknown[]) => Promise<readonly object[]>;

/** What a statement would do. */
async function rolledBack(bare: Ask, sql: string): Promise<readonly object[]> {
  // As one text, and so in one transaction, on one connection. The error of the last one is one that it has come to it.
  await bare(
    `DO $$ BEGIN ${sql}; RAISE EXCEPTION USING ERRCODE = 'XX999'; EXCEPTION WHEN SQLSTATE 'XX999' THEN NULL; END $$`,
  );
  return [];
}

async function outcome(rows: Promise<readonly object[]>): Promise<object> {
  return await rows.then(
    (found) => ({ rows: found }),
    (error: Error) => ({ error: "code" in error ? error.code : error.message }),
  );
}
