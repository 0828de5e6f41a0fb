import type pg from "pg";
import { quoteName } from "../../quoting.ts";
import type { LoadSink, Snapshot } from "../../store/contract.ts";
import type { OriginLoadTable } from "../dialect.ts";
import type { PostgresCatalog, ReadCatalog } from "./catalog.ts";
import { copyOut } from "./copy.ts";
import { fieldsOf } from "./copy-decode.ts";
import type { FieldCodec } from "./copy-field.ts";
import { dictionaryCodec, loadColumn } from "./load-column.ts";
import { endOfLog, LOG_SIZES, type LogSizesRow, logSizes, readPosition } from "./stream/position.ts";
import { textOnly } from "./text-only.ts";

/** What a load runs on: one connection, and the catalog as that connection sees it. */
export interface LoadContext {
  readonly client: pg.ClientBase;
  readonly catalog: PostgresCatalog;
  readonly read: ReadCatalog;
}

/**
 * Streams the tables at one snapshot.
 *
 * The definitions are checked twice. At the snapshot, before the sink is touched. And once more after everything was
 * read: a statement does not see the rows of a table that was rewritten after its snapshot was taken (`ALTER TABLE`,
 * https://www.postgresql.org/docs/current/mvcc-caveats.html), names and partitions are resolved by what is committed
 * at that moment, and a label of an enum may have got another name half-way. Each such change leaves another
 * fingerprint, so equal fingerprints on both sides mean that nothing of the kind happened between them.
 */
export async function loadTables(
  context: LoadContext,
  tables: readonly OriginLoadTable[],
  openSink: () => Promise<LoadSink>,
  accepts?: (snapshot: Snapshot) => Promise<boolean>,
): Promise<"streamed" | "changed"> {
  const { client, catalog, read } = context;
  const definitions = tables.map(({ table }) => table);
  await begin(client, accepts);
  if (!(await catalog.unchanged(definitions, read))) {
    await client.query("ROLLBACK");
    return "changed";
  }
  const sink = await openSink();
  try {
    await streamTables(client, tables, sink);
    if (sink.tooLarge === true) {
      await client.query("ROLLBACK");
      return "streamed";
    }
    await client.query("COMMIT");
    if (await catalog.unchanged(definitions, read)) return "streamed";
  } catch (error) {
    if (error === TOO_LARGE) return "streamed";
    await sink.abort();
    if (await changedMeanwhile(context, definitions)) return "changed";
    throw error;
  }
  await sink.abort();
  return "changed";
}

const BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/** The transaction's snapshot is that of its first statement; it is taken until it is accepted. */
async function begin(client: pg.ClientBase, accepts?: (snapshot: Snapshot) => Promise<boolean>): Promise<void> {
  await client.query(BEGIN);
  if (accepts === undefined) return;
  while (!(await accepts(await readSnapshot(client)))) {
    await client.query("ROLLBACK");
    await client.query(BEGIN);
  }
}

/** On a standby the position is the one up to which it has replayed. */
const SNAPSHOT_QUERY = `
SELECT pg_catalog.json_build_object(
  'transactions', pg_catalog.pg_current_snapshot()::pg_catalog.text,
  'position', CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                   ELSE pg_catalog.pg_current_wal_insert_lsn() END,
  ${LOG_SIZES}
)::pg_catalog.text`;

interface SnapshotRow extends LogSizesRow {
  readonly transactions: string;
  readonly position: string | null;
}

async function readSnapshot(client: pg.ClientBase): Promise<Snapshot> {
  const row = JSON.parse(await textOnly(client, SNAPSHOT_QUERY, [])) as SnapshotRow;
  const insert = readPosition(row.position ?? "0/0");
  if (insert === null) throw new Error(`A position "${row.position}" of the write-ahead log`);
  const position = endOfLog(insert, logSizes(row));
  return { transactions: row.transactions, position };
}

/** Thrown through a COPY to break it off: the sink has all that it wants to know, its `finish` says why. */
const TOO_LARGE = new Error("The table is too large");

async function streamTables(client: pg.ClientBase, tables: readonly OriginLoadTable[], sink: LoadSink): Promise<void> {
  const write = async (chunk: Uint8Array): Promise<void> => {
    await sink.write(chunk);
    if (sink.tooLarge === true) throw TOO_LARGE;
  };
  for (const table of tables) {
    for (const sql of copyStatements(table)) {
      await copyOut(client, sql, write);
      await sink.endStream();
      if (sink.tooLarge === true) return;
    }
  }
}

/** After an error: whether a change of the definitions is what it came from. */
async function changedMeanwhile(
  { client, catalog, read }: LoadContext,
  definitions: readonly OriginLoadTable["table"][],
): Promise<boolean> {
  try {
    await client.query("ROLLBACK");
    return !(await catalog.unchanged(definitions, read));
  } catch {
    // The connection is gone; the first error says so.
    return false;
  }
}

/** The COPY statements of one table in the order of its streams: the dictionaries, then the rows. */
function copyStatements({ table, columns, dictionaries }: OriginLoadTable): readonly string[] {
  const from = `${quoteName(table.schema)}.${quoteName(table.name)}`;
  const names = dictionaries.map((column) => column.name);
  const codecs = columns.map(({ column, encoding }) => loadColumn(column, encoding, names).codec as FieldCodec);
  return [
    ...dictionaries.map((column) => {
      const { field } = dictionaryCodec(column);
      return copy(`SELECT DISTINCT ${field} FROM ${from} WHERE ${field} IS NOT NULL ORDER BY ${field}`);
    }),
    copy(`SELECT ${fieldsOf(codecs).join(", ")} FROM ${from}`),
  ];
}

function copy(query: string): string {
  return `COPY (${query}) TO STDOUT (FORMAT binary)`;
}
