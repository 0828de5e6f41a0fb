import type pg from "pg";
import { textOnly } from "../text-only.ts";
import { endOfLog, readPosition, tokenText } from "./position.ts";

const QUERY = `
SELECT pg_catalog.json_build_object(
  'system', (SELECT s.system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system() AS s),
  'position', pg_catalog.pg_current_wal_insert_lsn(),
  'block', pg_catalog.current_setting('wal_block_size'),
  'segment', pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))::pg_catalog.text
)::pg_catalog.text`;

interface TokenRow {
  readonly system: string;
  readonly position: string;
  readonly block: string;
  readonly segment: string;
}

/** A token of everything that is committed now, by an ordinary connection: whether or not a stream is there. */
export async function readTokenNow(client: pg.ClientBase): Promise<string> {
  const row = JSON.parse(await textOnly(client, QUERY, [])) as TokenRow;
  const sizes = { block: BigInt(row.block), segment: BigInt(row.segment) };
  return tokenText(row.system, endOfLog(readPosition(row.position) ?? 0n, sizes));
}
