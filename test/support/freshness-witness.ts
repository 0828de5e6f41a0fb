/**
 * Watches what an engine promises while something is broken on purpose: somebody else commits all the time past the
 * engine, the engine's own program writes and reads, and no answer may be staler than the promise.
 */
import pg from "pg";
import { expect, onTestFinished } from "vitest";
import type { FreshnessLevel } from "../../src/freshness/level.ts";
import { isHit } from "./attach.ts";
import { type OpenedEngine, openEngine, type SharedDatabase, until } from "./engine.ts";

/** Short, so that what outlasts it need not last long. */
export const MAX_LAG_MS = 500;
const PROMISED = { freshness: "session", maxLagMs: MAX_LAG_MS } as const;
/** Of a statement that the origin answers, on whatever connection. */
const QUERY_TIMEOUT_MS = 3000;
/** What a read may take at most, whatever happens: a few statements of the origin that time out, one after the other. */
const LONGEST_READ_MS = 20_000;
/** By which sessions of the engine and its pool are known on the server. */
const APPLICATION = "sqlmem witness";

/** What others count, and what this program counts by `execute` and by an attached pool. */
const OTHERS = 1;
const OWN = [2, 3] as const;
/** In tables of their own: a write through the engine might have all of a table fetched again, or seen sooner. */
const tableOf = (id: number): string => (id === OTHERS ? "witness" : "witness_own");
const readOf = (id: number): string => `SELECT v FROM ${tableOf(id)} WHERE id = $1`;
const writeOf = (id: number): string => `UPDATE ${tableOf(id)} SET v = $2 WHERE id = $1`;

export const WITNESS_SETUP: readonly string[] = ["witness", "witness_own"].flatMap((table) => [
  `CREATE TABLE ${table} (id int PRIMARY KEY, v int NOT NULL)`,
  `INSERT INTO ${table} SELECT i, 0 FROM generate_series(1, 3) AS i`,
]);

export interface Witness {
  readonly opened: OpenedEngine;
  /** Attached to the engine, behind the same proxy. */
  readonly pool: pg.Pool;
  /** Answers so far that broke the promise. */
  readonly violations: readonly string[];
  /** The cache answers, and the change source is live. */
  recovered(): Promise<void>;
  /** Ends reading and writing, and asserts what was promised; then the engine is closed, and the origin has to be clean. */
  verdict(): Promise<void>;
}

export interface WitnessOptions {
  /** Statements of the session of the other writer. */
  readonly session?: string;
  /** Of the engine, instead of the one that keeps the promise. */
  readonly level?: FreshnessLevel;
  /** Settings of all sessions of the engine and its pools, as `-c name=value`. */
  readonly settings?: string;
}

/** A counter of one writer: what it began to write last, and what was acknowledged when. */
class Register {
  begun: number;
  readonly #acknowledged: { readonly value: number; readonly at: number }[];

  constructor(value: number) {
    this.begun = value;
    this.#acknowledged = [{ value, at: Number.NEGATIVE_INFINITY }];
  }

  acknowledge(value: number): void {
    this.#acknowledged.push({ value, at: performance.now() });
  }

  /** The last value that was acknowledged by then. */
  by(time: number): number {
    return this.#acknowledged.findLast(({ at }) => at <= time)?.value ?? Number.NaN;
  }
}

