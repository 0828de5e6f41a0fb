import { readFileSync } from "node:fs";
import type { ColumnFacts } from "../../../src/store/column-set.ts";

/** One block of a fixture. */
export interface PlanCase {
  readonly line: number;
  readonly sql: string;
  /** The SQLite text, or `bypass reason: detail`. */
  readonly expected: string;
  /** `--| columns: id`: what else the plan must be. */
  readonly also: readonly (readonly [what: string, expected: string])[];
  /** `--= n:int8`: how the origin describes the result; needed where it is not just columns. */
  readonly fields: readonly string[] | undefined;
  /** `--$ int4, text[]`: the types that the origin resolves for the parameters. */
  readonly parameters: readonly string[];
  readonly rows: number | undefined;
  /** `--@ big 0..9; ratio -0; price NaN; name not null`: what the load saw, where it is out of the ordinary. */
  readonly facts: Readonly<Record<string, Partial<ColumnFacts>>>;
}

/** Reads a fixture: `--> expectation` opens a block, `--#` is a comment, lines without mark are the statement. */
export function readPlanFixture(name: string): PlanCase[] {
  const text = readFileSync(new URL(`../../fixtures/plan/${name}.sql`, import.meta.url), "utf8");
  const blocks: { line: number; lines: string[] }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const last = blocks.at(-1);
    const continued = last?.lines.every((one) => one.startsWith("--> ")) === true;
    if (line.startsWith("--> ") && !continued) blocks.push({ line: index + 1, lines: [line] });
    else if (!line.startsWith("--#")) last?.lines.push(line);
  }
  return blocks.map(({ line, lines }) => readBlock(line, lines));
}

function readBlock(line: number, lines: readonly string[]): PlanCase {
  const marked = (mark: string): string[] =>
    lines.filter((one) => one.startsWith(`--${mark} `)).map((one) => one.slice(4).trim());
  const [fields] = marked("=");
  const loaded = marked("@").flatMap((one) => one.split(/; */));
  const rows = loaded.find((fact) => fact.startsWith("rows "));
  return {
    line,
    sql: lines
      .filter((one) => !/^--[>|=$@] /.test(one))
      .join("\n")
      .trim(),
    expected: marked(">").join(" "),
    also: marked("|").map((one) => {
      const [, what = "", value = ""] = /^(\w+): ?(.*)$/.exec(one) ?? [];
      return [what, value] as const;
    }),
    fields: fields?.split(/, */),
    parameters: marked("$").flatMap((one) => one.split(/, */)),
    rows: rows === undefined ? undefined : Number(rows.slice(5)),
    facts: Object.fromEntries(loaded.filter((fact) => fact !== rows).map(readFact)),
  };
}

function readFact(fact: string): [string, Partial<ColumnFacts>] {
  const [, name = "", what, low, high] = /^(.+) (-0|NaN|not null|all null|(-?\d+)\.\.(-?\d+))$/.exec(fact) ?? [];
  switch (what) {
    case undefined:
      throw new Error(`not a fact: ${fact}`);
    case "-0":
      return [name, { hasNegativeZero: true }];
    case "NaN":
      return [name, { hasNaN: true }];
    case "not null":
      return [name, { hasNull: false }];
    case "all null":
      return [name, { min: null, max: null }];
    default:
      return [name, { min: seen(low), max: seen(high) }];
  }
}

function seen(digits = ""): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}
