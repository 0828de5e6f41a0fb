import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CountingProxy, startCountingProxy } from "../support/counting-proxy.ts";
import { collationAvailable, createDatabase, servers, type TestDatabase } from "../support/postgres.ts";

// The tests' own tools, without SQLmem: what a proof rests on must itself be proven.

describe.each(servers())("test databases on $name", (server) => {
  it("has a database of its own, changed and read by bare pg, and gone after drop", async () => {
    const database = await createDatabase(server, { setup: ["CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)"] });
    await database.query("UPDATE t SET a = a + $1", [41]);
    expect(await database.query("SELECT a FROM t")).toEqual([{ a: 42 }]);
    const open = new pg.Client({ connectionString: database.url });
    open.on("error", () => {});
    await open.connect();
    await database.drop();
    await database.drop();
    await expect(open.query("SELECT 1")).rejects.toThrow();
    await expect(new pg.Client({ connectionString: database.url }).connect()).rejects.toThrow(/does not exist/);
  });

  const orders = { C: "B,a,ä,z", en_US: "a,ä,B,z", de_DE: "a,ä,B,z", tr_TR: "a,ä,B,z", icu: "a,ä,B,z" } as const;
  for (const [name, order] of Object.entries(orders)) {
    const collation = name as keyof typeof orders;
    it.skipIf(!collationAvailable(server, collation))(`sorts as ${collation}`, async () => {
      await using database = await createDatabase(server, { collation });
      const rows = await database.query<{ v: string }>(
        "SELECT v FROM (VALUES ('z'), ('ä'), ('B'), ('a')) AS t (v) ORDER BY v",
      );
      // In C, ä comes after z: its bytes are larger.
      expect(rows.map((row) => row.v).join()).toBe(collation === "C" ? "B,a,z,ä" : order);
    });
  }
});

describe.each(servers())("the counting proxy before $name", (server) => {
  let database: TestDatabase;
  let proxy: CountingProxy;
  beforeAll(async () => {
    database = await createDatabase(server, { setup: ["CREATE TABLE t AS SELECT generate_series(1, 100000) AS a"] });
    proxy = await startCountingProxy(database.url);
  });
  afterAll(async () => {
    await proxy?.close();
    await database?.drop();
  });

  async function connected(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: proxy.url });
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  it("records simple, extended and prepared statements", async () => {
    const client = await connected();
    proxy.clear();
    const long = `SELECT '${"ä".repeat(300_000)}' AS v`;
    await client.query("SELECT 1");
    await client.query("SELECT $1::int", [2]);
    for (const id of [3, 4]) await client.query({ name: "s", text: "SELECT $1::int + 1", values: [id] });
    await client.query(long);
    expect(proxy.statements).toEqual(["SELECT 1", "SELECT $1::int", "SELECT $1::int + 1", long]);
    expect(proxy.executes).toBe(3);
    await client.end();
  });

  it("refuses SSL as a server without it does", async () => {
    const client = new pg.Client({ connectionString: proxy.url, ssl: true });
    await expect(client.connect()).rejects.toThrow("does not support SSL");
  });

  it("cuts connections", async () => {
    const client = await connected();
    const failed = expect(client.query("SELECT pg_sleep(10)")).rejects.toThrow("terminated unexpectedly");
    setTimeout(() => proxy.dropConnections(), 50);
    await failed;
    const next = await connected();
    await next.end();
  });

  it("holds bytes back until it is resumed", async () => {
    const client = await connected();
    proxy.pause();
    let answered = false;
    const answer = client.query("SELECT 1").then(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(answered).toBe(false);
    proxy.resume();
    await answer;
    await client.end();
  });

  it("swallows what is sent, for good, and connects anew once it is resumed", async () => {
    const client = await connected();
    proxy.clear();
    proxy.swallow();
    let answered = false;
    const settle = (): void => {
      answered = true;
    };
    const answer = client.query("SELECT 1").then(settle, settle);
    await expect.poll(() => proxy.statements).toEqual(["SELECT 1"]);
    proxy.resume();
    const next = await connected();
    expect((await next.query("SELECT 2 AS v")).rows).toEqual([{ v: 2 }]);
    expect(answered).toBe(false);
    proxy.dropConnections();
    await answer;
  });

  it.each([
    ["server", "SELECT 'marked' AS v", 0],
    ["client", "WITH i AS (INSERT INTO marks VALUES (1)) SELECT 'mar' || 'ked' AS v", 1],
  ] as const)("resets a connection instead of telling the %s a text", async (to, sql, done) => {
    await database.query("DROP TABLE IF EXISTS marks; CREATE TABLE marks (a int)");
    const [client, other] = [await connected(), await connected()];
    proxy.dropAt("marked", to);
    await expect(client.query(sql)).rejects.toThrow();
    await expect.poll(() => other.query("SELECT 1").catch(() => "ended")).toBe("ended");
    expect(await database.query("SELECT a FROM marks")).toHaveLength(done);
    await (await connected()).end();
  });

  it("knows which connections are a walsender's, and cuts those alone", async () => {
    const client = await connected();
    proxy.clear();
    const walsender = new pg.Client(Object.assign({ connectionString: proxy.url }, { replication: "database" }));
    const ended = new Promise((resolve) => walsender.on("error", resolve));
    await walsender.connect();
    expect(proxy).toMatchObject({ connections: 1, replications: 1 });
    proxy.dropConnections("replication", "reset");
    expect(await ended).toBeInstanceOf(Error);
    expect((await client.query("SELECT 1 AS v")).rows).toEqual([{ v: 1 }]);
    await client.end();
  });

  it("cuts a COPY in its middle", async () => {
    const { to } = await import("pg-copy-streams");
    const client = await connected();
    proxy.stopAfterBytes(100_000);
    let received = 0;
    const copy = client.query(to("COPY t TO STDOUT"));
    const failed = new Promise((resolve) => copy.on("error", resolve));
    copy.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    expect(await failed).toBeInstanceOf(Error);
    expect(received).toBeLessThan(200_000);
  });
});
