/** Stores for tests, and loads into them in one line. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { postgres } from "../../src/dialects/postgres/dialect.ts";
import type {
  LoadColumn,
  LoadResult,
  LoadSink,
  LoadTable,
  OriginIdentity,
  ScanBatch,
  ScanLimits,
  ScannedTable,
  ScanOutcome,
  StoredTable,
  StoreOptions,
  StoreRow,
  StoreValue,
} from "../../src/store/contract.ts";
import { Store } from "../../src/store/store.ts";
import { decoderUrl, encodeRows, type SyntheticCodec, type SyntheticValue } from "./synthetic-decoder.ts";

export const IDENTITY: OriginIdentity = { system: "7001", database: "shop", user: "app", settings: "UTC" };

export interface OpenedStore {
  readonly store: Store;
  readonly faults: Error[];
}

/** Closed when the test ends. */
export function openStore(options: Partial<StoreOptions> = {}, directories?: readonly string[]): OpenedStore {
  const faults: Error[] = [];
  const { functions } = postgres;
  const settings = { cacheDb: null, maxBytes: 1024 ** 3, scanWorkers: 1, functions, ...options };
  const store = Store.open({ onFault: (error) => faults.push(error), ...settings }, directories);
  onTestFinished(() => store.close());
  return { store, faults };
}

/** A directory of the test's own, removed when it ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "sqlmem-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A store that has asked for its snapshot file. */
export async function openRestored(cacheDb: string, identity: OriginIdentity = IDENTITY): Promise<OpenedStore> {
  const opened = openStore({ cacheDb });
  await opened.store.restore(identity);
  return opened;
}

export interface TableOptions extends Partial<Omit<LoadTable, "columns">> {
  /** Name → codec; `name:text` etc. name an encoding. */
  readonly columns?: Readonly<Record<string, SyntheticCodec>>;
}

export function loadTable(options: TableOptions = {}): LoadTable {
  const { columns = { id: "integer", name: "text" }, ...rest } = options;
  return {
    id: "1",
    schema: "public",
    table: "orders",
    fingerprint: "f",
    rowidColumn: null,
    dictionaries: [],
    maxRows: 1_000_000,
    watched: null,
    ...rest,
    columns: Object.entries(columns).map(([name, codec]) => loadColumn(name, codec)),
  };
}

function loadColumn(name: string, codec: SyntheticCodec): LoadColumn {
  const [, column = name, encoding = "value"] = /^(.*):(text|rank|key)$/.exec(name) ?? [];
  const declared = { integer: "INTEGER", float: "", text: "TEXT", bytes: "BLOB" } as const;
  return {
    column,
    encoding: encoding as LoadColumn["encoding"],
    declared: typeof codec === "object" ? "INTEGER" : declared[codec],
    codec,
  };
}

export type Rows = readonly (readonly SyntheticValue[])[];

/** Streams of the tables, one after another, each as its rows. */
export async function loadStreams(
  store: Store,
  tables: readonly LoadTable[],
  streams: readonly Rows[],
): Promise<LoadResult> {
  const sink = await store.beginLoad({ decoder: decoderUrl, tables });
  await writeStreams(sink, streams);
  return await sink.finish();
}

export async function writeStreams(sink: LoadSink, streams: readonly Rows[]): Promise<void> {
  for (const rows of streams) {
    await sink.write(encodeRows(rows));
    await sink.endStream();
  }
}

/** One table without dictionaries; fails if it did not load. */
export async function load(store: Store, options: TableOptions, rows: Rows): Promise<StoredTable> {
  const result = await loadStreams(store, [loadTable(options)], [rows]);
  const table = result.kind === "loaded" ? result.tables[0] : undefined;
  if (table === undefined) {
    throw new Error(`not loaded: ${JSON.stringify(result)}`);
  }
  return table;
}

export function sequence(from: number, to: number): [number, string][] {
  return Array.from({ length: to - from }, (_, index) => [from + index, `name ${from + index}`]);
}

/** All rows of a scan, or why there are none. */
export async function scan(
  store: Store,
  sql: string,
  values: readonly StoreValue[] = [],
  tables: readonly ScannedTable[] = [],
  limits?: ScanLimits,
): Promise<StoreRow[] | Exclude<ScanOutcome, "done">> {
  const rows: StoreRow[] = [];
  const take = (batch: ScanBatch): boolean => {
    rows.push(...batch.rows);
    return true;
  };
  const outcome = await store.scan(sql, values, tables, take, limits);
  return outcome === "done" ? rows : outcome;
}
