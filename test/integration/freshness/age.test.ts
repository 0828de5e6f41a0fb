import { expect, it } from "vitest";
import { OptionsError } from "../../../src/errors.ts";
import { describeOnServers, openEngine, rejection } from "../../support/engine.ts";

// Levels that need no change source: what is too old is fetched again.

const READ = "SELECT v FROM aged WHERE id = 1";

describeOnServers(
  "freshness by age",
  (database) => {
    it("ttl: what was fetched is served until it is too old, and then fetched again", async () => {
      const { engine } = await openEngine(database, { freshness: { ttl: 3_600_000 } });
      expect(await engine.execute(READ)).toEqual([{ v: "first" }]);
      expect(await engine.execute(READ)).toEqual([{ v: "first" }]);
      expect(engine.stats()).toMatchObject({ hits: 1, misses: 1, loads: 1 });

      const { engine: brief } = await openEngine(database, { freshness: { ttl: 1 } });
      await database.query("UPDATE aged SET v = 'second' WHERE id = 1");
      await brief.execute(READ);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await database.query("UPDATE aged SET v = 'third' WHERE id = 1");
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await brief.execute(READ)).toEqual([{ v: "third" }]);
      await database.query("UPDATE aged SET v = 'first' WHERE id = 1");
    });

    it("maxAgeMs: a query that asks for younger rows has them fetched", async () => {
      await database.query("INSERT INTO aged VALUES (2, 'first')");
      const READ = "SELECT v FROM aged WHERE id = 2";
      const { engine } = await openEngine(database);
      await engine.execute(READ);
      await database.query("UPDATE aged SET v = 'younger' WHERE id = 2");
      expect(await engine.execute(READ, [], { maxAgeMs: 3_600_000 })).toEqual([{ v: "first" }]);
      expect(await engine.execute(READ, [], { maxAgeMs: 0 })).toEqual([{ v: "younger" }]);
      expect(await engine.execute(READ)).toEqual([{ v: "younger" }]);
      expect(engine.stats().loads).toBe(2);
    });

    it("what needs a change source says so", async () => {
      const { engine } = await openEngine(database, { mode: "transparent" });
      await engine.ready();
      for (const call of [
        () => engine.token(),
        () => engine.write("UPDATE aged SET v = v"),
        () => engine.execute(READ, [], { freshness: "strict" }),
      ]) {
        const error = await rejection(call());
        expect(error).toBeInstanceOf(OptionsError);
        expect(error.message).toMatch(/freshness: "session"/);
      }
      // Whether it is reached nobody can say: the origin answers.
      await engine.execute(READ);
      expect(await engine.execute(READ, [], { after: "sqlmem1:1:0/0" })).toEqual([{ v: "first" }]);
      expect(engine.stats().bypassesByReason["not-fresh"]).toBe(1);
    });
  },
  { setup: ["CREATE TABLE aged (id int PRIMARY KEY, v text)", "INSERT INTO aged VALUES (1, 'first')"] },
);
