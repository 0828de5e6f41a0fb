import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { FreshnessError } from "../../src/errors.ts";
import { following, logicalServers, sorted, until, type Wanted } from "../integration/postgres/stream/following.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

// What the stream itself says, below an engine; what can happen to its connections is in freshness-connections.test.ts.

const ID: Wanted[] = [["id", "value"]];

describe.each(logicalServers())("faults of the change stream of $name", (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase(server, { setup: ["CREATE TABLE t (id int PRIMARY KEY)"] });
  });
  afterAll(() => database.drop());

  async function session(url = database.url): Promise<pg.Client> {
    const client = new pg.Client(url);
    client.on("error", () => {});
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  }

  const publications = async (): Promise<string[]> =>
    (await database.query<{ pubname: string }>("SELECT pubname FROM pg_publication")).map(({ pubname }) => pubname);
  const startError = async (url: string, publication?: string): Promise<Error> => {
    const { start } = following(url, publication === undefined ? {} : { publication });
    const error = await start().then(
      () => new Error("it has started"),
      (reason: unknown) => reason,
    );
    return error as Error;
  };

  test("what is pushed cannot be read: lost, once, and started again", async () => {
    const { source, start, follow, feed, said, loaded } = following(database.url);
    await start();
    await follow(["t"], ID);
    feed().push(Uint8Array.of(0x78));
    expect(said.lost).toHaveLength(1);
    expect(said.lost[0]).toBeInstanceOf(FreshnessError);
    expect(await source.confirm({ timeoutMs: 1000, definitions: true })).toBe(false);
    // Whoever has written may ask for it.
    const token = await source.token();
    expect(await source.reached(token, 10)).toBe(false);
    const [load] = [await following(database.url).loadTable(["t"], ID)];
    expect(await source.watch([load])).toMatchObject({ kind: "bypass", reason: "not-fresh" });
    await start();
    expect(await publications()).toHaveLength(1);
    const id = await follow(["t"], ID);
    await database.query("INSERT INTO t SELECT COALESCE(max(id), 0) + 1 FROM t");
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(await source.reached(token, 10_000)).toBe(true);
    expect(sorted(feed().rows(id))).toEqual(sorted(await loaded(["t"], ID)));
    expect(said.lost).toHaveLength(1);
    await source.stop();
    expect(await publications()).toEqual([]);
  });

  test("a writer from before the table was published is waited for", async () => {
    await database.query("CREATE TABLE early (id int PRIMARY KEY)");
    const writer = await session();
    const { source, start, follow, feed, loaded } = following(database.url);
    await start();
    await writer.query("BEGIN; INSERT INTO early VALUES (1)");
    const followed = follow(["early"], ID);
    await until(
      async () => (await database.query("SELECT 1 FROM pg_publication_tables WHERE tablename = 'early'")).length === 1,
      "published",
    );
    await sleep(50);
    await writer.query("COMMIT");
    const id = await followed;
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(feed().rows(id)).toEqual([[1]]);
    expect(sorted(feed().rows(id))).toEqual(sorted(await loaded(["early"], ID)));
  });

  test("a start that cannot succeed says what to change, and leaves nothing", async () => {
    const role = `${database.name}_role`;
    await database.query(`CREATE ROLE ${role} LOGIN`);
    try {
      const url = new URL(database.url);
      url.username = role;
      expect((await startError(url.href)).message).toMatch(/GRANT CREATE ON DATABASE/);
      await database.query(`GRANT CREATE ON DATABASE ${database.name} TO ${role}`);
      const denied = await startError(url.href);
      expect(denied).toBeInstanceOf(FreshnessError);
      expect(denied.message).toMatch(/ALTER ROLE … REPLICATION/);
      await database.query(`ALTER ROLE ${role} REPLICATION`);
      const { source, start, loadTable } = following(url.href);
      await start();
      await database.query(`GRANT SELECT ON t TO ${role}`);
      expect(await source.watch([await loadTable(["t"], ID)])).toMatchObject({
        reason: "not-watched",
        detail: expect.stringMatching(/must be owner/),
      });
      await source.stop();
      expect((await startError(database.url, "nothing")).message).toMatch(/CREATE PUBLICATION "nothing"/);
    } finally {
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
    expect(await publications()).toEqual([]);
  });
});
