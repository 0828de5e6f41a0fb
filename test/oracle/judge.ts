import type { Answer } from "./answer.ts";
import { sortedArrays } from "./loose-json.ts";
import type { FullRow } from "./origin.ts";
import type { Statement } from "./statement.ts";

/** How an answer differs from the origin's. */
export interface Difference {
  readonly kind: "error" | "answered-an-error" | "raised-instead" | "refused" | "fields" | "rows" | "order";
  readonly detail: string;
}

export interface JudgeOptions {
  /** Strict mode may decline. */
  readonly mayRefuse: boolean;
  /** All rows in order, asked for only when the plain comparison is not enough. */
  readonly full: () => Promise<FullRow[] | null>;
}

/** `null`: the answer is one that the origin could have given. */
export async function judge(
  statement: Statement,
  expected: Answer,
  actual: Answer,
  options: JudgeOptions,
): Promise<Difference | null> {
  if (actual.kind === "refused") {
    return options.mayRefuse ? null : { kind: "refused", detail: `refused in transparent mode: ${actual.reason}` };
  }
  // Out of time: the origin gave no answer to compare with.
  if (expected.kind === "error" && expected.code === "57014") return null;
  if (expected.kind === "error") {
    if (actual.kind === "rows") {
      return {
        kind: "answered-an-error",
        detail: `origin raised ${expected.text}; got ${actual.rows.length} rows: ${show(actual.rows)}`,
      };
    }
    return expected.text === actual.text
      ? null
      : { kind: "error", detail: `expected ${expected.text}\ngot ${actual.text}` };
  }
  if (expected.kind !== "rows") return { kind: "error", detail: `origin answered ${expected.kind}` };
  if (actual.kind === "error")
    return { kind: "raised-instead", detail: `expected ${expected.rows.length} rows; raised ${actual.text}` };
  if (actual.anatomy !== null && expected.anatomy !== null && actual.anatomy !== expected.anatomy) {
    return { kind: "fields", detail: `expected ${expected.anatomy}\ngot ${actual.anatomy}` };
  }
  return await judgeRows(statement, expected.rows, actual.rows, options);
}

async function judgeRows(
  statement: Statement,
  expected: readonly string[],
  actual: readonly string[],
  options: JudgeOptions,
): Promise<Difference | null> {
  if (expected.length === actual.length && expected.every((row, index) => row === actual[index])) return null;
  if (statement.check.looseJson === true) {
    return await judgeRows(
      { ...statement, check: { ...statement.check, looseJson: false } },
      expected.map(sortedArrays),
      actual.map(sortedArrays),
      options,
    );
  }
  const difference = (kind: "rows" | "order"): Difference => ({ kind, detail: firstDifference(expected, actual) });
  if (expected.length !== actual.length) return difference("rows");
  const { ordered, limited, offset, total } = statement.check;
  const same = sameBag(expected, actual);
  if (total === true) return difference(same ? "order" : "rows");
  if (!ordered && !limited) return same ? null : difference("rows");
  if (!same && !limited) return difference("rows");
  const full = await options.full();
  // Only a reading of the ORDER BY that the origin's own answer fits can tell anything about another answer.
  const known = full !== null && offset !== null && isLegal(expected, full, ordered ? offset : 0, ordered);
  if (!known) return same ? null : difference("rows");
  return isLegal(actual, full, ordered ? offset : 0, ordered) ? null : difference(same ? "order" : "rows");
}

/** The rows are `full` from `offset` on, ties in any order, or any choice of rows when nothing orders them. */
export function isLegal(rows: readonly string[], full: readonly FullRow[], offset: number, ordered: boolean): boolean {
  if (!ordered)
    return isSubBag(
      rows,
      full.map(({ text }) => text),
    );
  let start = 0;
  while (start < rows.length) {
    const rank = full[offset + start]?.rank;
    if (rank === undefined) return false;
    let end = start;
    while (end < rows.length && full[offset + end]?.rank === rank) end++;
    const ties = full.filter((row) => row.rank === rank).map(({ text }) => text);
    if (!isSubBag(rows.slice(start, end), ties)) return false;
    start = end;
  }
  return true;
}

function sameBag(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && isSubBag(left, right);
}

function isSubBag(part: readonly string[], whole: readonly string[]): boolean {
  const counts = new Map<string, number>();
  for (const item of whole) counts.set(item, (counts.get(item) ?? 0) + 1);
  return part.every((item) => {
    const left = counts.get(item) ?? 0;
    counts.set(item, left - 1);
    return left > 0;
  });
}

function firstDifference(expected: readonly string[], actual: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const row of expected) counts.set(row, (counts.get(row) ?? 0) + 1);
  const extra: string[] = [];
  for (const row of actual) {
    const left = counts.get(row) ?? 0;
    if (left > 0) counts.set(row, left - 1);
    else extra.push(row);
  }
  const missing = [...counts].flatMap(([row, count]) => (count > 0 ? [row] : []));
  if (extra.length === 0 && missing.length === 0)
    return `same rows in another order\nexpected ${show(expected)}\ngot ${show(actual)}`;
  return `expected ${expected.length} rows, got ${actual.length}\nmissing ${show(missing)}\nnot expected ${show(extra)}`;
}

function show(rows: readonly string[]): string {
  const text = rows.slice(0, 5).join(" ");
  return `${text.length > 600 ? `${text.slice(0, 600)}…` : text}${rows.length > 5 ? ` … (${rows.length})` : ""}`;
}
