import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { FreshnessError } from "../../src/errors.ts";
import { connectClient } from "../support/attach.ts";
import { describeOnOwnServer, openEngine, rejection, until } from "../support/engine.ts";
import { askOf, openFollowed } from "../support/followed.ts";
import { OBSERVED, OBSERVED_READS } from "../support/observer.ts";
import { commitThatWaits, setStandby } from "../support/standby.ts";

// The whole server fails, or has no room: on a server of its own, that commits as a server does: with a log that is
// flushed, so that what is acknowledged survives a crash.

const settings = {
  fsync: "on",
  synchronous_commit: "on",
  wal_writer_delay: "400ms",
  max_wal_senders: "4",
  max_replication_slots: "6",
};

describeOnOwnServer("freshness: the server fails", { settings, setup: OBSERVED }, (database, server) => {
  it.each(["fast", "immediate", "kill"] as const)("a restart by %s shutdown", async (how) => {
    const followed = await openFollowed(database);
    const { engine } = followed;
    await followed.warm();
    const observer = followed.observe();
    const { errors } = observer;
    await observer.hits(20);
    await server.shutDown(how);
    await until("lost", () => engine.stats().freshness.losses >= 1);
    const { hits } = engine.stats();
    const before = errors.length;
    await until("reads are rejected", () => errors.length > before + 5);
    expect(engine.stats().hits).toBe(hits);
    await server.startAgain();
    await observer.hits(20);
    // By the origin's error: of the connection, or of the server that is starting or stopping.
    expect((await observer.stop()).map(({ message }) => message).filter((text) => !ORIGIN_DOWN.test(text))).toEqual([]);
    await followed.expectRecovered();
    await followed.leave();
  });

  it.each([
    { what: "slot", setting: /max_replication_slots/, takeAll: takeAllSlots },
    { what: "walsender", setting: /max_wal_senders/, takeAll: takeAllWalsenders },
  ])("no $what is free at the start: it says which setting; later it starts", async ({ setting, takeAll }) => {
    const release = await takeAll();
    const followed = await openFollowed(database);
    const error = await rejection(followed.engine.ready());
    expect(error).toBeInstanceOf(FreshnessError);
    expect(error.message).toMatch(setting);
    expect(await database.query("SELECT pubname FROM pg_publication")).toEqual([]);
    // What asks the engine is told the same; attached clients go on, past the cache.
    expect((await rejection(followed.engine.execute("SELECT 1"))).message).toBe(error.message);
    const observer = followed.observe({ ways: [askOf(followed.attached)] });
    await observer.reads(20);
    expect(followed.engine.stats().hits).toBe(0);
    await release();
    await observer.stop();
    await followed.engine.ready();
    await followed.expectRecovered();
    await followed.leave();
  });

  it("no slot is free when it reconnects: said as a fault, and it comes back when there is one", async () => {
    const followed = await openFollowed(database);
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
    await observer.reads(20);
    await release();
    await observer.hits(20);
    expect(await observer.stop()).toEqual([]);
    expect(followed.faults.filter((fault) => !(fault instanceof FreshnessError))).toEqual([]);
    await followed.expectRecovered();
    await followed.leave();
  });

  it("on a standby no source starts, and each says so", async () => {
    const [row] = await database.query("SHOW data_directory");
    await database.query(`COPY (SELECT 1 WHERE false) TO '${row?.data_directory}/standby.signal'`);
    await server.shutDown("fast");
    await server.startAgain();
    for (const changeSource of ["stream", "touch-log", "snapshot", "notify"] as const) {
      const { engine } = await openEngine(database, { mode: "transparent", freshness: "session", changeSource });
      const error = await rejection(engine.ready());
      expect(error, changeSource).toBeInstanceOf(FreshnessError);
      expect(error.message, changeSource).toMatch(/standby.*primary/);
      await engine.close();
    }
    await database.query("SELECT pg_promote()");
    await until("it is a primary", async () => {
      const [row] = await database.query("SELECT pg_is_in_recovery() AS recovers");
      return row?.recovers === false;
    });
  });

  it("a synchronous standby is missing: commits are streamed, and wait", async () => {
    const followed = await openFollowed(database);
    const { engine, bare } = followed;
    await followed.warm();
    const client = await connectClient(database);
    onTestFinished(() => setStandby(client, ""));
    const observer = followed.observe();
    await observer.hits(20);
    await setStandby(client, "nobody");
    // The writers hang now, and so does whoever awaits them; the readers do not.
    await until("commits wait", async () => (await client.query(WAITING)).rows.length >= 3);
    await observer.reads(50);
    const [before] = await bare("SELECT sum(v) FROM observed");
    // A table that is loaded now: what is streamed and not visible must not be in it twice, nor be missing.
    const invalidated = engine.invalidate();
    await observer.reads(50);
    const [read] = OBSERVED_READS;
    expect(await engine.explain(read)).toMatchObject({ outcome: "bypass", reason: "not-watched" });
    await setStandby(client, "");
    await invalidated;
    // By itself the table is tried again after a minute.
    await engine.invalidate();
    await observer.hits(20);
    expect(await observer.stop()).toEqual([]);
    await followed.expectRecovered();
    expect(Number((await bare("SELECT sum(v) FROM observed"))[0]?.sum)).toBeGreaterThan(Number(before?.sum));
    await followed.leave();
  });

  it("a synchronous standby is missing: what the cache commits itself does not wait for it", async () => {
    await database.query("CREATE TABLE quiet (id int PRIMARY KEY, v int); INSERT INTO quiet VALUES (1, 7)");
    const client = await connectClient(database);
    onTestFinished(() => setStandby(client, ""));
    await setStandby(client, "nobody");
    const writer = await connectClient(database);
    const { pid, ended } = await commitThatWaits(client, writer, () => "UPDATE quiet SET v = 8");
    await client.query("SELECT pg_cancel_backend($1)", [pid]);
    await ended;
    const followed = await openFollowed(database);
    await followed.engine.ready();
    await followed.expectRecovered("SELECT v FROM quiet WHERE id = 1");
    expect(await followed.engine.execute("SELECT v FROM quiet WHERE id = 1")).toEqual([{ v: 8 }]);
    await followed.leave();
  });

  it("others write with synchronous_commit = off", async () => {
    await database.query(`ALTER DATABASE ${database.name} SET synchronous_commit = off`);
    onTestFinished(async () => {
      await database.query(`ALTER DATABASE ${database.name} RESET synchronous_commit`);
    });
    const followed = await openFollowed(database);
    await followed.warm();
    const observer = followed.observe();
    await observer.hits(50);
    expect(await observer.stop()).toEqual([]);
    expect(followed.engine.stats().freshness.losses).toBe(0);
    await followed.expectRecovered();
    await followed.leave();
  });

  it("a transaction, or a prepared one, stays open at the start: it is named; later it starts", async () => {
    // Each is waited for ten seconds.
    const gid = `faults_${database.name}`;
    const writer = await connectClient(database);
    const pid = Number((await writer.query("SELECT pg_backend_pid() AS pid")).rows[0]?.pid);
    await writer.query("BEGIN; INSERT INTO observed VALUES (-1, 0, 0)");
    onTestFinished(async () => {
      await database.query(`ROLLBACK PREPARED '${gid}'`).catch(() => {});
    });
    const followed = await openFollowed(database);
    const whileOpen = await rejection(followed.engine.ready());
    expect(whileOpen).toBeInstanceOf(FreshnessError);
    expect(whileOpen.message).toContain(`process ${pid} `);
    await writer.query(`PREPARE TRANSACTION '${gid}'`);
    const whilePrepared = await rejection(followed.engine.ready());
    expect(whilePrepared).toBeInstanceOf(FreshnessError);
    expect(whilePrepared.message).toContain(`the prepared transaction '${gid}'`);
    expect(await database.query("SELECT pubname FROM pg_publication")).toEqual([]);
    await database.query(`COMMIT PREPARED '${gid}'`);
    await followed.engine.ready();
    await followed.expectRecovered();
    await followed.leave();
  }, 60_000);

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

  /** The same. */
  async function takeAllWalsenders(): Promise<() => Promise<void>> {
    const clients: pg.Client[] = [];
    const release = async (): Promise<void> => {
      await Promise.all(clients.splice(0).map((client) => client.end()));
    };
    onTestFinished(release);
    for (;;) {
      const client = new pg.Client(Object.assign({ connectionString: database.url }, { replication: "database" }));
      client.on("error", () => {});
      const taken = await client.connect().then(
        () => true,
        (error: Error) => {
          if (!/max_wal_senders/.test(error.message)) throw error;
          return false;
        },
      );
      if (!taken) return release;
      clients.push(client);
    }
  }
});

const WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
const ORIGIN_DOWN =
  /ECONNREFUSED|ECONNRESET|EPIPE|Connection terminated|terminating connection|the database system is|not queryable|connection error/;
