import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from } from "pg-copy-streams";

/** Rows of one table, values in the order of its columns; `null` is NULL. */
export interface TableRows {
  readonly table: string;
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** Runs `schema`, fills the tables in the order given, and collects the planner's statistics, as a live database has. */
export async function loadTables(url: string, schema: string, tables: readonly TableRows[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(schema);
    for (const { table, rows } of tables) {
      await pipeline(Readable.from(copyText(rows)), client.query(from(`COPY ${table} FROM STDIN`)));
    }
    await client.query("VACUUM (ANALYZE)");
  } finally {
    await client.end();
  }
}

const PIECE_ROWS = 2000;

function* copyText(rows: TableRows["rows"]): Generator<string> {
  for (let start = 0; start < rows.length; start += PIECE_ROWS) {
    yield rows
      .slice(start, start + PIECE_ROWS)
      .map((row) => `${row.map(copyField).join("\t")}\n`)
      .join("");
  }
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function copyField(value: string | number | null): string {
  return value === null
    ? "\\N"
    : String(value).replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
