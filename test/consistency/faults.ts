import pg from "pg";
import type { Random } from "../oracle/random.ts";
import type { Report } from "./history.ts";
import { SCRATCH_ROWS } from "./schema.ts";
import type { Subject } from "./subject.ts";
import { pause } from "./writers.ts";

export interface FaultParts {
  readonly subjects: readonly Subject[];
  readonly url: string;
  readonly report: Report;
  readonly going: () => boolean;
  /** Told of each fault as it begins. */
  readonly note: (fault: string) => void;
}

/** Statements that change no value and that a change stream does not tell of, or tells of in a way of its own. */
const STATEMENTS: readonly string[] = [
  "ALTER TABLE registers ADD COLUMN IF NOT EXISTS extra int DEFAULT 1",
  "ALTER TABLE registers DROP COLUMN IF EXISTS extra",
  "ALTER TABLE accounts ALTER balance TYPE int USING balance",
  "VACUUM FULL ledger",
  "VACUUM ANALYZE children",
  "CREATE INDEX IF NOT EXISTS children_label ON children (label)",
  "DROP INDEX IF EXISTS children_label",
  "ALTER TABLE parents REPLICA IDENTITY FULL",
  "ALTER TABLE parents REPLICA IDENTITY DEFAULT",
  "BEGIN; LOCK TABLE parents IN EXCLUSIVE MODE; TRUNCATE children; UPDATE parents SET children = 0, name = 'p' || id || ':0'; COMMIT",
  "BEGIN; LOCK TABLE parents IN EXCLUSIVE MODE; TRUNCATE children; UPDATE parents SET children = 0, name = 'p' || id || ':0'; ROLLBACK",
];

/** One fault after the other, each for a while. */
export async function injectFaults({ subjects, url, report, going, note }: FaultParts, random: Random): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  while (going()) {
    await pause(random.int(100, 1500));
    if (!going()) break;
    const subject = random.pick(subjects);
    const { proxy, maxLagMs } = subject;
    const what = random.weighted({
      walsender: 3,
      freeze: 1,
      cut: 3,
      hold: 3,
      delay: 2,
      statement: 6,
      invalidate: 2,
      renew: 1,
      huge: 3,
      truncate: 1,
      block: 1,
    });
    report.count(`fault: ${what}`);
    try {
      if (what === "statement") {
        const sql = random.pick(STATEMENTS);
        note(sql);
        await client.query("SET lock_timeout = 2000");
        await client.query(sql).finally(() => client.query("ROLLBACK"));
      } else if (what === "walsender") {
        note("a walsender terminated");
        await client.query(`SELECT pg_terminate_backend(pid) FROM (${WALSENDERS} ORDER BY random() LIMIT 1) AS w`);
      } else if (what === "freeze") {
        note("the walsenders frozen");
        await freeze(client, random.int(50, 3 * maxLagMs));
      } else if (what === "huge") {
        const times = random.pick([2, 11]);
        note(`a transaction of ${times * SCRATCH_ROWS} rows`);
        const update = "UPDATE scratch SET v = v + 1;".repeat(times);
        await client.query(`BEGIN; ${update} ${random.chance(0.2) ? "ROLLBACK" : "COMMIT"}`);
      } else if (what === "truncate") {
        note("TRUNCATE of scratch");
        const refill = `INSERT INTO scratch SELECT i, 0 FROM generate_series(1, ${SCRATCH_ROWS}) AS i`;
        if (random.chance(0.5)) await client.query(`BEGIN; TRUNCATE scratch; ${refill}; COMMIT`);
        else {
          await client.query("TRUNCATE scratch");
          await pause(random.int(0, 2 * maxLagMs));
          await client.query(refill);
        }
      } else if (what === "block") {
        const milliseconds = random.int(20, 3 * maxLagMs);
        note(`the event loop blocked for ${milliseconds} ms`);
        for (const end = performance.now() + milliseconds; performance.now() < end; );
      } else if (what === "invalidate") {
        note(`engine ${subject.name} invalidated`);
        await subject.engine.invalidate(random.pick([undefined, "registers", "accounts", "parents"]));
      } else if (what === "renew") {
        note(`another engine in place of ${subject.name}`);
        await subject.renew();
      } else {
        const kind = random.pick(["replication", "ordinary", "all"] as const);
        const to = random.pick(["client", "server", "both"] as const);
        note(`engine ${subject.name}: ${what} ${kind} ${what === "cut" ? "" : `to ${to}`}`);
        const traffic = { ...(kind !== "all" && { kind }), ...(to !== "both" && { to }) };
        if (what === "cut") proxy.dropConnections(traffic.kind);
        else if (what === "hold") proxy.pause(traffic);
        else proxy.delay(random.int(1, maxLagMs / 2), traffic);
        if (what !== "cut") await pause(random.int(50, 3 * maxLagMs));
        proxy.resume();
      }
    } catch (error) {
      report.error(error, `the fault ${what}`);
      proxy.resume();
    }
  }
  await client.end();
}

const WALSENDERS = `SELECT s.active_pid AS pid FROM pg_replication_slots AS s JOIN pg_stat_replication AS r ON r.pid = s.active_pid
  WHERE s.database = current_database()`;

async function freeze(client: pg.Client, milliseconds: number): Promise<void> {
  const { rows } = await client.query<{ pid: number }>(WALSENDERS);
  const signal = (name: NodeJS.Signals): void => {
    for (const { pid } of rows) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended meanwhile, or is not ours to stop.
      }
    }
  };
  signal("SIGSTOP");
  try {
    await pause(milliseconds);
  } finally {
    signal("SIGCONT");
  }
}
