import pg from "pg";
import { copyOut } from "../src/dialects/postgres/copy.ts";
import type { Bench } from "./bench.ts";
import { COLUMNS } from "./dataset.ts";
import { atLeast, milliseconds, type Section, times } from "./report.ts";
import { awaited, type Contender, runRounds } from "./rounds.ts";

const LOAD = "SQLmem, a miss of all 6 columns";
const BINARY = "COPY to nowhere, binary";
const TEXT = "COPY to nowhere, text";

/** Needs every column, and answers with one row. */
export const LOADING_QUERY = `SELECT ${COLUMNS} FROM orders WHERE id = 1`;
/** Brings the engine up: connections, threads, the parser. */
export const WARMING_QUERY = `SELECT ${COLUMNS} FROM small_orders WHERE id = 1`;

/** Rows per second from the origin into the store, beside what the connection can do. */
export async function measureLoad(bench: Bench): Promise<readonly Section[]> {
  const client = new pg.Client({ connectionString: bench.database.url });
  // The database may be dropped under it, on Ctrl-C.
  client.on("error", () => {});
  await client.connect();
  await using engine = bench.openEngine();
  await engine.execute(WARMING_QUERY);
  const copy = (name: string, format: string): Contender =>
    awaited(name, () => copyOut(client, `COPY orders TO STDOUT (FORMAT ${format})`, () => Promise.resolve()));
  const load = async (): Promise<void> => {
    await engine.execute(LOADING_QUERY);
    await engine.invalidate("orders");
  };
  try {
    const rounds = await runRounds([awaited(LOAD, load), copy(BINARY, "binary"), copy(TEXT, "text")], {
      turnMs: 1,
      rounds: Math.ceil(5 * bench.effort),
    });
    const perSecond = (name: string): number => (bench.rows / rounds.milliseconds(name)) * 1000;
    const section: Section = {
      title: "Load of the whole table",
      measurements: rounds.names.map((name) => ({
        name,
        quantities: {
          rate: { value: perSecond(name), unit: "rows/s" },
          time: milliseconds(rounds.milliseconds(name)),
          "of binary COPY": times(rounds.ratio(name, BINARY)),
        },
      })),
      targets: [atLeast("load", perSecond(LOAD), 250_000, "rows/s")],
    };
    return [section];
  } finally {
    await client.end();
  }
}
