import type pg from "pg";
import type { Table } from "../../../catalog.ts";
import type { ChangeSourceKind } from "../../../freshness/change-source.ts";
import type { Entry, Finding } from "./entries.ts";
import type { GateConnection } from "./gate-connection.ts";
import type { TriggerKind } from "./install-sql.ts";

/** What the change sources without replication run on. */
export interface GateContext {
  /** A new connection with the options and the session of the pool's clients; whoever asks ends it. */
  readonly connect: () => Promise<pg.Client>;
  /** `OriginIdentity.system`. */
  readonly system: () => Promise<string>;
  /** `server_version_num`. */
  readonly version: () => Promise<number>;
  /** True if, for this connection, the tables are defined as their fingerprints say (`PostgresCatalog.unchanged`). */
  readonly unchanged: (client: pg.Client, tables: readonly Table[]) => Promise<boolean>;
  /** Called with a fault that fails no caller. */
  readonly onFault: (error: Error) => void;
}

/** What one kind does on the connection that it is given. Rejects with the origin's errors. */
export interface Gate {
  readonly kind: ChangeSourceKind;
  /** The triggers that have to be on each table; `null` if it needs none. */
  readonly triggers: TriggerKind | null;
  /** False if changes of definitions show in what `check` asks, as all others do. */
  readonly asksForDefinitions: boolean;
  /**
   * Once per connection.
   *
   * @param heard to be called when a relation (id) has changed
   * @throws FreshnessError that names what an administrator has to run
   */
  begin(connection: GateConnection, version: number, heard: (relation: string) => void): Promise<void>;
  /** Those of the entries whose rows are not what everyone sees now. What was `heard` before need not be among them. */
  check(connection: GateConnection, entries: readonly Entry[]): Promise<GateAnswer>;
}

export interface GateAnswer {
  /** As `serverMark` says. */
  readonly server: string;
  readonly findings: ReadonlyMap<Entry, Finding>;
}

/**
 * SQL for a text that is another one once the server has restarted, also by itself after a crash: transactions that were
 * seen may be undone then (`synchronous_commit = off`), and their ids given out again. A connection does not outlive
 * that, one to a pooler may. After a crash statistics start anew (src/backend/access/transam/xlog.c, StartupXLOG); version
 * 14 reads them from a file that is written when it suits, so there the start has to do.
 */
export function serverMark(version: number): string {
  const started = "pg_catalog.extract('epoch', pg_catalog.pg_postmaster_start_time())";
  if (version < 150_000) return `${started}::pg_catalog.text`;
  return `pg_catalog.concat_ws(' ', ${started},
    pg_catalog.extract('epoch', pg_catalog.pg_stat_get_bgwriter_stat_reset_time()))`;
}
