// The statements that ORMs send, as recorded in orms/corpora/ (see orms/README.md): each answer is the driver's, and so
// many of the reads are answered from the cache. SQLMEM_CORPORA_REPORT=file.json writes what was not answered, and why.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, expect, it } from "vitest";
import { SETUP } from "../../orms/database/setup.ts";
import { type Corpus, type RecordedStatement, restoreValue } from "../../orms/statements.ts";
import { describeOnServers, errorFields, openEngine } from "../support/engine.ts";

/** Of each program's distinct reads, at least this share is answered from the cache. */
const ANSWERED = 0.95;

const DIRECTORY = path.resolve(import.meta.dirname, "../../orms/corpora");

interface Unanswered {
  readonly program: string;
  readonly from: string;
  readonly reason: string;
  readonly detail: string;
  readonly text: string;
}

const unanswered: Unanswered[] = [];

afterAll(() => {
  const file = process.env.SQLMEM_CORPORA_REPORT;
  if (file !== undefined) writeFileSync(file, JSON.stringify(unanswered, null, 1));
});

describeOnServers(
  "statements of ORMs",
  (database) => {
    it.each(corpora())("$program", { timeout: 120_000 }, async ({ program, statements }) => {
      const { engine, bare } = await openEngine(database, { mode: "transparent" });
      const reads = distinctReads(statements);
      const reasons = new Map<string, number>();
      const different: unknown[] = [];
      let answered = 0;
      for (const { text, values, from } of reads) {
        const params = values?.map(restoreValue);
        const ask = (): Promise<unknown> => engine.execute(text, params).catch(errorFields);
        const theirs: unknown = await bare(text, params).catch(errorFields);
        let last = engine.stats();
        for (const run of [1, 2, 3]) {
          last = engine.stats();
          const ours = await ask();
          if (!sameAnswer(text, ours, theirs)) different.push({ from, run, text, params, ours, theirs });
        }
        if (engine.stats().hits > last.hits) answered += 1;
        else {
          const { reason, detail } = await engine.explain(text, params ?? []);
          const counted = Object.entries(engine.stats().bypassesByReason).find(
            ([each, count]) => count > (Reflect.get(last.bypassesByReason, each) ?? 0),
          );
          const name = reason ?? counted?.[0] ?? "missed again";
          reasons.set(name, (reasons.get(name) ?? 0) + 1);
          unanswered.push({ program, from, reason: name, detail: detail ?? "", text });
        }
      }
      const rest = [...reasons].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${count}`);
      const share = `${((100 * answered) / reads.length).toFixed(1)} %`;
      console.log(
        `${program}: ${reads.length} distinct reads, ${share} from the cache; ${rest.join(", ") || "no rest"}`,
      );
      expect(different).toEqual([]);
      expect(answered / reads.length).toBeGreaterThanOrEqual(ANSWERED);
    });
  },
  { setup: SETUP },
);

function corpora(): readonly Corpus[] {
  const files = readdirSync(DIRECTORY).filter((file) => file.endsWith(".json"));
  return files.map((file) => JSON.parse(readFileSync(path.join(DIRECTORY, file), "utf8")) as Corpus);
}

/** Those of the application; not what a library asks once when it connects. */
function distinctReads(statements: readonly RecordedStatement[]): readonly RecordedStatement[] {
  const reads = statements.filter(({ kind, from }) => kind === "read" && from !== "connect");
  return [...new Map(reads.map((statement) => [statement.text, statement])).values()];
}

/** Rows come in any order where the statement asks for none, and among rows that are equal in what it orders by. */
function sameAnswer(text: string, ours: unknown, theirs: unknown): boolean {
  if (isDeepStrictEqual(ours, theirs)) return true;
  if (!Array.isArray(ours) || !Array.isArray(theirs)) return false;
  const keys = orderedBy(text);
  const known = keys.every((key) => [...ours, ...theirs].every((row) => Object.hasOwn(row, key)));
  const keysOf = (rows: readonly Record<string, unknown>[]) => rows.map((row) => keys.map((key) => row[key]));
  return (
    known && isDeepStrictEqual(keysOf(ours), keysOf(theirs)) && isDeepStrictEqual(inAnyOrder(ours), inAnyOrder(theirs))
  );
}

/** The columns of the last ORDER BY, as far as a name can be read: `"o"."line" asc` is `line`, or the alias of `"o"."line"`. */
function orderedBy(text: string): readonly string[] {
  const list = text.split(/\border by\b/i).at(-1);
  if (list === undefined || list === text) return [];
  const keys = (list.split(/\b(?:limit|offset|fetch)\b|;/i)[0] ?? "").split(",");
  return keys.map((written) => {
    const key = written.replace(/\b(asc|desc)\b.*$/is, "").trim();
    const [, alias] = new RegExp(`${RegExp.escape(key)} as "([^"]+)"`, "i").exec(text) ?? [];
    return alias ?? key.split(".").at(-1)?.replaceAll('"', "") ?? "";
  });
}

function inAnyOrder(rows: readonly unknown[]): readonly unknown[] {
  const keyed = rows.map((row) => ({ key: JSON.stringify(row), row }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ row }) => row);
}
