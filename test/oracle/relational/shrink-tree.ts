import { ask } from "../ask.ts";
import { Origin } from "../origin.ts";
import { quoteIdentifier } from "../print.ts";
import type { Regression, Step } from "../regression.ts";
import { replaySteps } from "../regression.ts";
import { RESET_STATEMENTS, type Schema, setupStatements, type TableSpec } from "../schema.ts";
import type { ShrinkOptions, Shrunk } from "../shrink.ts";
import { kindName, type SubjectKind } from "../subject.ts";
import { treeStatement } from "./check.ts";
import { type Node, print, smaller } from "./node.ts";

export interface FailingTree {
  readonly schema: Schema;
  readonly tree: Node;
  readonly collation: string;
  readonly session: string;
  readonly kind: SubjectKind;
  readonly note: string;
  /** Everything that this subject was asked before, should the statement not fail on a fresh engine. */
  readonly history: readonly Step[];
}

interface Candidate {
  readonly schema: Schema;
  readonly tree: Node;
  readonly session: string;
  readonly history: readonly Step[];
}

/** Looks for the smallest statement, tables and rows that still fail on a fresh engine, until the budget is spent. */
export async function shrinkTree(failing: FailingTree, options: ShrinkOptions): Promise<Shrunk> {
  const shrinker = new TreeShrinker(failing, options);
  try {
    return await shrinker.run();
  } finally {
    await shrinker.close();
  }
}

class TreeShrinker {
  readonly #failing: FailingTree;
  readonly #options: ShrinkOptions;
  readonly #deadline: number;
  /** What the database holds now: setting it up is the slow part. */
  #prepared: Schema | null = null;
  #origins = new Map<string, Origin>();
  #best: Candidate;
  #note: string;

  constructor(failing: FailingTree, options: ShrinkOptions) {
    this.#failing = failing;
    this.#options = options;
    this.#deadline = Date.now() + options.budgetMs;
    this.#note = failing.note;
    const { schema, tree, session } = failing;
    this.#best = { schema, tree, session, history: [] };
  }

