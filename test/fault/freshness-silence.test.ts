import { expect, it } from "vitest";
import { isHit } from "../support/attach.ts";
import { describeOnOwnServer, notFresh, type SharedDatabase, until } from "../support/engine.ts";
import { type Followed, openFollowed } from "../support/followed.ts";
import { OBSERVED, type Observer } from "../support/observer.ts";

// The stream falls silent, which gives no error: what was promised is kept, and after some seconds it is given up.
// On a server of its own: while a walsender is frozen nobody can drop a database, and while somebody tries nobody gets a slot.

interface Silence {
  readonly name: string;
  /** Resolves to what ends it. */
  readonly begin: (followed: Followed) => Promise<() => void>;
  /** The engine comes back while it lasts, by another stream. */
  readonly comesBack: boolean;
}

const SILENCES: readonly Silence[] = [
  { name: "the walsender is frozen", begin: (followed) => followed.freezeWalsender(), comesBack: true },
  {
    name: "a black hole swallows the replication connection, and new ones",
    begin: async ({ proxy }) => {
      proxy.swallow("replication");
      return proxy.resume;
    },
    comesBack: false,
  },
  {
    name: "what the walsender sends is held back",
    begin: async ({ proxy }) => {
      proxy.pause({ kind: "replication", to: "client" });
      return proxy.resume;
    },
    comesBack: false,
  },
];

describeOnOwnServer("freshness: the stream is silent", { setup: OBSERVED }, (database) => {
  it.each(SILENCES)("$name, until it is given up", { timeout: 60_000 }, async ({ begin, comesBack }) => {
    await withAndWithoutOwnWrites(database, async (followed, observer) => {
      const { engine, faults } = followed;
      const end = await begin(followed);
      await until("lost", () => engine.stats().freshness.losses > 0);
      expect(faults[0]?.message).toMatch(/has sent nothing for \d+ ms/);
      await observer.reads(50);
      if (comesBack) await observer.hits(20);
      end();
      await observer.hits(20, 30_000);
      expect(await observer.stop()).toEqual([]);
    });
  });

  it("the walsender is frozen for a moment only: nothing is lost, and no read waits for long", async () => {
    await withAndWithoutOwnWrites(database, async (followed, observer) => {
      const { engine } = followed;
      const { loads } = engine.stats();
      const thaw = await followed.freezeWalsender();
      const before = notFresh(engine);
      await until("not fresh any more", () => notFresh(engine) > before);
      // Reads wait only very shortly for what would make them hits, as the database can answer: not for `maxLagMs` each,
      // in which time so many of them, one after the other, would see the stream given up.
      for (let read = 0; read < 15; read++) await engine.execute("SELECT count(*) FROM observed");
      thaw();
      await observer.hits(20);
      expect(await observer.stop()).toEqual([]);
      expect(engine.stats()).toMatchObject({ loads, freshness: { losses: 0 } });
    });
  });

  it("the walsender is frozen during a load, until it is given up: the database answers, and the table is back", {
    timeout: 60_000,
  }, async () => {
    const followed = await openFollowed(database);
    const { engine, bare, proxy } = followed;
    const read = "SELECT count(*), sum(v) FROM short";
    await database.query("CREATE TABLE short (id int PRIMARY KEY, v int); INSERT INTO short VALUES (1, 1)");
    await followed.warm(read);
    await engine.invalidate("short");
    const thaw = await followed.freezeWalsender();
    // What the load has to come to lies ahead of it.
    await bare("UPDATE short SET v = v + 1");
    proxy.clear();
    expect(await engine.execute(read)).toEqual(await bare(read));
    await until("it was fetched", () => proxy.copyData > 0);
    await until("lost", () => engine.stats().freshness.losses > 0);
    thaw();
    await followed.expectRecovered(read);
    await until("there is one of them", async () => {
      const sessions = await bare("SELECT FROM pg_stat_replication WHERE application_name = $1", [followed.name]);
      return sessions.length === 1;
    });
    expect(await isHit(engine, () => engine.execute(read))).toBe(true);
    expect(followed.faults.filter(({ code }) => code !== "ERR_SQLMEM_FRESHNESS")).toEqual([]);
    await followed.leave();
  });
});

/**
 * Where the engine writes as well, an unconfirmed write alone keeps it from serving: two engines, one of which only reads.
 * At the same time, as most of it is waiting.
 */
async function withAndWithoutOwnWrites(
  database: SharedDatabase,
  play: (followed: Followed, observer: Observer) => Promise<void>,
): Promise<void> {
  const played = await Promise.all(
    [true, false].map(async (ownWrites) => {
      const followed = await openFollowed(database);
      await followed.warm();
      const observer = followed.observe({ ownWrites });
      await observer.hits(20);
      await play(followed, observer);
      await followed.expectRecovered();
      return followed;
    }),
  );
  await Promise.all(played.map(({ close }) => close()));
  for (const followed of played) await followed.leave();
}
