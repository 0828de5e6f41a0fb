import pg from "pg";
import { SqlmemError } from "../../src/index.ts";
import type { Random } from "../oracle/random.ts";
import type { Register, Report } from "./history.ts";
import { ACCOUNTS, LEDGERS, PARENTS, WORDS } from "./schema.ts";
import type { Subject } from "./subject.ts";

/** A token, and what whoever presents it must be shown. */
export interface Token {
  readonly text: string;
  /** Everything that was acknowledged by then. */
  readonly at: number;
  readonly wrote: { readonly register: Register; readonly value: number } | null;
}

export interface WriterParts {
  readonly report: Report;
  readonly going: () => boolean;
  readonly url: string;
  readonly tokens: Token[];
}

type Query = (sql: string, params?: unknown[]) => Promise<unknown>;

/** Their order by the rules of a language is not that of their bytes. */
const LETTERS = [
  "a",
  "A",
  "á",
  "Ä",
  "b",
  "B",
  "co",
  "Côte",
  "z",
  "Z",
  "ß",
  "ss",
  "ñ",
  "n",
  "Ø",
  "1",
  "9",
  "10",
] as const;

const COUNT_UP = "UPDATE registers SET v = v + 1 WHERE id = $1 RETURNING v";

/** Commits all the time on a connection of its own that no engine knows of. */
export async function writePast(registers: readonly Register[], parts: WriterParts, random: Random): Promise<void> {
  const { report, going, url } = parts;
  while (going()) {
    const client = new pg.Client({ connectionString: url, query_timeout: 10_000 });
    client.on("error", () => {});
    try {
      await client.connect();
      if (random.chance(0.3)) await client.query("SET synchronous_commit = off");
      while (going()) {
        if (random.chance(0.4))
          await countUp(random.pick(registers), "past", (sql, params) => client.query(sql, params));
        else await transact((sql, params) => client.query(sql, params), random);
        report.count("write past the engines");
        await pause(random.int(0, 6));
      }
    } catch (error) {
      report.error(error, "a writer past the engines");
      await pause(50);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** Writes through one engine, by each of its faces. */
export async function writeThrough(
  subject: Subject,
  registers: readonly Register[],
  parts: WriterParts,
  random: Random,
): Promise<void> {
  const { report, going, tokens } = parts;
  while (going()) {
    const how = random.weighted({ execute: 3, pool: 3, write: 2, transaction: 3 });
    const register = random.pick(registers);
    try {
      if (how === "execute")
        await countUp(register, subject.name, (sql, params) => subject.engine.execute(sql, params));
      else if (how === "pool") await countUp(register, subject.name, (sql, params) => subject.pool.query(sql, params));
      else if (how === "transaction") await inTransaction(subject, random);
      else {
        register.begin();
        const at = performance.now();
        const { rows, token } = await subject.engine.write<{ v: number }>(COUNT_UP, [register.id]);
        const value = rows[0]?.v ?? Number.NaN;
        register.acknowledge(value, subject.name);
        keep(tokens, { text: token, at, wrote: { register, value } });
      }
      report.count(`write by ${how}`);
    } catch (error) {
      if (!isOfClosing(error)) report.error(error, `${subject.name}, a write by ${how}`);
      await pause(20);
    }
    // Reads right after a write, and reads with none about.
    await pause(random.chance(0.8) ? random.int(0, 10) : random.int(50, 300));
  }
}

/** Rewrites the rows of a table, which the change stream does not tell of. */
export async function rewrite(register: Register, parts: WriterParts, random: Random): Promise<void> {
  const { report, going, url } = parts;
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  while (going()) {
    await pause(random.int(100, 600));
    register.begin();
    try {
      await client.query("SET lock_timeout = 2000; ALTER TABLE rewritten ALTER v TYPE int USING v + 1");
      register.acknowledge(register.most, "past");
      report.count("write by ALTER TABLE");
    } catch (error) {
      // Not done: its number is used by the next one.
      register.giveBack();
      report.error(error, "ALTER TABLE");
    }
  }
  await client.end();
}

/** Asks one engine for tokens of what is committed now. */
export async function takeTokens(subject: Subject, parts: WriterParts, random: Random): Promise<void> {
  while (parts.going()) {
    const at = performance.now();
    try {
      keep(parts.tokens, { text: await subject.engine.token(), at, wrote: null });
    } catch (error) {
      if (!isOfClosing(error)) parts.report.error(error, `${subject.name}, token()`);
    }
    await pause(random.int(5, 50));
  }
}

/** An engine that is being replaced is closed under those who use it. */
export function isOfClosing(error: unknown): boolean {
  return error instanceof SqlmemError && /closed|stopped/.test(error.message);
}

async function countUp(register: Register, writer: string, query: Query): Promise<void> {
  register.begin();
  const result = await query(COUNT_UP, [register.id]);
  const rows = (Array.isArray(result) ? result : (result as pg.QueryResult).rows) as { v: number }[];
  register.acknowledge(rows[0]?.v ?? Number.NaN, writer);
}

async function inTransaction(subject: Subject, random: Random): Promise<void> {
  const client = await subject.pool.connect();
  try {
    await transact((sql, params) => client.query(sql, params), random);
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** One transaction that keeps the invariants, or is rolled back. */
async function transact(query: Query, random: Random): Promise<void> {
  await query("BEGIN");
  const what = random.weighted({ transfer: 4, children: 4, words: 2 });
  if (what === "words") {
    const first = 2 * random.int(1, WORDS / 2) - 1;
    // Both rows of a pair are locked, so that their numbers stay the same.
    await query("SELECT id FROM words WHERE id = $1 FOR UPDATE", [first]);
    for (const id of [first, first + 1]) {
      const word = random.times(random.int(1, 4), () => random.pick(LETTERS)).join("");
      await query("UPDATE words SET n = n + 1, word = $2 || ' ' || id || ' ' || n + 1 WHERE id = $1", [id, word]);
    }
  } else if (what === "transfer") {
    // In the order of keys, so that no two wait for each other.
    const [from = 1, to = 2] = [random.int(1, ACCOUNTS / 2), random.int(ACCOUNTS / 2 + 1, ACCOUNTS)];
    const amount = random.int(-30, 30);
    await query("UPDATE accounts SET balance = balance - $2, version = version + 1 WHERE id = $1", [from, amount]);
    if (random.chance(0.2)) {
      await query("SAVEPOINT s");
      await query("UPDATE accounts SET balance = 0, version = 0 WHERE id = $1", [from]);
      await query("ROLLBACK TO s");
    }
    await query("UPDATE accounts SET balance = balance + $2, version = version + 1 WHERE id = $1", [to, amount]);
    await query("INSERT INTO transfers (from_id, to_id, amount) VALUES ($1, $2, $3)", [from, to, amount]);
    await query("UPDATE ledger SET transfers = transfers + 1 WHERE id = $1", [random.int(1, LEDGERS)]);
  } else {
    const parent = random.int(1, PARENTS);
    await query("SELECT id FROM parents WHERE id = $1 FOR UPDATE", [parent]);
    const change = random.weighted({ add: 5, remove: 3, many: 1, none: 1 });
    if (change === "add") await query("INSERT INTO children (parent_id, label) VALUES ($1, 'one')", [parent]);
    else if (change === "many") {
      await query("INSERT INTO children (parent_id, label) SELECT $1, 'l' || i FROM generate_series(1, 30) AS i", [
        parent,
      ]);
    } else if (change === "remove") {
      await query(
        "DELETE FROM children WHERE id IN (SELECT id FROM children WHERE parent_id = $1 ORDER BY id LIMIT 8)",
        [parent],
      );
    } else await query("DELETE FROM children WHERE parent_id = $1", [parent]);
    await query(
      `UPDATE parents SET children = c.n, name = 'p' || id || ':' || c.n
       FROM (SELECT count(*)::int AS n FROM children WHERE parent_id = $1) AS c WHERE id = $1`,
      [parent],
    );
  }
  await query(random.chance(0.15) ? "ROLLBACK" : "COMMIT");
}

function keep(tokens: Token[], token: Token): void {
  tokens.push(token);
  if (tokens.length > 40) tokens.shift();
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