/** Starts an engine behind a proxy, warm and live, and all that watches it. */
export async function startWitness(database: SharedDatabase, options: WitnessOptions = {}): Promise<Witness> {
  await database.query("UPDATE witness SET v = 0");
  await database.query("UPDATE witness_own SET v = 0");
  const pool: pg.PoolConfig = {
    application_name: APPLICATION,
    query_timeout: QUERY_TIMEOUT_MS,
    connectionTimeoutMillis: QUERY_TIMEOUT_MS,
    max: 5,
    ...(options.settings !== undefined && { options: options.settings }),
  };
  const opened = await openEngine(database, {
    mode: "transparent",
    ...(options.level === undefined ? PROMISED : { freshness: options.level }),
    pool,
  });
  const { engine, proxy } = opened;
  const attached = engine.attach(new pg.Pool({ connectionString: proxy.url, ...pool }));
  attached.on("error", () => {});
  let ended: Promise<void> | undefined;
  const endPool = (): Promise<void> => {
    ended ??= attached.end();
    return ended;
  };
  onTestFinished(endPool);
  await engine.ready();

  const ask = [
    async (id: number) => (await engine.execute<{ v: number }>(readOf(id), [id]))[0]?.v ?? Number.NaN,
    async (id: number) => (await attached.query<{ v: number }>(readOf(id), [id])).rows[0]?.v ?? Number.NaN,
  ] as const;
  const write = [
    (id: number, value: number) => engine.execute(writeOf(id), [id, value]),
    (id: number, value: number) => attached.query(writeOf(id), [id, value]),
  ] as const;
  const recovered = async (): Promise<void> => {
    for (const read of ask) {
      await until("the cache answers", async () => {
        const { state } = engine.stats().freshness;
        const follows = state === "live" || state === "off";
        return (await isHit(engine, () => read(OTHERS).catch(() => {}))) && follows;
      });
    }
  };
  await recovered();

  const violations: string[] = [];
  const rejections: string[] = [];
  let longestMs = 0;
  let going = true;
  const started = performance.now();
  const registers = new Map([OTHERS, ...OWN].map((id) => [id, new Register(0)]));
  const registerOf = (id: number): Register => registers.get(id) ?? new Register(Number.NaN);

  /** Reads, and compares with what had to be seen when the read began. */
  const check = async (id: number, how: 0 | 1, lagMs: number): Promise<void> => {
    const register = registerOf(id);
    const at = performance.now();
    const required = register.by(at - lagMs);
    try {
      const value = await ask[how](id);
      const place = `row ${id} by ${how === 0 ? "execute" : "the attached pool"}, ${Math.round(at - started)} ms after the start`;
      if (!(value >= required)) violations.push(`${place}: read ${value}, ${required} was required`);
      if (!(value <= register.begun)) violations.push(`${place}: read ${value}, only ${register.begun} was begun`);
    } catch (error) {
      rejections.push(codeOf(error));
    }
    longestMs = Math.max(longestMs, performance.now() - at);
  };
  const readers = ([0, 1] as const).map(async (how) => {
    while (going) {
      await check(OTHERS, how, MAX_LAG_MS);
      await pause(2);
    }
  });
  const owners = ([0, 1] as const).map(async (how) => {
    const id = OWN[how];
    const register = registerOf(id);
    while (going) {
      const value = ++register.begun;
      await write[how](id, value).then(
        () => register.acknowledge(value),
        (error) => rejections.push(codeOf(error)),
      );
      // By either way: what one has written, the other must not miss.
      for (const by of [0, 1] as const) await check(id, by, 0);
      await pause(3);
    }
  });
  const other = writeOn(database.url, options.session ?? "", () => going, registerOf(OTHERS));

  const verdict = async (): Promise<void> => {
    going = false;
    await Promise.all([...readers, ...owners, other]);
    expect(violations).toEqual([]);
    expect(longestMs).toBeLessThan(LONGEST_READ_MS);
    // Errors are the origin's or the driver's, never the cache's own.
    expect(rejections.filter((code) => code.startsWith("ERR_SQLMEM"))).toEqual([]);
    for (const id of [OTHERS, ...OWN]) {
      expect(registerOf(id).by(performance.now()), `writes of row ${id}`).toBeGreaterThan(0);
    }
    expect((await sessionsOf(database)).length).toBeGreaterThan(0);
    await endPool();
    await opened.close();
    await expectCleanOrigin(database);
  };
  onTestFinished(() => {
    going = false;
  });
  return { opened, pool: attached, violations, recovered, verdict };
}

/** Commits all the time, past the engine and its proxy, and connects again whenever that is needed. */
async function writeOn(url: string, session: string, going: () => boolean, register: Register): Promise<void> {
  while (going()) {
    const client = new pg.Client({ connectionString: url, query_timeout: QUERY_TIMEOUT_MS });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query(session);
      while (going()) {
        const value = ++register.begun;
        await client.query(writeOf(OTHERS), [OTHERS, value]);
        register.acknowledge(value);
        await pause(2);
      }
    } catch {
      await pause(50);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** Sessions of engines under test that the server knows. */
function sessionsOf(database: SharedDatabase): Promise<{ readonly query: string }[]> {
  return database.query(
    "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
    [APPLICATION],
  );
}

/** Nothing is left of engines that have been closed: no slot, no publication, no session. */
export async function expectCleanOrigin(database: SharedDatabase): Promise<void> {
  const left = async (): Promise<string[]> => {
    const rows = await database.query<{ what: string }>(
      `SELECT 'slot ' || slot_name AS what FROM pg_replication_slots WHERE database = current_database()
       UNION ALL SELECT 'publication ' || pubname FROM pg_publication WHERE pubname LIKE 'sqlmem\\_%'
       UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE 'sqlmem%'`,
    );
    const sessions = await sessionsOf(database);
    return [...rows.map(({ what }) => what), ...sessions.map(({ query }) => `session: ${query}`)];
  };
  await until("the origin is as it was found", async () => (await left()).length === 0).catch(async () => {
    expect(await left()).toEqual([]);
  });
}

/** Server processes that stream changes of this database. */
export async function walsendersOf(database: SharedDatabase): Promise<readonly number[]> {
  const rows = await database.query<{ pid: number }>(
    `SELECT r.pid FROM pg_stat_replication AS r JOIN pg_replication_slots AS s ON s.active_pid = r.pid
     WHERE s.database = current_database()`,
  );
  return rows.map(({ pid }) => pid);
}

/** Freezes the walsenders of this database; the function, or the end of the test, thaws them. */
export async function freezeWalsenders(database: SharedDatabase): Promise<() => void> {
  const pids = await walsendersOf(database);
  if (pids.length === 0) throw new Error("there is no walsender to freeze");
  let frozen = true;
  const thaw = (): void => {
    if (frozen) for (const pid of pids) process.kill(pid, "SIGCONT");
    frozen = false;
  };
  onTestFinished(thaw);
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  return thaw;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function codeOf(error: unknown): string {
  return error instanceof Error ? String(Reflect.get(error, "code") ?? error.message) : String(error);
}
