import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { FreshnessError } from "../../src/errors.ts";
import { type EmbeddedPostgres, ownServer, startEmbeddedPostgres } from "../support/embedded-postgres.ts";
import { rejection, until } from "../support/engine.ts";
import { follow, WATCHED } from "../support/freshness.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

// The whole server fails, or has no room: on a server of its own.

describe("freshness: the server fails", () => {
  let server: EmbeddedPostgres;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await startEmbeddedPostgres();
    database = await createDatabase(ownServer(server), { setup: WATCHED });
    // What is acknowledged survives a crash: the value that was read last is still there.
    await database.query(`ALTER DATABASE ${database.name} SET synchronous_commit = on`);
  });
  afterAll(async () => {
    await database.drop();
    await server.stop();
  });

  it.each(["fast", "immediate"] as const)("a restart by %s shutdown", async (how) => {
    const followed = await follow(database);
    await followed.warm();
    const observer = followed.observe();
    await observer.hits(20);
    await server.shutDown(how);
    await until("lost", () => followed.engine.stats().freshness.losses >= 1);
    const { errors } = observer.observed;
    const before = errors.length;
    const { hits } = observer.observed;
    await until("reads are rejected", () => errors.length > before + 20);
    // By the origin's error: of the connection, or of the server that is starting or stopping.
    expect(errors.map(({ message }) => message).filter((message) => !ORIGIN_DOWN.test(message))).toEqual([]);
    expect(observer.observed.hits).toBe(hits);
    await server.startAgain();
    await observer.hits(20);
    await observer.stop();
    await followed.recovered();
    await followed.close();
  });

  it("no slot is free at the start: it says which setting; later it starts", async () => {
    const release = await takeAllSlots();
    const followed = await follow(database);
    const error = await rejection(followed.engine.ready());
    expect(error).toBeInstanceOf(FreshnessError);
    expect(error.message).toMatch(/max_replication_slots/);
    // What asks the engine is told the same; attached clients go on, past the cache.
    expect((await rejection(followed.engine.execute("SELECT 1"))).message).toBe(error.message);
    followed.engine.attach(followed.pool);
    const observer = followed.observe({
      ask: async (sql, params) => (await followed.pool.query(sql, params === undefined ? [] : [...params])).rows,
    });
    await observer.reads(20);
    expect(observer.observed.hits).toBe(0);
    await release();
    await observer.stop();
    await followed.engine.ready();
    await followed.recovered();
    await followed.close();
  });

  it("no slot is free when it reconnects: said as a fault, and it comes back when there is one", async () => {
    const followed = await follow(database);
    await followed.warm();
    const observer = followed.observe();
    await observer.hits(20);
    const release = await takeAllSlots();
    // Its slot is free for a moment then; that is tried again until the engine is not the first to take it.
    await until("the engine finds none", async () => {
      await database.query("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active");
      await takeAllSlots();
      return followed.faults.some(({ message }) => /max_replication_slots/.test(message));
    });
    await observer.reads(50);
    await release();
    await observer.hits(20);
    const { errors } = await observer.stop();
    expect(errors).toEqual([]);
    expect(followed.faults.filter((fault) => !(fault instanceof FreshnessError))).toEqual([]);
    await followed.recovered();
    await followed.close();
  });

  it("a synchronous standby is missing: commits are streamed, and wait", async () => {
    const followed = await follow(database);
    const { engine, bare } = followed;
    await followed.warm();
    const setStandby = async (names: string): Promise<void> => {
      await database.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await database.query("SELECT pg_reload_conf()");
      await until("it is set", async () => {
        const [row] = await database.query("SHOW synchronous_standby_names");
        return row?.synchronous_standby_names === names;
      });
    };
    onTestFinished(() => setStandby(""));
    const observer = followed.observe();
    await observer.hits(20);
    await setStandby("nobody");
    // The writers hang now, and so does whoever awaits them; the readers do not.
    await until("commits wait", async () => (await database.query(WAITING)).length >= 2);
    await observer.reads(100);
    const [before] = await database.query("SELECT v FROM watched WHERE id = 1");
    // A table that is loaded now: what is streamed and not visible must not be in it twice, nor be missing.
    const invalidated = engine.invalidate();
    await observer.reads(50);
    expect(await engine.explain("SELECT v FROM watched")).toMatchObject({ outcome: "bypass", reason: "not-watched" });
    await setStandby("");
    await invalidated;
    // By itself the table is tried again after a minute.
    await engine.invalidate();
    await observer.hits(50);
    const { errors } = await observer.stop();
    expect(errors).toEqual([]);
    await followed.recovered();
    expect((await bare("SELECT v FROM watched WHERE id = 1"))[0]?.v).toBeGreaterThan(Number(before?.v));
    await followed.close();
  });

  it("a prepared transaction is open at the start: it is named; later it starts", async () => {
    const gid = `faults_${database.name}`;
    await database.query(`BEGIN; UPDATE watched SET v = v + 1; PREPARE TRANSACTION '${gid}'`);
    const followed = await follow(database);
    try {
      const error = await rejection(followed.engine.ready());
      expect(error).toBeInstanceOf(FreshnessError);
      expect(error.message).toContain(`the prepared transaction '${gid}'`);
    } finally {
      await database.query(`COMMIT PREPARED '${gid}'`);
    }
    await followed.engine.ready();
    await followed.recovered();
    await followed.close();
  });

  /** Returns how they are given back; so are they when the test ends. */
  async function takeAllSlots(): Promise<() => Promise<void>> {
    const release = async (): Promise<void> => {
      await database.query(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'taken%'",
      );
    };
    onTestFinished(release);
    for (;;) {
      const taken = await database
        .query("SELECT pg_create_physical_replication_slot('taken_' || replace(gen_random_uuid()::text, '-', '_'))")
        .then(
          () => true,
          (error: Error) => {
            if (!/max_replication_slots|all replication slots are in use/.test(error.message)) throw error;
            return false;
          },
        );
      if (!taken) return release;
    }
  }
});

const WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
const ORIGIN_DOWN =
  /ECONNREFUSED|ECONNRESET|EPIPE|Connection terminated|terminating connection|the database system is|not queryable|connection error/;
