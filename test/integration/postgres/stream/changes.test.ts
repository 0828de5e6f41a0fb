import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../support/postgres.ts";
import type { RecordingFeed } from "../../../support/recording-feed.ts";
import { following, logicalServers, sorted, until, type Wanted } from "./following.ts";

const ID_AND_V: Wanted[] = [
  ["id", "value"],
  ["v", "value"],
];

describe.each(logicalServers())("changes in the stream of $name", (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase(server);
  });
  afterAll(() => database.drop());

  /** Much more than one read of the socket takes, and the event loop stands still while it is sent. */
  async function arriveAtOnce(table: string): Promise<void> {
    await database.query(`INSERT INTO ${table} SELECT g, repeat('x', 100) FROM generate_series(1, 40000) g`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }

  /** Follows a table through statements; at the end the rows are those of the origin. */
  async function keepsUp(name: string, setup: string, changes: readonly string[], columns = ID_AND_V) {
    await database.query(setup);
    const followed = following(database.url);
    await followed.start();
    const id = await followed.follow([name], columns);
    for (const sql of changes) {
      await database.query(sql);
      expect(await followed.source.confirm({ timeoutMs: 10_000, definitions: false })).toBe(true);
      expect([sql, sorted(followed.feed().rows(id))]).toEqual([sql, sorted(await followed.loaded([name], columns))]);
    }
    expect(followed.said).toEqual({ stale: [], redefined: [], lost: [], faults: [] });
    return followed;
  }

  test("aborted savepoints, rolled back transactions, swapped keys", async () => {
    const { feed } = await keepsUp("s", "CREATE TABLE s (id int PRIMARY KEY, v text)", [
      "BEGIN; INSERT INTO s VALUES (1, 'a'); SAVEPOINT x; INSERT INTO s VALUES (2, 'b'); ROLLBACK TO x; INSERT INTO s VALUES (3, 'c'); COMMIT",
      "BEGIN; DELETE FROM s; ROLLBACK",
      "BEGIN; UPDATE s SET id = -1 WHERE id = 1; UPDATE s SET id = 1 WHERE id = 3; UPDATE s SET id = 3 WHERE id = -1; COMMIT",
      "DELETE FROM s WHERE id = 1; INSERT INTO s VALUES (1, 'again')",
    ]);
    expect(feed().transactions.length).toBe(3);
  });

  test("a large value that stays while the key changes", async () => {
    await keepsUp(
      "toast",
      "CREATE TABLE toast (id int PRIMARY KEY, v text, w int); ALTER TABLE toast ALTER v SET STORAGE EXTERNAL",
      [
        "INSERT INTO toast VALUES (1, repeat('ü', 9000), 1)",
        "UPDATE toast SET w = 2",
        "UPDATE toast SET id = 7",
        "UPDATE toast SET id = 8, v = repeat('y', 9000)",
        "UPDATE toast SET id = 9, w = 3",
      ],
    );
  });

  test("partitions: rows that move, a table whose partitions have their columns in another order", async () => {
    await keepsUp(
      "parted",
      `CREATE TABLE parted (id int, v text, PRIMARY KEY (id, v)) PARTITION BY LIST (v);
       CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
       CREATE TABLE parted_b (v text NOT NULL, extra int, id int NOT NULL); ALTER TABLE parted_b DROP COLUMN extra;
       ALTER TABLE parted ATTACH PARTITION parted_b FOR VALUES IN ('b')`,
      [
        "INSERT INTO parted VALUES (1, 'a'), (2, 'b')",
        "UPDATE parted SET v = 'b' WHERE id = 1",
        "UPDATE parted SET id = 5 WHERE id = 2",
        "DELETE FROM parted_b WHERE id = 5",
      ],
    );
  });

  test("identity by an index, and the whole row with a primary key", async () => {
    await keepsUp(
      "by_index",
      "CREATE TABLE by_index (id int, v text NOT NULL UNIQUE); ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_v_key",
      [
        "INSERT INTO by_index VALUES (1, 'a'), (1, 'b')",
        "UPDATE by_index SET v = 'c', id = 3 WHERE v = 'a'",
        "DELETE FROM by_index WHERE v = 'b'",
      ],
    );
    await keepsUp("whole", "CREATE TABLE whole (id int PRIMARY KEY, v text); ALTER TABLE whole REPLICA IDENTITY FULL", [
      "INSERT INTO whole VALUES (1, repeat('x', 9000)), (2, NULL)",
      "UPDATE whole SET id = id + 10",
      "DELETE FROM whole WHERE id = 12",
    ]);
  });

  test("commits that nobody waits for are confirmed", async () => {
    await keepsUp("soon", "CREATE TABLE soon (id int PRIMARY KEY, v text)", [
      "SET synchronous_commit = off; INSERT INTO soon VALUES (1, 'x')",
      "SET synchronous_commit = off; BEGIN; INSERT INTO soon VALUES (2, 'x'); ROLLBACK",
      "SET synchronous_commit = off; UPDATE soon SET v = 'y'; RESET synchronous_commit",
    ]);
  });

  test("loads while others write: nothing is lost, nothing is there twice", async () => {
    await database.query(
      "CREATE TABLE busy (id int PRIMARY KEY, v text); INSERT INTO busy SELECT g, 'x' FROM generate_series(1, 500) g",
    );
    const { source, start, follow, feed, loaded } = following(database.url);
    await start();
    let writing = true;
    let next = 1000;
    const writer = async (): Promise<void> => {
      while (writing) {
        const id = next++;
        await database.query(
          `BEGIN; INSERT INTO busy VALUES (${id}, 'new'); UPDATE busy SET v = v || '!' WHERE id = ${id % 500}; DELETE FROM busy WHERE id = ${id - 50}; COMMIT`,
        );
      }
    };
    const writers = [writer(), writer()];
    let id = "";
    for (let round = 0; round < 8; round++) id = await follow(["busy"], ID_AND_V);
    writing = false;
    await Promise.all(writers);
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(sorted(feed().rows(id))).toEqual(sorted(await loaded(["busy"], ID_AND_V)));
  });

  test("tokens: what they stand for is waited for; those of others are not reached", async () => {
    const { source, start } = following(database.url);
    await start();
    const token = await source.token();
    expect(token).toMatch(/^sqlmem1:\d+:[0-9A-F]+\/[0-9A-F]+$/);
    expect(await source.reached(token, 10_000)).toBe(true);
    const later = token.replace(/[^:]+$/, "FFFFFF/0");
    expect(await source.reached(later, 20)).toBe(false);
    expect(await source.reached(token.replace(/:\d+:/, ":1:"), 20)).toBe(false);
    for (const wrong of ["", "sqlmem1", "sqlmem2:1:0/0", `${token}:1`, token.replace("/", "-")]) {
      expect(await source.reached(wrong, 20)).toBe(false);
    }
  });

  test("how texts sort is asked under the column's collation and type", async () => {
    await database.query('CREATE TABLE sorts (id int PRIMARY KEY, t text COLLATE "C", c char(4))');
    const { origin, start, loadTable, feed } = following(database.url);
    await start();
    const { table } = await loadTable(["sorts"], [["id", "value"]]);
    const codec = (name: string): unknown => {
      const column = table.columns.find((candidate) => candidate.name === name);
      return column && origin.dictionaryCodec(column);
    };
    const ask = feed().options.sort;
    expect(await ask(codec("t"), [])).toEqual({ before: [], order: [] });
    expect(
      await ask(codec("t"), [
        { text: "b", candidates: ["a", "b", "c", ""] },
        { text: "B", candidates: [] },
        { text: 'q"\\ü', candidates: ["A", "z"] },
      ]),
    ).toEqual({ before: [2, 0, 1], order: [1, 0, 2] });
    // Blanks at the end do not count, and a tab sorts before them.
    expect(await ask(codec("c"), [{ text: "a", candidates: ["a ", "a\t", "b"] }])).toEqual({ before: [0], order: [0] });
  });

  test("a feed that does not keep up holds the server back, and nothing is lost", async () => {
    await database.query("CREATE TABLE flood (id int PRIMARY KEY, v text)");
    const { source, start, follow, feed, loaded } = following(database.url);
    await start();
    const id = await follow(["flood"], ID_AND_V);
    feed().held = true;
    await database.query("INSERT INTO flood SELECT g, repeat('x', 1000) FROM generate_series(1, 40000) g");
    await until(() => feed().waitingBytes > 8 << 20, "the feed is full");
    const full = feed().waitingBytes;
    expect(await source.confirm({ timeoutMs: 300, definitions: false })).toBe(false);
    expect(feed().waitingBytes).toBeLessThan(full + (8 << 20));
    feed().flow();
    expect(await source.confirm({ timeoutMs: 20_000, definitions: false })).toBe(true);
    expect(feed().rows(id).length).toBe((await loaded(["flood"], [["id", "value"]])).length);
  });

  test("a large transaction leaves the event loop its turns, and arrives whole and in order", async () => {
    await database.query("CREATE TABLE large (id int PRIMARY KEY, v text)");
    const { source, start, follow, feed } = following(database.url);
    await start();
    await follow(["large"], ID_AND_V);
    const { turns } = byTurn(feed());
    await arriveAtOnce("large");
    expect(await source.confirm({ timeoutMs: 20_000, definitions: false })).toBe(true);
    const ids = feed()
      .transactions.at(-1)
      ?.changes.map((change) => change.kind === "insert" && Number(change.row.text(0)));
    expect(ids).toEqual(Array.from({ length: 40_000 }, (_, index) => index + 1));
    // What a turn may have, and one more read of the socket.
    expect(Math.max(...turns)).toBeLessThan(100_000);
  });

  test.each(["stopped", "lost"] as const)(
    "%s in the middle of a large transaction: nothing arrives any more",
    async (how) => {
      await database.query(`CREATE TABLE ${how} (id int PRIMARY KEY, v text)`);
      const { source, start, follow, feed, said } = following(database.url);
      await start();
      await follow([how], ID_AND_V);
      const first = feed();
      const ended = Promise.withResolvers<void>();
      let late = 0;
      byTurn(first, (bytes) => {
        if (first.closed) late++;
        else if (bytes > 50_000) {
          if (how === "lost") first.options.onFailed(new Error("lost here"));
          ended.resolve(how === "stopped" ? source.stop() : undefined);
        }
      });
      await arriveAtOnce(how);
      await ended.promise;
      await sleep(50);
      expect(first.closed).toBe(true);
      expect(late).toBe(0);
      expect(said.lost).toHaveLength(how === "lost" ? 1 : 0);
      if (how === "stopped") return;
      await start();
      expect(feed()).not.toBe(first);
      expect(await source.confirm({ timeoutMs: 20_000, definitions: false })).toBe(true);
    },
  );
});

/** How many bytes a feed is handed in each turn of the event loop. */
function byTurn(feed: RecordingFeed, onPush: (bytes: number) => void = () => {}): { readonly turns: number[] } {
  const turns: number[] = [];
  let bytes = 0;
  const push = feed.push.bind(feed);
  feed.push = (message) => {
    if (bytes === 0) {
      setImmediate(() => {
        turns.push(bytes);
        bytes = 0;
      });
    }
    bytes += message.length;
    push(message);
    onPush(bytes);
  };
  return { turns };
}
