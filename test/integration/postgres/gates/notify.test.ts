import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FreshnessError } from "../../../../src/errors.ts";
import { createDatabase, servers } from "../../../support/postgres.ts";
import { Followed } from "./gate-fixture.ts";

// What only notifications do; what they have in common with the touch log is in triggers.test.ts.

describe.each(servers())("notifications of $name", (server) => {
  let on: Followed;

  beforeAll(async () => {
    on = await (await Followed.open(server, "notify")).start();
  });
  afterAll(async () => on[Symbol.asyncDispose]());
  beforeEach(() => on.settle());

  test("a write is said without a question, and a confirm waits for it", async () => {
    await on.load(["a", "b"]);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    await expect.poll(() => on.said).toEqual(["stale a: it was written to"]);
    await on.load(["a"]);
    await on.database.query("DELETE FROM b WHERE id = 1");
    expect(await on.confirmed()).toEqual(["a"]);
  });

  test("a transaction that is open across the snapshot, committed while the rows are read, is said at once", async () => {
    const writer = await on.writer();
    await writer.query("BEGIN; UPDATE a SET v = v + 1 WHERE id = 3");
    await on.load(["a"], {
      whileReading: async () => {
        await writer.query("COMMIT");
        await expect.poll(() => on.said).toContain("stale a: it was written to");
      },
    });
    expect([...on.cached.keys()]).not.toContain("a");
  });

  test("notifications of others on the channel mean nothing", async () => {
    await on.load(["a"]);
    await on.database.query("SELECT pg_notify('sqlmem', 'nonsense')");
    expect(await on.confirmed()).toContain("a");
  });

  test("a table without the trigger, and a database without the function", async () => {
    await on.database.query("CREATE TABLE bare (id int)");
    expect(await on.watch(["bare"])).toMatchObject({ reason: "not-watched" });
    await using database = await createDatabase(server, { setup: ["CREATE TABLE a (id int)"] });
    const followed = new Followed(database, "notify");
    const error: unknown = await followed.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FreshnessError);
    const { message } = error as Error;
    await database.query(message.slice(message.indexOf("\n")));
    await followed.start();
    await followed.source.stop();
    await followed.origin.close();
  });
});
