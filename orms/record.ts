// node orms/record.ts [program …]
//
// Runs the programs and writes the statements that they send to corpora/. The test of the package reads them from there.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { openDatabase } from "./database/open.ts";
import { loadProgram, PROGRAMS } from "./programs.ts";
import { Recorder } from "./recorder.ts";
import type { Corpus } from "./statements.ts";

const DIRECTORY = path.join(import.meta.dirname, "corpora");
const [wanted, ...others] = process.argv.slice(2);

if (wanted !== undefined && others.length === 0) await record(wanted);
else await recordEach(wanted === undefined ? PROGRAMS : [wanted, ...others]);

/** One process for each: the libraries change the driver's global state. */
async function recordEach(names: readonly string[]): Promise<void> {
  const { spawnSync } = await import("node:child_process");
  for (const name of names) {
    const { status } = spawnSync(process.execPath, [import.meta.filename, name], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}

async function record(name: string): Promise<void> {
  const program = await loadProgram(name);
  await using database = await openDatabase(`record_${name}`);
  const recorder = new Recorder();
  const session = await program.open({ url: database.url, attach: (target) => target });
  for (const actions of [{ findFirst: () => session.findFirst() }, session.reads, session.writes]) {
    for (const [action, run] of Object.entries(actions)) {
      recorder.from = action;
      try {
        await run();
      } catch (error) {
        // A driver's error holds its whole connection: the message is enough.
        console.error(`${name}: ${action}: ${error instanceof Error ? error.message : error}`);
        process.exitCode = 1;
      }
    }
  }
  recorder.from = "close";
  await session.close();
  const corpus: Corpus = { program: name, statements: recorder.statements };
  mkdirSync(DIRECTORY, { recursive: true });
  // A line for each statement.
  const lines = corpus.statements.map((statement) => JSON.stringify(statement)).join(",\n");
  writeFileSync(path.join(DIRECTORY, `${name}.json`), `{"program":"${name}","statements":[\n${lines}\n]}\n`);
  const reads = corpus.statements.filter(({ kind }) => kind === "read");
  console.log(`${name}: ${corpus.statements.length} distinct statements, ${reads.length} reads`);
}
