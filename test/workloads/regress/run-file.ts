import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { QueryReport, WorkloadSession } from "../session.ts";
import { classifyStep, visibleToAll } from "./classify.ts";
import { readScript } from "./script.ts";

/**
 * Runs the statements of one file of `src/test/regress/sql` in order. SELECTs are compared; everything else goes through
 * the engine too, so that what it changes has to be noticed.
 *
 * @param folder `src/test/regress` of PostgreSQL's sources
 * @returns the SELECTs, named `file:line`
 */
export async function runRegressFile(
  session: WorkloadSession,
  folder: string,
  file: string,
): Promise<readonly QueryReport[]> {
  const text = readFileSync(join(folder, "sql", `${file}.sql`), "utf8");
  const reports: QueryReport[] = [];
  for (const { line, sql, data } of readScript(text, { abs_srcdir: folder })) {
    if (data !== null) {
      await session.copy(sql, data);
      continue;
    }
    const kind = classifyStep(sql);
    if (kind === "change") await session.change(visibleToAll(sql));
    if (kind === "select") reports.push(await session.ask({ name: `${file}:${line}`, sql, params: null }));
  }
  return reports;
}
