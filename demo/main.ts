// npm run demo: a shop database on a real PostgreSQL, and SQLmem in front of it, from the first miss to a warm restart.
// Needs nothing: the server comes from npm, lives in a temporary directory, and is gone afterwards, Ctrl-C included.

import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { CachingEngine, ReadOnlyError, UnsupportedQueryError } from "../src/index.ts";
import { type CountingProxy, startCountingProxy } from "../test/support/counting-proxy.ts";
import { startEmbeddedPostgres } from "../test/support/embedded-postgres.ts";
import { latencies } from "./latency.ts";
import { fillShop, ORDERS } from "./shop.ts";
import { bytes, count, duration, factor, heading, paint, progress, say, sqlText, table } from "./terminal.ts";

const cleanups: (() => Promise<unknown>)[] = [];
let cleaning: Promise<void> | undefined;

/** In reverse order of what was opened; once, whoever asks. */
function cleanUp(): Promise<void> {
  cleaning ??= (async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup().catch(() => {});
  })();
  return cleaning;
}

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    if (cleaning) return;
    say();
    say(paint("yellow", "   Stopped; cleaning up."));
    void cleanUp().finally(() => process.exit(code));
  });
}

interface Opened {
  readonly engine: CachingEngine;
  close(): Promise<void>;
}

