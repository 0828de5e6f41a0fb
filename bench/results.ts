import { writeFile } from "node:fs/promises";
import type { Section } from "./report.ts";

const FILE = new URL("./results.json", import.meta.url);

/** Writes `results.json`, beside this file. */
export async function saveResults(
  machine: Readonly<Record<string, string>>,
  rows: number,
  sections: readonly Section[],
): Promise<void> {
  const results = { measuredAt: new Date().toISOString().slice(0, 10), machine, rows, sections };
  await writeFile(FILE, `${JSON.stringify(results, rounded, 2)}\n`);
}

/** Four digits: more are noise. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
