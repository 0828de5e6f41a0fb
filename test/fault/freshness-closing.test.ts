import { expect, it } from "vitest";
import { expectCleanOrigin } from "../support/clean-origin.ts";
import { describeOnServers, openEngine } from "../support/engine.ts";
import { openFollowed } from "../support/followed.ts";

// An engine that is closed at any moment of its start leaves nothing behind.

const SETUP = [
  "CREATE TABLE counters (id int PRIMARY KEY, v int NOT NULL)",
  "INSERT INTO counters SELECT i, 0 FROM generate_series(1, 9) AS i",
];

describeOnServers(
  "freshness: closing",
  (database) => {
    it("when close() resolves the slot is gone: the database could be dropped", async () => {
      for (let n = 0; n < 3; n++) {
        const followed = await openFollowed(database);
        await followed.warm("SELECT v FROM counters ORDER BY id");
        await followed.engine.close();
        const slots = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()";
        expect(await followed.bare(slots)).toEqual([]);
        await followed.leave();
      }
    });

    it("an engine is closed while its walsender is being made, while it loads, and at once", async () => {
      for (let milliseconds = 0; milliseconds < 180; milliseconds += 12) {
        const { engine, close } = await openEngine(database, { mode: "transparent", freshness: "session" });
        const asked = Promise.allSettled([engine.ready(), engine.execute("SELECT v FROM counters ORDER BY id")]);
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        await close();
        await asked;
      }
      await expectCleanOrigin(database);
    });
  },
  { setup: SETUP, newestOnly: true },
);
