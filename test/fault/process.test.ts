import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { Child } from "../support/child-process.ts";
import { describeOnServers } from "../support/engine.ts";
import type { EngineChildJob } from "../support/engine-child.ts";

function temporaryFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "sqlmem-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "cache.db");
}

/** Directories that stores of this process have left. */
function leftBy(pid: number | undefined): string[] {
  return ["/dev/shm", tmpdir()].flatMap((base) =>
    existsSync(base) ? readdirSync(base).filter((name) => name.startsWith(`sqlmem-${pid}-`)) : [],
  );
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
}

describeOnServers(
  "the end of a process",
  (database) => {
    const QUERY = "SELECT id FROM ends";

    async function run(
      job: Partial<EngineChildJob> & Pick<EngineChildJob, "end">,
      signal?: NodeJS.Signals,
    ): Promise<Ended> {
      const child = new Child("./engine-child.ts", { url: database.url, options: {}, queries: [QUERY], ...job });
      if (signal !== undefined) {
        await child.line("end");
        child.process.kill(signal);
      }
      const code = await child.end();
      expect(leftBy(child.process.pid)).toEqual([]);
      return { code, signal: child.process.signalCode, lines: child.lines };
    }

    /** A later process finds the rows. */
    async function expectWarm(cacheDb: string): Promise<void> {
      const { lines } = await run({ end: "close", options: { cacheDb, envFile: false } });
      expect(lines[0]).toBe('hit [{"id":1}]');
    }

    it.each([
      ["close", { code: 0, signal: null }],
      ["idle", { code: 0, signal: null }],
      ["idle-pool", { code: 0, signal: null }],
      ["exit", { code: 3, signal: null }],
      ["throw", { code: 1, signal: null }],
    ] as const)("%s: as without an engine, and the file is saved", async (end, expected) => {
      const cacheDb = temporaryFile();
      const ended = await run({ end, options: { cacheDb, envFile: false }, listener: undefined as never });
      expect(ended).toMatchObject(expected);
      expect(ended.lines.filter((line) => line.startsWith("fault"))).toEqual([]);
      await expectWarm(cacheDb);
    });

    it.each(["idle", "idle-pool", "exit"] as const)("%s: also without a file", async (end) => {
      const ended = await run({ end, options: { cacheDb: false, envFile: false } });
      expect([ended.code, ended.signal]).toEqual([end === "exit" ? 3 : 0, null]);
    });

    it.each(["SIGTERM", "SIGINT"] as const)("%s: dies by it, and the file is saved", async (signal) => {
      const cacheDb = temporaryFile();
      const ended = await run({ end: "wait", options: { cacheDb, envFile: false } }, signal);
      expect(ended).toMatchObject({ code: null, signal });
      await expectWarm(cacheDb);
    });

    it.each(["SIGTERM", "SIGINT"] as const)("%s without a file: dies by it, nothing is left", async (signal) => {
      expect(await run({ end: "wait", options: { cacheDb: false, envFile: false } }, signal)).toMatchObject({
        code: null,
        signal,
      });
    });

    it.each(["SIGTERM", "SIGINT"] as const)(
      "%s with another listener: that one decides, and the file is saved",
      async (signal) => {
        const cacheDb = temporaryFile();
        const ended = await run({ end: "wait", listener: "exits", options: { cacheDb, envFile: false } }, signal);
        expect(ended).toMatchObject({ code: 7, signal: null });
        expect(ended.lines).toContain(`heard ${signal}`);
        await expectWarm(cacheDb);
      },
    );

    it("a listener that stays keeps the process alive and the engine working", async () => {
      const cacheDb = temporaryFile();
      const child = new Child("./engine-child.ts", {
        url: database.url,
        options: { cacheDb, envFile: false },
        queries: [QUERY],
        end: "wait",
        listener: "stays",
      });
      await child.line("end");
      child.process.kill("SIGTERM");
      await child.line("heard SIGTERM");
      expect(existsSync(cacheDb)).toBe(true);
      expect(child.process.exitCode).toBe(null);
      child.process.kill("SIGINT");
      await child.line("heard SIGINT");
      expect(child.process.exitCode).toBe(null);
    });

    it("kill -9: the next process sweeps what it left", async () => {
      const child = new Child("./engine-child.ts", {
        url: database.url,
        options: { cacheDb: false, envFile: false },
        queries: [QUERY],
        end: "wait",
      });
      await child.line("end");
      await child.kill();
      await run({ end: "close", options: { cacheDb: false, envFile: false } });
      expect(leftBy(child.process.pid)).toEqual([]);
    });

    it("two processes on one file: both end well, the file is whole", async () => {
      const cacheDb = temporaryFile();
      const ended = await Promise.all([1, 2, 3].map(() => run({ end: "close", options: { cacheDb, envFile: false } })));
      for (const each of ended) {
        expect(each.code).toBe(0);
        expect(each.lines.filter((line) => line.startsWith("fault"))).toEqual([]);
      }
      await expectWarm(cacheDb);
      expect(readdirSync(join(cacheDb, ".."))).toEqual(["cache.db"]);
    });

    it("is silent: no byte on stdout or stderr", async () => {
      const child = new Child("./engine-child.ts", {
        url: database.url,
        options: { cacheDb: temporaryFile(), envFile: false },
        queries: [QUERY, QUERY, "SELECT * FROM ends", "DELETE FROM ends", "SELECT nothing FROM ends"],
        end: "close",
        silent: true,
      });
      expect(await child.end()).toBe(0);
      expect(child.lines).toEqual([]);
    });
  },
  { setup: ["CREATE TABLE ends AS SELECT 1 AS id"], newestOnly: true },
);
