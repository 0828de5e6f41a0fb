// node suite/main.ts [program …]
//
// Every program with the cache and without it, then the examples. Needs a PostgreSQL at SQLMEM_TEST_POSTGRES. Exits with 1 if
// anything differs, or if less than SQLMEM_ORMS_ANSWERED (a share, 0.9 by default) of a program's read statements is
// answered from the cache.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { openDatabase } from "../database/open.ts";
import { PROGRAMS } from "../programs.ts";

const EXAMPLES = path.join(import.meta.dirname, "../examples");
const wanted = process.argv.slice(2);
const failed: string[] = [];

for (const name of wanted.length === 0 ? PROGRAMS : wanted) {
  // A process for each: some libraries change the driver's global type parsers.
  const { status } = spawnSync(process.execPath, [path.join(import.meta.dirname, "run-program.ts"), name], {
    stdio: "inherit",
    timeout: 300_000,
  });
  if (status !== 0) failed.push(name);
}

for (const file of wanted.length === 0 ? readdirSync(EXAMPLES) : []) {
  await using database = await openDatabase(`example_${path.parse(file).name}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(EXAMPLES, file)], {
    env: { ...process.env, DATABASE_URL: database.url },
    encoding: "utf8",
    timeout: 60_000,
  });
  // Each example says at its end how many of its queries were answered from memory.
  const answered = status === 0 && /^from memory: [1-9]/m.test(stdout);
  console.log(`${file.padEnd(20)} ${answered ? stdout.trim().split("\n").at(-1) : "FAILED"}`);
  if (answered) continue;
  console.error(stdout, stderr);
  failed.push(file);
}

if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}
