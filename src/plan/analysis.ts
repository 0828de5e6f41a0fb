import type { Column, ColumnType, Table, TypeSystem } from "../catalog.ts";
import { type Bypass, bypass } from "../outcome.ts";
import { type EncodedColumn, type Encoding, physicalName } from "../store/column-set.ts";
import type { Binding, Constant, Input, Operand, Proof, Source, Term } from "./term.ts";

/** Alias of the one table in the SQLite text. */
export const TABLE_ALIAS = "t0";

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What the planner is told of one statement besides its tree. */
export interface Surroundings {
  readonly table: Table;
  readonly types: TypeSystem;
  /** The origin's types of `$1`, `$2` … */
  readonly parameterTypes: readonly number[];
  /** True for types whose wire text cannot be rebuilt from the value under the session's settings: it is stored too. */
  needsText(type: ColumnType): boolean;
  /** Values of the statement's literals: only those that become part of the plan are looked at. */
  readonly literals: readonly { readonly value: string }[];
}

/**
 * The state of planning one statement: what it needs from the store (columns, dictionaries), from the caller (inputs),
 * and from the data (proofs). Treatments add to it while they print.
 */
export class Analysis {
  readonly surroundings: Surroundings;
  readonly alias: string;
  /** Literals whose value shaped the plan: they are part of its key. */
  readonly pinned: Set<number> = new Set();
  /**
   * Outside of WHERE, LIMIT and OFFSET a literal's value can decide what is legal (`SELECT a + 1 … GROUP BY a + 1`) or
   * of which type a result is: there every literal is pinned.
   */
  pinsLiterals = false;
  /** An aggregate function was called. */
  aggregates = false;
  readonly inputs: Input[] = [];
  readonly proofs: Proof[] = [];
  readonly #columns = new Map<string, EncodedColumn>();
  readonly #dictionaries = new Set<string>();

  constructor(surroundings: Surroundings, alias: string) {
    this.surroundings = surroundings;
    this.alias = alias;
  }

  get columns(): readonly EncodedColumn[] {
    return [...this.#columns.values()];
  }

  get dictionaries(): readonly string[] {
    return [...this.#dictionaries];
  }

  builtin(kind: Parameters<TypeSystem["builtin"]>[0]): ColumnType {
    return this.surroundings.types.builtin(kind);
  }

  /** Makes the encoding part of the column set and returns its SQLite text. */
  use(column: Column, encoding: Encoding): string {
    const name = physicalName(column.name, encoding);
    this.#columns.set(name, { column: column.name, encoding });
    return `${TABLE_ALIAS}.${quoteIdentifier(name)}`;
  }

  useDictionary(column: Column): void {
    this.#dictionaries.add(column.name);
  }

  /** Registers a run-time value and returns its placeholder. */
  input(source: Source, binding: Binding): string {
    if (source.from === "parameter" || binding.kind !== "value") {
      const known = this.inputs.findIndex((input) => sameInput(input, source, binding));
      if (known >= 0) return `?${known + 1}`;
    }
    this.inputs.push({ source, binding });
    return `?${this.inputs.length}`;
  }

  pin(constant: Constant): void {
    if (constant.source.from === "literal") this.pinned.add(constant.source.slot);
  }

  findColumn(path: readonly string[]): Column | Bypass {
    const { table } = this.surroundings;
    const name = path.at(-1) ?? "";
    const qualifier = path.slice(0, -1);
    const fits =
      qualifier.length === 0 ||
      (qualifier.length === 1 && qualifier[0] === this.alias) ||
      (qualifier.length === 2 &&
        this.alias === table.name &&
        qualifier[0] === table.schema &&
        qualifier[1] === table.name);
    const column = fits ? table.columns.find((candidate) => candidate.name === name) : undefined;
    return (
      column ?? bypass("unknown-column", `column ${path.join(".")} is not a column of ${table.schema}.${table.name}`)
    );
  }
}

function sameInput(input: Input, source: Source, binding: Binding): boolean {
  return (
    input.source.from === "parameter" &&
    source.from === "parameter" &&
    input.source.index === source.index &&
    binding.kind === "value" &&
    input.binding.kind === "value" &&
    binding.type.kind !== "numeric" &&
    input.binding.type.oid === binding.type.oid
  );
}

export function isBypass(value: object | null): value is Bypass {
  return value !== null && "kind" in value && value.kind === "bypass";
}

export function isTerm(operand: Operand): operand is Term {
  return operand.kind === "term";
}
