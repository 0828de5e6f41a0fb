import { type Regression, replay, type Step } from "./regression.ts";
import { type Schema, setupStatements, type TableSpec } from "./schema.ts";
import { smallerQueries, without } from "./shrink-query.ts";
import type { Case } from "./statement.ts";
import type { SubjectFactory, SubjectKind } from "./subject.ts";
import { toStatement } from "./to-statement.ts";
import { roots, walk } from "./tree.ts";

export interface FailingCase {
  readonly schema: Schema;
  readonly table: TableSpec;
  readonly generated: Case;
  readonly collation: string;
  readonly session: string;
  readonly kind: SubjectKind;
  readonly note: string;
  /** Everything that this subject was asked before, should the case not fail on a fresh engine. */
  readonly history: readonly Step[];
}

export interface Shrunk {
  readonly regression: Regression;
  readonly reproduced: boolean;
}

export interface ShrinkOptions {
  /** A database that may be emptied. */
  readonly url: string;
  readonly factory: SubjectFactory;
  readonly budgetMs: number;
}

/** Looks for the smallest query, rows and session that still fail on a fresh engine, until the budget is spent. */
export async function shrink(failing: FailingCase, options: ShrinkOptions): Promise<Shrunk> {
  return await new Shrinker(failing, options).run();
}

interface Candidate {
  readonly prelude: readonly string[];
  readonly table: TableSpec;
  readonly generated: Case;
  readonly session: string;
  readonly history: readonly Step[];
}

class Shrinker {
  readonly #failing: FailingCase;
  readonly #options: ShrinkOptions;
  readonly #deadline: number;
  #best: Candidate;
  #note: string;

  constructor(failing: FailingCase, options: ShrinkOptions) {
    this.#failing = failing;
    this.#options = options;
    this.#deadline = Date.now() + options.budgetMs;
    this.#note = failing.note;
    const { table, generated, session, schema } = failing;
    this.#best = { prelude: schema.prelude, table, generated, session, history: [] };
  }

  async run(): Promise<Shrunk> {
    let reproduced = await this.#fails(this.#best);
    if (!reproduced) {
      const whole = { ...this.#best, history: this.#failing.history };
      reproduced = await this.#fails(whole);
      if (reproduced) {
        this.#best = whole;
        await this.#history();
      }
    }
    if (reproduced) {
      await this.#try({ ...this.#best, generated: { ...this.#best.generated, style: 0 } });
      await this.#try({ ...this.#best, session: "" });
      await this.#rows();
      await this.#query();
      await this.#columns();
      await this.#rows();
      await this.#plainColumns();
      await this.#cut(this.#best.prelude, (prelude) => ({ ...this.#best, prelude }));
    }
    return { regression: this.#regression(this.#best), reproduced };
  }

  async #query(): Promise<void> {
    for (let progress = true; progress; ) {
      progress = false;
      for (const query of smallerQueries(this.#best.generated.query)) {
        if (Date.now() > this.#deadline) return;
        progress = await this.#try({ ...this.#best, generated: { ...this.#best.generated, query } });
        if (progress) break;
      }
    }
  }

  async #rows(): Promise<void> {
    await this.#cut(this.#best.table.rows, (rows) => ({ ...this.#best, table: { ...this.#best.table, rows } }));
  }

  async #history(): Promise<void> {
    await this.#cut(this.#best.history, (history) => ({ ...this.#best, history }));
  }

  /** Leaves out runs of halving length as long as the rest still fails. */
  async #cut<T>(all: readonly T[], candidate: (items: readonly T[]) => Candidate): Promise<void> {
    let items = all;
    for (
      let size = Math.ceil(items.length / 2);
      size >= 1 && items.length > 0;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let start = 0; start < items.length; ) {
        if (Date.now() > this.#deadline) return;
        const rest = items.toSpliced(start, size);
        if (await this.#try(candidate(rest))) items = rest;
        else start += size;
      }
    }
  }

  /** Columns that the query does not name. */
  async #columns(): Promise<void> {
    for (const name of this.#best.table.columns.map((column) => column.name)) {
      if (Date.now() > this.#deadline) return;
      const { table } = this.#best;
      const named = roots(this.#best.generated.query).some((root) =>
        [...walk(root)].some((node) => node.kind === "column" && node.path.at(-1) === name),
      );
      if (named) continue;
      await this.#try({ ...this.#best, table: dropColumn(table, name) });
    }
    for (const key of ["unique", "indexes"] as const) {
      for (const lists of without(this.#best.table[key]))
        await this.#try({ ...this.#best, table: { ...this.#best.table, [key]: lists } });
    }
  }

  /** Columns of the database's own collation. */
  async #plainColumns(): Promise<void> {
    for (const [index, column] of this.#best.table.columns.entries()) {
      if (column.collation === null) continue;
      const columns = this.#best.table.columns.with(index, { ...column, collation: null });
      await this.#try({ ...this.#best, table: { ...this.#best.table, columns } });
    }
  }

  async #try(candidate: Candidate): Promise<boolean> {
    const fails = await this.#fails(candidate);
    if (fails) this.#best = candidate;
    return fails;
  }

  async #fails(candidate: Candidate): Promise<boolean> {
    try {
      const { url, factory } = this.#options;
      const regression = this.#regression(candidate);
      const differences = await replay(regression, url, factory, { kinds: [this.#failing.kind] });
      const last = regression.steps.at(-1);
      const found = differences.find(({ sql }) => last !== undefined && "sql" in last && sql === last.sql);
      if (found !== undefined) this.#note = `${found.subject}: ${found.difference.kind}: ${found.difference.detail}`;
      return found !== undefined;
    } catch {
      return false;
    }
  }

  #regression(candidate: Candidate): Regression {
    const { prelude, table, generated, session, history } = candidate;
    const tables =
      history.length > 0
        ? this.#failing.schema.tables.map((other) => (other.name === table.name ? table : other))
        : [table];
    return {
      note: this.#note,
      collation: this.#failing.collation,
      session,
      setup: setupStatements({ prelude, tables }),
      steps: [...history, toStatement(generated, table)],
    };
  }
}

function dropColumn(table: TableSpec, name: string): TableSpec {
  const index = table.columns.findIndex((column) => column.name === name);
  const keep = (lists: readonly (readonly string[])[]) => lists.filter((list) => !list.includes(name));
  return {
    ...table,
    columns: table.columns.toSpliced(index, 1),
    primaryKey: table.primaryKey.includes(name) ? [] : table.primaryKey,
    unique: keep(table.unique),
    indexes: keep(table.indexes),
    rows: table.rows.map((row) => row.toSpliced(index, 1)),
  };
}
