import type pg from "pg";
import { describe, expect, it } from "vitest";
import { connectClient, isHit } from "../../support/attach.ts";
import { describeOnServers, type OpenedEngine, openEngine, until } from "../../support/engine.ts";
import { type GateName, install } from "../postgres/gates/gate-fixture.ts";

// Writes while an engine fetches. A lock holds the fetch up after its snapshot: what it reads then is old for certain.

const KINDS: readonly GateName[] = ["touch-log", "notify", "snapshot"];
const BOTH = "SELECT a.id, a.v AS av, b.v AS bv FROM a JOIN b ON b.id = a.id ORDER BY a.id";
/** A strict read whose look is late on a slow machine is the database's, and nothing would be fetched. */
const FETCHES = { freshness: "manual" } as const;
const OTHER = "SELECT count(*)::int AS n FROM other";

describeOnServers(
  "writes while tables are fetched",
  (database) => {
    describe.each(KINDS)("%s", (kind) => {
      /** Nothing of `a` and `b` is cached, and the plan is known: whoever asks has both fetched. */
      const open = async (): Promise<OpenedEngine & { readonly locker: pg.Client }> => {
        await install(database, kind, ["a", "b", "other"]);
        const opened = await openEngine(database, {
          mode: "transparent",
          freshness: "strict",
          changeSource: kind,
        });
        await opened.engine.ready();
        for (const sql of [BOTH, OTHER]) {
          await until(`a hit: ${sql}`, () => isHit(opened.engine, () => opened.engine.execute(sql)));
        }
        // Rows go, plans stay: to plan anew would wait for the lock.
        await database.query("UPDATE a SET v = v + 1; UPDATE b SET v = v + 1");
        await until("the rows are gone", async () => {
          await opened.engine.execute(OTHER);
          return !opened.engine.stats().tables.some(({ table }) => table === "a" || table === "b");
        });
        return { ...opened, locker: await connectClient(database) };
      };
      const waitsForLock = async (): Promise<boolean> => {
        const waiting = await database.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'COPY%'`,
        );
        return waiting.length > 0;
      };

      it("a write of others, and a look that finds it while the rows are on their way", async () => {
        const { engine, bare, locker } = await open();
        await locker.query("BEGIN; LOCK TABLE b IN ACCESS EXCLUSIVE MODE");
        const asked = engine.execute(BOTH, [], FETCHES);
        await until("the fetch has its snapshot", waitsForLock, 5000);
        await database.query("UPDATE a SET v = v + 1");
        // Strict: it looks at everything, and what is fetched takes part.
        expect(await engine.execute(OTHER)).toEqual([{ n: 0 }]);
        await locker.query("ROLLBACK");
        await asked;
        expect(await engine.execute(BOTH)).toEqual(await bare(BOTH));
        await until("a hit", () => isHit(engine, () => engine.execute(BOTH)));
        expect(await engine.execute(BOTH)).toEqual(await bare(BOTH));
      });

      it("a writer that was open at the snapshot, and is committed while the rows are on their way", async () => {
        const { engine, bare, locker } = await open();
        await locker.query(
          "BEGIN; LOCK TABLE b IN ACCESS EXCLUSIVE MODE; UPDATE b SET v = v + 1; UPDATE a SET v = v + 1",
        );
        const asked = engine.execute(BOTH, [], FETCHES);
        await until("the fetch has its snapshot", waitsForLock, 5000);
        await locker.query("COMMIT");
        const rows = await asked;
        expect(rows.every(({ av, bv }) => Number(bv) - Number(av) === Number(rows[0]?.bv) - Number(rows[0]?.av))).toBe(
          true,
        );
        expect(await engine.execute(BOTH)).toEqual(await bare(BOTH));
        await until("a hit", () => isHit(engine, () => engine.execute(BOTH)));
        expect(await engine.execute(BOTH)).toEqual(await bare(BOTH));
      });
    });
  },
  {
    setup: [
      "CREATE TABLE a (id int PRIMARY KEY, v int)",
      "CREATE TABLE b (id int PRIMARY KEY, v int)",
      "CREATE TABLE other (id int PRIMARY KEY)",
      "INSERT INTO a SELECT i, 0 FROM generate_series(1, 8) AS i",
      "INSERT INTO b SELECT i, 0 FROM generate_series(1, 8) AS i",
    ],
    newestOnly: true,
  },
);
