import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { Origin, OriginLoadTable } from "../../../../src/dialects/dialect.ts";
import { openOrigin } from "../../../../src/dialects/postgres/connect.ts";
import type { ChangeSource, Watch } from "../../../../src/freshness/change-source.ts";
import type { Encoding } from "../../../../src/store/column-set.ts";
import type { Snapshot, StoreValue } from "../../../../src/store/contract.ts";
import { servers, type TestServer } from "../../../support/postgres.ts";
import { RecordingFeed } from "../../../support/recording-feed.ts";
import { collect, requireColumn, requireTable } from "../collect.ts";

/** Those of the servers whose log can be decoded. */
export function logicalServers(): readonly TestServer[] {
  return servers().filter(({ walLevel }) => walLevel === "logical");
}

interface Said {
  readonly stale: string[];
  readonly redefined: string[];
  readonly lost: Error[];
  readonly faults: Error[];
}

/** An origin and its change stream into a recording feed. */
export interface Following {
  readonly origin: Origin;
  readonly source: ChangeSource;
  readonly said: Said;
  readonly feed: () => RecordingFeed;
  readonly start: () => Promise<void>;
  readonly loadTable: (name: readonly string[], columns: readonly Wanted[]) => Promise<OriginLoadTable>;
  /** Watches, loads and hands over one table; resolves to its id. */
  readonly follow: (
    name: readonly string[],
    columns: readonly Wanted[],
    hooks?: { readonly accepts?: (snapshot: Snapshot) => Promise<void>; readonly onOpen?: () => Promise<void> },
  ) => Promise<string>;
  /** The rows that a load made now would have. */
  readonly loaded: (name: readonly string[], columns: readonly Wanted[]) => Promise<StoreValue[][]>;
}

export type Wanted = readonly [column: string, encoding: Encoding];

export function following(
  url: string,
  options: { readonly publication?: string; readonly maxLagMs?: number } = {},
): Following {
  const origin = openOrigin(url);
  const said: Said = { stale: [], redefined: [], lost: [], faults: [] };
  let feed: RecordingFeed | undefined;
  const source = origin.changeSource({
    kind: "stream",
    maxLagMs: options.maxLagMs ?? 1000,
    publication: options.publication ?? null,
    openFeed: async (feedOptions) => {
      feed = new RecordingFeed({
        ...feedOptions,
        onGivenUp: (ids, why) => feedOptions.onGivenUp(ids, why),
      });
      return feed;
    },
    onFault: (error) => said.faults.push(error),
  });
  onTestFinished(async () => {
    await source.stop();
    await origin.close();
  });
  const current = (): RecordingFeed => {
    if (feed === undefined) throw new Error("not started");
    return feed;
  };
  const loadTable: Following["loadTable"] = async (name, columns) => {
    origin.forgetCatalog();
    const table = requireTable(await origin.catalog.table(name));
    return {
      table,
      columns: columns.map(([column, encoding]) => ({ column: requireColumn(table, column), encoding })),
      dictionaries: [],
    };
  };
  return {
    origin,
    source,
    said,
    feed: current,
    start: () =>
      source.start({
        stale: (ids) => said.stale.push(...(ids === "all" ? ["all"] : ids)),
        redefined: (ids) => said.redefined.push(...(ids === "all" ? ["all"] : ids)),
        lost: (error) => said.lost.push(error),
      }),
    loadTable,
    follow: async (name, columns, hooks = {}) => {
      const load = await loadTable(name, columns);
      const watch = requireWatch(await source.watch([load]));
      const { id } = load.table;
      let snapshot: Snapshot | undefined;
      const collected = await collect(origin, load.table, columns, [], {
        ...(hooks.onOpen !== undefined && { onOpen: hooks.onOpen }),
        accepts: async (taken) => {
          await hooks.accepts?.(taken);
          snapshot = taken;
          return await watch.accepts(taken);
        },
      });
      const watched = watch.tables.get(id);
      if (collected.outcome !== "streamed" || snapshot === undefined || watched === undefined) {
        watch.done(false);
        throw new Error(`the load of ${name.join(".")}: ${collected.outcome}`);
      }
      const physical = columns.map(([column, encoding]) => ({
        column,
        codec: origin.loadColumn(requireColumn(load.table, column), encoding, []).codec,
      }));
      await current().finish(id, watched, physical, collected.rows, snapshot);
      watch.done(true);
      return id;
    },
    loaded: async (name, columns) => {
      const { table } = await loadTable(name, columns);
      return (await collect(origin, table, columns)).rows;
    },
  };
}

export function requireWatch(found: Awaited<ReturnType<ChangeSource["watch"]>>): Watch {
  if ("kind" in found) throw new Error(`${found.reason}: ${found.detail}`);
  return found;
}

/** In an order of their own: a table has none. */
export function sorted(rows: readonly StoreValue[][]): string[] {
  return rows.map((row) => JSON.stringify(row.map(shown))).toSorted();
}

function shown(value: StoreValue): string {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  return Object.is(value, -0) ? "number -0" : `${typeof value} ${value}`;
}

/** Polls until the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(10);
  }
}
