import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { installTouchLog, installTrigger, TOUCH } from "../../../../src/dialects/postgres/gates/install-sql.ts";
import { touchLogSource } from "../../../../src/dialects/postgres/gates/touch-log.ts";
import { FreshnessError } from "../../../../src/errors.ts";
import { startCountingProxy } from "../../../support/counting-proxy.ts";
import { createDatabase, newestServer, servers } from "../../../support/postgres.ts";
import { Followed, install } from "./gate-fixture.ts";

// What only the touch log does; what it has in common with notifications is in triggers.test.ts.

describe.each(servers())("the touch log on $name", (server) => {
  let on: Followed;

  beforeAll(async () => {
    on = await (
      await Followed.open(server, "touch-log", [
        "CREATE TABLE parts (id int, v int) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)",
        "INSERT INTO parts SELECT i, 0 FROM generate_series(1, 15) AS i",
        "CREATE TABLE top (id int)",
        "CREATE TABLE low () INHERITS (top)",
      ])
    ).start();
    for (const table of ["parts", "parts_1", "parts_2", "top", "low"]) {
      await on.database.query(installTrigger(TOUCH, table));
    }
  });
  afterAll(async () => on[Symbol.asyncDispose]());
  beforeEach(() => on.settle());

  test.each([
    ["parts", "UPDATE parts_2 SET v = v + 1"],
    ["parts", "TRUNCATE parts_2"],
    ["parts_1", "UPDATE parts SET v = v + 1"],
    ["parts_1", "INSERT INTO parts VALUES (3, 3)"],
    ["top", "INSERT INTO low VALUES (1)"],
    ["low", "DELETE FROM top"],
  ])("%s: %s", async (table, sql) => {
    await on.load([table]);
    await on.database.query(sql);
    expect(await on.confirmed()).not.toContain(table);
  });

  test("a confirm that begins while the load is on its way tells of a write after its snapshot", async () => {
    let during: string[] = [];
    await on.load(["a"], {
      whileReading: async () => {
        await on.database.query("UPDATE a SET v = v + 1 WHERE id = 5");
        await on.confirmed();
        during = [...on.said];
      },
    });
    expect(during).toEqual(["stale a: it was written to"]);
    expect([...on.cached.keys()]).not.toContain("a");
  });

  test("a prepared transaction counts from COMMIT PREPARED on", async (context) => {
    const [row] = await on.database.query("SHOW max_prepared_transactions");
    if (row?.max_prepared_transactions === "0") context.skip();
    const writer = await on.writer();
    const name = `sqlmem_${on.database.name}`;
    await writer.query(`BEGIN; UPDATE a SET v = v + 1; PREPARE TRANSACTION '${name}'`);
    await on.load(["a"]);
    expect(await on.confirmed()).toContain("a");
    await writer.query(`COMMIT PREPARED '${name}'`);
    expect(await on.confirmed()).not.toContain("a");
  });

  test("triggers that are switched off, and on again, end the table at the next look at definitions", async () => {
    await on.load(["a"]);
    await on.database.query("ALTER TABLE a DISABLE TRIGGER sqlmem_touch");
    await on.database.query("UPDATE a SET v = 123 WHERE id = 1");
    await on.database.query("ALTER TABLE a ENABLE ALWAYS TRIGGER sqlmem_touch");
    expect(await on.confirmed(true)).not.toContain("a");
    await on.load(["a"]);
    expect(await on.confirmed(true)).toContain("a");
  });

  test("a trigger that is switched off between the watch and the snapshot: the load is stale", async () => {
    await on.load(["a"], {
      afterSnapshot: async (n) => {
        if (n > 1) return;
        await on.database.query("ALTER TABLE a DISABLE TRIGGER sqlmem_touch");
        await on.database.query("UPDATE a SET v = 124 WHERE id = 1");
      },
    });
    expect([...on.cached.keys()]).not.toContain("a");
    await on.database.query("ALTER TABLE a ENABLE ALWAYS TRIGGER sqlmem_touch");
  });

  test("a definition that changes", async () => {
    await on.load(["b"]);
    await on.database.query("ALTER TABLE b ALTER COLUMN v TYPE int8 USING v * 10");
    expect(await on.confirmed(true)).not.toContain("b");
    expect(on.said).toEqual(["redefined b: its definition has changed"]);
  });

  test("a table without the trigger is not watched; the statement is named, and run", async () => {
    await on.database.query("CREATE TABLE bare (id int)");
    const refused = await on.watch(["bare"]);
    expect(refused).toMatchObject({ kind: "bypass", reason: "not-watched" });
    const detail = "detail" in refused ? refused.detail : "";
    await on.database.query(detail.slice(detail.indexOf("\n")));
    await on.load(["bare"]);
    expect(await on.confirmed(true)).toContain("bare");
    await on.database.query("ALTER TABLE bare DISABLE TRIGGER sqlmem_touch");
    expect(await on.watch(["bare"])).toMatchObject({ reason: "not-watched" });
    await on.database.query("CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30)");
    expect(await on.watch(["parts"])).toMatchObject({ detail: expect.stringContaining("public.parts_3") });
    // A trigger for some columns, or some rows, is not enough.
    await on.database.query(`DROP TRIGGER sqlmem_touch ON bare;
      CREATE TRIGGER sqlmem_touch AFTER INSERT OR UPDATE OF id OR DELETE OR TRUNCATE ON bare
        FOR EACH STATEMENT EXECUTE FUNCTION sqlmem.note_touch()`);
    expect(await on.watch(["bare"])).toMatchObject({ reason: "not-watched" });
  });

  test("materialized views are not watched", async () => {
    await on.database.query("CREATE MATERIALIZED VIEW m AS SELECT 1 AS id");
    expect(await on.watch(["m"])).toMatchObject({ reason: "not-watched" });
  });

  test("pruning: what is confirmed now and then goes on, what is older than the horizon is stale", async () => {
    await on.load(["a"]);
    await on.database.query("UPDATE b SET v = v + 1");
    expect(await on.confirmed()).toContain("a");
    const [now] = await on.database.query("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS x");
    // The horizon passes no transaction that runs, and others use the server, too.
    const passed = async (): Promise<unknown> => {
      await on.database.query("UPDATE b SET v = v + 1");
      await on.database.query("SELECT sqlmem.prune('0 s')");
      const [row] = await on.database.query("SELECT transaction > $1::xid8 AS passed FROM sqlmem.horizon", [now?.x]);
      return row?.passed;
    };
    await expect.poll(passed, { timeout: 25_000 }).toBe(true);
    // Its snapshot is from before the writes whose notes are gone now.
    expect(await on.confirmed()).not.toContain("a");
    expect(on.said.at(-1)).toBe("stale a: the log no longer reaches back to its snapshot");
    await on.load(["a"]);
    await on.database.query("SELECT sqlmem.prune('0 s')");
    expect(await on.confirmed()).toContain("a");
    const [left] = await on.database.query(
      "SELECT count(*)::int AS n FROM sqlmem.touch AS t JOIN sqlmem.horizon AS h ON t.transaction < h.transaction",
    );
    expect(left?.n).toBe(0);
  });

  test("pruning waits for nobody, and keeps what a running transaction may still need", async () => {
    const writer = await on.writer();
    await writer.query("BEGIN; UPDATE a SET v = v + 1 WHERE id = 1");
    await on.database.query("UPDATE b SET v = v + 1");
    await on.load(["b"]);
    await on.database.query("SELECT sqlmem.prune('0 s')");
    expect(await on.confirmed()).toContain("b");
    await on.load(["a"]);
    await writer.query("UPDATE b SET v = v + 1; COMMIT");
    const kept = await on.confirmed();
    expect(kept).not.toContain("a");
    expect(kept).not.toContain("b");
  });

  test("installing it again ends what is cached", async () => {
    await on.load(["a"]);
    await on.database.query(installTouchLog("postgres"));
    await on.source.confirm({ timeoutMs: 20_000, definitions: true });
    expect([...on.cached.keys()]).not.toContain("a");
  });

  test("a token", async () => {
    await on.load(["a"]);
    await on.database.query("UPDATE a SET v = v + 1 WHERE id = 1");
    const token = await on.source.token();
    expect(await on.source.reached(token, 20_000)).toBe(true);
    expect([...on.cached.keys()]).not.toContain("a");
    expect(await on.source.reached(token.replace(/sqlmem1:\d+/, "sqlmem1:1"), 20_000)).toBe(false);
    expect(await on.source.reached("nonsense", 20_000)).toBe(false);
  });

  test("start says what to run, and starts once it was run", async () => {
    await using database = await createDatabase(server, { setup: ["CREATE TABLE a (id int)"] });
    const role = `sqlmem_reader_${database.name.slice(-10)}`;
    await database.query(`CREATE ROLE ${role} LOGIN`);
    try {
      await database.query(`GRANT SELECT ON a TO ${role}`);
      const url = new URL(database.url);
      url.username = role;
      const followed = new Followed(database, "touch-log", url.href);
      const error: unknown = await followed.start().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(FreshnessError);
      const { message } = error as Error;
      expect(message).toContain(`TO "${role}"`);
      await database.query(message.slice(message.indexOf("\n")));
      await followed.start();
      await database.query(installTrigger(TOUCH, "a"));
      await followed.load(["a"]);
      expect(await followed.confirmed(true)).toEqual(["a"]);
      await followed.source.stop();
      await database.query(`REVOKE SELECT ON sqlmem.touch FROM ${role}`);
      const second = new Followed(database, "touch-log", url.href);
      await expect(second.start()).rejects.toThrow(/may not read the touch log[\s\S]*GRANT SELECT/);
      await Promise.all([followed.origin.close(), second.origin.close()]);
    } finally {
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test("a log that is made anew behind the source's back ends everything", async () => {
    await using other = await (await Followed.open(server, "touch-log")).start();
    await other.load(["a"]);
    await other.database.query("UPDATE a SET v = 1; DROP SCHEMA sqlmem CASCADE");
    await install(other.database, "touch-log", ["a", "b"]);
    expect(await other.source.confirm({ timeoutMs: 20_000, definitions: false })).toBe(false);
    expect(other.said).toEqual([expect.stringMatching(/^lost/)]);
    await other.start();
    await other.load(["a"]);
    expect(await other.confirmed(true)).toEqual(["a"]);
  });

  test("pruning is done by the source, on a connection of its own", async () => {
    await using other = await Followed.open(server, "touch-log");
    const source = touchLogSource(
      {
        connect: () => other.writer(),
        system: async () => "x",
        version: async () => server.version * 10_000,
        unchanged: async () => true,
        onFault: (error) => other.faults.push(error),
      },
      0,
    );
    await source.start(other.sink);
    const table = await other.table("b");
    const watch = await source.watch([{ table, columns: [], dictionaries: [] }]);
    if ("kind" in watch) throw new Error(watch.detail);
    await other.database.query("UPDATE a SET v = 1");
    await other.database.query("UPDATE sqlmem.touch SET noted = now() - interval '2 hours'");
    await other.database.query("UPDATE a SET v = 2");
    await other.database.query("UPDATE sqlmem.touch SET noted = now() - interval '2 hours'");
    const left = async (): Promise<unknown> => {
      await source.confirm({ timeoutMs: 20_000, definitions: false });
      return (await other.database.query("SELECT count(*)::int AS n FROM sqlmem.touch"))[0]?.n;
    };
    await expect.poll(left, { timeout: 20_000 }).toBe(1);
    watch.done(false);
    expect(other.faults).toEqual([]);
    await other.database.query("REVOKE ALL ON FUNCTION sqlmem.prune FROM PUBLIC; DROP FUNCTION sqlmem.prune");
    const again = await source.watch([{ table, columns: [], dictionaries: [] }]);
    await source.confirm({ timeoutMs: 20_000, definitions: false });
    await expect.poll(() => other.faults.map(({ message }) => message)).toContain("The touch log could not be pruned.");
    expect("kind" in again).toBe(false);
    await source.stop();
  });

  test("a log that was copied from another server is refused; the SQL that is named makes it new", async () => {
    await using database = await createDatabase(server);
    await install(database, "touch-log", []);
    await database.query("UPDATE sqlmem.horizon SET transaction = '9000000000000000000'");
    const followed = new Followed(database, "touch-log");
    const error: unknown = await followed.start().catch((thrown: unknown) => thrown);
    if (!(error instanceof FreshnessError)) throw new Error("it did start", { cause: error });
    expect(error.message).toMatch(/copied from another server/);
    await database.query(error.message.slice(error.message.indexOf("\n")));
    await followed.start();
    await followed.source.stop();
    await followed.origin.close();
  });
});

describe("the touch log on a server out of reach", () => {
  test("the server falls silent: nothing is confirmed, and after a while the source is lost", async () => {
    // After ten seconds; it is the same on each server.
    await using other = await Followed.open(newestServer(), "touch-log");
    await using proxy = await startCountingProxy(other.database.url);
    const silent = new Followed(other.database, "touch-log", proxy.url);
    await silent.start();
    await silent.load(["a"]);
    expect(await silent.source.confirm({ timeoutMs: 20_000, definitions: false })).toBe(true);
    proxy.pause();
    expect(await silent.source.confirm({ timeoutMs: 100, definitions: false })).toBe(false);
    await expect.poll(() => silent.said, { timeout: 20_000 }).toEqual([expect.stringMatching(/^lost/)]);
    expect([...silent.cached.keys()]).toEqual([]);
    await silent.source.stop();
    await silent.endWriters();
    await proxy.close();
    await silent.origin.close();
  });
});
