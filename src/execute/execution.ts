import { ClientEncoder, type RowFormat } from "../encode/client-encoder.ts";
import { type EncodeContext, RowEncoder } from "../encode/row-encoder.ts";
import { type Bypass, bypass } from "../outcome.ts";
import { MAIN_THREAD_ROWS, type Program } from "../plan/compile.ts";
import type { Binding, Input } from "../plan/term.ts";
import type { ScanBatch, ScannedTable, ScanOutcome, StoreApi, StoreRow, StoreValue } from "../store/contract.ts";
import { type BoundValue, UnknownPosition } from "./bind.ts";
import { interruptible } from "./interruptible.ts";
import type { Pace } from "./pace.ts";
import { type Placement, placementOf } from "./placement.ts";
import type { ResultMemo } from "./result-memo.ts";

type Statement = ReturnType<StoreApi["statement"]>;

/**
 * A program ready to run on the main thread's held snapshot. Valid as long as the store is at `generation`; the caller
 * checks that, as it costs one comparison.
 */
export class Execution {
  readonly program: Program;
  readonly generation: number;
  readonly placement: Placement;
  readonly #store: StoreApi;
  readonly #memo: ResultMemo;
  readonly #statement: Statement;
  /** The text that scan workers run. */
  readonly #scanned: string;
  readonly #probe: Statement | null;
  readonly #binders: readonly ((value: unknown) => BoundValue)[];
  readonly #encoder: RowEncoder;
  readonly #encodeContext: EncodeContext;
  #objects: ClientEncoder | null = null;
  #arrays: ClientEncoder | null = null;
  readonly #limitInputs: readonly number[];
  readonly #readsDictionary: boolean;
  /** Values are bound that are places among the texts of a dictionary. */
  readonly #bindsPositions: boolean;

  constructor(
    program: Program,
    store: StoreApi,
    binders: readonly ((value: unknown) => BoundValue)[],
    encodeContext: EncodeContext,
    memo: ResultMemo,
  ) {
    const { plan, sql } = program;
    this.program = program;
    this.generation = store.generation;
    this.#store = store;
    this.#memo = memo;
    this.#binders = binders;
    this.#encoder = new RowEncoder(program.outputs, encodeContext);
    this.#encodeContext = encodeContext;
    this.#readsDictionary = program.outputs.some(({ output }) => output.kind === "position");
    this.#bindsPositions = plan.inputs.some(({ binding }) => bindsPosition(binding));
    const details = store.queryPlan(sql);
    this.placement = placementOf(program, details);
    this.#scanned = this.placement === "one" || this.placement === "main" ? sql : interruptible(program, details);
    this.#statement = store.statement(this.placement === "stream" ? `${sql} LIMIT ${MAIN_THREAD_ROWS + 1}` : sql);
    this.#probe = this.placement === "range" && program.probe !== null ? store.statement(program.probe) : null;
    const page = plan.single ?? plan.page;
    this.#limitInputs = [page?.limit, page?.offset].flatMap((sql) => (sql == null ? [] : [Number(sql.slice(1)) - 1]));
  }

  /** SQLite's value of each input, or why there is none. */
  bind(values: readonly unknown[]): StoreValue[] | UnknownPosition | Bypass {
    const binders = this.#binders;
    const count = this.program.inputs;
    const bound: StoreValue[] = new Array(count);
    for (let index = 0; index < binders.length; index++) {
      const value = binders[index]?.(values[index]);
      if (value === undefined) return notCanonical(this.program.plan.inputs[index], values[index]);
      // The origin reads each parameter, whether anything depends on it or not.
      if (index >= count) continue;
      if (value instanceof UnknownPosition) return value;
      bound[index] = value;
    }
    return bound;
  }

