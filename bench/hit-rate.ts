import pg from "pg";
import { Random } from "../test/oracle/random.ts";
import type { Bench } from "./bench.ts";
import { distribution, type Following, openFollowing } from "./following.ts";
import type { Measurement, Section } from "./report.ts";

const TABLES = 20;
const ROWS = 2000;
const CLIENTS = 8;
const READS = 0.95;

/** Reads and writes of many tables by attached clients: what the cache answers, with changes followed and without. */
export async function measureHitRate(bench: Bench): Promise<Section> {
  const seconds = Math.max(2, 15 * bench.effort);
  const tables = Array.from({ length: TABLES }, (_, index) => `many_${index}`);
  await using following = await openFollowing(
    bench,
    tables.flatMap((table) => [
      `CREATE TABLE ${table} (id int PRIMARY KEY, v int NOT NULL, w text)`,
      `INSERT INTO ${table} SELECT i, 0, 'w' || i FROM generate_series(1, ${ROWS}) AS i`,
    ]),
  );
  const measurements: Measurement[] = [];
  for (const [name, freshness] of [
    ["changes followed (session)", "session"],
    ["own writes invalidate (manual)", "manual"],
    ["beside: pg", null],
  ] as const) {
    measurements.push(await measureOne(following, name, freshness, tables, seconds));
  }
  return {
    title: `Hit rate: ${TABLES} tables, ${CLIENTS} clients, ${Math.round(READS * 100)} % reads by primary key, the others writes`,
    measurements,
    notes: ["with a warm cache; the writes are this program's own, so that both levels answer right"],
  };
}

async function measureOne(
  following: Following,
  name: string,
  freshness: "session" | "manual" | null,
  tables: readonly string[],
  seconds: number,
): Promise<Measurement> {
  const pool = new pg.Pool({ connectionString: following.database.url, max: CLIENTS });
  const engine = freshness === null ? null : following.openEngine({ freshness });
  engine?.attach(pool);
  try {
    await engine?.ready();
    for (const table of tables) {
      for (let time = 0; time < 3; time++) await pool.query(`SELECT v, w FROM ${table} WHERE id = $1`, [1]);
    }
    while (engine !== null && engine.stats().tables.length < TABLES)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const reads: number[] = [];
    const hits = engine?.stats().hits ?? 0;
    const started = performance.now();
    const random = new Random(20_261_127);
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const mine = random.fork();
        while (performance.now() - started < seconds * 1000) {
          const [table, id] = [mine.pick(tables), mine.int(1, ROWS)];
          if (!mine.chance(READS)) {
            await pool.query(`UPDATE ${table} SET v = v + 1 WHERE id = $1`, [id]);
            continue;
          }
          const at = performance.now();
          await pool.query(`SELECT v, w FROM ${table} WHERE id = $1`, [id]);
          reads.push(performance.now() - at);
          // Hits alone would never let the others have a turn.
          if (reads.length % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    const elapsed = (performance.now() - started) / 1000;
    const served = (engine?.stats().hits ?? 0) - hits;
    return {
      name,
      quantities: {
        hits: { value: (100 * served) / reads.length, unit: "%" },
        reads: { value: reads.length / elapsed, unit: "queries/s" },
        ...distribution(reads),
      },
    };
  } finally {
    await pool.end();
    await engine?.close();
  }
}
