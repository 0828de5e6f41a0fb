import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { CachingEngine } from "../../src/engine.ts";
import { ClosedError } from "../../src/errors.ts";
import { describeOnServers, openEngine, rejection } from "../support/engine.ts";
import type { EngineChildJob } from "../support/engine-child.ts";

const CHILD = fileURLToPath(new URL("../support/engine-child.ts", import.meta.url));

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sqlmem-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describeOnServers(
  "configuration and logging",
  (database) => {
    async function run(
      cwd: string,
      job: Partial<EngineChildJob>,
      env: NodeJS.ProcessEnv = {},
    ): Promise<{ stdout: string; stderr: string }> {
      const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SQLMEM_")));
      const whole = { url: database.url, options: {}, queries: ["SELECT id FROM configured"], end: "close", ...job };
      return await promisify(execFile)(process.execPath, [CHILD, JSON.stringify(whole)], {
        cwd,
        env: { ...clean, NODE_OPTIONS: "", ...env },
      });
    }

    it("where cache.db is: default, .env, environment, option, in this order", async () => {
      const cwd = temporaryDirectory();
      const found = (): string[] =>
        ["cache.db", "file.db", "env.db", "option.db"].filter((name) => existsSync(join(cwd, name)));
      const clear = (): void => {
        for (const name of found()) rmSync(join(cwd, name));
      };
      const cases: readonly (readonly [
        string,
        string | null,
        NodeJS.ProcessEnv,
        EngineChildJob["options"],
        string[],
      ])[] = [
        ["nothing", null, {}, {}, ["cache.db"]],
        ["a file", "SQLMEM_CACHE_DB=file.db\n", {}, {}, ["file.db"]],
        ["the environment over the file", "SQLMEM_CACHE_DB=file.db\n", { SQLMEM_CACHE_DB: "env.db" }, {}, ["env.db"]],
        [
          "the option over both",
          "SQLMEM_CACHE_DB=file.db\n",
          { SQLMEM_CACHE_DB: "env.db" },
          { cacheDb: "option.db" },
          ["option.db"],
        ],
        ["off by a file", "SQLMEM_CACHE_DB=false\n", {}, {}, []],
        ["off by the environment", null, { SQLMEM_CACHE_DB: "" }, {}, []],
        ["off by the option", null, { SQLMEM_CACHE_DB: "env.db" }, { cacheDb: false }, []],
        ["no file is read", "SQLMEM_CACHE_DB=file.db\n", {}, { envFile: false }, ["cache.db"]],
        ["another file", "SQLMEM_CACHE_DB=nothing\n", {}, { envFile: "other.env" }, ["file.db"]],
      ];
      writeFileSync(join(cwd, "other.env"), "SQLMEM_CACHE_DB=file.db\n");
      for (const [what, file, env, options, expected] of cases) {
        clear();
        if (file === null) rmSync(join(cwd, ".env"), { force: true });
        else writeFileSync(join(cwd, ".env"), file);
        await run(cwd, { options }, env);
        expect([what, found()]).toEqual([what, expected]);
      }
    });

    it("a wrong variable stops the start with a message that names it", async () => {
      const error = await rejection(run(temporaryDirectory(), {}, { SQLMEM_BACKUP_INTERVAL: "soon" }));
      expect(error.message).toContain("SQLMEM_BACKUP_INTERVAL");
      expect(error.message).toContain("soon");
    });

    it("SQLMEM_BACKUP_INTERVAL saves while the program runs", async () => {
      const cwd = temporaryDirectory();
      await run(cwd, { end: "close" }, { SQLMEM_BACKUP_INTERVAL: "0.01" });
      expect(existsSync(join(cwd, "cache.db"))).toBe(true);
    });

    it("is silent without a sink, also with SQLMEM_DEBUG and with faults", async () => {
      const cwd = temporaryDirectory();
      mkdirSync(join(cwd, "cache.db"));
      for (const env of [{}, { SQLMEM_DEBUG: "true" }]) {
        const queries = ["SELECT id FROM configured", "SELECT * FROM configured", "DROP TABLE configured", "SELEC"];
        expect(await run(cwd, { silent: true, queries }, env)).toMatchObject({ stdout: "", stderr: "" });
      }
    });

    it("a sink shows loads, and with SQLMEM_DEBUG each query with outcome, reason and milliseconds", async () => {
      const cwd = temporaryDirectory();
      const queries = ["SELECT id FROM configured", "SELECT id FROM configured", "SELECT * FROM configured"];
      const lines = (file: string): Record<string, unknown>[] =>
        readFileSync(join(cwd, file), "utf8")
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line));
      await run(cwd, { queries, sink: "info.log", options: { cacheDb: false } });
      expect(lines("info.log")).toEqual([
        expect.objectContaining({
          level: "INFO",
          msg: "loaded",
          table: "public.configured",
          rows: 1,
          ms: expect.any(Number),
        }),
      ]);
      await run(cwd, { queries, sink: "debug.log", options: { cacheDb: false } }, { SQLMEM_DEBUG: "true" });
      const shown = lines("debug.log").filter(({ level }) => level === "DEBUG");
      expect(shown.map(({ msg, sql, ms, reason }) => [msg, sql, typeof ms, reason])).toEqual([
        ["miss", queries[0], "number", undefined],
        ["hit", queries[1], "number", undefined],
        ["bypass", queries[2], "number", "wildcard"],
      ]);
    });

    it("no line holds the password", async () => {
      const cwd = temporaryDirectory();
      const url = new URL(database.url);
      url.password = "s3cret-of-the-test";
      await run(cwd, { url: url.href, sink: "all.log" }, { SQLMEM_DEBUG: "true" });
      expect(readFileSync(join(cwd, "all.log"), "utf8")).not.toContain("s3cret");
    });

    it("close() is idempotent; later calls are ClosedErrors, and each of them a rejection", async () => {
      const { engine, pool } = await openEngine(database);
      await engine.execute("SELECT id FROM configured");
      await Promise.all([engine.close(), engine.close()]);
      await engine.close();
      for (const call of [
        () => engine.execute("SELECT id FROM configured"),
        () => engine.execute("SELECT 1 + "),
        () => engine.invalidate(),
        () => engine.invalidate("configured"),
        () => engine.explain("SELECT id FROM configured"),
      ]) {
        const error = await rejection(call());
        expect(error).toBeInstanceOf(ClosedError);
        expect(error).toMatchObject({ name: "ClosedError", code: "ERR_SQLMEM_CLOSED" });
      }
      expect(() => engine.stats()).not.toThrow();
      // The pool is its owner's.
      expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    });

    it("await using closes; an engine that was never used closes too", async () => {
      let kept: CachingEngine;
      {
        await using engine = new CachingEngine(database.url, { cacheDb: false, envFile: false });
        expect(await engine.execute("SELECT id FROM configured")).toEqual([{ id: 1 }]);
        kept = engine;
      }
      expect(await rejection(kept.execute("SELECT id FROM configured"))).toBeInstanceOf(ClosedError);
      await using unused = new CachingEngine(database.url, { cacheDb: false, envFile: false });
      expect(unused.stats().tables).toEqual([]);
    });

    it("close() while queries run: each ends, and with its answer or an error", async () => {
      const { engine } = await openEngine(database, { mode: "transparent" });
      const running = ["SELECT id FROM configured", "SELECT pg_sleep(0.05)", "SELECT count(*) FROM configured"].map(
        (sql) =>
          engine.execute(sql).then(
            () => "ended",
            () => "ended",
          ),
      );
      await engine.close();
      expect(await Promise.all(running)).toEqual(["ended", "ended", "ended"]);
    });
  },
  { setup: ["CREATE TABLE configured AS SELECT 1 AS id"], newestOnly: true },
);
