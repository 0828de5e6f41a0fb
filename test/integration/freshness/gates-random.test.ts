import type pg from "pg";
import { describe, expect, it } from "vitest";
import { connectClient, isHit } from "../../support/attach.ts";
import { describeOnServers, openEngine, type SharedDatabase, until } from "../../support/engine.ts";
import { type GateName, install } from "../postgres/gates/gate-fixture.ts";
import { pick, seeded } from "../postgres/random.ts";

// Random writers, and an engine of level `strict` over each source without replication. At most one commit is under way
// while the engine is asked, so its answer is what a bare connection says before that commit or after it, as a whole.

const STEPS = Number(process.env.SQLMEM_TEST_STEPS ?? 250);
const KINDS: readonly GateName[] = ["touch-log", "notify", "snapshot"];
const TABLES = ["a", "b", "parent", "child", "parts", "parts_1", "parts_2"];

const READS: readonly [string, ...string[]] = [
  "SELECT id, v FROM a ORDER BY id",
  "SELECT a.id, a.v AS av, b.v AS bv FROM a JOIN b ON b.id = a.id ORDER BY a.id",
  "SELECT p.id, c.id AS c FROM parent p LEFT JOIN child c ON c.p = p.id ORDER BY p.id, c.id",
  "SELECT id, v FROM parts ORDER BY id, v",
  "SELECT id, v FROM parts_1 ORDER BY id, v",
  "SELECT a.v, x.n FROM a CROSS JOIN (SELECT count(*) AS n FROM child) AS x WHERE a.id = 1",
];

/** Each writer has rows of its own, so that none waits for another. */
const WRITES: readonly [(id: number) => string, ...((id: number) => string)[]] = [
  (id) => `UPDATE a SET v = v + 1 WHERE id = ${id}`,
  (id) => `UPDATE a SET v = v + 1 WHERE id = ${id}; UPDATE b SET v = v + 1 WHERE id = ${id}`,
  (id) => `DELETE FROM a WHERE id = ${id}`,
  (id) => `INSERT INTO a VALUES (${id}, 5) ON CONFLICT (id) DO UPDATE SET v = a.v + 1`,
  (id) => `UPDATE parts SET v = v + 1 WHERE id = ${id}`,
  (id) => `UPDATE parts_1 SET v = v + 1 WHERE id = ${id}`,
  (id) => `UPDATE parts SET id = 20 - id WHERE id IN (${id}, ${20 - id})`,
  (id) => `INSERT INTO parent VALUES (${id}) ON CONFLICT DO NOTHING`,
  (id) => `INSERT INTO child SELECT ${id}, id FROM parent WHERE id = ${id} ON CONFLICT DO NOTHING`,
  (id) => `DELETE FROM parent WHERE id = ${id}`,
  (id) => `SAVEPOINT s; UPDATE b SET v = v + 1 WHERE id = ${id}; ROLLBACK TO s`,
];

interface Writer {
  readonly client: pg.Client;
  readonly id: number;
  open: boolean;
}

async function openWriter(database: SharedDatabase, id: number): Promise<Writer> {
  return { client: await connectClient(database), id, open: false };
}

describeOnServers(
  "random writers, strict engine",
  (database) => {
    describe.each(KINDS)("%s", (kind) => {
      it("answers what the database would", { timeout: 120_000 }, async () => {
        const seed = Number(process.env.SQLMEM_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
        console.log(`${kind} on ${database.server.name}: SQLMEM_TEST_SEED=${seed}`);
        const next = seeded(seed);
        await database.query(`TRUNCATE a, b, parent, child, parts;
          INSERT INTO a SELECT i, 0 FROM generate_series(1, 8) AS i; INSERT INTO b SELECT i, 0 FROM generate_series(1, 8) AS i;
          INSERT INTO parts SELECT i, 0 FROM generate_series(1, 8) AS i`);
        await install(database, kind, TABLES);
        const { engine, bare, faults } = await openEngine(database, {
          mode: "transparent",
          freshness: "strict",
          changeSource: kind,
        });
        await engine.ready();
        const writers: [Writer, ...Writer[]] = [await openWriter(database, 1)];
        for (const id of [2, 3, 4]) writers.push(await openWriter(database, id));
        const seen = { hits: 0, overlapped: 0 };
        const commit = async (writer: Writer): Promise<void> => {
          writer.open = false;
          await writer.client.query(next() < 0.85 ? "COMMIT" : "ROLLBACK");
        };
        for (let step = 0; step < STEPS; step++) {
          const chance = next();
          const writer = pick(next, writers);
          if (chance < 0.35) {
            if (!writer.open) await writer.client.query("BEGIN");
            writer.open = true;
            await writer.client.query(pick(next, WRITES)(writer.id));
          } else if (chance < 0.45 && writer.open) {
            await commit(writer);
          } else if (chance < 0.65 && writer.open) {
            const sql = pick(next, READS);
            const before = await bare(sql);
            const asked = next() < 0.5 ? engine.execute(sql) : null;
            const committed = commit(writer);
            const rows = await (asked ?? engine.execute(sql));
            await committed;
            const after = await bare(sql);
            expect([before, after], `seed ${seed}, step ${step}: ${sql}`).toContainEqual(rows);
            // What was committed is seen from now on.
            expect(await engine.execute(sql), `seed ${seed}, step ${step}: ${sql}`).toEqual(after);
            seen.overlapped += 1;
          } else {
            const sql = pick(next, READS);
            const rows = await bare(sql);
            let answer: unknown;
            if (await isHit(engine, async () => (answer = await engine.execute(sql)))) seen.hits += 1;
            expect(answer, `seed ${seed}, step ${step}: ${sql}`).toEqual(rows);
          }
          if (kind === "touch-log" && next() < 0.03) await database.query("SELECT sqlmem.prune('0 s')");
        }
        for (const { client, open } of writers) if (open) await client.query("ROLLBACK");
        expect(seen.overlapped).toBeGreaterThan(0);
        // Of the server's snapshot all who use it decide.
        if (kind !== "snapshot") expect(seen.hits).toBeGreaterThan(10);
        for (const sql of READS) await until(`a hit: ${sql}`, () => isHit(engine, () => engine.execute(sql)));
        expect(engine.stats().freshness.losses).toBe(0);
        expect(faults).toEqual([]);
      });
    });
  },
  {
    setup: [
      "CREATE TABLE a (id int PRIMARY KEY, v int)",
      "CREATE TABLE b (id int PRIMARY KEY, v int)",
      "CREATE TABLE parent (id int PRIMARY KEY)",
      "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE)",
      "CREATE TABLE parts (id int, v int) PARTITION BY RANGE (id)",
      "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
      "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (30)",
    ],
    newestOnly: true,
  },
);
