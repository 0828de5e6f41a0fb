import type { Origin } from "../dialects/dialect.ts";
import type { EncodeContext } from "../encode/row-encoder.ts";
import type { Row } from "../encode/row-factory.ts";
import type { TableUse } from "../load/eviction.ts";
import type { Loader } from "../load/loader.ts";
import { type Bypass, bypass } from "../outcome.ts";
import { compile } from "../plan/compile.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanEntry, Prepared } from "../plan/prepared.ts";
import type { StoreApi, StoredTable } from "../store/contract.ts";
import { createBinder, UnknownPosition } from "./bind.ts";
import { Execution } from "./execution.ts";
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

  createEntry(plan: Plan, parameterCount: number): PlanEntry {
    const lookup = (column: string, text: string, through: boolean): number | null => {
      const stored = this.#store.tables.get(plan.table.id);
      return stored === undefined ? null : this.#positions.lookup(stored, column, text, through);
    };
    const binders = plan.inputs.map((input) => createBinder(input.binding, this.#origin.binders, lookup));
    return { plan, binders, parameterCount, use: this.#use.of(plan.table.id), execution: null };
  }

  /** The hit path: rows, at once, or `null` if anything stands in the way (`run` then finds out what). */
  runNow(prepared: Prepared, params: readonly unknown[]): Row[] | null {
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
      this.#use.touch(entry.use);
      return execution.runHere(bound) ?? execution.recall(bound);
    } catch {
      return null;
    }
  }

  /** Runs wherever it has to. `uncovered`: the table is not loaded (any more). */
  async run(prepared: Prepared, params: readonly unknown[]): Promise<Row[] | Bypass | "uncovered"> {
    const { entry } = prepared;
    if (params.length !== entry.parameterCount) {
      return bypass("parameter", `the statement takes ${entry.parameterCount} parameters, not ${params.length}`);
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const execution = this.executionOf(entry);
      if (execution === null) return "uncovered";
      if (!(execution instanceof Execution)) return execution;
      this.#use.touch(entry.use);
      try {
        const rows = await this.#runOnce(execution, prepared.values(params));
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
    const program =
      execution !== null && execution.program.stored === stored ? execution.program : compile(plan, stored);
    if (program.kind === "bypass") return program;
    try {
      entry.execution = new Execution(program, this.#store, entry.binders, this.#encodeContext(stored), this.#memo);
    } catch (error) {
      return bypass("sqlite-raised", error instanceof Error ? error.message : String(error));
    }
    this.#wantIndex(plan, stored);
    return entry.execution;
  }

  async #runOnce(execution: Execution, values: readonly unknown[]): Promise<Row[] | Bypass | "again"> {
    const bound = execution.bind(values);
    if (bound instanceof UnknownPosition) {
      const { stored, plan } = execution.program;
      const column = plan.table.columns.find((candidate) => candidate.name === bound.column);
      if (column === undefined) return bypass("unknown-column", bound.column);
      await this.#positions.resolve(stored, column, bound.text, (...question) => this.#origin.sortsBefore(...question));
      return "again";
    }
    if (!Array.isArray(bound)) return bound;
    const here = execution.runHere(bound) ?? execution.recall(bound);
    if (here !== null) return here;
    const rows = await execution.scan(bound);
    return rows === "moved" ? "again" : rows;
  }

  #encodeContext(stored: StoredTable): EncodeContext {
    return {
      types: this.#origin.types,
      wireText: (output) => this.#origin.wireText(output),
      textAt: (column, position) => this.#positions.textAt(stored, column, position),
    };
  }

  /** Has an index built in the background for what the plan filters and sorts by. */
  #wantIndex({ indexColumns }: Plan, stored: StoredTable): void {
    const [first] = indexColumns;
    if (first === undefined || first === stored.rowidColumn || stored.rows < INDEXED_ROWS) return;
    if (stored.indexes.has(indexColumns.join(",")) || stored.indexes.size >= INDEXES_PER_TABLE) return;
    this.#store.ensureIndex(stored.id, indexColumns).catch(this.#onFault);
  }
}
