import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { following, logicalServers, requireWatch, sorted, until, type Wanted } from "./following.ts";

describe.each(logicalServers())("the change stream of $name", (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase(server);
  });
  afterAll(() => database.drop());

  const publications = async (): Promise<string[]> =>
    (await database.query<{ pubname: string }>("SELECT pubname FROM pg_publication")).map(({ pubname }) => pubname);

  test("start, watch, changes, confirm, stop: the origin is as it was", async () => {
    await database.query("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'one'), (2, 'two')");
    const { source, start, follow, feed, loaded, said } = following(database.url);
    await start();
    const columns: Wanted[] = [
      ["id", "value"],
      ["v", "value"],
    ];
    const id = await follow(["a"], columns);
    expect(sorted(feed().rows(id))).toEqual(sorted(await loaded(["a"], columns)));
    await database.query(
      "INSERT INTO a VALUES (3, 'three'); UPDATE a SET v = 'zwei', id = 20 WHERE id = 2; DELETE FROM a WHERE id = 1",
    );
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(sorted(feed().rows(id))).toEqual(sorted(await loaded(["a"], columns)));
    expect(source.state).toMatchObject({ transactions: 1, changes: 3 });
    expect(source.state.position).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    await database.query("TRUNCATE a");
    expect(await source.confirm({ timeoutMs: 10_000, definitions: false })).toBe(true);
    expect(feed().rows(id)).toEqual([]);
    expect(said).toEqual({ stale: [], redefined: [], lost: [], faults: [] });
    await source.stop();
    expect(await publications()).toEqual([]);
    const left = await database.query(
      `SELECT 1 FROM pg_replication_slots WHERE slot_name LIKE 'sqlmem%' AND database = current_database()
       UNION ALL SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(left).toEqual([]);
  });

  test("a table is out of the publication when nobody watches it any more", async () => {
    await database.query("CREATE TABLE b (id int PRIMARY KEY)");
    const { source, start, loadTable } = following(database.url);
    await start();
    const listed = () => database.query("SELECT tablename FROM pg_publication_tables WHERE pubname LIKE 'sqlmem%'");
    const load = await loadTable(["b"], [["id", "value"]]);
    const watch = requireWatch(await source.watch([load]));
    expect(await listed()).toEqual([{ tablename: "b" }]);
    watch.done(false);
    await until(async () => (await listed()).length === 0, "taken out");
  });
});
