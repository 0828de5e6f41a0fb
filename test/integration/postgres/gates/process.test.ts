import { execFile } from "node:child_process";
import { describe, expect, test } from "vitest";
import { createDatabase, servers } from "../../../support/postgres.ts";

const CONNECT = new URL("../../../../src/dialects/postgres/connect.ts", import.meta.url).href;

/** A program that starts a change source and does nothing else. */
function run(url: string, kind: string, then: string): Promise<{ readonly code: number; readonly out: string }> {
  const program = `
    import { openOrigin } from ${JSON.stringify(CONNECT)};
    const origin = openOrigin(${JSON.stringify(url)});
    const source = origin.changeSource({ kind: ${JSON.stringify(kind)}, maxLagMs: 1000, publication: null, onFault() {} });
    const sink = { stale() {}, redefined() {}, lost() {} };
    try { await source.start(sink); console.log("started"); } catch (error) { console.log(error.code); }
    ${then}`;
  return new Promise((resolve) => {
    const args = ["--input-type=module", "--eval", program];
    const child = execFile(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: "" } }, (_, out) =>
      resolve({ code: child.exitCode ?? -1, out }),
    );
  });
}

describe.each(servers())("a program with a change source on $name", (server) => {
  test("ends by itself, and not before it has heard why the source does not start", async () => {
    await using database = await createDatabase(server);
    expect(await run(database.url, "touch-log", "")).toEqual({ code: 0, out: "ERR_SQLMEM_FRESHNESS\n" });
    expect(await run(database.url, "snapshot", "")).toEqual({ code: 0, out: "started\n" });
    const stop = 'await source.stop(); console.log("stopped"); await origin.close(); console.log("closed");';
    expect(await run(database.url, "snapshot", stop)).toEqual({ code: 0, out: "started\nstopped\nclosed\n" });
  });
});
