import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { installTrigger, NOTIFY, TOUCH } from "../../../../src/dialects/postgres/gates/install-sql.ts";
import { FreshnessError } from "../../../../src/errors.ts";
import { servers } from "../../../support/postgres.ts";
import { Followed } from "./gate-fixture.ts";

// What the sources that triggers tell of writes have in common: `notify` and `touch-log`.

const GATES = [
  { gate: "notify", trigger: NOTIFY },
  { gate: "touch-log", trigger: TOUCH },
] as const;
const CASES = servers().flatMap((server) => GATES.map((each) => ({ ...each, name: server.name, server })));

describe.each(CASES)("triggers and $gate on $name", ({ gate, trigger, server }) => {
  let on: Followed;

  beforeAll(async () => {
    on = await (
      await Followed.open(server, gate, [
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE)",
        "CREATE TABLE ward (id int PRIMARY KEY, p int REFERENCES parent ON DELETE SET NULL)",
      ])
    ).start();
    for (const table of ["parent", "child", "ward"]) await on.database.query(installTrigger(trigger, table));
  });
  afterAll(async () => on[Symbol.asyncDispose]());
  beforeEach(() => on.settle());

  test("a write ends the table that it wrote to, and no other", async () => {
    await on.load(["a", "b"]);
    expect(await on.confirmed(true)).toEqual(expect.arrayContaining(["a", "b"]));
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    expect(await on.confirmed()).toEqual(["b"]);
    expect(on.said).toEqual(["stale a: it was written to"]);
  });

  test.each([
    ["INSERT", "INSERT INTO a VALUES (100, 1)"],
    ["INSERT … ON CONFLICT", "INSERT INTO a VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET v = a.v + 1"],
    ["DELETE", "DELETE FROM a WHERE id = 100"],
    ["TRUNCATE", "BEGIN; TRUNCATE a; INSERT INTO a SELECT i, 0 FROM generate_series(1, 8) AS i; COMMIT"],
    ["MERGE", "MERGE INTO a USING (VALUES (1)) AS s(id) ON a.id = s.id WHEN MATCHED THEN UPDATE SET v = 9"],
    ["a CTE", "WITH w AS (UPDATE a SET v = v + 1 RETURNING id) SELECT count(*) FROM w"],
    [
      "session_replication_role",
      "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM a WHERE id = 8; COMMIT",
    ],
    ["a function", "DO $$ BEGIN UPDATE a SET v = 77 WHERE id = 2; END $$"],
  ])("%s is seen", async (_, sql) => {
    await on.load(["a"]);
    await on.database.query(sql);
    expect(await on.confirmed()).not.toContain("a");
  });

  test("statements that change nothing, and transactions that are rolled back, end nothing", async () => {
    await on.load(["a"]);
    await on.database.query("UPDATE a SET v = 1 WHERE id = -1");
    await on.database.query("BEGIN; UPDATE a SET v = 55; ROLLBACK");
    await on.database.query("BEGIN; UPDATE b SET v = 1; SAVEPOINT s; UPDATE a SET v = 55; ROLLBACK TO s; COMMIT");
    expect(await on.confirmed()).toContain("a");
    expect(await on.wrong()).toEqual([]);
  });

  test("actions of foreign keys fire the child's trigger", async () => {
    await on.database.query("INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1, 1), (2, 2)");
    await on.database.query("INSERT INTO ward VALUES (1, 1)");
    await on.load(["child", "ward"]);
    await on.database.query("DELETE FROM parent WHERE id = 1");
    const kept = await on.confirmed();
    for (const table of ["child", "ward"]) expect(kept).not.toContain(table);
    await on.load(["child"]);
    await on.database.query("UPDATE parent SET id = 3 WHERE id = 2");
    expect(await on.confirmed()).not.toContain("child");
    await on.load(["child"]);
    await on.database.query("TRUNCATE parent CASCADE");
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

  test("the same, committed while the rows are read, of an older transaction than others that have ended", async () => {
    const writer = await on.writer();
    await writer.query("BEGIN; UPDATE a SET v = v + 1 WHERE id = 3");
    await on.database.query("UPDATE b SET v = v + 1");
    await on.load(["a"], { whileReading: () => writer.query("COMMIT") });
    expect(await on.confirmed()).not.toContain("a");
  });

  test("a write between the snapshot and the question has the snapshot taken anew", async () => {
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

  test("connections that end: lost, and started again", async () => {
    await on.load(["a"]);
    await on.breakConnections();
    await expect.poll(() => on.said.filter((line) => line.startsWith("lost")).length).toBe(1);
    expect(await on.source.confirm({ timeoutMs: 1000, definitions: false })).toBe(false);
    expect(await on.watch(["a"])).toMatchObject({ reason: "not-fresh" });
    await expect(on.source.token()).rejects.toThrow(FreshnessError);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    await on.start();
    await on.load(["a"]);
    expect(await on.confirmed(true)).toEqual(["a"]);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    expect(await on.confirmed()).toEqual([]);
  });

  test("a load whose source is lost meanwhile is stale", async () => {
    await on.load(["b"], {
      whileReading: async () => {
        await on.breakConnections();
        await expect.poll(() => on.said.some((line) => line.startsWith("lost"))).toBe(true);
        await on.start();
      },
    });
    expect([...on.cached.keys()]).not.toContain("b");
  });
});
