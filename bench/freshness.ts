import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { CachingEngine } from "../src/index.ts";
import type { Bench } from "./bench.ts";
import { DELAY_NOTES, Delays } from "./delays.ts";
import { distribution, type Following, openFollowing, percentile, untilHit } from "./following.ts";
import { measureHitRate } from "./hit-rate.ts";
import { measureOwnWrites } from "./own-writes.ts";
import { atLeast, atMost, type Section } from "./report.ts";

const ROWS = 100_000;
const PER_SECOND = 500;
const BULK = 1000;
/** Compilers are at work then, on the cores that the stream needs: it has a line of its own, and no target. */
const WARMING_MS = 1000;
/** Whatever is cached: what is measured is when that changes. */
const CACHED = { freshness: "manual" } as const;
const READ = "SELECT v FROM followed WHERE id = $1";

const SETUP: readonly string[] = [
  "CREATE TABLE followed (id int PRIMARY KEY, v int NOT NULL, w text)",
  `INSERT INTO followed SELECT i, 0, 'text of row ' || i FROM generate_series(1, ${ROWS}) AS i`,
];

/** How soon changes of others are seen, what applying them costs, and what a cache that follows changes answers. */
export async function measureFreshness(bench: Bench): Promise<readonly Section[]> {
  const sections: Section[] = [];
  {
    await using following = await openFollowing(bench, SETUP);
    const engine = following.openEngine();
    await engine.ready();
    await untilHit(engine, () => engine.execute("SELECT v, w FROM followed WHERE id = $1", [1]));
    sections.push(await measureVisibility(bench, following, engine));
    sections.push(await measureBulk(bench, following, engine));
    sections.push(await measureLongTransaction(bench, following, engine));
  }
  sections.push(await measureOwnWrites(bench));
  sections.push(await measureHitRate(bench));
  return sections;
}

/** A commit that is acknowledged to one connection: when the cache shows it. */
async function measureVisibility(bench: Bench, { bare }: Following, engine: CachingEngine): Promise<Section> {
  const seconds = Math.max(2, 20 * bench.effort);
  const waits: number[] = [];
  const warming: number[] = [];
  const reads: number[] = [];
  const pending: { readonly id: number; readonly value: number; readonly at: number }[] = [];
  const started = performance.now();
  let writing = true;
  const polling = (async () => {
    while (writing || pending.length > 0) {
      for (let index = pending.length - 1; index >= 0; index--) {
        const write = pending[index];
        if (write === undefined) continue;
        const [row] = await engine.execute<{ v: number }>(READ, [write.id], CACHED);
        if ((row?.v ?? 0) < write.value) continue;
        (write.at < started + WARMING_MS ? warming : waits).push(performance.now() - write.at);
        pending.splice(index, 1);
      }
      await turn();
    }
  })();
  const client = await bare.connect();
  let written = 0;
  for (; performance.now() - started < seconds * 1000; written++) {
    const [id, value] = [1 + (written % ROWS), 1 + Math.floor(written / ROWS)];
    await client.query("UPDATE followed SET v = $2 WHERE id = $1", [id, value]);
    pending.push({ id, value, at: performance.now() });
    const early = started + (written * 1000) / PER_SECOND - performance.now();
    if (early > 1) await sleep(early);
  }
  const rate = written / ((performance.now() - started) / 1000);
  client.release();
  writing = false;
  await polling;
  for (let read = 0; read < 1000; read++) {
    const at = performance.now();
    await bare.query(READ, [1 + read]);
    reads.push(performance.now() - at);
  }
  return {
    title: "Following changes: from a commit of another connection, acknowledged, to the cache showing it",
    measurements: [
      { name: `${Math.round(rate)} transactions/s of one row`, quantities: distribution(waits) },
      { name: "the first second of it", quantities: distribution(warming) },
      { name: "beside: a read by pg", quantities: distribution(reads) },
    ],
    notes: [`${waits.length} commits; looked at in each turn of the event loop`],
    targets: [
      atMost("a commit of another is seen", percentile(waits, 0.5), 2, "ms (p50)"),
      atMost("a commit of another is seen", percentile(waits, 0.99), 20, "ms (p99)"),
    ],
  };
}

