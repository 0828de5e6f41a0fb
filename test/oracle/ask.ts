import { type Answer, errorAnswer, rowsAnswer } from "./answer.ts";
import { type Difference, judge } from "./judge.ts";
import type { Origin, OriginAnswer } from "./origin.ts";
import type { Statement } from "./statement.ts";
import type { Subject } from "./subject.ts";

/** Longer than any query of the harness can take on a loaded machine. */
const PATIENCE_MS = 30_000;

export async function answerOf(subject: Subject, statement: Statement): Promise<Answer> {
  const { promise: late, resolve } = Promise.withResolvers<Answer>();
  const timer = setTimeout(() => resolve({ kind: "error", text: "no answer in 30 s", code: null }), PATIENCE_MS);
  try {
    const rows = subject.execute(statement.sql, statement.params).then(rowsAnswer, errorAnswer);
    return await Promise.race([rows, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Asked {
  readonly answer: Answer;
  readonly difference: Difference | null;
}

/** Asks the subject and judges its answer; `expected` saves asking the origin again. */
export async function ask(
  subject: Subject,
  statement: Statement,
  origin: Origin,
  expected?: OriginAnswer,
): Promise<Asked> {
  const { view, strict } = subject.kind;
  const [original, answer] = await Promise.all([
    expected ?? origin.run(statement.sql, statement.params),
    answerOf(subject, statement),
  ]);
  const arrays = answer.kind === "rows" && answer.arrays;
  const wanted = original.in(view, arrays);
  if (ranOutOfTime(wanted) || ranOutOfTime(answer)) return { answer, difference: null };
  const full = async () => await origin.full(statement, view, arrays);
  const difference = await judge(statement, wanted, answer, { mayRefuse: strict, full });
  return { answer, difference };
}

/** `statement_timeout` of the session: what it would have answered nobody knows. */
function ranOutOfTime(answer: Answer): boolean {
  return answer.kind === "error" && answer.code === "57014";
}
