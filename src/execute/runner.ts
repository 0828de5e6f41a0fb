import type { Description, Origin } from "../dialects/dialect.ts";
import type { RowFormat } from "../encode/client-encoder.ts";
import type { EncodeContext } from "../encode/row-encoder.ts";
import type { TableUse } from "../load/eviction.ts";
import type { Loader } from "../load/loader.ts";
import { type Bypass, bypass } from "../outcome.ts";
import { compile, type Program } from "../plan/compile.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanEntry, Prepared } from "../plan/prepared.ts";
import type { StoreApi, StoredTable } from "../store/contract.ts";
import { createBinder, type PositionLookup, UnknownPosition } from "./bind.ts";
import { Execution } from "./execution.ts";
import { Pace } from "./pace.ts";
import type { Positions } from "./positions.ts";
import { ResultMemo } from "./result-memo.ts";

/** Tables smaller than this are scanned faster than an index of theirs pays off. */
const INDEXED_ROWS = 200;
const INDEXES_PER_TABLE = 12;
/** A statement is compiled again this often when the table changes while a scan worker has it. */
const ATTEMPTS = 4;

/** Runs plans on the store: compiles them for the version that is loaded, binds, executes, encodes. */
export class Runner {
  readonly #origin: Origin;
  readonly #store: StoreApi;
  readonly #loader: Loader;
  readonly #use: TableUse;
  readonly #positions: Positions;
  readonly #onFault: (error: unknown) => void;
  readonly #memo = new ResultMemo();

  constructor(
    origin: Origin,
    store: StoreApi,
    loader: Loader,
    use: TableUse,
    positions: Positions,
    onFault: (error: unknown) => void,
  ) {
    this.#origin = origin;
    this.#store = store;
    this.#loader = loader;
    this.#use = use;
    this.#positions = positions;
    this.#onFault = onFault;
  }

