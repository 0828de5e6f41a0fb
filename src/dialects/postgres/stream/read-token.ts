import type pg from "pg";
import { textOnly } from "../text-only.ts";
import { endOfLog, LOG_SIZES, type LogSizesRow, logSizes, readPosition, tokenText } from "./position.ts";

const QUERY = `
SELECT pg_catalog.json_build_object(
  'system', (SELECT s.system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system() AS s),
  'position', pg_catalog.pg_current_wal_insert_lsn(),
  ${LOG_SIZES}
)::pg_catalog.text`;

interface TokenRow extends LogSizesRow {
  readonly system: string;
  readonly position: string;
}

/** A token of everything that is committed now, by an ordinary connection: whether or not a stream is there. */
export async function readTokenNow(client: pg.ClientBase): Promise<string> {
  const row = JSON.parse(await textOnly(client, QUERY, [])) as TokenRow;
  return tokenText(row.system, endOfLog(readPosition(row.position) ?? 0n, logSizes(row)));
}
