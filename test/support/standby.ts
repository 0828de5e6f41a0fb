/** A synchronous standby that is missing: commits are streamed, and wait, until it is not wanted any more. */
import type pg from "pg";
import { until } from "./engine.ts";

type Queryable = Pick<pg.Client, "query">;

/** Commits of sessions that do not say otherwise wait for it; for none, if it is "". */
export async function setStandby(client: Queryable, name: string): Promise<void> {
  await client.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await client.query("SELECT pg_reload_conf()");
  await until("it is set", async () => {
    const { rows } = await client.query("SHOW synchronous_standby_names");
    return rows[0]?.synchronous_standby_names === name;
  });
}

/** A commit that waits. */
export interface Waiting {
  readonly pid: number;
  /** Resolves when it has ended, one way or the other. */
  readonly ended: Promise<void>;
}

/**
 * Has the writer commit until a commit waits for the standby: the checkpointer tells the others of it whenever it comes
 * to it.
 *
 * @param next the statement of each commit
 */
export async function commitThatWaits(client: Queryable, writer: Queryable, next: () => string): Promise<Waiting> {
  await writer.query("SET synchronous_commit = on");
  const pid = Number((await writer.query("SELECT pg_backend_pid() AS pid")).rows[0]?.pid);
  for (;;) {
    let done = false;
    const end = (): void => {
      done = true;
    };
    const ended = writer.query(next()).then(end, end);
    let waits = false;
    await until("committed, or waiting", async () => {
      const found = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid = $1";
      waits = (await client.query(found, [pid])).rowCount === 1;
      return waits || done;
    });
    if (waits) return { pid, ended };
  }
}
