import { spawnSync } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { describeOnServers } from "../support/engine.ts";

const ENGINE = path.resolve(import.meta.dirname, "../../src/index.ts");

// Statements without end: the engine or the process ends while a thread is in them. Nothing in a product of tables calls a
// function.
const ENDLESS = [
  "WITH RECURSIVE a AS (SELECT id FROM t UNION SELECT id + 1 FROM a) SELECT id FROM a",
  "SELECT count(*) FROM big AS a, big AS b, big AS c WHERE a.v + b.v + c.v < 0",
  "SELECT count(*) FROM big AS a WHERE EXISTS (SELECT FROM big AS b, big AS c WHERE b.v + c.v + a.v < 0)",
  "SELECT count(*) FROM big AS a LEFT JOIN big AS b ON a.v <> b.v LEFT JOIN big AS c ON b.v + c.v < a.v",
] as const;

const program = (url: string, sql: string, ending: string): string => `
  import pg from "pg";
  import { CachingEngine } from ${JSON.stringify(ENGINE)};
  const pool = new pg.Pool({ connectionString: ${JSON.stringify(url)}, statement_timeout: 1500 });
  const engine = new CachingEngine(pool, { mode: "transparent", cacheDb: false, envFile: false });
  for (const table of ["t", "big"]) await engine.execute("SELECT count(*) FROM " + table);
  const sql = ${JSON.stringify(sql)};
  engine.execute(sql).then(() => console.error("it has an end"), () => {});
  while ((await engine.explain(sql)).outcome !== "hit") await new Promise((done) => setTimeout(done, 5));
  await new Promise((done) => setTimeout(done, 300));
  ${ending}
`;

describeOnServers(
  "a scan that is at work when everything ends",
  (database) => {
    describe.each(ENDLESS)("%s", (sql) => {
      it.each([
        ["close()", "await engine.close(); await pool.end(); console.log('closed');", 0],
        ["process.exit()", "process.exit(7);", 7],
      ])("%s ends it, and not the process by a crash", { timeout: 60_000 }, (_name, ending, code) => {
        const { status, signal, stderr } = spawnSync(
          process.execPath,
          ["--input-type=module", "--eval", program(database.url, sql, ending)],
          { encoding: "utf8", timeout: 30_000, killSignal: "SIGKILL", cwd: path.dirname(ENGINE) },
        );
        expect({ status, signal, stderr }).toEqual({ status: code, signal: null, stderr: "" });
      });
    });
  },
  {
    setup: [
      "CREATE TABLE t (id int PRIMARY KEY)",
      "INSERT INTO t SELECT generate_series(1, 10)",
      "CREATE TABLE big (v int)",
      "INSERT INTO big SELECT generate_series(1, 5000)",
    ],
    newestOnly: true,
  },
);
