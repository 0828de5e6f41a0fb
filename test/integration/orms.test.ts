// Node-postgres, Drizzle and Kysely with the cache and without it: every read in all its runs, every write, deep-equal. The
// other libraries are run by orms/suite (see orms/README.md), which CI does.

import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { describeOnServers } from "../support/engine.ts";

const PROGRAM = path.resolve(import.meta.dirname, "../../orms/suite/run-program.ts");

describeOnServers(
  "libraries on pg",
  (database) => {
    it.each(["node-postgres", "drizzle", "kysely"])("%s", { timeout: 300_000 }, async (name) => {
      const server = new URL(database.url);
      server.pathname = "/postgres";
      // A process for each: some libraries change the driver's global type parsers.
      const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, name], {
        env: { ...process.env, SQLMEM_TEST_POSTGRES: server.href },
      });
      console.log(stdout.trim());
      expect(stdout).toMatch(/ % from the cache on the second run/);
    });
  },
  { newestOnly: true },
);
