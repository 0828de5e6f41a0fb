import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRowDecoder } from "../../../../src/dialects/postgres/copy-decode.ts";
import type { LoadSink, Snapshot, StoreValue } from "../../../../src/store/contract.ts";
import { servers } from "../../../support/postgres.ts";
import { requireColumn } from "../collect.ts";
import { Followed } from "./gate-fixture.ts";

describe.each(servers())("a load from $name asks first", (server) => {
  let on: Followed;

  beforeAll(async () => {
    on = await (await Followed.open(server, "touch-log")).start();
  });
  afterAll(async () => on[Symbol.asyncDispose]());

  test("a snapshot that is not accepted is taken anew, and the rows are those of the last one", async () => {
    const table = await on.table("a");
    const load = {
      table,
      columns: [{ column: requireColumn(table, "v"), encoding: "value" as const }],
      dictionaries: [],
    };
    const watch = await on.source.watch([load]);
    if ("kind" in watch) throw new Error(watch.detail);
    const values: StoreValue[] = [];
    const batch: StoreValue[] = new Array(4);
    const codec = on.origin.loadColumn(requireColumn(table, "v"), "value", []).codec;
    const decoder = createRowDecoder([codec], batch, 4, (rows) => values.push(...batch.slice(0, rows)), []);
    const sink: LoadSink = {
      write: async (chunk) => decoder.push(chunk),
      endStream: async () => decoder.end(),
      finish: () => Promise.reject(new Error("not here")),
      abort: async () => {},
    };
    const snapshots: Snapshot[] = [];
    const outcome = await on.origin.load(
      [load],
      async () => sink,
      async (snapshot) => {
        snapshots.push(snapshot);
        // Seen by the second snapshot only.
        if (snapshots.length === 1) await on.database.query("UPDATE a SET v = 42");
        return await watch.accepts(snapshot);
      },
    );
    watch.done(true);
    expect(outcome).toBe("streamed");
    expect(snapshots).toHaveLength(2);
    const [first, second] = snapshots;
    expect(second?.transactions).toMatch(/^\d+:\d+:[\d,]*$/);
    expect(second?.position).toBeGreaterThan(first?.position ?? 0n);
    expect(values).toEqual(new Array(8).fill(42));
    expect(await on.source.confirm({ timeoutMs: 20_000, definitions: true })).toBe(true);
    expect(on.said).toEqual([]);
    await on.database.query("UPDATE a SET v = 43 WHERE id = 1");
    expect(await on.source.confirm({ timeoutMs: 20_000, definitions: false })).toBe(true);
    expect(on.said).toEqual(["stale a: it was written to"]);
  });
});
