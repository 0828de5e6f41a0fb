import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { FreshnessError } from "../../../src/errors.ts";
import { connectClient, isHit } from "../../support/attach.ts";
import { describeOnServers, type EngineSetup, type OpenedEngine, openEngine, until } from "../../support/engine.ts";
import { createDatabase } from "../../support/postgres.ts";
import { type GateName, install } from "../postgres/gates/gate-fixture.ts";

// The change sources without replication, end to end: what an engine answers while others write. What each source says
// by itself is in test/integration/postgres/gates.

const SETUP = [
  "CREATE TABLE a (id int PRIMARY KEY, v int NOT NULL)",
  "CREATE TABLE b (id int PRIMARY KEY, v int NOT NULL)",
  "CREATE TABLE parent (id int PRIMARY KEY)",
  "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE)",
];
const TABLES = ["a", "b", "parent", "child"];

const KINDS: readonly GateName[] = ["touch-log", "notify", "snapshot"];
const TRIGGERS: Readonly<Record<string, string>> = { "touch-log": "sqlmem_touch", notify: "sqlmem_notify" };
const FIRST = "SELECT v FROM a WHERE id = 1";
const BOTH = "SELECT a.id, a.v AS av, b.v AS bv FROM a JOIN b ON b.id = a.id ORDER BY a.id";

/** Asks until the answer is the cache's. */
async function warm({ engine }: OpenedEngine, ...reads: readonly string[]): Promise<void> {
  for (const sql of reads) await until(`a hit: ${sql}`, () => isHit(engine, () => engine.execute(sql)));
}

