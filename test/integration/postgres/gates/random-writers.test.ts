import type pg from "pg";
import { describe, expect, test } from "vitest";
import { installTrigger, NOTIFY, TOUCH } from "../../../../src/dialects/postgres/gates/install-sql.ts";
import { servers } from "../../../support/postgres.ts";
import { pick, seeded } from "../random.ts";
import { Followed, type GateName } from "./gate-fixture.ts";

const TABLES = ["a", "b", "parts", "parts_1", "child"] as const;
const STEPS = 400;

interface Writer {
  readonly client: pg.Client;
  /** Rows that no other writer touches: nobody waits for a lock of a row. */
  readonly id: number;
  open: boolean;
}

const WRITES: readonly [(id: number) => string, ...((id: number) => string)[]] = [
  (id) => `UPDATE a SET v = v + 1 WHERE id = ${id}`,
  (id) => `UPDATE b SET v = v + 1 WHERE id = ${id}`,
  (id) => `DELETE FROM a WHERE id = ${id}`,
  (id) => `INSERT INTO a VALUES (${id}, 5) ON CONFLICT (id) DO UPDATE SET v = a.v + 1`,
  (id) => `UPDATE parts SET v = v + 1 WHERE id = ${id}`,
  (id) => `UPDATE parts_1 SET v = v + 1 WHERE id = ${id}`,
  // From one partition to the other.
  (id) => `UPDATE parts SET id = 20 - id WHERE id IN (${id}, ${20 - id})`,
  (id) => `INSERT INTO parent VALUES (${id}) ON CONFLICT DO NOTHING`,
  (id) => `INSERT INTO child SELECT ${id}, id FROM parent WHERE id = ${id} ON CONFLICT DO NOTHING`,
  (id) => `DELETE FROM parent WHERE id = ${id}`,
  (id) => `SAVEPOINT s; UPDATE b SET v = v + 1 WHERE id = ${id}; ROLLBACK TO s`,
  (id) => `SAVEPOINT s; UPDATE a SET v = v + 1 WHERE id = ${id}; RELEASE s`,
  () => "TRUNCATE parts_2",
];

async function write(writer: Writer, next: () => number): Promise<void> {
  const { client } = writer;
  try {
    if (!writer.open) await client.query("BEGIN");
    writer.open = true;
    const sql = pick(next, WRITES)(writer.id);
    await client.query(sql);
    // Whoever reads would wait for the end of a TRUNCATE, and here everything waits for the reader.
    if (!sql.startsWith("TRUNCATE") && next() < 0.4) return;
    await client.query(next() < 0.8 ? "COMMIT" : "ROLLBACK");
  } catch (error) {
    // A lock of a table that another one holds: this transaction gives up.
    if (!(error instanceof Error && "code" in error && error.code === "55P03")) throw error;
    await client.query("ROLLBACK");
  }
  writer.open = false;
}

const kinds: readonly GateName[] = ["touch-log", "notify", "snapshot"];

describe.each(servers())("random writers on $name", (server) => {
  test.each(kinds)("%s never calls rows fresh that are not", { timeout: 120_000 }, async (kind) => {
    const seed = Number(process.env.SQLMEM_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`${kind} on ${server.name}: SQLMEM_TEST_SEED=${seed}`);
    const next = seeded(seed);
    await using on = await Followed.open(server, kind, [
      "CREATE TABLE parent (id int PRIMARY KEY)",
      "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE)",
      "CREATE TABLE parts (id int, v int) PARTITION BY RANGE (id)",
      "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
      "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (30)",
      "INSERT INTO parts SELECT i, 0 FROM generate_series(1, 8) AS i",
    ]);
    const trigger = { "touch-log": TOUCH, notify: NOTIFY, snapshot: null }[kind];
    for (const table of ["parent", "child", "parts", "parts_1", "parts_2"]) {
      if (trigger !== null) await on.database.query(installTrigger(trigger, table));
    }
    await on.start();
    const writers: Writer[] = [];
    for (let id = 1; id <= 4; id++) {
      const client = await on.writer();
      await client.query("SET lock_timeout = '30ms'");
      writers.push({ client, id, open: false });
    }
    const [first, ...others] = writers;
    if (first === undefined) throw new Error("no writers");
    const someoneWrites = (): Promise<void> => write(pick(next, [first, ...others]), next);
    const looked = { fresh: 0, stale: 0 };
    for (let step = 0; step < STEPS; step++) {
      const chance = next();
      if (chance < 0.25) {
        const names = TABLES.filter(() => next() < 0.5);
        await on.load(names.length > 0 ? names : ["a"], {
          afterSnapshot: async () => next() < 0.3 && someoneWrites(),
          whileReading: async () => next() < 0.5 && someoneWrites(),
        });
      } else if (chance < 0.75) {
        await someoneWrites();
      } else {
        const before = on.cached.size;
        const kept = await on.confirmed(next() < 0.3);
        expect(await on.wrong()).toEqual([]);
        looked.fresh += kept.length;
        looked.stale += before - kept.length;
      }
      if (kind === "touch-log" && next() < 0.03) await on.database.query("SELECT sqlmem.prune('0 s')");
    }
    expect(on.said.filter((line) => line.startsWith("lost"))).toEqual([]);
    // Of the server's snapshot others decide.
    if (kind !== "snapshot") expect(looked.fresh).toBeGreaterThan(10);
    // Notifications come before the look.
    if (kind !== "notify") expect(looked.stale).toBeGreaterThan(0);
  });
});
