import { answerOf, ask } from "./ask.ts";
import { changeRows } from "./change.ts";
import { randomForeignStatement } from "./foreign.ts";
import { INDEXED_ROWS, randomCase, type TableCase } from "./generate-query.ts";
import type { Difference } from "./judge.ts";
import type { Origin } from "./origin.ts";
import { Random } from "./random.ts";
import type { Step } from "./regression.ts";
import type { Node } from "./relational/node.ts";
import type { Schema, TableSpec } from "./schema.ts";
import type { Case, Statement } from "./statement.ts";
import { kindName, type Subject } from "./subject.ts";
import type { Tally } from "./tally.ts";
import { invalidationName, toStatement } from "./to-statement.ts";

/** A wrong answer as the batch saw it, with what is needed to shrink it. */
export interface Finding {
  readonly subject: Subject;
  readonly statement: Statement;
  readonly difference: Difference;
  /** `null` for a statement that was not made from the language. */
  readonly generated: (Case & { readonly table: TableSpec }) | null;
  /** The tree of a statement of the grammar. */
  readonly tree?: Node;
  readonly history: readonly Step[];
  /** Queries asked in the whole run until then. */
  readonly after: number;
}

export interface BatchOptions {
  readonly seed: number;
  readonly schema: Schema;
  readonly origin: Origin;
  readonly subjects: readonly Subject[];
  readonly queries: number;
  readonly tally: Tally;
  /** Now and then rows are changed behind the cache's back. */
  readonly changes: boolean;
  readonly onFinding: (finding: Finding) => void;
  /** Ends the batch early. */
  readonly over: () => boolean;
}

interface Remembered {
  readonly subject: Subject;
  readonly statement: Statement;
  readonly rows: readonly string[];
  readonly table: TableSpec;
}

/** Many queries over one schema, each asked of the origin and of one of the subjects. */
export class Batch {
  readonly #options: BatchOptions;
  readonly #random: Random;
  readonly #history = new Map<Subject, Step[]>();
  #remembered: Remembered[] = [];

