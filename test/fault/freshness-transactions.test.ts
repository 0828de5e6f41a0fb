import { spawnSync } from "node:child_process";
import { expect, it, onTestFinished } from "vitest";
import { isHit } from "../support/attach.ts";
import { describeOnOwnServer, until } from "../support/engine.ts";
import { openFollowed } from "../support/followed.ts";
import { MAX_LAG_MS, OBSERVED } from "../support/observer.ts";

// Writers that are hard to follow, observed: a transaction without bounds, partitions that were just made, an
// administrator who alters the publication, a program that has no time to follow. On a server of its own: while a long
// transaction is open, nobody on the server gets a slot.

const COUNT = "SELECT count(*) AS n, COALESCE(sum(v), 0) AS v FROM big";

const setup = [...OBSERVED, "CREATE TABLE big (id int PRIMARY KEY, v int NOT NULL)"];

describeOnOwnServer("freshness: transactions", { setup }, (database) => {
  it("transactions of 300,000 rows and more: given up, whole at any time, within bounds, and back", async () => {
    const followed = await openFollowed(database);
    const { engine } = followed;
    await followed.warm();
    await followed.warm(COUNT);
    // The second one is six times as long. Kept as a whole, its 1,500,000 changes more would be 570 MB of objects.
    const most: number[] = [];
    const writes = [
      "INSERT INTO big SELECT i, 1 FROM generate_series(1, 300000) AS i",
      `BEGIN; ${"UPDATE big SET v = v + 1; ".repeat(6)} COMMIT`,
    ];
    // One table, or, on a machine that has no time for its walsender, the stream.
    const givenUp = (): number => {
      const { refetched, losses } = engine.stats().freshness;
      return refetched + losses;
    };
    for (const [index, write] of writes.entries()) {
      const before = givenUp();
      const observer = followed.observe();
      let writing = true;
      onTestFinished(() => {
        writing = false;
      });
      const seen = new Set<string>();
      const watching = (async () => {
        while (writing) {
          most[index] = Math.max(most[index] ?? 0, process.memoryUsage().rss);
          const [row] = await engine.execute<{ n: unknown; v: unknown }>(COUNT);
          seen.add(`${row?.n} ${row?.v}`);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })();
      await database.query(write);
      const [row] = await engine.execute(COUNT, [], { after: await engine.token() });
      expect(row).toEqual((await followed.bare(COUNT))[0]);
      await observer.hits(20, 60_000);
      await observer.stop();
      writing = false;
      await watching;
      await followed.expectRecovered(COUNT);
      for (const state of seen) expect(["0 0", "300000 300000", "300000 2100000"]).toContain(state);
      expect(givenUp()).toBeGreaterThan(before);
    }
    expect(((most[1] ?? 0) - (most[0] ?? 0)) / (1 << 20)).toBeLessThan(400);
    await followed.leave();
  }, 240_000);

  it.each([
    ["partition", "PARTITION BY LIST (id)", (n: number) => `PARTITION OF family FOR VALUES IN (${n})`],
    ["child", "", () => "(PRIMARY KEY (id)) INHERITS (family)"],
  ] as const)(
    "a write of one's own to a %s that another has just made is seen by the next read",
    async (_, how, of) => {
      await database.query(
        `DROP TABLE IF EXISTS family CASCADE; CREATE TABLE family (id int PRIMARY KEY, v int) ${how}`,
      );
      const followed = await openFollowed(database);
      const read = "SELECT id, v FROM family ORDER BY id";
      for (let n = 1; n <= 6; n++) {
        await followed.warm(read);
        await database.query(`CREATE TABLE family_${n} ${of(n)}`);
        await followed.engine.execute(`INSERT INTO family_${n} VALUES ($1, $1)`, [n]);
        expect(await followed.engine.execute(read)).toHaveLength(n);
      }
      await followed.leave();
    },
  );

  it("an administrator takes a table out of the publication, and drops it", async () => {
    const followed = await openFollowed(database);
    const { engine, bare } = followed;
    const observer = followed.observe();
    await observer.hits(20);
    const [publication] = await bare("SELECT pubname AS name FROM pg_publication");
    await bare(`ALTER PUBLICATION ${publication?.name} DROP TABLE observed`);
    const altered = performance.now();
    // Past the time for which hits of before are allowed.
    await until("it must be seen", () => performance.now() > altered + MAX_LAG_MS);
    await observer.hits(20);
    await bare(`DROP PUBLICATION ${publication?.name}`);
    await until("lost", () => engine.stats().freshness.losses === 1);
    await observer.hits(20);
    expect(await observer.stop()).toEqual([]);
    await followed.expectRecovered();
    await followed.leave();
  });

  it("the event loop is blocked for longer than the promise: the first read after it is not stale", async () => {
    const followed = await openFollowed(database);
    const { engine, attached } = followed;
    const read = "SELECT v FROM big WHERE id = -1";
    await database.query("INSERT INTO big VALUES (-1, 0)");
    const observer = followed.observe();
    for (let value = 1; value <= 3; value++) {
      await until("a hit", () => isHit(engine, () => engine.execute(read)));
      // Blocks this program until another one has committed, and the promise has run out.
      const script = `
          import pg from "pg";
          const client = new pg.Client({ connectionString: process.argv[1] });
          await client.connect();
          await client.query("UPDATE big SET v = $1 WHERE id = -1", [process.argv[2]]);
          await client.end();
          await new Promise((resolve) => setTimeout(resolve, ${MAX_LAG_MS}));`;
      const blocker = spawnSync(
        process.execPath,
        ["--input-type=module", "--eval", script, "--", database.url, String(value)],
        { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } },
      );
      expect(blocker).toMatchObject({ status: 0, stderr: "" });
      // In the same turn as the block: nothing of the clock has run.
      const { hits } = engine.stats();
      const both = [engine.execute(read), attached.query(read)] as const;
      expect(engine.stats().hits).toBe(hits);
      expect(await both[0]).toEqual([{ v: value }]);
      expect((await both[1]).rows).toEqual([{ v: value }]);
    }
    expect(await observer.stop()).toEqual([]);
    await followed.expectRecovered(read);
    await followed.leave();
  });
});
