import { it } from "vitest";
import { describeOnServers, openEngine } from "../support/engine.ts";
import { expectCleanOrigin } from "../support/freshness-witness.ts";

// An engine that is closed at any moment of its start leaves nothing behind.

const SETUP = [
  "CREATE TABLE counters (id int PRIMARY KEY, v int NOT NULL)",
  "INSERT INTO counters SELECT i, 0 FROM generate_series(1, 9) AS i",
];

describeOnServers(
  "freshness: closing",
  (database) => {
    it("an engine is closed while its walsender is being made, while it loads, and at once", async () => {
      for (let milliseconds = 0; milliseconds < 200; milliseconds += 9) {
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