/** Changes applied in place while transactions of many rows come as fast as the server makes them, and hits meanwhile. */
async function measureBulk(bench: Bench, { bare }: Following, engine: CachingEngine): Promise<Section> {
  const transactions = Math.max(30, Math.round(300 * bench.effort));
  const idle = await hitsDuring(engine, () => sleep(1000));
  const before = engine.stats().freshness.changes;
  const started = performance.now();
  let committed = 0;
  const busy = await hitsDuring(engine, async () => {
    for (let index = 0; index < transactions; index++) {
      const first = 1 + ((index * BULK) % ROWS);
      await bare.query("UPDATE followed SET v = v + 1, w = w || '' WHERE id BETWEEN $1 AND $2", [
        first,
        first + BULK - 1,
      ]);
    }
    committed = performance.now() - started;
    await untilApplied(engine, before + transactions * BULK);
  });
  const seconds = (performance.now() - started) / 1000;
  const changes = transactions * BULK;
  return {
    title: `Following changes: transactions of ${BULK} rows, and hits by primary key meanwhile`,
    measurements: [
      { name: "hits, nothing written", quantities: distribution(idle) },
      {
        name: "hits while changes are applied",
        quantities: { ...distribution(busy), applied: { value: changes / seconds, unit: "rows/s" } },
      },
      {
        name: "beside: the server's own commits",
        quantities: { applied: { value: changes / (committed / 1000), unit: "rows/s" } },
      },
    ],
    notes: [
      `${changes.toLocaleString("en-US")} changes, ${busy.length} hits; the driver and the hits share one thread`,
      "No more can be applied than the server commits.",
    ],
    targets: [
      atLeast("changes applied in place", changes / seconds, 50_000, "rows/s"),
      atMost("hits while changes are applied", percentile(busy, 0.99), 1, "ms (p99)"),
    ],
  };
}

/** One transaction that changes every row. */
async function measureLongTransaction(bench: Bench, { bare }: Following, engine: CachingEngine): Promise<Section> {
  const rounds = Math.max(1, Math.round(3 * bench.effort));
  const delays = new Delays();
  await delays.during("idle", () => sleep(1500));
  const applied: number[] = [];
  const written = "while it is written and applied";
  for (let round = 0; round < rounds; round++) {
    await delays.during(written, async () => {
      const before = engine.stats().freshness.changes;
      await bare.query("UPDATE followed SET v = v + 1");
      const committed = performance.now();
      await untilApplied(engine, before + ROWS);
      applied.push(performance.now() - committed);
    });
  }
  return {
    title: `Following changes: delay of the event loop, one transaction of ${ROWS.toLocaleString("en-US")} rows`,
    measurements: [
      ...delays.measurements(),
      { name: "from its commit to its end in the cache", quantities: distribution(applied) },
    ],
    notes: DELAY_NOTES,
    targets: [atMost("event loop, a transaction of 100,000 rows", delays.percentile(written, 99), 5, "ms (p99)")],
  };
}

/** Milliseconds of each of the hits by primary key that are made while the action lasts, one in each turn. */
async function hitsDuring(engine: CachingEngine, action: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  let going = true;
  const over = action().finally(() => {
    going = false;
  });
  for (let index = 0; going; index++) {
    const at = performance.now();
    await engine.execute(READ, [1 + ((index * 7919) % ROWS)], CACHED);
    times.push(performance.now() - at);
    await turn();
  }
  await over;
  return times;
}

/** Readers see so many changes of rows; fails if it was not done in place. */
async function untilApplied(engine: CachingEngine, changes: number): Promise<void> {
  const { refetched } = engine.stats().freshness;
  for (;;) {
    const { freshness } = engine.stats();
    if (freshness.changes >= changes) return;
    if (freshness.refetched > refetched || freshness.losses > 0) throw new Error("not applied in place");
    await sleep(1);
  }
}