describeOnServers(
  "freshness without replication",
  (database) => {
    beforeAll(async () => {
      await install(database, "touch-log", TABLES);
      await install(database, "notify", TABLES);
    });

    describe.each(KINDS)("%s", (kind) => {
      const open = async (more: EngineSetup = {}): Promise<OpenedEngine> => {
        await database.query(`TRUNCATE a, b, parent, child;
          INSERT INTO a SELECT i, 0 FROM generate_series(1, 8) AS i; INSERT INTO b SELECT i, 0 FROM generate_series(1, 8) AS i;
          INSERT INTO parent VALUES (1), (2), (3); INSERT INTO child VALUES (1, 1), (2, 2), (3, 3)`);
        const opened = await openEngine(database, {
          mode: "transparent",
          freshness: "session",
          changeSource: kind,
          ...more,
        });
        await opened.engine.ready();
        return opened;
      };

      it("is what the statistics name, and hits need no statement for their rows", async () => {
        const opened = await open();
        await warm(opened, FIRST);
        expect(opened.engine.stats().freshness).toMatchObject({ source: kind, state: "live", losses: 0 });
        expect(opened.faults).toEqual([]);
      });

      it("own writes are seen by the next read", async () => {
        const opened = await open();
        await warm(opened, FIRST);
        for (let n = 1; n <= 40; n++) {
          await opened.engine.execute("UPDATE a SET v = $1 WHERE id = 1", [n]);
          expect(await opened.engine.execute(FIRST)).toEqual([{ v: n }]);
        }
        await warm(opened, FIRST);
        expect(await opened.engine.execute(FIRST)).toEqual([{ v: 40 }]);
      });

      it("writes of others are seen within maxLagMs, without anyone asking for it", async () => {
        const opened = await open({ maxLagMs: 300 });
        for (let n = 1; n <= 5; n++) {
          await warm(opened, FIRST);
          await database.query("UPDATE a SET v = $1 WHERE id = 1", [n]);
          const committedAt = performance.now();
          await until("it is seen", async () => {
            const sentAt = performance.now();
            const [row] = await opened.engine.execute(FIRST);
            if (row?.v === n) return true;
            // The promise counts from the sending: what a slow machine adds afterwards is none of its.
            expect(sentAt - committedAt).toBeLessThan(300);
            return false;
          });
        }
      });

      it("strict: what was committed before the query is seen", async () => {
        const opened = await open({ freshness: "strict" });
        await warm(opened, FIRST);
        for (let n = 1; n <= 40; n++) {
          await database.query("UPDATE a SET v = $1 WHERE id = 1", [n]);
          expect(await opened.engine.execute(FIRST)).toEqual([{ v: n }]);
        }
        await warm(opened, FIRST);
      });

      it("strict for one query of a session engine", async () => {
        const opened = await open({ maxLagMs: 10_000 });
        for (let n = 1; n <= 20; n++) {
          await warm(opened, FIRST);
          await database.query("UPDATE a SET v = $1 WHERE id = 1", [n]);
          expect(await opened.engine.execute(FIRST, [], { freshness: "strict" })).toEqual([{ v: n }]);
        }
      });

      it("a token is seen by another engine, and by one of another source", async () => {
        const first = await open();
        const others = [await open(), await open({ changeSource: kind === "snapshot" ? "touch-log" : "snapshot" })];
        for (const other of others) await warm(other, FIRST);
        for (let n = 1; n <= 20; n++) {
          const { token } = await first.engine.write("UPDATE a SET v = $1 WHERE id = 1", [n]);
          for (const { engine } of others)
            expect(await engine.execute(FIRST, [], { after: token })).toEqual([{ v: n }]);
        }
        await database.query("UPDATE a SET v = 99 WHERE id = 1");
        const token = await first.engine.token();
        for (const { engine } of others) expect(await engine.execute(FIRST, [], { after: token })).toEqual([{ v: 99 }]);
      });

      it("answers over two tables have whole transactions", async () => {
        const opened = await open({ maxLagMs: 200 });
        await warm(opened, BOTH, FIRST);
        const writer = await connectClient(database);
        let over = false;
        const writing = (async () => {
          for (let n = 1; !over; n++) {
            await writer.query(`BEGIN; UPDATE a SET v = ${n}; UPDATE b SET v = ${n}; COMMIT`);
            // Time for rows to be fetched, and served.
            if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 40));
          }
        })();
        for (let n = 0; n < 300; n++) {
          // Each of the two is fetched by itself, too.
          if (n % 7 === 0) await opened.engine.execute(n % 2 === 0 ? FIRST : "SELECT v FROM b WHERE id = 1");
          const rows = await opened.engine.execute(BOTH);
          const values = new Set(rows.flatMap(({ av, bv }) => [av, bv]));
          expect([...values]).toHaveLength(1);
        }
        over = true;
        await writing;
      });

      it.each([
        ["a cascade", "DELETE FROM parent WHERE id = 1"],
        ["a cascade of keys", "UPDATE parent SET id = 30 WHERE id = 3"],
        ["TRUNCATE … CASCADE", "TRUNCATE parent CASCADE"],
      ])("%s", async (_, sql) => {
        const opened = await open({ freshness: "strict" });
        const read = "SELECT id, p FROM child ORDER BY id";
        await warm(opened, read);
        const before = await opened.bare(read);
        await database.query(sql);
        const rows = await opened.bare(read);
        expect(rows).not.toEqual(before);
        expect(await opened.engine.execute(read)).toEqual(rows);
      });

      it("definitions that others change", async () => {
        const opened = await open({ freshness: "strict" });
        const table = `defined_${kind.replace("-", "_")}`;
        await database.query(`CREATE TABLE ${table} (id int PRIMARY KEY, v int); INSERT INTO ${table} VALUES (1, 1)`);
        onTestFinished(() => database.query(`DROP TABLE IF EXISTS ${table}`).then(() => {}));
        await install(database, kind, [table]);
        const read = `SELECT v FROM ${table} WHERE id = 1`;
        for (const change of [
          `ALTER TABLE ${table} ALTER v TYPE int USING v + 1000`,
          `ALTER TABLE ${table} RENAME v TO w; ALTER TABLE ${table} ADD v text DEFAULT 'new'`,
          `DROP TABLE ${table}; CREATE TABLE ${table} (id int PRIMARY KEY, v int); INSERT INTO ${table} VALUES (1, 7)`,
        ]) {
          await warm(opened, read);
          await database.query(change);
          expect(await opened.engine.execute(read), change).toEqual(await opened.bare(read));
        }
      });

      it("a transaction that is open while a table is fetched", async () => {
        const opened = await open({ freshness: "strict" });
        const writer = await connectClient(database);
        for (let n = 1; n <= 5; n++) {
          await writer.query(`BEGIN; UPDATE a SET v = ${n} WHERE id = 1`);
          // Others have begun later, and are over.
          await database.query("UPDATE b SET v = v + 1 WHERE id = 2");
          await until("a hit while it is open", () => isHit(opened.engine, () => opened.engine.execute(FIRST)));
          expect(await opened.engine.execute(FIRST)).toEqual([{ v: n - 1 }]);
          await writer.query("COMMIT");
          expect(await opened.engine.execute(FIRST)).toEqual([{ v: n }]);
        }
      });

      it("a connection that is broken: the database answers, and then the cache again", async () => {
        const opened = await open();
        await warm(opened, FIRST);
        await database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'sqlmem'`,
        );
        await until("it is noticed", () => opened.engine.stats().freshness.losses === 1);
        await database.query("UPDATE a SET v = 5 WHERE id = 1");
        await until("it serves again", () => isHit(opened.engine, () => opened.engine.execute(FIRST)));
        expect(await opened.engine.execute(FIRST)).toEqual([{ v: 5 }]);
        expect(opened.faults.every((fault) => fault instanceof FreshnessError)).toBe(true);
      });
    });

    describe.each(["touch-log", "notify"] as const)("%s: triggers", (kind) => {
      it("a table without the trigger is the database's, and the statement is named", async () => {
        const opened = await openEngine(database, { mode: "transparent", freshness: "session", changeSource: kind });
        const table = `bare_${kind.replace("-", "_")}`;
        await database.query(`CREATE TABLE ${table} (v int); INSERT INTO ${table} VALUES (1)`);
        onTestFinished(() => database.query(`DROP TABLE ${table}`).then(() => {}));
        const read = `SELECT v FROM ${table}`;
        for (let n = 1; n < 4; n++) {
          expect(await opened.engine.execute(read)).toEqual([{ v: n }]);
          await database.query(`UPDATE ${table} SET v = v + 1`);
        }
        expect(opened.engine.stats().hits).toBe(0);
        const { outcome, reason, detail } = await opened.engine.explain(read);
        expect({ outcome, reason }).toEqual({ outcome: "bypass", reason: "not-watched" });
        expect(detail).toContain(`CREATE OR REPLACE TRIGGER ${TRIGGERS[kind]}`);
        await database.query(detail?.slice(detail.indexOf("\n")) ?? "");
        await opened.engine.invalidate();
        await warm(opened, read);
      });

      it("a trigger that is switched off is found before a strict answer", async () => {
        const opened = await openEngine(database, { mode: "transparent", freshness: "strict", changeSource: kind });
        const table = `switched_${kind.replace("-", "_")}`;
        await database.query(`CREATE TABLE ${table} (v int); INSERT INTO ${table} VALUES (1)`);
        onTestFinished(() => database.query(`DROP TABLE ${table}`).then(() => {}));
        await install(database, kind, [table]);
        const read = `SELECT v FROM ${table}`;
        await warm(opened, read);
        await database.query(`ALTER TABLE ${table} DISABLE TRIGGER ${TRIGGERS[kind]}`);
        for (let n = 2; n < 6; n++) {
          await database.query(`UPDATE ${table} SET v = ${n}`);
          expect(await opened.engine.execute(read)).toEqual([{ v: n }]);
        }
        // A look that is late on a slow machine leaves it to the next.
        await until("it is not watched", async () => {
          await opened.engine.execute(read);
          return (await opened.engine.explain(read)).reason === "not-watched";
        });
      });

      it("without what an administrator installs ready() rejects, and says what that is", async () => {
        await using other = await createDatabase(database.server, { setup: ["CREATE TABLE a (v int)"] });
        const opened = await openEngine(other, { mode: "transparent", freshness: "session", changeSource: kind });
        const error: unknown = await opened.engine.ready().catch((thrown: unknown) => thrown);
        if (!(error instanceof FreshnessError)) throw new Error("it did not reject", { cause: error });
        await other.query(error.message.slice(error.message.indexOf("\n")));
        await opened.engine.ready();
        await opened.close();
      });
    });
  },
  { setup: SETUP, newestOnly: true },
);