  async run(): Promise<Shrunk> {
    let reproduced = await this.#fails(this.#best);
    if (!reproduced) {
      const whole = { ...this.#best, history: this.#failing.history };
      reproduced = await this.#fails(whole);
      if (reproduced) {
        this.#best = whole;
        await this.#cut(whole.history, (history) => ({ ...this.#best, history }));
      }
    }
    if (reproduced) {
      await this.#try({ ...this.#best, session: "" });
      await this.#tree();
      await this.#tables();
      for (const { name } of this.#best.schema.tables) await this.#rows(name);
      for (const { name } of this.#best.schema.tables) await this.#columns(name);
      await this.#cut(this.#best.schema.prelude, (prelude) => ({
        ...this.#best,
        schema: { ...this.#best.schema, prelude },
      }));
      await this.#tree();
    }
    return { regression: this.#regression(this.#best), reproduced };
  }

  async close(): Promise<void> {
    for (const origin of this.#origins.values()) await origin.close();
  }

  async #tree(): Promise<void> {
    for (let progress = true; progress; ) {
      progress = false;
      const tried = new Set<string>();
      for (const tree of smaller(this.#best.tree)) {
        if (Date.now() > this.#deadline) return;
        const { sql } = print(tree);
        if (tried.has(sql)) continue;
        tried.add(sql);
        progress = await this.#try({ ...this.#best, tree });
        if (progress) break;
      }
    }
  }

  async #tables(): Promise<void> {
    for (const { name } of this.#best.schema.tables) {
      const tables = this.#best.schema.tables.filter((table) => table.name !== name);
      await this.#try({ ...this.#best, schema: { ...this.#best.schema, tables } });
    }
  }

  async #rows(name: string): Promise<void> {
    const rows = this.#best.schema.tables.find((table) => table.name === name)?.rows ?? [];
    await this.#cut(rows, (items) => this.#withTable(name, (table) => ({ ...table, rows: items })));
  }

  /** Columns and constraints that the failure does not need. */
  async #columns(name: string): Promise<void> {
    const own = this.#best.schema.tables.find((table) => table.name === name);
    await this.#try(this.#withTable(name, (table) => ({ ...table, foreignKeys: [], unique: [], indexes: [] })));
    await this.#try(this.#withTable(name, (table) => ({ ...table, schema: "public" })));
    for (const column of own?.columns ?? []) {
      if (Date.now() > this.#deadline) return;
      const { sql } = print(this.#best.tree);
      if (sql.includes(quoteIdentifier(column.name))) {
        if (column.collation !== null)
          await this.#try(this.#withTable(name, (table) => plainColumn(table, column.name)));
        continue;
      }
      await this.#try(this.#withTable(name, (table) => dropColumn(table, column.name)));
    }
  }

  #withTable(name: string, change: (table: TableSpec) => TableSpec): Candidate {
    const tables = this.#best.schema.tables.map((table) => (table.name === name ? change(table) : table));
    return { ...this.#best, schema: { ...this.#best.schema, tables } };
  }

  /** Leaves out runs of halving length as long as the rest still fails. */
  async #cut<T>(all: readonly T[], candidate: (items: readonly T[]) => Candidate): Promise<void> {
    let items = all;
    for (let size = items.length; size >= 1 && items.length > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let start = 0; start < items.length; ) {
        if (Date.now() > this.#deadline) return;
        const rest = items.toSpliced(start, size);
        if (await this.#try(candidate(rest))) items = rest;
        else start += size;
      }
    }
  }

  async #try(candidate: Candidate): Promise<boolean> {
    const fails = await this.#fails(candidate);
    if (fails) this.#best = candidate;
    return fails;
  }

  async #fails({ schema, tree, session, history }: Candidate): Promise<boolean> {
    const { url, factory } = this.#options;
    try {
      if (this.#prepared !== schema || history.length > 0) await this.#prepare(schema);
      const origin = await this.#origin(session);
      const subject = await factory(url, session, this.#failing.kind);
      try {
        if (history.length > 0) await replaySteps(history, subject, origin, 1);
        const statement = treeStatement(tree);
        for (let time = 0; time < 2; time++) {
          const { difference } = await ask(subject, statement, origin);
          if (difference === null) continue;
          this.#note = `${kindName(subject.kind)}: ${difference.kind}: ${difference.detail}`;
          return true;
        }
        return false;
      } finally {
        await subject.close();
      }
    } catch {
      return false;
    }
  }

  async #prepare(schema: Schema): Promise<void> {
    this.#prepared = null;
    const maker = await Origin.open(this.#options.url, "");
    try {
      await maker.change(...RESET_STATEMENTS, ...setupStatements(schema));
    } finally {
      await maker.close();
    }
    this.#prepared = schema;
  }

  async #origin(session: string): Promise<Origin> {
    const origin = this.#origins.get(session) ?? (await Origin.open(this.#options.url, session));
    this.#origins.set(session, origin);
    return origin;
  }

  #regression({ schema, tree, session, history }: Candidate): Regression {
    return {
      note: this.#note,
      collation: this.#failing.collation,
      session,
      setup: setupStatements(schema),
      steps: [...history, treeStatement(tree)],
    };
  }
}

function plainColumn(table: TableSpec, name: string): TableSpec {
  return {
    ...table,
    columns: table.columns.map((column) => (column.name === name ? { ...column, collation: null } : column)),
  };
}

function dropColumn(table: TableSpec, name: string): TableSpec {
  const index = table.columns.findIndex((column) => column.name === name);
  return {
    ...table,
    columns: table.columns.toSpliced(index, 1),
    primaryKey: table.primaryKey.includes(name) ? [] : table.primaryKey,
    rows: table.rows.map((row) => row.toSpliced(index, 1)),
  };
}
