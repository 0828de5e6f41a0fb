import { FreshnessError } from "../../../errors.ts";
import type { ChangeSource } from "../../../freshness/change-source.ts";
import type { Entry, Finding } from "./entries.ts";
import { type Gate, type GateAnswer, type GateContext, serverMark } from "./gate.ts";
import type { GateConnection } from "./gate-connection.ts";
import { GatedSource } from "./gated-source.ts";
import { installTouchLog, TOUCH } from "./install-sql.ts";
import { missingForTouchLog, TOUCH_LOG_QUERY, type TouchLogRow } from "./installed.ts";

const PRUNE_EVERY_MS = 300_000;

const WRITTEN: Finding = { kind: "stale", why: "it was written to" };
const PRUNED: Finding = { kind: "stale", why: "the log no longer reaches back to its snapshot" };

interface Answer {
  readonly server: string;
  readonly snapshot: string;
  /** Groups whose snapshot lies before the horizon. */
  readonly pruned: readonly number[] | null;
  readonly touched: readonly { readonly group: number; readonly relation: string }[] | null;
}

/**
 * The log has a row for each table and transaction that wrote to it, which appears with what was written. Rows are wrong
 * if there is one that their snapshot does not show: of a transaction that was running then (`xip`), or had not begun
 * (from `xmax` on). Asked for like this both are look-ups in the primary key, however long the oldest transaction runs.
 */
function checkQuery(version: number): string {
  return `
WITH
groups AS MATERIALIZED (
  SELECT g.number, (g.value->>'snapshot')::pg_catalog.pg_snapshot AS snapshot, g.value->'relations' AS relations
  FROM pg_catalog.json_array_elements($1::pg_catalog.json) WITH ORDINALITY AS g(value, number)
),
touched AS (
  SELECT g.number, r.id
  FROM groups AS g CROSS JOIN LATERAL pg_catalog.json_array_elements_text(g.relations) AS r(id)
  WHERE EXISTS (
    SELECT FROM sqlmem.touch AS t
    WHERE t.relation = r.id::pg_catalog.oid AND t.transaction >= pg_catalog.pg_snapshot_xmax(g.snapshot)
  ) OR EXISTS (
    SELECT FROM sqlmem.touch AS t
    WHERE t.relation = r.id::pg_catalog.oid
      AND t.transaction = ANY (ARRAY(SELECT x FROM pg_catalog.pg_snapshot_xip(g.snapshot) AS x))
  )
)
SELECT pg_catalog.json_build_object(
  'server', pg_catalog.concat_ws(' ', ${serverMark(version)}, 'sqlmem.touch'::pg_catalog.regclass::pg_catalog.oid),
  'snapshot', pg_catalog.pg_current_snapshot()::pg_catalog.text,
  'pruned', (SELECT pg_catalog.json_agg(g.number) FROM groups AS g
             WHERE ((SELECT h.transaction FROM sqlmem.horizon AS h) <= pg_catalog.pg_snapshot_xmin(g.snapshot)) IS NOT TRUE),
  'touched', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('group', t.number, 'relation', t.id)) FROM touched AS t)
)::pg_catalog.text`;
}

class TouchLog implements Gate {
  readonly kind = "touch-log";
  readonly triggers = TOUCH;
  readonly asksForDefinitions = true;
  readonly #context: GateContext;
  readonly #pruneEveryMs: number;
  #query = "";
  #prunedAt = 0;

  constructor(context: GateContext, pruneEveryMs: number) {
    this.#context = context;
    this.#pruneEveryMs = pruneEveryMs;
  }

  async begin(connection: GateConnection, version: number): Promise<void> {
    const row = JSON.parse(await connection.ask(TOUCH_LOG_QUERY, [])) as TouchLogRow;
    const missing = missingForTouchLog(row);
    if (missing !== null) throw new FreshnessError(missing);
    const behind = await connection.ask(
      "SELECT (h.transaction <= pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()))::pg_catalog.text FROM sqlmem.horizon AS h",
      [],
    );
    if (behind !== "true") {
      throw new FreshnessError(
        `The touch log was copied from another server. As an administrator run:\n${installTouchLog(row.role)}`,
      );
    }
    this.#query = checkQuery(version);
    this.#prunedAt = performance.now();
  }

  async check(connection: GateConnection, entries: readonly Entry[]): Promise<GateAnswer> {
    const groups = groupBySnapshot(entries);
    const json = JSON.stringify(
      groups.map(({ snapshot, members }) => ({
        snapshot,
        relations: [...new Set(members.flatMap(({ relations }) => relations))],
      })),
    );
    const answer = JSON.parse(await connection.ask(this.#query, [json], "sqlmem_touch")) as Answer;
    const pruned = new Set(answer.pruned ?? []);
    const touched = new Set((answer.touched ?? []).map(({ group, relation }) => `${group} ${relation}`));
    const findings = new Map<Entry, Finding>();
    for (const [index, { members }] of groups.entries()) {
      const number = index + 1;
      for (const entry of members) {
        if (entry.relations.some((relation) => touched.has(`${number} ${relation}`))) findings.set(entry, WRITTEN);
        else if (pruned.has(number)) findings.set(entry, PRUNED);
        // Nothing was written between the two snapshots: the rows are those of the newer one as well.
        else entry.snapshot = answer.snapshot;
      }
    }
    this.#pruneNowAndThen();
    return { server: answer.server, findings };
  }

  /** On a connection of its own: nobody waits for it. Of several processes that do it at once one does the work. */
  #pruneNowAndThen(): void {
    if (performance.now() - this.#prunedAt < this.#pruneEveryMs) return;
    this.#prunedAt = performance.now();
    this.#prune().catch((error: unknown) => {
      this.#context.onFault(new FreshnessError("The touch log could not be pruned.", { cause: error }));
    });
  }

  async #prune(): Promise<void> {
    const client = await this.#context.connect();
    client.on("error", () => {});
    try {
      await client.query("SELECT sqlmem.prune()");
    } finally {
      await client.end();
    }
  }
}

function groupBySnapshot(
  entries: readonly Entry[],
): readonly { readonly snapshot: string; readonly members: readonly Entry[] }[] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    if (entry.snapshot === null) continue;
    const members = groups.get(entry.snapshot);
    if (members === undefined) groups.set(entry.snapshot, [entry]);
    else members.push(entry);
  }
  return [...groups].map(([snapshot, members]) => ({ snapshot, members }));
}

/** Exact for each table by itself, by triggers that an administrator has made. */
export function touchLogSource(context: GateContext, pruneEveryMs: number = PRUNE_EVERY_MS): ChangeSource {
  return new GatedSource(context, new TouchLog(context, pruneEveryMs));
}
