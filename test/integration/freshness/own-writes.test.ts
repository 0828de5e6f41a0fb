import { expect, it, onTestFinished } from "vitest";
import { assemble } from "../../../src/assembly.ts";
import { resolveOptions } from "../../../src/options.ts";
import { isHit } from "../../support/attach.ts";
import { describeOnServers, until } from "../../support/engine.ts";
import { askOf, type Followed, openFollowed } from "../../support/followed.ts";
import type { Ask } from "../../support/observer.ts";

// An own write stops the cache where it may have written, until it is confirmed: here that takes for as long as the test wants.

const SETUP = [
  "CREATE TABLE parents (id int PRIMARY KEY, v int NOT NULL)",
  "CREATE TABLE children (id int PRIMARY KEY, parent_id int REFERENCES parents ON DELETE CASCADE)",
  "CREATE TABLE others (id int PRIMARY KEY, v int NOT NULL)",
  "CREATE TABLE noisy (id int PRIMARY KEY, v int NOT NULL)",
  "CREATE TABLE noted (id int PRIMARY KEY, v int NOT NULL)",
  "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE noted SET v = v + 1; RETURN NEW; END'",
  "CREATE TRIGGER noisy_note AFTER UPDATE ON noisy FOR EACH ROW EXECUTE FUNCTION note()",
  "INSERT INTO parents VALUES (1, 0), (2, 0)",
  "INSERT INTO children VALUES (1, 1), (2, 2)",
  "INSERT INTO others VALUES (1, 0)",
  "INSERT INTO noisy VALUES (1, 0)",
  "INSERT INTO noted VALUES (1, 0)",
];
const PARENTS = "SELECT id, v FROM parents ORDER BY id";
const CHILDREN = "SELECT id FROM children ORDER BY id";
const JOINED = "SELECT p.v, o.v AS w FROM parents p JOIN others o ON o.id = p.id";
const OTHERS = "SELECT v FROM others";
const NOTED = "SELECT v FROM noted";
const ALL = [PARENTS, CHILDREN, JOINED, OTHERS, NOTED];
/** The clock never is in the way. */
const FOLLOWED = { maxLagMs: 3_000_000 };

/** Whether the cache answers, when it is asked this way; the rows are the origin's in any case. */
function answeredBy({ engine, bare }: Followed, ask: Ask): (sql: string) => Promise<boolean> {
  return async (sql) => {
    let rows: unknown;
    const hit = await isHit(engine, async () => {
      rows = await ask(sql);
    });
    expect({ sql, rows }).toEqual({ sql, rows: await bare(sql) });
    return hit;
  };
}

describeOnServers(
  "freshness: own writes",
  (database) => {
    it("stop the tables that they may have changed, and no others", async () => {
      const followed = await openFollowed(database, FOLLOWED);
      const { engine, warm, freezeWalsender, expectRecovered } = followed;
      const isAnswered = answeredBy(followed, askOf(engine));
      await warm(...ALL);
      const thaw = await freezeWalsender();
      await engine.execute("UPDATE parents SET v = v + 1 WHERE id = $1", [1]);
      expect(await isAnswered(PARENTS)).toBe(false);
      expect((await engine.explain(PARENTS)).detail).toMatch(/a write of this program/);
      expect(await isAnswered(JOINED)).toBe(false);
      // A cascade may have.
      expect(await isAnswered(CHILDREN)).toBe(false);
      await until("the others again", () => isAnswered(OTHERS));
      expect(await isAnswered(NOTED)).toBe(true);
      await engine.execute("DELETE FROM parents WHERE id = 2");
      expect(await isAnswered(CHILDREN)).toBe(false);
      await until("the others again", () => isAnswered(OTHERS));
      // What a trigger does nobody knows.
      await engine.execute("UPDATE noisy SET v = v + 1");
      for (const sql of ALL) expect(await isAnswered(sql), sql).toBe(false);
      thaw();
      await expectRecovered(...ALL);
    });

    it("through attached clients, in transactions too", async () => {
      const followed = await openFollowed(database, FOLLOWED);
      const { engine, attached, warm, freezeWalsender, expectRecovered } = followed;
      const isAnswered = answeredBy(followed, askOf(attached));
      await warm(...ALL);
      for (const sql of ALL) await until(`a hit: ${sql}`, () => isHit(engine, () => attached.query(sql)));
      const write = async (): Promise<void> => {
        const client = await attached.connect();
        await client.query("BEGIN");
        await client.query("UPDATE others SET v = v + 1 WHERE id = $1", [1]);
        await client.query("COMMIT");
        client.release();
      };
      // What a text reaches is found out behind its first use.
      await write();
      for (const sql of ALL) await until(`a hit: ${sql}`, () => isHit(engine, () => attached.query(sql)));
      const thaw = await freezeWalsender();
      await write();
      expect(await isAnswered(OTHERS)).toBe(false);
      expect(await isAnswered(JOINED)).toBe(false);
      await until("the others again", () => isAnswered(PARENTS));
      expect(await isAnswered(CHILDREN)).toBe(true);
      thaw();
      await expectRecovered(...ALL);
    });

    it("what a write reaches is asked again once others may have changed it", async () => {
      const { bare } = await openFollowed(database, FOLLOWED);
      const lagMs = 10;
      const parts = assemble(
        database.url,
        resolveOptions({ freshness: "session", maxLagMs: lagMs, cacheDb: false, envFile: false }, {}),
      );
      onTestFinished(async () => {
        await parts.lifetime.close(async () => {
          await parts.freshness.stop();
        });
      });
      await parts.lifetime.start();
      const statement = parts.planner.statementOf("UPDATE others SET v = 1");
      if (statement === null) throw new Error("not read");
      expect((await parts.writes.effectOf(statement)).tables).toHaveLength(1);
      await bare("CREATE TRIGGER others_note AFTER UPDATE ON others FOR EACH ROW EXECUTE FUNCTION note()");
      const since = performance.now();
      await until("the lag is over", () => performance.now() > since + lagMs);
      expect((await parts.writes.effectOf(statement)).tables).toBe("all");
      await bare("DROP TRIGGER others_note ON others");
    });
  },
  { setup: SETUP, newestOnly: true },
);
