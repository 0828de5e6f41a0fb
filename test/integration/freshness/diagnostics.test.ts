import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, it, onTestFinished } from "vitest";
import { openAttached, warm } from "../../support/attach.ts";
import { describeOnServers, openEngine } from "../../support/engine.ts";

/** What a channel publishes until the test ends. */
function published(channel: string): unknown[] {
  const messages: unknown[] = [];
  const listen = (message: unknown): void => {
    messages.push(message);
  };
  subscribe(channel, listen);
  onTestFinished(() => {
    unsubscribe(channel, listen);
  });
  return messages;
}

describeOnServers(
  "channels of node:diagnostics_channel",
  (database) => {
    it("tell of loads and queries, of execute and of attached clients", async () => {
      const loads = published("sqlmem:load");
      const queries = published("sqlmem:query");
      const { engine, pool } = await openAttached(database, { mode: "transparent" });
      const sql = "SELECT id FROM traced WHERE id = $1";
      await engine.execute(sql, [1]);
      await engine.execute(sql, [2]);
      await engine.execute("SELECT 1 AS one");
      expect(loads).toEqual([{ schema: "public", table: "traced", rows: 3, milliseconds: expect.any(Number) }]);
      const milliseconds = expect.any(Number);
      expect(queries).toEqual([
        { outcome: "miss", reason: null, milliseconds, sql },
        { outcome: "hit", reason: null, milliseconds, sql },
        { outcome: "bypass", reason: "no-table", milliseconds, sql: "SELECT 1 AS one" },
      ]);
      await warm(engine, pool, sql, [3]);
      expect(queries.at(-1)).toEqual({ outcome: "hit", reason: null, milliseconds, sql });
    });

    it("a subscriber that raises disturbs nothing", async () => {
      const raised: unknown[] = [];
      const raise = (): void => {
        throw new Error("the subscriber's own");
      };
      subscribe("sqlmem:query", raise);
      const before = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.on("uncaughtException", (error) => raised.push(error));
      try {
        const { engine } = await openEngine(database);
        expect(await engine.execute("SELECT id FROM traced WHERE id = 2")).toEqual([{ id: 2 }]);
        expect(await engine.execute("SELECT id FROM traced WHERE id = 2")).toEqual([{ id: 2 }]);
        await new Promise((resolve) => setImmediate(resolve));
        expect(raised).toHaveLength(2);
      } finally {
        unsubscribe("sqlmem:query", raise);
        process.removeAllListeners("uncaughtException");
        for (const listener of before) process.on("uncaughtException", listener);
      }
    });
  },
  { setup: ["CREATE TABLE traced AS SELECT i AS id FROM generate_series(1, 3) AS i"], newestOnly: true },
);
