import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import type { CachingEngine } from "../../src/engine.ts";
import { isHit } from "../support/attach.ts";
import { describeOnServers, openEngine, type SharedDatabase, until } from "../support/engine.ts";
import {
  freezeWalsenders,
  MAX_LAG_MS,
  startWitness,
  WITNESS_SETUP,
  type Witness,
  walsendersOf,
} from "../support/freshness-witness.ts";

// What can happen to the connections of an engine that follows changes. Whatever it is: no answer is staler than the
// promise, nothing hangs, the cache comes back by itself, and nothing is left on the server after close().

interface Fault {
  readonly name: string;
  /** Lasts until it resolves. */
  readonly inject: (database: SharedDatabase, witness: Witness) => Promise<void>;
  /** It is to be noticed as a loss of the stream, or as none. */
  readonly losses: "some" | "none" | "any";
}

const LASTING_MS = 3 * MAX_LAG_MS;
/** Three barriers in a row that time out, and a silence of three seconds. */
const UNTIL_LOST_MS = 8000;

const FAULTS: readonly Fault[] = [
  {
    name: "the walsender is terminated, three times",
    losses: "some",
    inject: async (database, { recovered }) => {
      for (let time = 0; time < 3; time++) {
        await recovered();
        await terminateWalsender(database);
        await sleep(100);
      }
    },
  },
  {
    name: "the walsender is frozen for a while",
    losses: "any",
    inject: async (database) => {
      const thaw = await freezeWalsenders(database);
      await sleep(LASTING_MS);
      thaw();
    },
  },
  {
    name: "the walsender is frozen for good",
    losses: "some",
    inject: async (database, { opened }) => {
      const thaw = await freezeWalsenders(database);
      await untilLost(opened.engine);
      thaw();
    },
  },
  {
    name: "the network swallows what the walsender sends",
    losses: "some",
    inject: async (_, { opened }) => {
      opened.proxy.pause({ kind: "replication", to: "client" });
      await untilLost(opened.engine);
      opened.proxy.resume();
    },
  },
  {
    name: "the network swallows what is sent to the walsender",
    losses: "any",
    inject: async (_, { opened }) => {
      opened.proxy.pause({ kind: "replication", to: "server" });
      await sleep(LASTING_MS);
      opened.proxy.resume();
    },
  },
  {
    name: "the network swallows everything of all but the replication connection",
    losses: "any",
    inject: async (_, { opened }) => {
      opened.proxy.pause({ kind: "ordinary" });
      await sleep(LASTING_MS);
      opened.proxy.resume();
    },
  },
  {
    name: "the network swallows everything, until the stream is given up",
    losses: "any",
    inject: async (_, { opened }) => {
      opened.proxy.pause();
      await sleep(UNTIL_LOST_MS);
      opened.proxy.resume();
    },
  },
  {
    name: "the replication connection is cut, again and again, also while it connects",
    losses: "some",
    inject: async (_, { opened }) => {
      for (let time = 0; time < 20; time++) {
        opened.proxy.dropConnections("replication");
        await sleep(37 * (time % 5));
      }
    },
  },
  {
    name: "all connections are cut, again and again",
    losses: "some",
    inject: async (_, { opened }) => {
      for (let time = 0; time < 10; time++) {
        opened.proxy.dropConnections();
        await sleep(61 * (time % 4));
      }
    },
  },
  {
    name: "the replication connection is slow, and answers of the server too",
    losses: "none",
    inject: async (_, { opened }) => {
      opened.proxy.delay(MAX_LAG_MS / 5, { kind: "replication", to: "client" });
      await sleep(LASTING_MS);
      opened.proxy.delay(40, { to: "client" });
      await sleep(LASTING_MS);
      opened.proxy.resume();
    },
  },
  {
    name: "the replication connection is slower than the promise",
    losses: "any",
    inject: async (_, { opened }) => {
      opened.proxy.delay(2 * MAX_LAG_MS, { kind: "replication", to: "client" });
      await sleep(2 * LASTING_MS);
      opened.proxy.resume();
    },
  },
  {
    name: "its slot is dropped, and somebody makes another one of that name",
    losses: "some",
    inject: async (database) => {
      const [slot] = await database.query<{ name: string }>(
        "SELECT slot_name AS name FROM pg_replication_slots WHERE database = current_database() AND active",
      );
      await terminateWalsender(database);
      await until("the slot is gone", async () => {
        const left = await database.query("SELECT FROM pg_replication_slots WHERE slot_name = $1", [slot?.name]);
        return left.length === 0;
      });
      await database.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot?.name]);
      await sleep(2 * MAX_LAG_MS);
      await database.query("SELECT pg_drop_replication_slot($1)", [slot?.name]);
    },
  },
  {
    name: "the sessions of its own are terminated, not the stream",
    losses: "any",
    inject: async (database) => {
      for (let time = 0; time < 5; time++) {
        await database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
             AND application_name = 'sqlmem witness' AND backend_type = 'client backend'`,
        );
        await sleep(150);
      }
    },
  },
];

describeOnServers(
  "freshness: connections",
  (database) => {
    it.each(FAULTS)("$name", { timeout: 90_000 }, async ({ inject, losses }) => {
      const witness = await startWitness(database);
      const { engine } = witness.opened;
      await inject(database, witness);
      await witness.recovered();
      await sleep(MAX_LAG_MS);
      await witness.recovered();
      const { freshness } = engine.stats();
      if (losses !== "any") expect(freshness.losses > 0 ? "some" : "none").toBe(losses);
      await witness.verdict();
    });

    it("the witness accuses an engine that does not follow changes", async () => {
      const witness = await startWitness(database, { level: { ttl: 60_000 } });
      await until("it is accused", () => witness.violations.length > 0);
      expect(witness.violations[0]).toMatch(/^row 1 by .*: read 0, \d+ was required$/);
    });

    it("while the walsender is frozen, a read takes what the database takes, not the lag that is allowed", async () => {
      const maxLagMs = 2000;
      const { engine } = await openEngine(database, { mode: "transparent", freshness: "session", maxLagMs });
      const read = "SELECT v FROM witness WHERE id = 1";
      await until("a hit", () => isHit(engine, () => engine.execute(read)));
      const thaw = await freezeWalsenders(database);
      // Else a server that has nothing to send has nothing that it keeps back.
      await database.query("UPDATE witness SET v = v + 1");
      // The first that finds it out, and the others, until the stream is given up.
      let longestMs = 0;
      for (const started = performance.now(); performance.now() - started < 1.5 * maxLagMs; ) {
        const at = performance.now();
        await engine.execute(read);
        longestMs = Math.max(longestMs, performance.now() - at);
        await sleep(10);
      }
      expect(engine.stats().bypassesByReason["not-fresh"]).toBeGreaterThan(0);
      thaw();
      expect(longestMs).toBeLessThan(maxLagMs / 2);
    });

    it("the stream ends while a table is fetched: its query is answered, and the cache comes back", async () => {
      await database.query("CREATE TABLE IF NOT EXISTS fetched (id int PRIMARY KEY, v int)");
      await database.query("INSERT INTO fetched VALUES (1, 7) ON CONFLICT DO NOTHING");
      const { engine, proxy } = await openEngine(database, { mode: "transparent", freshness: "session" });
      const read = "SELECT v FROM fetched WHERE id = 1";
      await engine.explain(read);
      proxy.clear();
      // The load asks at which snapshot it is; the answer is held back.
      const snapshot = /'transactions', pg_catalog\.pg_current_snapshot/;
      proxy.pauseAfter(snapshot);
      const asked = engine.execute(read);
      await until("it begins to fetch", () => proxy.statements.some((sql) => snapshot.test(sql)));
      proxy.dropConnections("replication");
      await until("it is lost", () => engine.stats().freshness.losses === 1);
      proxy.resume();
      expect(await asked).toEqual([{ v: 7 }]);
      await until("a hit", () => isHit(engine, () => engine.execute(read)));
    });

    it.each(["is lost", "stands still for a while"])(
      "the stream %s while a table that was fetched waits for it: that table comes back soon",
      { timeout: 60_000 },
      async (what) => {
        await database.query("DROP TABLE IF EXISTS fetched");
        await database.query("CREATE TABLE fetched (id int PRIMARY KEY, v int); INSERT INTO fetched VALUES (1, 7)");
        const { engine, proxy, faults } = await openEngine(database, { mode: "transparent", freshness: "session" });
        const read = "SELECT v FROM fetched WHERE id = 1";
        await engine.explain(read);
        proxy.pause({ kind: "replication", to: "client" });
        // What it has to come to lies ahead of it.
        await database.query("UPDATE witness SET v = v + 1");
        const asked = engine.execute(read);
        await until("it was fetched", () => proxy.copyData > 0);
        expect(await asked).toEqual([{ v: 7 }]);
        if (what === "is lost") proxy.dropConnections("replication");
        else await sleep(12_000);
        proxy.resume();
        await until("a hit", () => isHit(engine, () => engine.execute(read)));
        expect(faults.filter(({ code }) => code === "ERR_SQLMEM_STORE")).toEqual([]);
      },
    );

    it("write() while the stream is lost: it is done once, and its token is seen when the cache is back", async () => {
      const { engine, proxy } = await openEngine(database, { mode: "transparent", freshness: "session" });
      await database.query("INSERT INTO witness VALUES (12, 0) ON CONFLICT (id) DO UPDATE SET v = 0");
      const read = "SELECT v FROM witness WHERE id = 12";
      await until("a hit", () => isHit(engine, () => engine.execute(read)));
      proxy.pause({ kind: "replication" });
      proxy.dropConnections("replication");
      await until("it is lost", () => engine.stats().freshness.state !== "live");
      const { rows, token } = await engine.write("UPDATE witness SET v = v + 1 WHERE id = 12 RETURNING v");
      expect(rows).toEqual([{ v: 1 }]);
      proxy.resume();
      await until("a hit", () =>
        isHit(engine, async () => expect(await engine.execute(read, [], { after: token })).toEqual([{ v: 1 }])),
      );
    });

    it("the event loop is blocked for longer than the promise: the first read after it is not stale", async () => {
      const witness = await startWitness(database);
      const { engine } = witness.opened;
      await database.query("INSERT INTO witness VALUES (10, 0) ON CONFLICT (id) DO UPDATE SET v = 0");
      const read = "SELECT v FROM witness WHERE id = 10";
      for (let value = 1; value <= 3; value++) {
        await until("a hit", async () => {
          return await isHit(engine, () => engine.execute(read));
        });
        // Blocks this program until another one has committed, and the promise has run out.
        const script = `
          import pg from "pg";
          const client = new pg.Client({ connectionString: process.argv[1] });
          await client.connect();
          await client.query("UPDATE witness SET v = $1 WHERE id = 10", [process.argv[2]]);
          await client.end();
          await new Promise((resolve) => setTimeout(resolve, ${MAX_LAG_MS}));`;
        const blocker = spawnSync(
          process.execPath,
          ["--input-type=module", "--eval", script, "--", database.url, String(value)],
          { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } },
        );
        expect(blocker).toMatchObject({ status: 0, stderr: "" });
        const both = [engine.execute(read), witness.pool.query(read)] as const;
        expect(await both[0]).toEqual([{ v: value }]);
        expect((await both[1]).rows).toEqual([{ v: value }]);
      }
      await witness.verdict();
    });

    it("the connection is lost during COMMIT: whatever became of it is seen", { timeout: 60_000 }, async () => {
      const witness = await startWitness(database);
      const { opened, pool } = witness;
      const { engine, proxy } = opened;
      await database.query("INSERT INTO witness VALUES (11, 0) ON CONFLICT (id) DO UPDATE SET v = 0");
      const bare = new pg.Client({ connectionString: database.url });
      await bare.connect();
      onTestFinished(() => bare.end());
      const counterOf = async (target: pg.Pool | pg.Client): Promise<number> =>
        (await target.query("SELECT v FROM witness WHERE id = 11")).rows[0]?.v;
      for (let value = 1; value <= 12; value++) {
        await witness.recovered();
        await until("a hit", async () => {
          const before = engine.stats().hits;
          await counterOf(pool);
          return engine.stats().hits > before;
        });
        const client = await pool.connect();
        client.on("error", () => {});
        await client.query("BEGIN");
        await client.query("UPDATE witness SET v = $1 WHERE id = 11", [value]);
        // Its answer, or the COMMIT itself, does not arrive any more.
        proxy.pause({ kind: "ordinary", to: value % 2 === 0 ? "client" : "server" });
        const committing = client.query("COMMIT").then(
          () => "committed",
          () => "lost",
        );
        await sleep(20 * (value % 3));
        proxy.dropConnections("ordinary");
        proxy.resume();
        expect(await committing).toBe("lost");
        client.release(true);
        // From here on its outcome is what the origin says, and the cache says the same or something newer.
        for (let time = 0; time < 5; time++) {
          const before = await counterOf(bare);
          const [ours, executed] = [
            await counterOf(pool).catch(() => before),
            await engine.execute<{ v: number }>("SELECT v FROM witness WHERE id = 11").catch(() => [{ v: before }]),
          ];
          expect(ours).toBeGreaterThanOrEqual(before);
          expect(executed[0]?.v).toBeGreaterThanOrEqual(before);
          await sleep(3);
        }
      }
      await witness.recovered();
      await witness.verdict();
    });
  },
  { setup: WITNESS_SETUP, newestOnly: true },
);

async function terminateWalsender(database: SharedDatabase): Promise<void> {
  const pids = await walsendersOf(database);
  expect(pids).not.toEqual([]);
  await database.query("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", [pids]);
}

async function untilLost(engine: CachingEngine): Promise<void> {
  await until("it is lost", () => engine.stats().freshness.losses > 0);
}
