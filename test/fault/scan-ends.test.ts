import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, it } from "vitest";
import { describeOnServers } from "../support/engine.ts";

const ENGINE = path.resolve(import.meta.dirname, "../../src/index.ts");

/** A statement without end, of which each row calls a function: the engine or the process ends while a thread is in it. */
const ENDLESS = `WITH RECURSIVE a AS (SELECT id FROM t UNION SELECT id + 1 FROM a) SELECT id FROM a`;

const program = (url: string, ending: string): string => `
  import pg from "pg";
  import { CachingEngine } from ${JSON.stringify(ENGINE)};
  const pool = new pg.Pool({ connectionString: ${JSON.stringify(url)}, statement_timeout: 5000 });
  const engine = new CachingEngine(pool, { mode: "transparent", cacheDb: false, envFile: false });
  await engine.execute("SELECT count(*) FROM t");
  engine.execute(${JSON.stringify(ENDLESS)}).catch(() => {});
  while ((await engine.explain(${JSON.stringify(ENDLESS)})).outcome !== "hit") await new Promise((done) => setTimeout(done, 5));
  await new Promise((done) => setTimeout(done, 300));
  ${ending}
`;

describeOnServers(
  "a scan that is at work when everything ends",
  (database) => {
    it.each([
      ["close()", "await engine.close(); await pool.end(); console.log('closed');", 0],
      ["process.exit()", "process.exit(7);", 7],
    ])("%s ends it, and not the process by a crash", { timeout: 60_000 }, (_name, ending, code) => {
      for (let run = 0; run < 2; run++) {
        const { status, signal, stderr } = spawnSync(
          process.execPath,
          ["--input-type=module", "--eval", program(database.url, ending)],
          { encoding: "utf8", timeout: 30_000, cwd: path.dirname(ENGINE) },
        );
        expect({ status, signal, stderr }).toEqual({ status: code, signal: null, stderr: "" });
      }
    });
  },
  { setup: ["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 10)"], newestOnly: true },
);
