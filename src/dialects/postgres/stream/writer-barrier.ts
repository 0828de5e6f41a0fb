import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { textOnly } from "../text-only.ts";

/** How long a watch waits for transactions that have written before. */
const LIMIT_MS = 5000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/**
 * Locks of writers: RowExclusive of INSERT, UPDATE and DELETE, and the stronger ones of TRUNCATE and of what rewrites.
 * Not those of VACUUM and CREATE INDEX, which write no rows and take long.
 */
const LOCKS_QUERY = `
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
  'key', l.relation::pg_catalog.text || ' ' || l.virtualtransaction, 'pid', l.pid, 'relation', l.relation::pg_catalog.regclass::pg_catalog.text
)), '[]')::pg_catalog.text
FROM pg_catalog.pg_locks AS l
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
  AND l.relation = ANY ($1::pg_catalog.oid[])
  AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`;

interface HeldLock {
  readonly key: string;
  readonly pid: number | null;
  readonly relation: string;
}

export type BarrierResult =
  /** `waited`: somebody was writing when the barrier began. */
  { readonly kind: "passed"; readonly waited: boolean } | { readonly kind: "blocked"; readonly detail: string };

/**
 * Waits until every transaction that has written to one of the relations by now has ended. One that wrote before its
 * table was published, and commits later, would be neither in the stream nor in a snapshot taken now.
 *
 * A lock is known by its relation and virtual transaction. A transaction that is prepared keeps both, and loses its
 * process (MarkAsPreparingGuts in src/backend/access/transam/twophase.c).
 */
export async function writersGone(
  use: <Result>(action: (client: pg.Client) => Promise<Result>) => Promise<Result>,
  relations: readonly string[],
): Promise<BarrierResult> {
  const read = async (): Promise<readonly HeldLock[]> =>
    JSON.parse(
      await use((client) => textOnly(client, LOCKS_QUERY, [`{${relations.join(",")}}`], "sqlmem_writers")),
    ) as readonly HeldLock[];
  const started = performance.now();
  const first = await read();
  if (first.length === 0) return { kind: "passed", waited: false };
  const before = new Set(first.map(({ key }) => key));
  let blocking = first;
  for (let pause = FIRST_PAUSE_MS; performance.now() - started < LIMIT_MS; pause *= 2) {
    await sleep(Math.min(pause, LONGEST_PAUSE_MS));
    blocking = (await read()).filter(({ key }) => before.has(key));
    if (blocking.length === 0) return { kind: "passed", waited: true };
  }
  const { pid, relation } = blocking[0] ?? { pid: null, relation: "" };
  const who =
    pid === null ? "a prepared transaction (see pg_prepared_xacts)" : `the open transaction of process ${pid}`;
  return { kind: "blocked", detail: `${who} has written to ${relation} and has not ended` };
}
