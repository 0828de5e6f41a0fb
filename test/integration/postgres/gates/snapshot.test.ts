import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { servers } from "../../../support/postgres.ts";
import { Followed } from "./gate-fixture.ts";

describe.each(servers())("the snapshot gate on $name", (server) => {
  let on: Followed;

  beforeAll(async () => {
    on = await (
      await Followed.open(server, "snapshot", ["CREATE MATERIALIZED VIEW m AS SELECT sum(v) AS s FROM a"])
    ).start();
  });
  afterAll(async () => on[Symbol.asyncDispose]());
  beforeEach(async () => on.endWriters());

  test("nobody has written: it stays, as long as nobody on the whole server has", async () => {
    // Others use the server, too, and each transaction of theirs ends it.
    await expect
      .poll(
        async () => {
          await on.load(["a", "b"]);
          return await on.confirmed(true);
        },
        { timeout: 25_000, interval: 1 },
      )
      .toEqual(["a", "b"]);
  });

  test.each([
    ["a write to it", "UPDATE a SET v = v + 1 WHERE id = 1"],
    ["a write to another table", "UPDATE b SET v = v + 1 WHERE id = 1"],
    ["a definition", "ALTER TABLE b ALTER COLUMN v TYPE int8 USING v + 1"],
    ["a refresh", "REFRESH MATERIALIZED VIEW m"],
    ["a transaction that is rolled back", "BEGIN; UPDATE b SET v = 0; ROLLBACK"],
  ])("%s ends all", async (_, sql) => {
    await on.load(["a", "m"]);
    await on.database.query(sql);
    expect(await on.confirmed()).toEqual([]);
  });

  test("a transaction that is open across the snapshot", async () => {
    const writer = await on.writer();
    await writer.query("BEGIN; UPDATE a SET v = v + 1 WHERE id = 3");
    await on.load(["a"], { whileReading: () => writer.query("COMMIT") });
    expect(await on.confirmed()).toEqual([]);
  });

  test("writes at each snapshot: the load goes on, and its rows are stale", async () => {
    const count = await on.load(["a"], {
      afterSnapshot: () => on.database.query("UPDATE b SET v = v + 1 WHERE id = 4"),
    });
    expect(count).toBe(4);
    expect([...on.cached.keys()]).toEqual([]);
  });

  test("a token", async () => {
    await on.load(["a"]);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    expect(await on.source.reached(await on.source.token(), 20_000)).toBe(true);
    expect([...on.cached.keys()]).toEqual([]);
  });

  test("what is no longer cached is not asked for; a stopped source confirms nothing", async () => {
    const followed = new Followed(on.database, "snapshot");
    await followed.start();
    await followed.load(["a"]);
    followed.source.unwatch([(await followed.table("a")).id]);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    followed.said.length = 0;
    expect(await followed.source.confirm({ timeoutMs: 20_000, definitions: true })).toBe(true);
    expect(followed.said).toEqual([]);
    await followed.source.stop();
    expect(await followed.source.confirm({ timeoutMs: 20_000, definitions: true })).toBe(false);
    await followed.endWriters();
    await followed.origin.close();
  });
});
