#!/usr/bin/env node
import { parseArgs } from "node:util";
import { diagnose } from "../dialects/postgres/doctor/diagnose.ts";
import { examine } from "../dialects/postgres/doctor/examine.ts";
import { removeSql } from "../dialects/postgres/gates/remove-sql.ts";
import { reportSql, reportText } from "./doctor-text.ts";

const HELP = `sqlmem doctor <url> [options]

Says how the cache in front of this database can learn of changes, and which SQL is missing. Changes nothing.

  --table <name>   look at this table only; more than once for more of them
  --sql <source>   print nothing but the missing SQL for stream, touch-log or notify: pipe it to psql
  --remove         with --sql touch-log or notify: the SQL that takes away what was installed for it
  --role <name>    the role that the application uses, if it is not that of the URL
  --json           for programs
  --help

Exit codes: 0 a change source can be used, 1 none but the snapshot gate, or a table is unknown; 2 wrong arguments; 3 the
database cannot be asked.
`;

const CONNECT_MS = 10_000;

/** A wrong call; the message is for the person who made it. */
class UsageError extends Error {}

interface Call {
  readonly url: string;
  readonly tables: readonly string[];
  readonly sql: "stream" | "touch-log" | "notify" | null;
  /** Whether the SQL is that which removes; then `sql` is a source with triggers. */
  readonly remove: "touch-log" | "notify" | null;
  readonly role: string | undefined;
  readonly json: boolean;
}

function readCall(args: readonly string[]): Call | "help" {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help === true) return "help";
  const [command, url, ...more] = positionals;
  if (command !== "doctor") throw new UsageError(command === undefined ? "no command" : `no such command: ${command}`);
  if (url === undefined) throw new UsageError("the URL of the database is missing");
  if (more.length > 0) throw new UsageError("one URL, please; tables are named with --table");
  if (!URL.canParse(url) || !["postgres:", "postgresql:"].includes(new URL(url).protocol)) {
    // Not repeated: there may be a password in it.
    throw new UsageError("that is not a URL like postgresql://user:password@host:5432/database");
  }
  const { sql = null } = values;
  if (sql !== null && sql !== "stream" && sql !== "touch-log" && sql !== "notify") {
    throw new UsageError(`--sql ${sql}: stream, touch-log and notify have SQL to run`);
  }
  if (sql !== null && values.json === true) throw new UsageError("--sql or --json, not both");
  let remove: Call["remove"] = null;
  if (values.remove === true) {
    if (sql === null || sql === "stream") throw new UsageError("--remove goes with --sql touch-log or --sql notify");
    if (values.table !== undefined) throw new UsageError("--remove is for all tables: leave --table out");
    remove = sql;
  }
  return { url, tables: values.table ?? [], sql, remove, role: values.role, json: values.json === true };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      table: { type: "string", multiple: true },
      sql: { type: "string" },
      remove: { type: "boolean" },
      role: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
}

async function main(args: readonly string[]): Promise<number> {
  let call: Call | "help";
  try {
    call = readCall(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`sqlmem: ${error.message}\n\n${HELP}`);
    return 2;
  }
  if (call === "help") {
    process.stdout.write(HELP);
    return 0;
  }
  let findings: Awaited<ReturnType<typeof examine>>;
  try {
    findings = await examine(call.url, call.tables, CONNECT_MS);
  } catch (error) {
    process.stderr.write(`sqlmem: the database cannot be asked: ${messageOf(error)}\n`);
    return 3;
  }
  if (call.remove !== null) {
    process.stdout.write(`${removeSql(call.remove, findings.triggers).join("\n")}\n`);
    return 0;
  }
  const diagnosis = diagnose(findings, call.role);
  if (call.sql !== null) process.stdout.write(reportSql(call.sql, diagnosis));
  else if (call.json) process.stdout.write(`${JSON.stringify({ ...diagnosis, server: findings.server }, null, 2)}\n`);
  else process.stdout.write(reportText(findings, diagnosis));
  for (const name of findings.unknown) process.stderr.write(`sqlmem: there is no table ${name}\n`);
  if (findings.unknown.length > 0) return 1;
  const useful = diagnosis.sources.some(({ kind, possible }) => kind !== "snapshot" && possible);
  return useful || call.sql !== null ? 0 : 1;
}

/** Of several addresses of one host each has an error. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main(process.argv.slice(2));