  createEntry(plan: Plan, shape: string, { parameterTypes, fields }: Description): PlanEntry {
    const lookup: PositionLookup = ({ table, column }, text, through) => {
      const stored = this.#store.tables.get(table.id);
      return stored === undefined ? null : this.#positions.lookup(stored, column.name, text, through);
    };
    const binders = plan.inputs.map((input) => createBinder(input.binding, this.#origin.binders, lookup));
    const uses = plan.tables.map(({ table }) => this.#use.of(table.id));
    return {
      plan,
      shape,
      binders,
      parameterCount: parameterTypes.length,
      parameterTypes,
      fields,
      uses,
      execution: null,
      rejection: null,
      pace: new Pace(),
      indexing: null,
    };
  }

  /** The hit path: rows, at once, or `null` if anything stands in the way (`run` then finds out what). */
  runNow(prepared: Prepared, params: readonly unknown[], format?: RowFormat): unknown[] | null {
    const { entry } = prepared;
    let execution = entry.execution;
    if (execution === null || execution.generation !== this.#store.generation) {
      const renewed = this.executionOf(entry);
      if (!(renewed instanceof Execution)) return null;
      execution = renewed;
    }
    if (params.length !== entry.parameterCount) return null;
    try {
      const bound = execution.bind(prepared.values(params));
      if (!Array.isArray(bound)) return null;
      this.#use.touch(entry.uses);
      return execution.runHere(bound, format) ?? execution.recall(bound, format);
    } catch {
      return null;
    }
  }

  /**
   * Runs wherever it has to. `uncovered`: the table is not loaded (any more).
   *
   * @param pace a scan is waited for only as long as this says; `null`: to its end
   */
  async run(
    prepared: Prepared,
    params: readonly unknown[],
    pace: Pace | null = null,
  ): Promise<unknown[] | Bypass | "uncovered"> {
    const { entry } = prepared;
    if (params.length !== entry.parameterCount) {
      return wrongNumberOfParameters(entry.parameterCount, params.length);
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const execution = this.executionOf(entry);
      if (execution === null) return "uncovered";
      if (!(execution instanceof Execution)) return execution;
      this.#use.touch(entry.uses);
      try {
        const rows = await this.#runOnce(entry, execution, prepared.values(params), pace);
        if (rows !== "again") return rows;
      } catch (error) {
        return bypass("sqlite-raised", error instanceof Error ? error.message : String(error));
      }
    }
    return bypass("store-failed", "the table changed again and again while the statement ran");
  }

  /** The compiled plan for what is loaded now; `null` if its columns are not, a bypass if the data forbids it. */
  executionOf(entry: PlanEntry): Execution | Bypass | null {
    const { execution, plan } = entry;
    if (execution !== null && execution.generation === this.#store.generation) return execution;
    const stored = this.#loader.covering(plan);
    if (stored === null) return null;
    if (entry.rejection?.generation === this.#store.generation) return entry.rejection.bypass;
    const program = execution === null ? compile(plan, stored) : renewed(execution.program, stored);
    if (program.kind === "bypass") return program;
    try {
      entry.execution = new Execution(program, this.#store, entry.binders, this.#encodeContext(stored), this.#memo);
    } catch (error) {
      const raised = bypass("sqlite-raised", error instanceof Error ? error.message : String(error));
      entry.rejection = { generation: this.#store.generation, bypass: raised };
      return raised;
    }
    entry.indexing = this.#wantIndexes(plan, stored);
    return entry.execution;
  }

  async #runOnce(
    entry: PlanEntry,
    execution: Execution,
    values: readonly unknown[],
    pace: Pace | null,
  ): Promise<unknown[] | Bypass | "again"> {
    const bound = execution.bind(values);
    if (bound instanceof UnknownPosition) {
      const { table, column } = bound.column;
      const stored = execution.program.stored.find(({ id }) => id === table.id);
      if (stored === undefined) return bypass("unknown-column", column.name);
      await this.#positions.resolve(stored.id, column, bound.text, (...question) =>
        this.#origin.sortsBefore(...question),
      );
      return "again";
    }
    if (!Array.isArray(bound)) return bound;
    const here = execution.runHere(bound) ?? execution.recall(bound);
    if (here !== null) return here;
    const refused = pace?.refusal(performance.now()) ?? null;
    if (refused !== null) return refused;
    if (entry.plan.single === null && entry.indexing !== null) {
      // A join without its index takes the product of the tables.
      await entry.indexing;
      entry.indexing = null;
      return "again";
    }
    const rows = await execution.scan(bound, pace);
    if (Array.isArray(rows)) return rows;
    if (rows === "moved" || pace === null) return "again";
    return rows === "late" ? pace.gaveUp(performance.now()) : bypass("slower-than-origin", "all scan threads are busy");
  }

  #encodeContext(stored: readonly StoredTable[]): EncodeContext {
    return {
      types: this.#origin.types,
      wireText: (output) => this.#origin.wireText(output),
      textAt: ({ table, column }, position) => {
        const found = stored.find(({ id }) => id === table.id);
        if (found === undefined) throw new RangeError(`${table.name} is no table of the statement`);
        return this.#positions.textAt(found, column.name, position);
      },
    };
  }

  /** Has indexes built in the background for what the plan filters, joins and sorts by. `null`: they are there. */
  #wantIndexes({ indexes }: Plan, stored: readonly StoredTable[]): Promise<void> | null {
    const builds: Promise<void>[] = [];
    for (const { table, columns } of indexes) {
      const [first] = columns;
      const found = stored.find(({ id }) => id === table.id);
      if (found === undefined || first === undefined || first === found.rowidColumn || found.rows < INDEXED_ROWS)
        continue;
      if (found.indexes.has(columns.join(",")) || found.indexes.size >= INDEXES_PER_TABLE) continue;
      builds.push(this.#store.ensureIndex(found.id, columns).catch(this.#onFault));
    }
    return builds.length === 0 ? null : Promise.all(builds).then(() => undefined);
  }
}

export function wrongNumberOfParameters(expected: number, received: number): Bypass {
  return bypass("parameter", `the statement takes ${expected} parameters, not ${received}`);
}

/**
 * The program for these tables: the same one if its proofs and its text still hold, and with them what is remembered of
 * its results. Indexes decide only how it runs.
 */
function renewed(program: Program, stored: readonly StoredTable[]): Program | Bypass {
  const former = program.stored;
  const isSame = (holds: (a: StoredTable, b: StoredTable) => boolean): boolean =>
    former.length === stored.length &&
    stored.every((table, index) => {
      const before = former[index];
      return before !== undefined && holds(before, table);
    });
  if (!isSame((a, b) => a.id === b.id && a.version === b.version)) return compile(program.plan, stored);
  return isSame((a, b) => a.indexes === b.indexes) ? program : { ...program, stored };
}
