import { ask } from "../ask.ts";
import type { BatchOptions, Finding } from "../batch.ts";
import type { OriginAnswer } from "../origin.ts";
import { Random } from "../random.ts";
import type { Step } from "../regression.ts";
import type { Statement } from "../statement.ts";
import type { Subject } from "../subject.ts";
import { treeStatement } from "./check.ts";
import { makeStatement } from "./make-statement.ts";
import { featuresOf, type Node } from "./node.ts";
import type { Weights } from "./weights.ts";
import { randomWrite } from "./write.ts";

/** Statements that are on their way to the origin at once. */
const CHUNK = 48;
/** The share of bypasses whose particulars are asked for. */
const EXPLAINED = 0.08;

export interface RelatedBatchOptions extends BatchOptions {
  readonly weights: Weights;
}

interface Asking {
  readonly root: Node;
  readonly statement: Statement;
}

/**
 * Many statements of the grammar over one schema. The origin answers a chunk of them in one round trip, then each of the
 * subjects its share, all at the same time; between chunks rows are changed, through an engine or behind its back.
 */
export class RelatedBatch {
  readonly #options: RelatedBatchOptions;
  readonly #random: Random;
  readonly #history = new Map<Subject, Step[]>();
  /** Shapes that are asked again with other constants. */
  readonly #shapes: number[] = [];

  constructor(options: RelatedBatchOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<void> {
    const { queries, tally, changes, over } = this.#options;
    const end = tally.queries + queries;
    while (tally.queries < end && !over()) {
      await this.#chunk(Math.min(CHUNK, end - tally.queries));
      if (changes && this.#random.chance(0.12)) await this.#write();
    }
  }

  async #chunk(size: number): Promise<void> {
    const { origin, subjects } = this.#options;
    const askings = this.#random.times(size, () => this.#asking());
    const expected = await origin.runAll(askings.map(({ statement }) => statement));
    const lanes = new Map<Subject, { readonly asking: Asking; readonly expected: OriginAnswer }[]>();
    for (const [index, asking] of askings.entries()) {
      const answer = expected[index];
      if (answer === undefined) continue;
      const subject = this.#random.pick(subjects);
      lanes.set(subject, [...(lanes.get(subject) ?? []), { asking, expected: answer }]);
    }
    await Promise.all(
      [...lanes].map(async ([subject, lane]) => {
        for (const { asking, expected: answer } of lane) await this.#one(subject, asking, answer);
      }),
    );
  }

  #asking(): Asking {
    const { schema, weights } = this.#options;
    const again = this.#shapes.length > 0 && this.#random.chance(0.25);
    const shape = again ? this.#random.pick(this.#shapes) : this.#random.seed();
    if (!again) {
      this.#shapes.push(shape);
      if (this.#shapes.length > 60) this.#shapes.shift();
    }
    const root = makeStatement(schema, { shape, values: this.#random.seed() }, weights);
    return { root, statement: treeStatement(root) };
  }

  async #one(subject: Subject, { root, statement }: Asking, expected: OriginAnswer): Promise<void> {
    const { origin, tally } = this.#options;
    const { answer, difference } = await ask(subject, statement, origin, expected);
    tally.queries++;
    if (answer.kind === "error") tally.raised++;
    const outcome = tally.outcome(subject, statement.sql);
    tally.coverage.addNames(featuresOf(root), outcome !== "bypass", expected.in("wire").kind === "error");
    if (outcome === "bypass" && answer.kind === "rows" && this.#random.chance(EXPLAINED)) {
      const detail = await subject.explain(statement.sql, statement.params).catch(() => null);
      if (detail !== null) tally.details.set(detail, (tally.details.get(detail) ?? 0) + 1);
    }
    if (difference !== null) this.#found({ subject, statement, difference, generated: null, tree: root });
    this.#note(subject, statement);
  }

  /** Changes rows through one of the engines, which must notice it itself, or past all of them. */
  async #write(): Promise<void> {
    const { origin, subjects, schema, tally } = this.#options;
    const sql = randomWrite(this.#random, schema);
    const writer = this.#random.chance(0.6) ? this.#random.pick(subjects.filter(({ kind }) => !kind.strict)) : null;
    try {
      if (writer === null) await origin.change(sql);
      else await writer.execute(sql, null);
    } catch {
      // A constraint, mostly. Nothing has changed.
    }
    tally.changes++;
    for (const subject of subjects) {
      if (subject === writer) this.#note(subject, { write: sql });
      else {
        await subject.invalidate(null);
        this.#note(subject, { change: sql, invalidate: null });
      }
    }
  }

  #found(finding: Omit<Finding, "history" | "after">): void {
    const history = [...(this.#history.get(finding.subject) ?? [])];
    this.#options.onFinding({ ...finding, history, after: this.#options.tally.queries });
  }

  #note(subject: Subject, step: Step): void {
    const steps = this.#history.get(subject) ?? [];
    steps.push(step);
    this.#history.set(subject, steps);
  }
}
