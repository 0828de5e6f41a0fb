import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { PROGRAMS } from "../orms/programs.ts";
import type { Bench } from "./bench.ts";
import { type Measurement, milliseconds, type Section, say, times } from "./report.ts";

const ORMS = path.resolve(import.meta.dirname, "../orms");

/** One row by its primary key through each library, end to end, on a pool that is attached and on one that is not. */
export async function measureOrms(bench: Bench): Promise<readonly Section[]> {
  if (!existsSync(path.join(ORMS, "node_modules"))) {
    say("\nThe libraries of orms/ are not installed: see orms/README.md.");
    return [];
  }
  const measurements: Measurement[] = [];
  for (const program of PROGRAMS) {
    const { plain, cached, answered } = await findFirstOf(program, bench);
    if (answered < 0.99) throw new Error(`${program}: only ${Math.round(answered * 100)} % came from the cache`);
    measurements.push({
      name: program,
      quantities: {
        "without the cache": milliseconds(plain / 1000),
        attached: milliseconds(cached / 1000),
        "× as fast": times(plain / cached),
      },
    });
  }
  return [
    {
      title: "Libraries on an attached pool: one row by its primary key, end to end",
      measurements,
      notes: ["What remains is the library's own work: building the statement, and objects from the rows."],
    },
  ];
}

interface Times {
  readonly plain: number;
  readonly cached: number;
  readonly answered: number;
}

async function findFirstOf(program: string, { database, effort }: Bench): Promise<Times> {
  const rounds = String(Math.ceil(60 * effort));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [path.join(ORMS, "suite/time-find-first.ts"), program, rounds],
    { env: { ...process.env, SQLMEM_TEST_POSTGRES: new URL("/postgres", database.url).href } },
  );
  const lines = stdout.trim().split("\n");
  return JSON.parse(lines.at(-1) ?? "") as Times;
}
