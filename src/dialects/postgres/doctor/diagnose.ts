import type { ChangeSourceKind } from "../../../freshness/change-source.ts";
import { quoteName } from "../../../quoting.ts";
import { grantTouchLog, installTrigger, NOTIFY, TOUCH, type TriggerKind } from "../gates/install-sql.ts";
import { sqlForNotify, sqlForTouchLog } from "../gates/installed.ts";
import { type FamilyMember, hasTrigger, unwatchable } from "../gates/triggers.ts";
import type { Findings } from "./examine.ts";
import type { LeafFacts, ServerFacts, TableFacts } from "./questions.ts";

/** Whether a change source can be used, and what is in the way. */
export interface SourceDiagnosis {
  readonly kind: ChangeSourceKind;
  readonly possible: boolean;
  readonly problems: readonly string[];
  /** Statements for an administrator, in order; not all that is in the way is a matter of SQL. */
  readonly sql: readonly string[];
  readonly hints: readonly string[];
}

export interface TableDiagnosis {
  readonly name: string;
  /** What keeps it from being cached at all; `null` as a rule. */
  readonly notCached: string | null;
  /** Per source why its changes are not followed; `null` where they are. */
  readonly stream: string | null;
  readonly touchLog: string | null;
  readonly notify: string | null;
  readonly notes: readonly string[];
  readonly sql: Readonly<Record<Exclude<ChangeSourceKind, "snapshot">, readonly string[]>>;
}

export interface Diagnosis {
  readonly sources: readonly SourceDiagnosis[];
  readonly tables: readonly TableDiagnosis[];
}

const PUBLICATION = "sqlmem";

export function diagnose(findings: Findings, role: string = findings.server.role): Diagnosis {
  const tables = findings.tables.map((table) => diagnoseTable(findings, table));
  return {
    sources: [
      diagnoseStream(findings, role),
      gate("touch-log", findings, touchLogSql(findings, role)),
      gate("snapshot", findings, null),
      gate("notify", findings, sqlForNotify(findings.notify)),
    ],
    tables,
  };
}

function touchLogSql({ touchLog, server }: Findings, role: string): string | null {
  // What may be read was asked for the role that is connected.
  const sql = sqlForTouchLog({ ...touchLog, role });
  return sql ?? (role === server.role ? null : grantTouchLog(role));
}

function gate(kind: "touch-log" | "snapshot" | "notify", findings: Findings, sql: string | null): SourceDiagnosis {
  const problems: string[] = [];
  if (findings.server.standby) problems.push("the server is a standby; it works on the primary only");
  if (kind === "notify" && findings.pooler) {
    problems.push("a connection pooler stands before the server; give the engine the server's own address");
  }
  if (sql !== null) problems.push("an administrator has to run SQL once");
  return { kind, possible: problems.length === 0, problems, sql: sql === null ? [] : [sql], hints: [] };
}

function diagnoseStream({ server, pooler, tables }: Findings, role: string): SourceDiagnosis {
  const problems: string[] = [];
  const sql: string[] = [];
  const hints: string[] = [];
  const { settings } = server;
  if (settings.wal_level !== "logical") {
    problems.push(`wal_level is ${settings.wal_level}; it has to be logical, from a restart on`);
    if (server.provider === null) {
      sql.push("ALTER SYSTEM SET wal_level = 'logical';");
      hints.push("Restart the server afterwards.");
    } else hints.push(WAL_LEVEL_HINTS[server.provider]);
  }
  const mayReplicate = server.superuser || server.replication || server.memberOf.includes("rds_replication");
  if (!mayReplicate) {
    problems.push(`the role ${role} may not replicate`);
    sql.push(
      server.provider === "rds"
        ? `GRANT rds_replication TO ${quoteName(role)};`
        : `ALTER ROLE ${quoteName(role)} REPLICATION;`,
    );
  }
  const free = freeOf(settings.max_replication_slots, server.slots);
  if (free !== null && free <= 0)
    problems.push("no replication slot is free: raise max_replication_slots, and restart");
  const senders = freeOf(settings.max_wal_senders, server.senders);
  if (senders !== null && senders <= 0) problems.push("no WAL sender is free: raise max_wal_senders, and restart");
  if (pooler) problems.push("a connection pooler stands before the server, which replication does not cross");
  if (server.standby) problems.push("the server is a standby; use the primary");
  if (!server.createInDatabase) {
    const [publication] = server.publications;
    const streamed = tables.filter((table) => notCached(table) === null && isStreamed(table));
    const unpublished = streamed.flatMap(({ leaves }) => leaves.filter((leaf) => leaf.publications.length === 0));
    const names = unpublished.map(({ name }) => name).join(", ");
    if (publication === undefined) {
      problems.push("there is no publication, and the role may not make one");
      sql.push(`CREATE PUBLICATION ${PUBLICATION}${names === "" ? "" : ` FOR TABLE ${names}`};`);
      hints.push(`Then set the option publication: "${PUBLICATION}".`);
    } else if (names !== "") {
      problems.push(`no publication has ${names}, and the role may not make one`);
      sql.push(`ALTER PUBLICATION ${quoteName(publication)} ADD TABLE ${names};`);
      hints.push(`Then set the option publication: "${publication}".`);
    } else hints.push(`Set the option publication: "${publication}".`);
  }
  if (settings.max_slot_wal_keep_size === "-1") {
    hints.push("max_slot_wal_keep_size is -1: a client that hangs keeps the log from being removed. Set a limit.");
  }
  if (settings.synchronous_commit === "off") {
    hints.push("synchronous_commit is off: a commit is streamed only when it has been written, up to 0.6 s later.");
  }
  return { kind: "stream", possible: problems.length === 0, problems, sql, hints };
}

