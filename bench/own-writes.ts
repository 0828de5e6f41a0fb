import pg from "pg";
import type { Bench } from "./bench.ts";
import { distribution, openFollowing, percentile, untilHit } from "./following.ts";
import { atMost, type Section } from "./report.ts";

const CLIENTS = 8;
/** Of a full run; `SQLMEM_BENCH_TRIES` for another number. */
const TRIES = 20_000;
/** Clients and tables are as many: a write stops its table until it is confirmed. Each table has rows of all of them. */
const tableOf = (client: number): string => `own_${client % CLIENTS}`;

interface Tried {
  readonly writes: number[];
  readonly reads: number[];
  stale: number;
}

/**
 * Each client writes and reads what it has written, while the others do: how often it is not seen, and what the read waits
 * for it. Every other read comes a little later, so that it can be a hit; now and then two clients write to one table.
 */
export async function measureOwnWrites(bench: Bench): Promise<Section> {
  const tries = Number(process.env.SQLMEM_BENCH_TRIES ?? Math.round(TRIES * bench.effort));
  const tables = Array.from({ length: CLIENTS }, (_, index) => tableOf(index));
  await using following = await openFollowing(
    bench,
    tables.flatMap((table) => [
      `CREATE TABLE ${table} (id int PRIMARY KEY, v int NOT NULL)`,
      `INSERT INTO ${table} SELECT i, 0 FROM generate_series(1, ${2 * CLIENTS}) AS i`,
    ]),
  );
  const engine = following.openEngine();
  const attached = engine.attach(new pg.Pool({ connectionString: following.database.url, max: CLIENTS }));
  const bare = new pg.Pool({ connectionString: following.database.url, max: CLIENTS });
  try {
    await engine.ready();
    for (const table of tables) await untilHit(engine, () => attached.query(readOf(table), [1]));
    const { hits } = engine.stats();
    const ours = await tryAll(attached, 1, tries);
    const served = engine.stats().hits - hits;
    const theirs = await tryAll(bare, 1 + CLIENTS, Math.min(tries, 10_000));
    return {
      title: `Own writes: ${CLIENTS} attached clients read what they have written`,
      measurements: [
        {
          name: "a read after a write, attached",
          quantities: { ...distribution(ours.reads), hits: { value: (100 * served) / ours.reads.length, unit: "%" } },
        },
        { name: "a read after a write, pg", quantities: distribution(theirs.reads) },
        { name: "the write, attached", quantities: distribution(ours.writes) },
        { name: "the write, pg", quantities: distribution(theirs.writes) },
      ],
      notes: [`${ours.reads.length.toLocaleString("en-US")} reads of own writes; SQLMEM_BENCH_TRIES for more`],
      targets: [
        atMost("own writes that the next read did not see", ours.stale, 0, "reads"),
        atMost(
          "what a read waits longer after a write",
          percentile(ours.reads, 0.5) - percentile(theirs.reads, 0.5),
          1,
          "ms (p50)",
        ),
      ],
    };
  } finally {
    await Promise.all([attached.end(), bare.end()]);
  }
}

async function tryAll(pool: pg.Pool, firstId: number, tries: number): Promise<Tried> {
  const tried: Tried = { writes: [], reads: [], stale: 0 };
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, index) => {
      const client = await pool.connect();
      try {
        for (let value = 1; value <= tries / CLIENTS; value++) await tryOnce(client, firstId + index, value, tried);
      } finally {
        client.release();
      }
    }),
  );
  return tried;
}

const readOf = (table: string): string => `SELECT v FROM ${table} WHERE id = $1`;

async function tryOnce(client: pg.PoolClient, id: number, value: number, tried: Tried): Promise<void> {
  const table = tableOf(value % 16 === 0 ? id + 1 : id);
  const begun = performance.now();
  await client.query(`UPDATE ${table} SET v = $2 WHERE id = $1`, [id, value]);
  const written = performance.now();
  tried.writes.push(written - begun);
  if (value % 2 === 0) await new Promise((resolve) => setTimeout(resolve, value % 5));
  const asked = performance.now();
  const { rows } = await client.query<{ v: number }>(readOf(table), [id]);
  tried.reads.push(performance.now() - asked);
  if (rows[0]?.v !== value) tried.stale++;
}
