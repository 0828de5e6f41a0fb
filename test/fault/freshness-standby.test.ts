import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type EmbeddedPostgres, ownServer, startEmbeddedPostgres } from "../support/embedded-postgres.ts";
import { openEngine, type SharedDatabase, until } from "../support/engine.ts";
import {
  expectCleanOrigin,
  MAX_LAG_MS,
  startWitness,
  WITNESS_SETUP,
  type Witness,
} from "../support/freshness-witness.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

/** A commit that waits for a standby, and how it ends. */
interface Waiting {
  readonly pid: number;
  readonly committed: Promise<"acknowledged" | "failed">;
}

// On a server of its own that commits as a server does: with a log that is flushed, and a standby that is waited for.

describe("freshness: commits of the server", () => {
  let server: EmbeddedPostgres;
  let created: TestDatabase;
  const database: SharedDatabase = {
    get url() {
      return created.url;
    },
    get server() {
      return created.server;
    },
    query: (sql, params) => created.query(sql, params),
  };
  beforeAll(async () => {
    server = await startEmbeddedPostgres({
      fsync: "on",
      synchronous_commit: "on",
      wal_writer_delay: "400ms",
    });
    created = await createDatabase(ownServer(server), { setup: WITNESS_SETUP });
  });
  afterAll(async () => {
    await created.drop();
    await server.stop();
  });

  /** It may have been restarted under the pool that is asked. */
  async function admin(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: database.url });
    client.on("error", () => {});
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  }

  async function judge(witness: Witness): Promise<void> {
    await witness.recovered();
    await sleep(MAX_LAG_MS);
    await witness.recovered();
    await witness.verdict();
  }

  it("its main process is killed, and it is started again, twice", { timeout: 120_000 }, async () => {
    const witness = await startWitness(database);
    for (let time = 0; time < 2; time++) {
      await witness.recovered();
      await server.shutDown("kill");
      await sleep(time * MAX_LAG_MS);
      await server.startAgain();
    }
    await until("it is noticed", () => witness.opened.engine.stats().freshness.losses > 0);
    await judge(witness);
  });

  it("writers with synchronous_commit = off", async () => {
    const witness = await startWitness(database, { session: "SET synchronous_commit = off" });
    await sleep(4 * MAX_LAG_MS);
    expect(witness.opened.engine.stats().freshness.losses).toBe(0);
    await judge(witness);
  });

  /** Commits of sessions that do not say otherwise wait for it, until the end of the test. */
  async function setStandby(client: pg.Client, name: string): Promise<void> {
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
    await client.query("SELECT pg_reload_conf()");
    await until("it is set", async () => {
      const { rows } = await client.query("SHOW synchronous_standby_names");
      return rows[0]?.synchronous_standby_names === name;
    });
  }

  /** Begins to commit until a commit waits for the standby: the checkpointer tells of it whenever it comes to it. */
  async function commitThatWaits(client: pg.Client, next: () => { sql: string; values: number[] }): Promise<Waiting> {
    const writer = await admin();
    await writer.query("SET synchronous_commit = on");
    const [row] = (await writer.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows;
    const pid = row?.pid ?? 0;
    for (;;) {
      const { sql, values } = next();
      let done = false;
      const committed = writer.query(sql, values).then(
        () => "acknowledged" as const,
        () => "failed" as const,
      );
      void committed.then(() => {
        done = true;
      });
      let waits = false;
      await until("committed, or waiting", async () => {
        const found = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid = $1";
        waits = (await client.query(found, [pid])).rowCount === 1;
        return waits || done;
      });
      if (waits) return { pid, committed };
    }
  }

  it("a synchronous standby is missing: what the cache commits itself does not wait for it", async () => {
    await database.query("CREATE TABLE quiet (id int PRIMARY KEY, v int); INSERT INTO quiet VALUES (1, 7)");
    const client = await admin();
    onTestFinished(() => setStandby(client, ""));
    await setStandby(client, "nobody");
    const { pid, committed } = await commitThatWaits(client, () => ({ sql: "UPDATE quiet SET v = 8", values: [] }));
    await client.query("SELECT pg_cancel_backend($1)", [pid]);
    await committed;
    const { engine, close } = await openEngine(database, { mode: "transparent", freshness: "session" });
    await engine.ready();
    await until("a hit", async () => {
      expect(await engine.execute("SELECT v FROM quiet WHERE id = 1")).toEqual([{ v: 8 }]);
      return engine.stats().hits > 0;
    });
    await close();
    await expectCleanOrigin(database);
  });
});