  constructor(options: BatchOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<void> {
    const { queries, tally, changes, schema, over } = this.#options;
    const end = tally.queries + queries;
    let nextChange = tally.queries + 150;
    while (tally.queries < end && !over()) {
      if (this.#random.chance(0.02)) {
        const table = this.#random.pick(schema.tables);
        const sql = randomForeignStatement(this.#random, table);
        await this.#one({ sql, params: null, check: { ordered: false, limited: false, offset: 0, full: null } }, null);
      } else if (this.#random.chance(0.01)) {
        await this.#burst();
      } else {
        await this.#variants();
      }
      if (changes && tally.queries >= nextChange) {
        nextChange += 150;
        await this.#change(this.#random.pick(schema.tables));
      }
    }
  }

  /** One shape with several sets of constants. */
  async #variants(): Promise<void> {
    const { schema, over } = this.#options;
    const shapeSeed = this.#random.seed();
    const first = randomCase(schema, shapeSeed, this.#random.seed());
    if (first.keyed && first.table.rows.length >= INDEXED_ROWS) {
      await this.#keyed(shapeSeed, first);
      return;
    }
    const count = this.#random.pick([1, 1, 2, 3]);
    for (let variant = 0; variant < count && !over(); variant++) {
      const generated = variant === 0 ? first : randomCase(schema, shapeSeed, this.#random.seed());
      await this.#one(this.#mangled(toStatement(generated, generated.table)), generated);
    }
  }

  /** One shape of one subject again and again: before and after its index is there, and after loads anew. */
  async #keyed(shapeSeed: number, first: TableCase): Promise<void> {
    const { schema, over } = this.#options;
    const subject = this.#subject();
    let generated = first;
    const count = this.#random.pick([2, 3, 5]);
    for (let variant = 0; variant < count && !over(); variant++) {
      await this.#one(this.#mangled(toStatement(generated, generated.table)), generated, subject);
      if (variant === 0 && this.#random.chance(0.5)) await subject.settled(40);
      if (variant === 1 && this.#random.chance(0.1)) {
        const name = invalidationName(first.table);
        await subject.invalidate(name);
        this.#note(subject, { change: "SELECT 1", invalidate: name });
      }
      // Something else of the same schema: a load with more columns, another index.
      if (variant === 1 && this.#random.chance(0.2)) {
        const other = randomCase(schema, this.#random.seed(), this.#random.seed());
        await this.#one(toStatement(other, other.table), other, subject);
      }
      generated = randomCase(schema, shapeSeed, this.#random.seed());
    }
  }

  /** The parameters as given by a careless caller now and then. */
  #mangled(statement: Statement): Statement {
    const { params } = statement;
    if (params === null) return this.#random.chance(0.1) ? { ...statement, params: [] } : statement;
    if (params.length < 2 || !this.#random.chance(0.02)) return statement;
    return { ...statement, params: this.#random.chance(0.5) ? params.slice(0, -1) : [...params, null] };
  }

  /** Several statements at once: one load for all, answers not mixed up. */
  async #burst(): Promise<void> {
    const { origin, schema, tally } = this.#options;
    const subject = this.#subject();
    const generated = this.#random.times(6, () => randomCase(schema, this.#random.seed(), this.#random.seed()));
    const statements = generated.map((one) => toStatement(one, one.table));
    const asked = await Promise.all(statements.map((statement) => ask(subject, statement, origin)));
    tally.queries += asked.length;
    for (const [index, { difference }] of asked.entries()) {
      const statement = statements[index];
      if (statement === undefined) continue;
      if (difference !== null) this.#found({ subject, statement, difference, generated: generated[index] ?? null });
      this.#note(subject, statement);
    }
  }

  async #one(statement: Statement, generated: Finding["generated"], subject = this.#subject()): Promise<void> {
    const { origin, tally } = this.#options;
    const expected = origin.run(statement.sql, statement.params);
    const repeat = this.#random.chance(0.3) ? 2 : 1;
    for (let time = 0; time < repeat; time++) {
      const { answer, difference } = await ask(subject, statement, origin, await expected);
      tally.queries++;
      if (answer.kind === "error") tally.raised++;
      const outcome = tally.outcome(subject, statement.sql);
      if (generated !== null) tally.coverage.add(generated.query, generated.table, outcome !== "bypass");
      if (difference !== null) {
        this.#found({ subject, statement, difference, generated });
        break;
      }
      // Under a LIMIT without a total order a new index may rightly choose other rows.
      const settled = answer.kind === "rows" && !statement.check.limited;
      if (outcome === "hit" && settled && generated !== null) {
        this.#remembered.push({ subject, statement, rows: answer.rows, table: generated.table });
        if (this.#remembered.length > 40) this.#remembered.shift();
      }
    }
    this.#note(subject, statement);
  }

  #subject(): Subject {
    const [wire, plain, strict, attached] = this.#options.subjects;
    const chosen = this.#random.weighted({ wire: 9, plain: 8, strict: 3, attached: 4 });
    const subject = { wire, plain, strict, attached }[chosen] ?? wire;
    if (subject === undefined) throw new Error("A batch without a subject");
    return subject;
  }

  /** Changes rows: hits must go on showing the old ones until the table is invalidated, and not a query longer. */
  async #change(table: TableSpec): Promise<void> {
    const { origin, subjects, tally } = this.#options;
    const change = await changeRows(this.#random, origin, table);
    if (change === null) return;
    tally.changes++;
    const name = invalidationName(table);
    const reloaded = new Set<Subject>();
    // Attached clients fetch behind their misses: a fetch of more columns may end, and rightly show the change, at any time.
    const [, , , attached] = subjects;
    const held = this.#remembered.filter((item) => item.table === table && item.subject !== attached);
    for (const old of held.slice(-4)) {
      const answer = await answerOf(old.subject, old.statement);
      // A miss fetches the table anew: what follows shows the change.
      if (old.subject.lastOutcome() !== "hit") reloaded.add(old.subject);
      if (reloaded.has(old.subject)) continue;
      tally.staleHits++;
      const same = answer.kind === "rows" && sameRows(answer.rows, old.rows);
      if (same) continue;
      const detail = `a hit no longer shows the rows of its load: expected ${old.rows.slice(0, 5).join(" ")}`;
      this.#found({ ...old, difference: { kind: "rows", detail }, generated: null });
    }
    for (const subject of subjects) {
      await subject.invalidate(name);
      this.#note(subject, { change, invalidate: name });
    }
    const again = this.#remembered.filter((item) => item.table === table).slice(-4);
    this.#remembered = this.#remembered.filter((item) => item.table !== table);
    for (const { subject, statement } of again) {
      const { difference } = await ask(subject, statement, origin);
      tally.queries++;
      tally.outcome(subject, statement.sql);
      if (difference !== null) this.#found({ subject, statement, difference, generated: null });
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

/** Equal as bags: an old hit may come in another order only where none is asked for, which its first answer settled. */
function sameRows(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && [...left].sort().join("\n") === [...right].sort().join("\n");
}

export function describeFinding(finding: Finding): string {
  return `${kindName(finding.subject.kind)}: ${finding.difference.kind}: ${finding.difference.detail}`;
}
