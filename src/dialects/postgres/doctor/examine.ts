import pg from "pg";
import { NOTIFY, TOUCH } from "../gates/install-sql.ts";
import { type FunctionRow, NOTIFY_QUERY, TOUCH_LOG_QUERY, type TouchLogRow } from "../gates/installed.ts";
import { INSTALLED_TRIGGERS_QUERY, type InstalledTrigger } from "../gates/remove-sql.ts";
import { FAMILY_TRIGGERS_QUERY, type FamilyMember, readFamilies } from "../gates/triggers.ts";
import { textOnly } from "../text-only.ts";
import {
  ALL_TABLES_QUERY,
  NAMED_TABLE_QUERY,
  SERVER_QUERY,
  SETTINGS,
  type ServerFacts,
  TABLES_QUERY,
  type TableFacts,
} from "./questions.ts";

/** All that the doctor has looked at. */
export interface Findings {
  readonly server: ServerFacts;
  /** Something between here and the server speaks for it: its process is not the one that the greeting named. */
  readonly pooler: boolean;
  readonly tables: readonly TableFacts[];
  /** Names that were asked for and that mean no table. */
  readonly unknown: readonly string[];
  readonly touchLog: TouchLogRow;
  readonly notify: FunctionRow;
  /** For each trigger kind the families of the tables. */
  readonly touchFamilies: readonly FamilyMember[];
  readonly notifyFamilies: readonly FamilyMember[];
  /** Of the whole database. */
  readonly triggers: readonly InstalledTrigger[];
}

/**
 * Looks and changes nothing: one transaction that is read only. Rejects with the driver's error.
 *
 * @param names tables as SQL names them; none: all
 * @param timeoutMs for connecting
 */
export async function examine(url: string, names: readonly string[], timeoutMs: number): Promise<Findings> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: 60_000,
    fallback_application_name: "sqlmem doctor",
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    return await look(client, names);
  } finally {
    await client.end().catch(() => {});
  }
}

async function look(client: pg.Client, names: readonly string[]): Promise<Findings> {
  const ask = async <Row>(sql: string, ...values: readonly unknown[]): Promise<Row> =>
    JSON.parse(await textOnly(client, sql, values)) as Row;
  const server = await ask<ServerFacts>(SERVER_QUERY, JSON.stringify(SETTINGS));
  const unknown: string[] = [];
  let ids: string[] = [];
  if (names.length === 0) ids = await ask<string[]>(ALL_TABLES_QUERY);
  for (const name of names) {
    await client.query("SAVEPOINT name");
    // What is not even a name raises.
    const id = await textOnly(client, NAMED_TABLE_QUERY, [name]).catch(async () => {
      await client.query("ROLLBACK TO name");
      return "";
    });
    if (id === "") unknown.push(name);
    else ids.push(id);
  }
  const json = JSON.stringify(ids);
  return {
    server,
    pooler: "processID" in client && client.processID !== server.backendPid,
    tables: await ask<TableFacts[]>(TABLES_QUERY, json),
    unknown,
    touchLog: await ask<TouchLogRow>(TOUCH_LOG_QUERY),
    notify: await ask<FunctionRow>(NOTIFY_QUERY),
    touchFamilies: readFamilies(await textOnly(client, FAMILY_TRIGGERS_QUERY, [json, TOUCH.function])),
    triggers: await ask<InstalledTrigger[]>(INSTALLED_TRIGGERS_QUERY),
    notifyFamilies: readFamilies(await textOnly(client, FAMILY_TRIGGERS_QUERY, [json, NOTIFY.function])),
  };
}
