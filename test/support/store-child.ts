/**
 * A process of its own with a store, for tests that kill it or let it exit. Run as `node store-child.ts '{"task": …}'`.
 * Prints one line per step.
 */
import { postgres } from "../../src/dialects/postgres/dialect.ts";
import type { LoadTable } from "../../src/store/contract.ts";
import { Store } from "../../src/store/store.ts";
import { decoderUrl, encodeRows } from "./synthetic-decoder.ts";

export interface ChildJob {
  readonly cacheDb: string;
  /** `hammer` loads and saves until killed or `rounds` are over; `exit` ends by itself, `exit-code` by `process.exit`. */
  readonly task: "hammer" | "exit" | "exit-code";
  readonly rows: number;
  readonly rounds: number;
  readonly tag: string;
}

const IDENTITY = { system: "7001", database: "shop", user: "app", settings: "UTC" };

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function load(store: Store, rows: number, text: string): Promise<void> {
  const column = (name: string, declared: "INTEGER" | "TEXT", codec: string) =>
    ({ column: name, encoding: "value", declared, codec }) as const;
  const table: LoadTable = {
    id: "1",
    schema: "public",
    table: "orders",
    fingerprint: "f",
    columns: [column("id", "INTEGER", "integer"), column("tag", "TEXT", "text")],
    rowidColumn: "id",
    dictionaries: [],
    maxRows: rows,
    watched: null,
  };
  const sink = await store.beginLoad({ decoder: decoderUrl, tables: [table] });
  await sink.write(encodeRows(Array.from({ length: rows }, (_, id) => [id, text])));
  await sink.endStream();
  await sink.finish();
}

const job: ChildJob = JSON.parse(process.argv[2] ?? "{}");
const store = Store.open({
  cacheDb: job.cacheDb,
  maxBytes: 1024 ** 3,
  scanWorkers: 1,
  functions: postgres.functions,
  onFault: (error) => say(`fault ${error.message}`),
});
await store.restore(IDENTITY);
say(`restored ${store.tables.size}`);

if (job.task === "hammer") {
  for (let round = 0; round < job.rounds; round++) {
    await load(store, job.rows, `${job.tag}-${round}`);
    say(`saving ${round}`);
    await store.saveSnapshotFile();
    say(`saved ${round}`);
  }
  await store.close();
} else {
  await load(store, job.rows, job.tag);
  await store.scan("SELECT count(*) FROM orders", [], [], () => true);
  process.on("exit", () => {
    store.saveSnapshotFileSync(20_000);
    say("exit");
  });
  if (job.task === "exit-code") {
    process.exit(3);
  }
}