async function main(): Promise<void> {
  const started = performance.now();
  say(paint("bold", "SQLmem") + paint("dim", " answers repeated reads from memory, exactly as Postgres would."));

  heading(1, "A shop on a real PostgreSQL");
  const directory = await mkdtemp(path.join(tmpdir(), "sqlmem-demo-"));
  cleanups.push(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  const starting = progress("PostgreSQL from npm, in a temporary directory");
  const server = await startEmbeddedPostgres();
  cleanups.push(server.stop);
  const direct = new pg.Pool({ connectionString: server.url, max: 2 });
  direct.on("error", () => {});
  cleanups.push(() => direct.end());
  const version = await direct.query("SELECT current_setting('server_version') AS v");
  starting.done(`version ${version.rows[0].v}`);
  const filling = progress("orders and customers");
  const client = new pg.Client({ connectionString: server.url });
  client.on("error", () => {});
  await client.connect();
  await fillShop(client, filling.at);
  await client.end();
  filling.done(`${count(ORDERS)} orders`);

  // Everything that the engine sends to Postgres goes through this proxy, which counts.
  const proxy = await startCountingProxy(server.url);
  cleanups.push(proxy.close);
  const cacheDb = path.join(directory, "cache.db");
  const open = (): Opened => {
    const pool = new pg.Pool({ connectionString: proxy.url });
    pool.on("error", () => {});
    const engine = new CachingEngine(pool, { cacheDb });
    const close = async (): Promise<void> => {
      await engine.close();
      if (!pool.ended) await pool.end();
    };
    cleanups.push(close);
    return { engine, close };
  };
  const first = open();

  heading(2, "Five queries");
  await contract(first.engine, proxy);

  heading(3, "A write");
  await refusedWrite(first.engine, proxy);

  heading(4, "A row changes behind the cache's back");
  await invalidation(first.engine, proxy, direct);

  heading(5, "What is in memory");
  showStats(first.engine);

  heading(6, "A restart");
  const closing = progress("engine.close() saves cache.db");
  await first.close();
  closing.done(bytes((await stat(cacheDb)).size));
  await warmStart(open, proxy);

  heading(7, "How long it takes");
  await showLatencies(direct);

  await cleanUp();
  say();
  say(paint("dim", `Done in ${duration(performance.now() - started)}; the server and all files are gone.`));
}

async function contract(engine: CachingEngine, proxy: CountingProxy): Promise<void> {
  const queries: readonly (readonly [sql: string, remark: string])[] = [
    ["SELECT id, status FROM orders WHERE id <= 2", "the first time: the two columns are fetched, all rows"],
    ["SELECT id, total FROM orders WHERE id <= 2", "a new column: fetched again, with all three"],
    [
      "SELECT status, total FROM orders WHERE id IN (7, 4711) ORDER BY total DESC",
      "never asked before, but all of it is in memory",
    ],
    ["SELECT * FROM orders", "which columns would that be?"],
    ["SELECT orders.id, name FROM orders JOIN customers ON customers.id = customer_id", "one table at a time"],
  ];
  for (const [sql, remark] of queries) {
    say(`   ${paint("dim", `-- ${remark}`)}`);
    await ask(engine, proxy, sql);
    say();
  }
  say(
    `   ${paint("dim", 'The last two are refused in strict mode, the default. mode: "transparent" sends them to Postgres.')}`,
  );
}

/** Runs one query and shows what came of it: outcome, time, rows, and what reached Postgres meanwhile. */
async function ask(engine: CachingEngine, proxy: CountingProxy, sql: string): Promise<void> {
  say(`   ${sqlText(sql)}`);
  const { outcome } = await engine.explain(sql);
  proxy.clear();
  const started = performance.now();
  try {
    const rows = await engine.execute(sql);
    const took = duration(performance.now() - started);
    const label = outcome === "hit" ? paint(["bold", "green"], "hit ") : paint(["bold", "yellow"], outcome);
    say(`   ${label} ${took.padStart(8)}   ${reached(proxy)}`);
    say(`   ${paint("dim", "→")} ${rows.map((row) => JSON.stringify(row)).join(" ")}`);
  } catch (error) {
    if (!(error instanceof UnsupportedQueryError) && !(error instanceof ReadOnlyError)) throw error;
    const detail = error instanceof UnsupportedQueryError ? ` (${error.reason})` : "";
    say(`   ${paint(["bold", "red"], error.name)}${detail}   ${reached(proxy)}`);
    say(`   ${paint("dim", "→")} ${error.message}`);
  }
}

function reached(proxy: CountingProxy): string {
  if (proxy.messages === 0) return paint("green", "nothing reached Postgres");
  const copied = proxy.copyBytes > 0 ? `, ${bytes(proxy.copyBytes)} copied` : "";
  return paint("dim", `${proxy.statements.length} statements reached Postgres${copied}`);
}

async function refusedWrite(engine: CachingEngine, proxy: CountingProxy): Promise<void> {
  await ask(engine, proxy, "UPDATE orders SET status = 'open' WHERE id = 4711");
}

async function invalidation(engine: CachingEngine, proxy: CountingProxy, direct: pg.Pool): Promise<void> {
  const sql = "SELECT status, total FROM orders WHERE id = 4711";
  await ask(engine, proxy, sql);
  const update = "UPDATE orders SET status = 'stolen' WHERE id = 4711";
  await direct.query(update);
  say(`   ${paint("magenta", "past the cache:")} ${sqlText(update)}`);
  await ask(engine, proxy, sql);
  await engine.invalidate("orders");
  say(`   ${paint("magenta", 'engine.invalidate("orders")')}`);
  await ask(engine, proxy, sql);
}

/** From nothing to the first answer, with everything that reaches Postgres on the way. */
async function warmStart(open: () => Opened, proxy: CountingProxy): Promise<void> {
  const sql = "SELECT id, status, total FROM orders WHERE id IN (7, 4711)";
  proxy.clear();
  const started = performance.now();
  const { engine, close } = open();
  say(`   ${paint("magenta", "new CachingEngine(pool)")}`);
  say(`   ${sqlText(sql)}`);
  const rows = await engine.execute(sql);
  const took = duration(performance.now() - started);
  const label = engine.stats().loads === 0 ? paint(["bold", "green"], "hit ") : paint(["bold", "yellow"], "miss");
  say(`   ${label} ${took.padStart(8)}   ${reached(proxy)}`);
  say(`   ${paint("dim", "→")} ${rows.map((row) => JSON.stringify(row)).join(" ")}`);
  if (proxy.copyBytes === 0) {
    say(
      paint("dim", "   Postgres was only asked whether it is the same one, with the same tables; no rows were copied."),
    );
  }
  await close();
}

function showStats(engine: CachingEngine): void {
  const rows = engine
    .stats()
    .tables.map((one) => [one.table, count(one.rows), one.columns.join(", "), bytes(one.bytes)]);
  table(["table", "rows", "columns", "memory"], rows, [false, true, false, true]);
}

async function showLatencies(direct: pg.Pool): Promise<void> {
  const measuring = progress("measuring, medians");
  const results = await latencies(direct, measuring.at);
  measuring.done(`${results.length} queries`);
  table(
    ["", "Postgres directly", "miss, with its load", "hit", "faster"],
    results.map(({ name, direct, miss, hit }) => [
      name,
      duration(direct),
      duration(miss),
      duration(hit),
      factor(direct / hit),
    ]),
    [false, true, true, true, true],
  );
  say(
    paint(
      "dim",
      "   Scans of a whole table run on a thread of their own; a small result is kept until its table changes.",
    ),
  );
}

try {
  await main();
} catch (error) {
  // After Ctrl-C the ground goes away below whatever was going on.
  if (!cleaning) {
    await cleanUp();
    throw error;
  }
  await cleaning;
}
