import { readFileSync } from "node:fs";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { describeOnServers, type OpenedEngine, openEngine } from "../support/engine.ts";

/** One statement of the fixture. */
interface JoinCase {
  readonly line: number;
  readonly topic: string;
  readonly sql: string;
  readonly params: readonly unknown[] | undefined;
  /** `cache`, `error CODE`, or `origin REASON` for what is passed through. */
  readonly expected: string;
  /** ORDER BY leaves no two rows in the order that the origin happened to find them in. */
  readonly ordered: boolean;
}

const directory = new URL("../fixtures/joins/", import.meta.url);

/** `--# topic`, `--> cache, in order` above each statement, `--$ [json]` for its parameters. */
function readJoinFixture(): readonly JoinCase[] {
  const cases: JoinCase[] = [];
  let topic = "";
  for (const { block, line } of blocks(readFileSync(new URL("queries.sql", directory), "utf8"))) {
    const lines = block.split("\n");
    if (block.startsWith("--# ")) topic = block.slice(4);
    else {
      const marked = (mark: string): string | undefined => lines.find((one) => one.startsWith(mark))?.slice(4);
      const [expected = "", order] = (marked("--> ") ?? "").split(", ");
      const params = marked("--$ ");
      cases.push({
        line,
        topic,
        sql: lines.filter((one) => !/^--[>$]/.test(one)).join("\n"),
        params: params === undefined ? undefined : JSON.parse(params),
        expected,
        ordered: order === "in order",
      });
    }
  }
  return cases;
}

function blocks(text: string): { readonly block: string; readonly line: number }[] {
  let line = 1;
  return text.split("\n\n").flatMap((block) => {
    const start = line;
    line += block.split("\n").length + 1;
    return block.trim() === "" ? [] : [{ block: block.trim(), line: start }];
  });
}

/** Values as the origin writes them. */
const WIRE_TEXT: pg.CustomTypesConfig = { getTypeParser: () => (text: string | Buffer) => String(text) };

type Answer = readonly string[] | { readonly code: string; readonly message: string };

/** Rows with their columns in order, or the error; as a multiset where the order is open. */
async function answerOf(rows: Promise<readonly object[]>, ordered: boolean): Promise<Answer> {
  try {
    const texts = (await rows).map((row) => JSON.stringify(Object.entries(row)));
    return ordered ? texts : texts.sort();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { code: String(Reflect.get(error, "code")), message: error.message };
  }
}

/** How the engine came by its last answer. */
async function outcomeOf({ engine }: OpenedEngine, action: () => Promise<Answer>): Promise<[string, Answer]> {
  const before = engine.stats();
  const answer = await action();
  const after = engine.stats();
  const reasons = Object.entries(after.bypassesByReason);
  const [reason] = reasons.find(([name, count]) => count !== Reflect.get(before.bypassesByReason, name)) ?? [];
  if (!Array.isArray(answer)) return [`error ${Reflect.get(answer, "code")}`, answer];
  return [after.hits > before.hits ? "cache" : `origin ${reason}`, answer];
}

const cases = readJoinFixture();

describeOnServers(
  "queries over several tables",
  (database) => {
    describe.each([...new Set(cases.map(({ topic }) => topic))])("%s", (topic) => {
      it("the origin's rows, and where they come from", async () => {
        const opened = await openEngine(database, { mode: "transparent", pool: { types: WIRE_TEXT } });
        for (const { line, sql, params, expected, ordered } of cases.filter((one) => one.topic === topic)) {
          const theirs = await answerOf(opened.bare(sql, params), ordered);
          await answerOf(opened.engine.execute(sql, params), ordered);
          const [outcome, ours] = await outcomeOf(opened, () => answerOf(opened.engine.execute(sql, params), ordered));
          expect.soft({ line, sql, outcome, answer: ours }).toEqual({ line, sql, outcome: expected, answer: theirs });
        }
        expect(opened.faults).toEqual([]);
      });
    });
  },
  { collation: "en_US", setup: [readFileSync(new URL("schema.sql", directory), "utf8")] },
);