  /**
   * Runs on the main thread, unless that would touch too many rows: `null`. Throws what SQLite throws. Rows are objects
   * under the origin's own parsers unless a format is given.
   */
  runHere(bound: readonly StoreValue[], format?: RowFormat): unknown[] | null {
    if (this.placement === "one") {
      const row = bound.length === 1 ? this.#statement.get(bound[0] ?? null) : this.#statement.get(...bound);
      if (row === undefined) return [];
      return [format === undefined ? this.#encoder.one(row) : this.#clientEncoder(format).one(row, format.parsers)];
    }
    if (!this.#fitsMainThread(bound)) return null;
    const rows = this.#statement.all(...bound);
    return this.placement === "stream" && rows.length > MAIN_THREAD_ROWS ? null : this.#encode(rows, format);
  }

  #encode(rows: readonly StoreRow[], format: RowFormat | undefined): unknown[] {
    return format === undefined ? this.#encoder.all(rows) : this.#clientEncoder(format).all(rows, format.parsers);
  }

  #clientEncoder({ asArrays }: RowFormat): ClientEncoder {
    const { outputs } = this.program;
    if (asArrays) {
      this.#arrays ??= new ClientEncoder(outputs, this.#encodeContext, true);
      return this.#arrays;
    }
    this.#objects ??= new ClientEncoder(outputs, this.#encodeContext, false);
    return this.#objects;
  }

  #fitsMainThread(bound: readonly StoreValue[]): boolean {
    switch (this.placement) {
      case "one":
      case "main":
      case "stream":
        return true;
      case "limited": {
        let rows = 0;
        for (const input of this.#limitInputs) {
          const count = bound[input];
          if (typeof count !== "number" || count < 0) return false;
          rows += count;
        }
        return rows <= MAIN_THREAD_ROWS;
      }
      case "range": {
        const [rows] = this.#probe?.get(...bound.slice(0, this.program.plan.single?.whereInputs ?? 0)) ?? [];
        return typeof rows === "number" && rows <= MAIN_THREAD_ROWS;
      }
      case "scan":
        return false;
    }
  }

  /** What an earlier scan with the same values came to, if that is known. */
  recall(bound: readonly StoreValue[], format?: RowFormat): unknown[] | null {
    const rows = this.#memo.recall(this.program, bound, this.#store.tables);
    return rows === null ? null : this.#encode(rows, format);
  }

  /**
   * Runs on a scan worker; `moved` when a table is no longer of the version that the program was compiled for, or a text
   * has come between those that bound positions lie between; `late` or `queued` where its pace says so. A small result
   * that comes too late is remembered all the same: for the next call, if the rows are still the same.
   */
  async scan(bound: readonly StoreValue[], pace: Pace | null): Promise<unknown[] | Exclude<ScanOutcome, "done">> {
    const { stored } = this.program;
    const tables = stored.map(({ id, version }): ScannedTable => {
      const commit = this.#bindsPositions ? this.#store.tables.get(id)?.dictionaryCommit : undefined;
      return commit === undefined ? [id, version] : [id, version, commit];
    });
    const rows: unknown[] = [];
    let isAwaited = true;
    const take = (batch: ScanBatch): boolean => {
      // Texts are looked up in the dictionaries of this thread's snapshot: within a version they only grow.
      if (this.#readsDictionary && stored.some(({ id, version }) => this.#store.tables.get(id)?.version !== version))
        return false;
      if (isAwaited && rows.length === 0) pace?.scanned(batch.milliseconds, performance.now());
      if (batch.isWhole) this.#memo.remember(this.program, bound, batch.rows, batch.commit);
      if (isAwaited) for (const row of this.#encoder.all(batch.rows)) rows.push(row);
      return isAwaited;
    };
    const outcome = await this.#store.scan(this.#scanned, bound, tables, take, pace ?? undefined);
    isAwaited = false;
    return outcome === "done" ? rows : outcome;
  }
}

function bindsPosition(binding: Binding): boolean {
  return binding.kind === "position" || (binding.kind === "array" && bindsPosition(binding.element));
}

/** A constant is part of the statement, a parameter is not: only the former makes a statement unsupported. */
function notCanonical(input: Input | undefined, value: unknown): Bypass {
  if (input?.source.from === "parameter") {
    return bypass("parameter", `the value of $${input.source.index + 1} is not in the canonical form of its type`);
  }
  if (input?.source.from === "joined" && input.source.parts.some((part) => part.from === "parameter")) {
    return bypass("parameter", "the values of a pattern do not make one whose meaning is known");
  }
  const detail = `the constant '${String(value)}' is not in the canonical form of its type`;
  // The origin judges a LIMIT only when it runs: -1 is an error of its own.
  return bypass(input?.binding.kind === "rowCount" ? "parameter" : "non-canonical-literal", detail);
}
