import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { FreshnessError } from "../../src/errors.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../support/embedded-postgres.ts";
import { openEngine, rejection, type SharedDatabase, until } from "../support/engine.ts";
import {
  expectCleanOrigin,
  MAX_LAG_MS,
  startWitness,
  WITNESS_SETUP,
  type Witness,
  walsendersOf,
} from "../support/freshness-witness.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

/** A commit that waits for a standby, and how it ends. */
interface Waiting {
  readonly pid: number;
  readonly committed: Promise<"acknowledged" | "failed">;
}

// Faults of a whole server, on a server of its own, with as few slots as one may have.

const SLOTS = 3;

describe("freshness: the server", () => {
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
      max_replication_slots: String(SLOTS),
      fsync: "on",
      synchronous_commit: "on",
      wal_writer_delay: "400ms",
    });
    const { url } = server;
    created = await createDatabase(
      { name: "own", version: 18, walLevel: "logical", url, collations: ["C"] },
      { setup: WITNESS_SETUP },
    );
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

  it.each(["fast", "immediate", "kill"] as const)(
    "shut down (%s) and started again, twice",
    { timeout: 120_000 },
    async (how) => {
      const witness = await startWitness(database);
      for (let time = 0; time < 2; time++) {
        await witness.recovered();
        await server.shutdown(how);
        await sleep(time * MAX_LAG_MS);
        await server.startAgain();
      }
      await until("it is noticed", () => witness.opened.engine.stats().freshness.losses > 0);
      await judge(witness);
    },
  );

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

  it("a synchronous standby is missing: what is streamed before it is visible", { timeout: 60_000 }, async () => {
    await database.query("CREATE TABLE waits (id int PRIMARY KEY, v int); INSERT INTO waits VALUES (1, 0)");
    const client = await admin();
    await client.query("SET synchronous_commit = local");
    onTestFinished(() => setStandby(client, ""));
    // What watches goes on without the standby, or nothing would be learnt of it.
    const local = "synchronous_commit = local";
    const witness = await startWitness(database, { session: `SET ${local}`, settings: "-c synchronous_commit=local" });
    const { engine } = witness.opened;
    await setStandby(client, "nobody");
    let value = 0;
    for (let time = 0; time < 3; time++) {
      const { pid, committed } = await commitThatWaits(client, () => ({
        sql: "UPDATE waits SET v = $1 WHERE id = 1",
        values: [++value],
      }));
      // Fetched while the commit is in the stream and in no snapshot: the old value, or the new one ahead of time.
      await engine.invalidate("waits");
      for (let read = 0; read < 20; read++) {
        const rows = await engine.execute<{ v: number }>("SELECT v FROM waits WHERE id = 1");
        expect([value - 1, value]).toContain(rows[0]?.v);
        await sleep(5);
      }
      // Cancelled, it is committed all the same.
      await client.query("SELECT pg_cancel_backend($1)", [pid]);
      expect(await committed).toBe("acknowledged");
      const after = await engine.token();
      await until("a hit of the new value", async () => {
        const before = engine.stats().hits;
        expect(await engine.execute("SELECT v FROM waits WHERE id = 1", [], { after })).toEqual([{ v: value }]);
        return engine.stats().hits > before;
      });
    }
    await setStandby(client, "");
    await judge(witness);
  });

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

  it("no slot is free at the start: an error that says so, for every way in", async () => {
    const client = await admin();
    const taken = await takeSlots(client, SLOTS);
    const { engine, close, bare } = await openEngine(database, { mode: "transparent", freshness: "session" });
    for (const attempt of [() => engine.ready(), () => engine.execute("SELECT v FROM witness WHERE id = 1")]) {
      const error = await rejection(attempt());
      expect(error).toBeInstanceOf(FreshnessError);
      expect(error.message).toMatch(/max_replication_slots/);
    }
    await dropSlots(client, taken);
    // It is not given up: the next attempt starts it.
    await engine.ready();
    expect(await engine.execute("SELECT v FROM witness WHERE id = 1")).toEqual(
      await bare("SELECT v FROM witness WHERE id = 1"),
    );
    await close();
    await expectCleanOrigin(database);
  });

  it("no slot is free when it reconnects: the database answers until there is one", { timeout: 90_000 }, async () => {
    const witness = await startWitness(database);
    const { engine } = witness.opened;
    const client = await admin();
    const taken = await takeSlots(client, SLOTS - 1);
    await client.query("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", [
      await walsendersOf(database),
    ]);
    await until("the last slot is taken", async () => {
      // Sooner than the engine, which waits a little and has a connection to make.
      taken.push(...(await takeSlots(client, 1).catch(() => [])));
      if (taken.length < SLOTS) {
        await client.query("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", [
          await walsendersOf(database),
        ]);
      }
      return taken.length === SLOTS;
    });
    await until("it is lost", () => engine.stats().freshness.state !== "live");
    const { hits } = engine.stats();
    await sleep(2 * MAX_LAG_MS);
    expect(engine.stats().freshness.state).not.toBe("live");
    expect(engine.stats().hits).toBe(hits);
    await dropSlots(client, taken);
    await judge(witness);
  });
});

let nextSlot = 0;

async function takeSlots(client: pg.Client, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const name = `taken_${process.pid}_${nextSlot++}`;
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [name]);
    names.push(name);
  }
  return names;
}

async function dropSlots(client: pg.Client, names: readonly string[]): Promise<void> {
  for (const name of names) await client.query("SELECT pg_drop_replication_slot($1)", [name]);
}