const WAL_LEVEL_HINTS: Readonly<Record<NonNullable<ServerFacts["provider"]>, string>> = {
  rds: "Amazon RDS and Aurora: set rds.logical_replication = 1 in the parameter group, and reboot.",
  cloudsql: "Cloud SQL: set the flag cloudsql.logical_decoding = on; the instance restarts.",
  azure: "Azure: set the server parameter wal_level to logical, and restart.",
  supabase: "Supabase has it switched on: connect to the direct host, not to the pooler.",
};

function freeOf(limit: string | null | undefined, used: number | null): number | null {
  return limit === null || limit === undefined || used === null ? null : Number(limit) - used;
}

function diagnoseTable(findings: Findings, table: TableFacts): TableDiagnosis {
  const notes: string[] = [];
  const partitions = table.leaves.filter(({ name }) => name !== table.name).length;
  if (partitions > 0) notes.push(`${partitions} ${partitions === 1 ? "partition or child" : "partitions or children"}`);
  const stream = streamProblems(table);
  if (table.generated.length > 0)
    notes.push(`generated columns (the stream leaves them out): ${table.generated.join(", ")}`);
  const touch = triggerProblems(TOUCH, findings.touchFamilies, table);
  const notify = triggerProblems(NOTIFY, findings.notifyFamilies, table);
  return {
    name: table.name,
    notCached: notCached(table),
    stream: stream.problem,
    touchLog: touch.problem,
    notify: notify.problem,
    notes,
    sql: { stream: stream.sql, "touch-log": touch.sql, notify: notify.sql },
  };
}

function notCached(table: TableFacts): string | null {
  if (table.kind === "f" || table.leaves.some(({ kind }) => kind === "f")) return "it is, or has, a foreign table";
  if (table.rowSecurity) return "it has row-level security";
  return table.readable ? null : "the role may not read it";
}

interface Problems {
  readonly problem: string | null;
  readonly sql: readonly string[];
}

function streamProblems(table: TableFacts): Problems {
  if (table.kind === "m") return { problem: "materialized views are not streamed", sql: [] };
  if (table.leaves.some(({ persistence }) => persistence === "u")) return { problem: "it is unlogged", sql: [] };
  if (table.leaves.some(({ kind }) => kind === "f")) return { problem: "foreign tables are not streamed", sql: [] };
  const without = table.leaves.filter((leaf) => !hasIdentity(leaf));
  if (without.length === 0) return { problem: null, sql: [] };
  return {
    problem: `no usable replica identity: ${without.map(({ name }) => name).join(", ")}`,
    sql: without.map(({ name, primaryKey }) =>
      primaryKey
        ? `ALTER TABLE ONLY ${name} REPLICA IDENTITY DEFAULT;`
        : `ALTER TABLE ONLY ${name} REPLICA IDENTITY FULL; -- or give it a primary key, which costs less`,
    ),
  };
}

/** What it lacks, if anything, SQL can give. */
function isStreamed(table: TableFacts): boolean {
  const { problem, sql } = streamProblems(table);
  return problem === null || sql.length > 0;
}

function hasIdentity({ identity, primaryKey, identityIndex }: LeafFacts): boolean {
  if (identity === "f") return true;
  return identity === "d" ? primaryKey : identity === "i" && identityIndex;
}

function triggerProblems(kind: TriggerKind, families: readonly FamilyMember[], table: TableFacts): Problems {
  const members = families.filter(({ root }) => root === table.id);
  for (const member of members) {
    const why = unwatchable(member);
    if (why !== null) return { problem: why, sql: [] };
  }
  const missing = members.filter((member) => !hasTrigger(member));
  if (missing.length === 0) return { problem: null, sql: [] };
  return {
    problem: `no trigger ${kind.trigger}: ${missing.map(({ name }) => name).join(", ")}`,
    sql: missing.map(({ name }) => installTrigger(kind, name)),
  };
}
