import { ask } from "./ask.ts";
import type { Difference } from "./judge.ts";
import { Origin } from "./origin.ts";
import { RESET_STATEMENTS } from "./schema.ts";
import type { Statement } from "./statement.ts";
import { kindName, SUBJECT_KINDS, type Subject, type SubjectFactory, type SubjectKind } from "./subject.ts";

/**
 * A query to ask, a change of the origin's rows behind the cache's back followed by `invalidate` (`null`: of all tables), or
 * a write through the engine.
 */
export type Step =
  | Statement
  | { readonly change: string; readonly invalidate: string | null }
  | { readonly write: string };

/** One failure as a file: everything that is needed to see it again on any server. */
export interface Regression {
  /** What went wrong, for a person. */
  readonly note: string;
  /** Of the database; a server that does not have it skips the file. */
  readonly collation: string;
  /** Settings of every session, as `options` of the connection. */
  readonly session: string;
  readonly setup: readonly string[];
  /** Each query is asked twice: the second answer is the cache's. */
  readonly steps: readonly Step[];
}

export interface Replay {
  readonly subject: string;
  readonly sql: string;
  readonly difference: Difference;
}

export interface ReplayOptions {
  readonly kinds?: readonly SubjectKind[];
  readonly repeat?: number;
}

/** Runs the file in a database that it may empty. Returns every difference. */
export async function replay(
  regression: Regression,
  url: string,
  factory: SubjectFactory,
  { kinds = SUBJECT_KINDS, repeat = 2 }: ReplayOptions = {},
): Promise<Replay[]> {
  // Set up without the session's settings: they change what a string literal is.
  const maker = await Origin.open(url, "");
  const origin = await Origin.open(url, regression.session);
  const differences: Replay[] = [];
  try {
    for (const kind of kinds) {
      await maker.change(...RESET_STATEMENTS, ...regression.setup);
      const subject = await factory(url, regression.session, kind);
      try {
        differences.push(...(await replaySteps(regression.steps, subject, origin, repeat)));
      } finally {
        await subject.close();
      }
    }
  } finally {
    await origin.close();
    await maker.close();
  }
  return differences;
}

/** Every difference on the way. */
export async function replaySteps(
  steps: readonly Step[],
  subject: Subject,
  origin: Origin,
  repeat: number,
): Promise<Replay[]> {
  const differences: Replay[] = [];
  for (const [index, step] of steps.entries()) {
    if (!("sql" in step)) {
      await changeRows(step, subject, origin);
      continue;
    }
    for (let time = 0; time < repeat; time++) {
      // What only an index makes wrong shows when it is there.
      if (time === repeat - 1 && index === steps.length - 1) await subject.settled(40);
      const { difference } = await ask(subject, step, origin);
      if (difference !== null) {
        differences.push({ subject: kindName(subject.kind), sql: step.sql, difference });
        break;
      }
    }
  }
  return differences;
}

/** What the origin refused when it was recorded, it refuses again. */
async function changeRows(step: Exclude<Step, Statement>, subject: Subject, origin: Origin): Promise<void> {
  try {
    if ("change" in step) await origin.change(step.change);
    else await subject.execute(step.write, null);
  } catch {
    // Nothing has changed.
  }
  if ("change" in step) await subject.invalidate(step.invalidate);
}

/** JSON with the JS values that parameters can be and JSON cannot. */
export function serializeRegression(regression: Regression): string {
  const plain = {
    ...regression,
    steps: regression.steps.map((step) => ("sql" in step ? { ...step, ...packStep(step) } : step)),
  };
  return `${JSON.stringify(plain, null, 2)}\n`;
}

function packStep({ params, check }: Statement) {
  const full = check.full === null ? null : { ...check.full, params: check.full.params?.map(pack) ?? null };
  return { params: params?.map(pack) ?? null, check: { ...check, full } };
}

export function parseRegression(text: string): Regression {
  return JSON.parse(text, (_, value: unknown) => unpack(value)) as Regression;
}

function pack(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $number: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (value === undefined) return { $undefined: true };
  if (value instanceof Date) return { $date: value.getTime() };
  if (Buffer.isBuffer(value)) return { $buffer: value.toString("hex") };
  return Array.isArray(value) ? value.map(pack) : value;
}

function unpack(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const [entry] = Object.entries(value);
  switch (entry?.[0]) {
    case "$bigint":
      return BigInt(String(entry[1]));
    case "$number":
      return Number(entry[1]);
    case "$undefined":
      return undefined;
    case "$date":
      return new Date(entry[1] === null ? Number.NaN : Number(entry[1]));
    case "$buffer":
      return Buffer.from(String(entry[1]), "hex");
    default:
      return value;
  }
}
