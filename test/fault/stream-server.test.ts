import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { following, requireWatch, sorted, until, type Wanted } from "../integration/postgres/stream/following.ts";
import { describeOnOwnServer } from "../support/engine.ts";
import { commitThatWaits, setStandby } from "../support/standby.ts";

// What a stream meets, below an engine, that stands in the way of every stream of a server: on a server of its own.

const ID: Wanted[] = [["id", "value"]];

describeOnOwnServer("faults of a whole server", {}, (database) => {
  async function session(): Promise<pg.Client> {
    const client = new pg.Client(database.url);
    client.on("error", () => {});
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  }

  test("a transaction that wrote before and is prepared meanwhile still blocks, and is named", async () => {
    await database.query("CREATE TABLE two (id int PRIMARY KEY)");
    const writer = await session();
    const { source, start, loadTable } = following(database.url);
    await start();
    await writer.query("BEGIN; INSERT INTO two VALUES (1)");
    const gid = `${database.name}_two`;
    const watching = source.watch([await loadTable(["two"], ID)]);
    await until(
      async () => (await database.query("SELECT 1 FROM pg_publication_tables WHERE tablename = 'two'")).length === 1,
      "published",
    );
    await sleep(50);
    await writer.query(`PREPARE TRANSACTION '${gid}'`);
    try {
      expect(await watching).toMatchObject({
        reason: "not-watched",
        detail: expect.stringMatching(/prepared transaction/),
      });
    } finally {
      await writer.query(`COMMIT PREPARED '${gid}'`);
    }
    const watch = requireWatch(await source.watch([await loadTable(["two"], ID)]));
    watch.done(false);
  }, 60_000);

  test("a commit that was streamed and is not visible yet: the snapshot is taken again", async () => {
    await database.query("CREATE TABLE ghost (id int PRIMARY KEY)");
    const writer = await session();
    const { source, start, follow, feed, loaded, said } = following(database.url);
    await start();
    const first = await follow(["ghost"], ID);
    // For this writer alone: its commit waits for a standby that is not there.
    const admin = await session();
    onTestFinished(() => setStandby(admin, ""));
    await setStandby(admin, "nobody");
    let last = 0;
    const { ended } = await commitThatWaits(admin, writer, () => `INSERT INTO ghost VALUES (${++last})`);
    await until(() => feed().rows(first).length === last, "streamed");
    expect(await database.query("SELECT * FROM ghost")).toHaveLength(last - 1);
    let taken = 0;
    const again = follow(["ghost"], ID, {
      accepts: async () => {
        taken++;
      },
    });
    await until(() => taken > 2, "taken again");
    await setStandby(admin, "");
    await ended;
    const id = await again;
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(feed().rows(id)).toHaveLength(last);
    expect(sorted(feed().rows(id))).toEqual(sorted(await loaded(["ghost"], ID)));
    expect(said.lost).toEqual([]);
  });

  test("a record that ends with its page: the next one's place is beyond what the stream can reach", async () => {
    const { source, start } = following(database.url);
    await start();
    const log = async (): Promise<{ insert: string; at: number; flushed: boolean }> => {
      const [row] = await database.query<{ insert: string; at: number; flushed: boolean }>(
        `SELECT l.insert::text, ((l.insert - '0/0') % 8192)::int AS at, l.insert - l.flush <= 24 AS flushed
         FROM (SELECT pg_current_wal_insert_lsn() AS insert, pg_current_wal_flush_lsn() AS flush) AS l`,
      );
      if (row === undefined) throw new Error("no row");
      return row;
    };
    // The server may write by itself at any time: it is tried until a barrier is seen that had nothing to wait for.
    let quiet = false;
    for (let attempt = 0; attempt < 400 && !quiet; attempt++) {
      const room = 8192 - (await log()).at;
      if (room < 200) await database.query("SELECT pg_logical_emit_message(false, 'p', '')");
      if (room < 200 || room > 8000) continue;
      // A record has a header of its own and one of the message, and is aligned.
      const sql = "SELECT pg_logical_emit_message(false, 'p', repeat('x', $1::int))";
      await database.query(sql, [room - 56 + (attempt % 9) - 4]);
      if ((await log()).at !== 24) continue;
      await until(async () => (await log()).flushed, "flushed");
      const { insert, at } = await log();
      expect(await source.confirm({ timeoutMs: 3000, definitions: false })).toBe(true);
      // Otherwise the log would have been written to, for it to move on.
      quiet = at === 24 && (await log()).insert === insert;
    }
    expect(quiet).toBe(true);
  }, 60_000);
});
