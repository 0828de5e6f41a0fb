import type { Diagnosis, SourceDiagnosis, TableDiagnosis } from "../dialects/postgres/doctor/diagnose.ts";
import type { Findings } from "../dialects/postgres/doctor/examine.ts";
import type { ChangeSourceKind } from "../freshness/change-source.ts";

const PROMISES: Readonly<Record<ChangeSourceKind, string>> = {
  stream: "changes are applied in place",
  "touch-log": "exact, one question per look",
  snapshot: "exact, ended by any write on the server",
  notify: "bounded, a table at a time",
};

/** The report for a person. */
export function reportText(findings: Findings, diagnosis: Diagnosis): string {
  return [
    ...serverLines(findings),
    "",
    "Change sources",
    ...diagnosis.sources.flatMap(sourceLines),
    "",
    "Levels",
    ...levelLines(diagnosis),
    "",
    `Tables${diagnosis.tables.length === 0 ? ": none" : ""}`,
    ...diagnosis.tables.flatMap(tableLines),
    ...findings.unknown.map((name) => `  ${name}: there is no such table`),
    ...sqlLines(diagnosis),
    "",
  ].join("\n");
}

function serverLines({ server, pooler }: Findings): string[] {
  const { settings } = server;
  const rights = [
    server.superuser ? "superuser" : null,
    server.replication ? "may replicate" : "may not replicate",
    server.createInDatabase ? "may create in the database" : "may not create in the database",
    ...server.memberOf.map((name) => `member of ${name}`),
  ].filter((right) => right !== null);
  return [
    `PostgreSQL ${server.version}, database ${server.database}${server.standby ? ", a standby" : ""}${
      server.provider === null ? "" : ` (${server.provider})`
    }`,
    `  role ${server.role}: ${rights.join(", ")}`,
    `  wal_level ${settings.wal_level}; replication slots ${server.slots} of ${settings.max_replication_slots} used; ` +
      `WAL senders ${server.senders ?? "?"} of ${settings.max_wal_senders}`,
    `  max_slot_wal_keep_size ${settings.max_slot_wal_keep_size}; synchronous_commit ${settings.synchronous_commit}`,
    `  connection: ${pooler ? "through a pooler" : "direct"}`,
  ];
}

function sourceLines({ kind, possible, problems, hints }: SourceDiagnosis): string[] {
  return [
    `  ${possible ? "yes" : "no "} ${kind.padEnd(9)} ${PROMISES[kind]}`,
    ...problems.map((problem) => `        - ${problem}`),
    ...hints.map((hint) => `        ${hint}`),
  ];
}

function levelLines({ sources }: Diagnosis): string[] {
  const by = sources.filter(({ possible }) => possible).map(({ kind }) => kind);
  const exact = by.filter((kind) => kind !== "notify");
  const with_ = (kinds: readonly string[]): string => (kinds.length === 0 ? "no source yet" : kinds.join(", "));
  return ["  manual, ttl: always", `  session: ${with_(by)}`, `  strict: ${with_(exact)}`];
}

function tableLines(table: TableDiagnosis): string[] {
  if (table.notCached !== null) return [`  ${table.name}: not cached, ${table.notCached}`];
  const lines = [`  ${table.name}`];
  const sources = [
    ["stream", table.stream],
    ["touch-log", table.touchLog],
    ["notify", table.notify],
  ] as const;
  for (const [kind, problem] of sources) lines.push(`    ${kind.padEnd(9)} ${problem ?? "ok"}`);
  return [...lines, ...table.notes.map((note) => `    ${note}`)];
}

function sqlLines({ sources, tables }: Diagnosis): string[] {
  const lines: string[] = [];
  const stream = missingSql("stream", sources, tables);
  if (stream.length > 0)
    lines.push("", "SQL to run for stream (as an administrator)", ...stream.map((sql) => `  ${sql}`));
  for (const kind of ["touch-log", "notify"] as const) {
    if (missingSql(kind, sources, tables).length === 0) continue;
    lines.push("", `SQL to run for ${kind}: sqlmem doctor <url> --sql ${kind} | psql <administrator's url>`);
  }
  return lines;
}

function sqlOf(tables: readonly TableDiagnosis[], kind: "stream" | "touch-log" | "notify"): string[] {
  return [...new Set(tables.filter(({ notCached }) => notCached === null).flatMap(({ sql }) => sql[kind]))];
}

function missingSql(
  kind: "stream" | "touch-log" | "notify",
  sources: readonly SourceDiagnosis[],
  tables: readonly TableDiagnosis[],
): string[] {
  const ofSource = sources.find((source) => source.kind === kind)?.sql ?? [];
  const ofTables = sqlOf(tables, kind);
  // A published table without an identity refuses UPDATE; a trigger needs its function.
  return kind === "stream" ? [...ofTables, ...ofSource] : [...ofSource, ...ofTables];
}

/** Nothing but SQL: what is missing for one source. */
export function reportSql(kind: "stream" | "touch-log" | "notify", { sources, tables }: Diagnosis): string {
  const sql = missingSql(kind, sources, tables);
  return sql.length === 0 ? "-- Nothing is missing.\n" : `${sql.join("\n\n")}\n`;
}
