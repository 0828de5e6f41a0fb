import { readFileSync } from "node:fs";

export interface Pair {
  readonly expected: string;
  readonly sql: string;
  readonly line: number;
}

/**
 * Reads a fixture: each block is one or more `--> expectation` lines and the statement up to the next one. The arrow
 * keeps comments of the statements themselves apart from expectations.
 */
export function readFixture(name: string): Pair[] {
  const lines = readFileSync(new URL(`../../fixtures/parse/${name}`, import.meta.url), "utf8").split("\n");
  const pairs: { expected: string[]; sql: string[]; line: number }[] = [];
  for (const [index, line] of lines.entries()) {
    const last = pairs.at(-1);
    if (line.startsWith("--> ")) {
      if (last !== undefined && last.sql.length === 0) last.expected.push(line.slice(4));
      else pairs.push({ expected: [line.slice(4)], sql: [], line: index + 1 });
    } else if (!line.startsWith("--# ")) {
      last?.sql.push(line);
    }
  }
  return pairs.map(({ expected, sql, line }) => ({ expected: expected.join(" "), sql: sql.join("\n").trim(), line }));
}
