import { setTimeout as sleep } from "node:timers/promises";

const QUERY =
  "SELECT pg_catalog.count(*)::pg_catalog.text FROM pg_catalog.pg_stat_activity WHERE pid = $1::pg_catalog.int4";
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;

/**
 * Resolves once the server process has ended. One whose client was lost may still finish, and commit, the statement that
 * it is at: the server notices the loss only when it has something to say.
 */
export async function untilGone(
  processId: number,
  ask: (sql: string, values: readonly unknown[]) => Promise<string>,
  closed: () => boolean,
): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  while (!closed()) {
    try {
      if ((await ask(QUERY, [processId])) === "0") return;
    } catch {
      // Out of reach: nothing can be loaded either. It is asked again.
    }
    await sleep(pause, undefined, { ref: false });
    pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
  }
}
