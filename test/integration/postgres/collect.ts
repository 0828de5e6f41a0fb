import type { Column, Table } from "../../../src/catalog.ts";
import type { Origin, OriginLoadTable } from "../../../src/dialects/dialect.ts";
import { createRowDecoder } from "../../../src/dialects/postgres/copy-decode.ts";
import type { ColumnFacts, Encoding } from "../../../src/store/column-set.ts";
import type { LoadSink, RowDecoder, Snapshot, StoreValue } from "../../../src/store/contract.ts";

/** What a load would have put into the store. */
export interface Collected {
  readonly outcome: "streamed" | "changed";
  readonly rows: StoreValue[][];
  readonly facts: readonly ColumnFacts[];
  readonly dictionaries: readonly (readonly string[])[];
  readonly opened: boolean;
  readonly aborted: boolean;
}

export interface CollectOptions {
  /** Called with each chunk before it is decoded. */
  readonly onChunk?: (chunk: Uint8Array) => Promise<void> | void;
  /** Called before the sink is opened: the definitions have been checked then. */
  readonly onOpen?: () => Promise<void>;
  /** Of the watch that the load is made under. */
  readonly accepts?: (snapshot: Snapshot) => Promise<boolean>;
}

export function requireTable(found: Awaited<ReturnType<Origin["catalog"]["table"]>>): Table {
  if ("kind" in found) throw new Error(`refused: ${found.reason}: ${found.detail}`);
  return found;
}

export function requireColumn(table: Table, name: string): Column {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new Error(`no column ${name}`);
  return column;
}

/** Loads columns of a table as the store would, into arrays. */
export async function collect(
  origin: Origin,
  table: Table,
  wanted: readonly (readonly [column: string, encoding: Encoding])[],
  dictionaryColumns: readonly string[] = [],
  options: CollectOptions = {},
): Promise<Collected> {
  const columns = wanted.map(([name, encoding]) => ({ column: requireColumn(table, name), encoding }));
  const load: OriginLoadTable = {
    table,
    columns,
    dictionaries: dictionaryColumns.map((name) => requireColumn(table, name)),
  };
  const rows: StoreValue[][] = [];
  const dictionaries: string[][] = [];
  const state = { opened: false, aborted: false };
  const batchRows = 7;
  const open = (): RowDecoder => {
    const stream = dictionaries.length;
    const dictionary = load.dictionaries[stream];
    if (dictionary !== undefined) {
      const values: string[] = [];
      dictionaries.push(values);
      const batch: StoreValue[] = new Array(batchRows);
      const flush = (count: number): void => {
        for (let index = 0; index < count; index++) values.push(String(batch[index]));
      };
      return createRowDecoder([origin.dictionaryCodec(dictionary)], batch, batchRows, flush, []);
    }
    const batch: StoreValue[] = new Array(batchRows * columns.length);
    const codecs = columns.map(({ column, encoding }) => origin.loadColumn(column, encoding, dictionaryColumns).codec);
    const ranks = dictionaries.map((values) => new Map(values.map((value, rank) => [value, rank])));
    return createRowDecoder(
      codecs,
      batch,
      batchRows,
      (count) => {
        for (let index = 0; index < count; index++) {
          rows.push(batch.slice(index * columns.length, (index + 1) * columns.length));
        }
      },
      ranks,
    );
  };
  let decoder: RowDecoder | undefined;
  let facts: readonly ColumnFacts[] = [];
  const sink: LoadSink = {
    write: async (chunk) => {
      await options.onChunk?.(chunk);
      decoder ??= open();
      decoder.push(chunk);
    },
    endStream: async () => {
      decoder ??= open();
      decoder.end();
      facts = decoder.facts;
      decoder = undefined;
    },
    finish: async () => ({ kind: "loaded", tables: [] }),
    abort: async () => {
      state.aborted = true;
    },
  };
  const opened = async (): Promise<LoadSink> => {
    state.opened = true;
    await options.onOpen?.();
    return sink;
  };
  const outcome = await origin.load([load], opened, options.accepts);
  return { outcome, rows, facts, dictionaries, ...state };
}
