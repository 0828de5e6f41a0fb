import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { isHit } from "../support/attach.ts";
import { describeOnServers, notFresh, openEngine, rejection, until } from "../support/engine.ts";
import { askOf, type Followed, openFollowed } from "../support/followed.ts";
import { MAX_LAG_MS, OBSERVED, Observer } from "../support/observer.ts";
import { createDatabase } from "../support/postgres.ts";

// What can happen to the connections of an engine that follows changes. Whatever it is: no answer is staler than the
// promise, nothing hangs, the cache comes back by itself, and nothing is left on the server after it was closed. What the
// stream's silence leads to is in freshness-silence.test.ts.

interface Fault {
  readonly name: string;
  /** Lasts until it resolves. */
  readonly inject: (followed: Followed, observer: Observer) => Promise<void>;
  /** It is to be noticed as a loss of the stream, or as none. */
  readonly losses: "some" | "none" | "any";
  /** The stream is late, and would never be sure of what is written all the time: others alone write. */
  readonly ownWrites?: false;
  /** Nothing of the program's own is hurt: none of its statements may fail. */
  readonly errors?: "none";
}

/** Longer than hits of before are allowed, shorter than the silence after which the stream is given up. */
const LASTING_MS = 2 * MAX_LAG_MS;

const FAULTS: readonly Fault[] = [
  { name: "nothing", losses: "none", errors: "none", inject: (_, observer) => observer.hits(50) },
  {
    name: "the walsender is terminated, three times",
    losses: "some",
    errors: "none",
    inject: async (followed, observer) => {
      for (let losses = 1; losses <= 3; losses++) {
        await followed.bare("SELECT pg_terminate_backend($1)", [await followed.walsender()]);
        await until("lost", () => followed.engine.stats().freshness.losses >= losses);
        expect(followed.faults.length).toBeGreaterThanOrEqual(losses);
        await observer.hits(20);
      }
    },
  },
  {
    name: "what is sent to the walsender is held back",
    losses: "any",
    inject: async ({ proxy }, observer) => {
      proxy.pause({ kind: "replication", to: "server" });
      await sleep(LASTING_MS);
      await observer.reads(20);
      proxy.resume();
    },
  },
  {
    name: "everything of all but the replication connection is held back",
    losses: "any",
    inject: async ({ proxy }) => {
      proxy.pause({ kind: "ordinary" });
      await sleep(LASTING_MS);
      proxy.resume();
    },
  },
  {
    name: "everything is held back, until reads are given up",
    losses: "any",
    inject: async ({ proxy }, { errors }) => {
      proxy.pause();
      await until("reads are rejected", () => errors.length > 3);
      proxy.resume();
    },
  },
  {
    name: "everything is lost, on new connections too, until reads are given up",
    losses: "some",
    inject: async ({ engine, proxy }, { errors }) => {
      proxy.swallow();
      await until("reads are rejected", () => errors.length > 3);
      proxy.resume();
      await until("lost", () => engine.stats().freshness.losses > 0);
    },
  },
  ...(["replication", undefined] as const).map(
    (kind): Fault => ({
      name: `${kind ?? "all"} connections are cut, also while they are made`,
      losses: "some",
      // What is on its way on the program's own connections.
      ...(kind !== undefined && { errors: "none" }),
      inject: async ({ engine, proxy }, observer) => {
        for (const how of ["end", "reset"] as const) {
          const { losses } = engine.stats().freshness;
          proxy.dropConnections(kind, how);
          await until("lost", () => engine.stats().freshness.losses > losses);
          await observer.hits(20);
        }
        for (let time = 0; time < 12; time++) {
          proxy.dropConnections(kind, time % 2 === 0 ? "end" : "reset");
          await sleep(31 * (time % 4));
        }
      },
    }),
  ),
  {
    name: "the replication connection is slow, and answers of the server too",
    losses: "none",
    ownWrites: false,
    errors: "none",
    inject: async (followed, observer) => {
      const { proxy } = followed;
      for (const slow of [
        () => proxy.delay(MAX_LAG_MS / 6, { kind: "replication", to: "client" }),
        () => proxy.delay(MAX_LAG_MS / 15, { to: "client" }),
      ]) {
        slow();
        await observer.hits(20);
        const writing = followed.observe();
        await writing.reads(20);
        expect(await writing.stop()).toEqual([]);
      }
      proxy.resume();
    },
  },
  {
    name: "the replication connection is slower than the promise",
    losses: "any",
    ownWrites: false,
    errors: "none",
    inject: async (followed, observer) => {
      const { proxy, engine } = followed;
      const before = notFresh(engine);
      proxy.delay(2 * MAX_LAG_MS, { kind: "replication", to: "client" });
      await until("it is noticed", () => notFresh(engine) > before + 20);
      const writing = followed.observe();
      await writing.reads(20);
      expect(await writing.stop()).toEqual([]);
      await observer.reads(20);
      proxy.resume();
    },
  },
  {
    name: "its slot is dropped, and somebody makes another one of that name",
    losses: "some",
    errors: "none",
    inject: async ({ bare, engine, walsender }, observer) => {
      const pid = await walsender();
      const [slot] = await bare("SELECT slot_name AS name FROM pg_replication_slots WHERE active_pid = $1", [pid]);
      await bare("SELECT pg_terminate_backend($1)", [pid]);
      await until("the slot is gone", async () => {
        const left = await bare("SELECT FROM pg_replication_slots WHERE slot_name = $1", [slot?.name]);
        return left.length === 0;
      });
      await bare("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot?.name]);
      await until("lost", () => engine.stats().freshness.losses > 0);
      // The other one means nothing.
      await observer.hits(20);
      await bare("SELECT pg_drop_replication_slot($1)", [slot?.name]);
    },
  },
  {
    name: "the sessions of its own are terminated, not the stream",
    losses: "any",
    inject: async ({ bare, name }, observer) => {
      for (let time = 0; time < 5; time++) {
        await bare(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
             AND application_name = $1 AND backend_type = 'client backend'`,
          [name],
        );
        await observer.reads(10);
      }
    },
  },
];

describeOnServers(
  "freshness: connections",
  (database) => {
    it.each(FAULTS)("$name", { timeout: 60_000 }, async ({ inject, losses, ownWrites = true, errors }) => {
      const followed = await openFollowed(database, { pool: { query_timeout: 2000 } });
      await followed.warm();
      const observer = followed.observe({ ownWrites });
      await observer.hits(20);
      await inject(followed, observer);
      // What was swallowed is given up after ten seconds.
      await observer.hits(20, 30_000);
      const had = await observer.stop();
      if (errors === "none") expect(had).toEqual([]);
      await followed.expectRecovered();
      if (losses !== "any") expect(followed.engine.stats().freshness.losses > 0 ? "some" : "none").toBe(losses);
      await followed.leave();
    });

    it("the observer accuses an engine that does not follow changes", async () => {
      const { engine, bare } = await openEngine(database, { mode: "transparent", freshness: { ttl: 60_000 } });
      const observer = new Observer(engine, bare, [askOf(engine)], true);
      await until("it is accused", () => observer.violations.length > 0);
      expect(observer.violations[0]).toMatch(/^way 0: read \d+, \d+ was required/);
    });

    it("write() while the stream is lost: it is done once, and its token is seen when the cache is back", async () => {
      const followed = await openFollowed(database);
      const { engine, proxy } = followed;
      await database.query("INSERT INTO counters VALUES (12, 0)");
      const read = "SELECT v FROM counters WHERE id = 12";
      await followed.warm(read);
      proxy.pause({ kind: "replication" });
      proxy.dropConnections("replication");
      await until("it is lost", () => engine.stats().freshness.state !== "live");
      const { rows, token } = await engine.write("UPDATE counters SET v = v + 1 WHERE id = 12 RETURNING v");
      expect(rows).toEqual([{ v: 1 }]);
      proxy.resume();
      await until("a hit", () =>
        isHit(engine, async () => expect(await engine.execute(read, [], { after: token })).toEqual([{ v: 1 }])),
      );
      await followed.leave();
    });

    // The stream is lost with the program's connections, or goes on.
    it.each([
      ["before", undefined],
      ["after", undefined],
      ["before", "ordinary"],
      ["after", "ordinary"],
    ] as const)(
      "the connection is lost %s COMMIT takes effect, of an attached client: whatever became of it is seen",
      async (when, kind) => {
        const followed = await openFollowed(database);
        const { engine, attached, proxy } = followed;
        await database.query("INSERT INTO counters VALUES (11, 0) ON CONFLICT (id) DO UPDATE SET v = 0");
        const read = "SELECT v FROM counters WHERE id = 11";
        const ask = async (): Promise<unknown> => (await attached.query(read)).rows;
        for (let value = 1; value <= 6; value++) {
          await until("a hit", () => isHit(engine, ask));
          const client = await attached.connect();
          client.on("error", () => {});
          await client.query("BEGIN");
          await client.query("UPDATE counters SET v = $1 WHERE id = 11", [value]);
          if (when === "before") proxy.dropAt("COMMIT", "server", kind);
          else proxy.dropAt("COMMIT\0", "client", kind);
          await rejection(client.query("COMMIT"));
          client.release(true);
          // The program does not know, and asks: from now on the answer is the database's.
          const rows = await database.query(read);
          if (when === "after") expect(rows).toEqual([{ v: value }]);
          for (let time = 0; time < 3; time++) {
            expect(await ask().catch(() => ask())).toEqual(rows);
            expect(await engine.execute(read).catch(() => engine.execute(read))).toEqual(rows);
          }
        }
        await followed.expectRecovered(read);
        await followed.leave();
      },
    );

    it("what hangs without any limit is given up after ten seconds: it comes back, and closes", async () => {
      // At the same time, as most of it is waiting; of databases of their own, as each is left clean.
      await using other = await createDatabase(database.server, { setup: OBSERVED });
      await using third = await createDatabase(database.server, { setup: [...OBSERVED, NOTES] });
      await Promise.all([hangsEverywhere(database), hangsReconnecting(other), hangsSorting(third)]);
    }, 120_000);
  },
  {
    setup: [...OBSERVED, "CREATE TABLE counters (id int PRIMARY KEY, v int NOT NULL)"],
    newestOnly: true,
  },
);

/** All that is the engine's own is swallowed; the program's pool goes on. */
async function hangsEverywhere(database: { readonly url: string }): Promise<void> {
  const followed = await openFollowed(database, { pool: { connectionTimeoutMillis: 0 } });
  const { engine, proxy, bare } = followed;
  const pool = new pg.Pool({ connectionString: database.url });
  onTestFinished(() => pool.end());
  engine.attach(pool);
  await followed.warm();
  const observer = followed.observe({ ways: [askOf(pool)] });
  await observer.hits(20);
  proxy.swallow();
  await observer.reads(100);
  proxy.resume();
  await observer.hits(20, 45_000);
  expect(await observer.stop()).toEqual([]);
  await followed.expectRecovered();
  // It ends in there, too. What it cannot take along goes when the next one starts.
  proxy.swallow();
  await engine.close();
  proxy.dropConnections();
  await until("its slot is gone", async () => {
    const left = await bare("SELECT FROM pg_replication_slots WHERE database = current_database()");
    return left.length === 0;
  });
  const next = await openFollowed(database);
  await next.engine.ready();
  await next.leave();
  await followed.leave();
}

/** Attempts to follow changes again hang. */
async function hangsReconnecting(database: { readonly url: string }): Promise<void> {
  const followed = await openFollowed(database, { pool: { connectionTimeoutMillis: 0 } });
  const { engine, proxy } = followed;
  await followed.warm();
  const observer = followed.observe();
  await observer.hits(20);
  for (const losses of [1, 2]) {
    const before = proxy.replications;
    proxy.swallow("replication");
    await until("lost", () => engine.stats().freshness.losses === losses);
    await until("it tries to connect", () => proxy.replications > before);
    if (losses === 2) break;
    proxy.resume();
    await observer.hits(20, 30_000);
  }
  expect(await observer.stop()).toEqual([]);
  await followed.leave();
}

const NOTES = 'CREATE TABLE notes (id int PRIMARY KEY, body text COLLATE "en-x-icu" NOT NULL)';

/** The question where a new text of the stream sorts is swallowed; the stream and the program's pool go on. */
async function hangsSorting(database: { readonly url: string }): Promise<void> {
  const followed = await openFollowed(database);
  const { engine, proxy, bare } = followed;
  const pool = new pg.Pool({ connectionString: database.url });
  // Its database is dropped before the test is finished.
  pool.on("error", () => {});
  onTestFinished(() => pool.end());
  engine.attach(pool);
  const read = "SELECT id, body FROM notes ORDER BY body, id";
  await bare("INSERT INTO notes VALUES (1, 'b'), (2, 'A'), (3, 'c')");
  await followed.warm(read);
  const observer = followed.observe({ ways: [askOf(pool)], ownWrites: false });
  await observer.hits(20);
  const question = /^\s*WITH question AS/;
  proxy.pauseAfter(question);
  await bare("INSERT INTO notes VALUES (4, 'B')");
  await until("it is asked", () => proxy.statements.some((sql) => question.test(sql)));
  proxy.swallow("ordinary");
  proxy.resume();
  const before = notFresh(engine);
  await until("it is noticed", () => notFresh(engine) > before + 20);
  await observer.hits(20, 30_000);
  expect(await observer.stop()).toEqual([]);
  await followed.expectRecovered(read);
  expect(engine.stats().freshness.losses).toBe(0);
  await followed.leave();
}
