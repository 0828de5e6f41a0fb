import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { installTrigger, NOTIFY } from "../../../../src/dialects/postgres/gates/install-sql.ts";
import { FreshnessError } from "../../../../src/errors.ts";
import { createDatabase, servers } from "../../../support/postgres.ts";
import { Followed } from "./gate-fixture.ts";

describe.each(servers())("notifications of $name", (server) => {
  let on: Followed;

  beforeAll(async () => {
    on = await (
      await Followed.open(server, "notify", [
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE SET NULL)",
      ])
    ).start();
    for (const table of ["parent", "child"]) await on.database.query(installTrigger(NOTIFY, table));
  });
  afterAll(async () => on[Symbol.asyncDispose]());
  beforeEach(async () => {
    await on.endWriters();
    await on.confirmed(true);
    on.said.length = 0;
  });

  test("a write is said without a question, and a confirm waits for it", async () => {
    await on.load(["a", "b"]);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    await expect.poll(() => on.said).toEqual(["stale a: it was written to"]);
    await on.load(["a"]);
    await on.database.query("DELETE FROM b WHERE id = 1");
    expect(await on.confirmed()).toEqual(["a"]);
  });

  test.each([
    ["TRUNCATE", "BEGIN; TRUNCATE a; INSERT INTO a SELECT i, 0 FROM generate_series(1, 8) AS i; COMMIT"],
    [
      "session_replication_role",
      "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM a WHERE id = 8; COMMIT",
    ],
  ])("%s is said", async (_, sql) => {
    await on.load(["a"]);
    await on.database.query(sql);
    expect(await on.confirmed()).not.toContain("a");
  });

  test("statements that change nothing, and transactions that are rolled back, are not", async () => {
    await on.load(["a"]);
    await on.database.query("UPDATE a SET v = 1 WHERE id = -1");
    await on.database.query("BEGIN; UPDATE a SET v = 55; ROLLBACK");
    expect(await on.confirmed()).toContain("a");
    expect(await on.wrong()).toEqual([]);
  });

  test("actions of foreign keys notify of the child", async () => {
    await on.database.query("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1)");
    await on.load(["child"]);
    await on.database.query("DELETE FROM parent");
    expect(await on.confirmed()).not.toContain("child");
  });

  test("a transaction that is open across the snapshot and is committed after the load", async () => {
    const writer = await on.writer();
    await writer.query("BEGIN; UPDATE a SET v = v + 1 WHERE id = 3");
    expect(await on.load(["a"])).toBe(1);
    expect(await on.confirmed()).toContain("a");
    await writer.query("COMMIT");
    expect(await on.confirmed()).not.toContain("a");
  });

  test("the same, committed while the rows are read", async () => {
    const writer = await on.writer();
    await writer.query("BEGIN; UPDATE a SET v = v + 1 WHERE id = 3");
    await on.load(["a"], {
      whileReading: async () => {
        await writer.query("COMMIT");
        await expect.poll(() => on.said).toEqual(["stale a: it was written to"]);
      },
    });
    expect([...on.cached.keys()]).not.toContain("a");
  });

  test("a write between the watch and the snapshot's acceptance has the snapshot taken anew", async () => {
    const count = await on.load(["a"], {
      afterSnapshot: async (n) => n === 1 && on.database.query("UPDATE a SET v = v + 1 WHERE id = 4"),
    });
    expect(count).toBe(2);
    expect(await on.confirmed()).toContain("a");
    expect(await on.wrong()).toEqual([]);
  });

  test("writes at each snapshot: the load goes on, and its rows are stale", async () => {
    const count = await on.load(["a"], {
      afterSnapshot: () => on.database.query("UPDATE a SET v = v + 1 WHERE id = 4"),
    });
    expect(count).toBe(4);
    expect([...on.cached.keys()]).not.toContain("a");
  });

  test("a connection that ends: lost at once, and started again", async () => {
    await on.load(["a"]);
    await on.breakConnections();
    await expect.poll(() => on.said.filter((line) => line.startsWith("lost")).length).toBe(1);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    await on.start();
    await on.load(["a"]);
    expect(await on.confirmed(true)).toEqual(["a"]);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    expect(await on.confirmed()).toEqual([]);
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
