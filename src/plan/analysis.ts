import type { Column, ColumnType, Table, TypeSystem } from "../catalog.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { QualifiedName } from "../parse/ast.ts";
import { quoteName } from "../quoting.ts";
import { type EncodedColumn, type Encoding, physicalName } from "../store/column-set.ts";
import { type Environment, NO_COMMON_TABLES } from "./environment.ts";
import type { IndexHint } from "./plan.ts";
import type { Scope } from "./scope.ts";
import type { Binding, Constant, Facts, Input, Operand, Proof, Source, TableColumn, Term } from "./term.ts";

/** What the planner is told of one statement besides its tree. */
export interface Surroundings {
  /** The tables that the statement names. */
  readonly tables: readonly Table[];
  /** The table that a name means, or why it cannot be cached. */
  table(name: QualifiedName): Table | Bypass;
  readonly types: TypeSystem;
  /** The origin's types of `$1`, `$2` … */
  readonly parameterTypes: readonly number[];
  /** True for types whose wire text cannot be rebuilt from the value under the session's settings: it is stored too. */
  needsText(type: ColumnType): boolean;
  /** Values of the statement's literals: only those that become part of the plan are looked at. */
  readonly literals: readonly { readonly value: string }[];
}

/** What a plan needs of one table. */
export interface PlannedTable {
  readonly table: Table;
  readonly columns: readonly EncodedColumn[];
  /** Columns whose dictionary has to be kept. */
  readonly dictionaries: readonly string[];
}

/** A part of the SQLite text that the loaded data decides. */
export type Deferred = (facts: Facts) => string;

/**
 * The state of planning one statement: what it needs from the store (columns, dictionaries), from the caller (inputs),
 * and from the data (proofs). Treatments add to it while they print.
 */
export class Analysis {
  readonly surroundings: Surroundings;
  /** Literals whose value shaped the plan: they are part of its key. */
  readonly pinned: Set<number> = new Set();
  /**
   * Outside of WHERE, LIMIT and OFFSET a literal's value can decide what is legal (`SELECT a + 1 … GROUP BY a + 1`) or
   * of which type a result is: there every literal is pinned.
   */
  pinsLiterals = false;
  /** The query around groups or is DISTINCT: the origin compares its expressions, queries inside them included. */
  comparesExpressions = false;
  /**
   * What is planned is computed for the same rows by both engines: the select list of the statement itself, without
   * LIMIT and DISTINCT. There a function may raise where the origin raises: SQLite cannot leave out the row in question.
   */
  computesSameRows = false;
  /** What is planned is the condition of the statement's only table, alone: both engines compute it for each row. */
  computesEachRow = false;
  /** A RIGHT or FULL JOIN stands somewhere. */
  joinsFromRight = false;
  /** Which joins the statement has, once all of it is planned. */
  readonly joined = { outerJoins: false };
  readonly indexes: IndexHint[] = [];
  /** Number of queries planned, nested ones included. */
  queries = 0;
  /** What functions look up, besides the tables (`StoreApi.provide`). */
  readonly resources: Set<string> = new Set();
  readonly inputs: Input[] = [];
  readonly proofs: Proof[] = [];
  readonly deferred: Deferred[] = [];
  /** What names of columns mean where planning is at. */
  scope: Scope | null = null;
  /** Which entries of WITH can be named there. */
  environment: Environment = NO_COMMON_TABLES;
  /** The scopes that columns were found in; `observing` looks at a part of them. */
  found: Set<Scope> = new Set();
  readonly #tables = new Map<
    string,
    { table: Table; columns: Map<string, EncodedColumn>; dictionaries: Set<string> }
  >();
  #aliases = 0;

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
  }

  get tables(): readonly PlannedTable[] {
    return [...this.#tables.values()].map(({ table, columns, dictionaries }) => ({
      table,
      columns: [...columns.values()],
      dictionaries: [...dictionaries],
    }));
  }

  builtin(kind: Parameters<TypeSystem["builtin"]>[0]): ColumnType {
    return this.surroundings.types.builtin(kind);
  }

  /** A name that nothing else in the SQLite text has. */
  newAlias(prefix: "t" | "q" | "c"): string {
    return `${prefix}${this.#aliases++}`;
  }

  /** Number of relations named so. */
  get aliases(): number {
    return this.#aliases;
  }

  /** Makes the table part of the plan: its rows are needed, whichever of its columns. */
  read(table: Table): void {
    this.#planned(table);
  }

  /** Makes the encoding part of the table's column set and returns the physical column's name, quoted. */
  use(table: Table, column: Column, encoding: Encoding): string {
    const name = physicalName(column.name, encoding);
    this.#planned(table).columns.set(name, { column: column.name, encoding });
    return quoteName(name);
  }

  uses(table: Table, column: Column, encoding: Encoding): boolean {
    return this.#planned(table).columns.has(physicalName(column.name, encoding));
  }

  useDictionary({ table, column }: TableColumn): void {
    this.#planned(table).dictionaries.add(column.name);
  }

  #planned(table: Table): { columns: Map<string, EncodedColumn>; dictionaries: Set<string> } {
    let planned = this.#tables.get(table.id);
    if (planned === undefined) {
      planned = { table, columns: new Map(), dictionaries: new Set() };
      this.#tables.set(table.id, planned);
    }
    return planned;
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

  /**
   * Stands in the text for what is printed once the data is known. The mark is between two NULs, which nothing else in
   * the text can hold: the origin has no names with them, and values are bound.
   */
  defer(print: Deferred): string {
    this.deferred.push(print);
    return `\0${this.deferred.length - 1}\0`;
  }

  /** The column that a name means here. */
  findColumn(path: QualifiedName): Term | Bypass {
    for (let scope = this.scope; scope !== null; scope = scope.outer) {
      const found = scope.column(path);
      if (found === null) continue;
      this.found.add(scope);
      return found;
    }
    return bypass("unknown-column", `column ${path.join(".")} is not a column of the tables here`);
  }

  /** Plans in another scope. */
  within<Planned>(scope: Scope | null, plan: () => Planned): Planned {
    const outer = this.scope;
    this.scope = scope;
    try {
      return plan();
    } finally {
      this.scope = outer;
    }
  }

  /** Plans, and says in which scopes the columns were found. */
  observing<Planned>(plan: () => Planned): { readonly planned: Planned; readonly scopes: ReadonlySet<Scope> } {
    const outer = this.found;
    this.found = new Set();
    try {
      return { planned: plan(), scopes: this.found };
    } finally {
      for (const scope of this.found) outer.add(scope);
      this.found = outer;
    }
  }

  /** An upper bound of the rows that an aggregate here can see. */
  rowBound(): (facts: Facts) => bigint {
    const { scope } = this;
    return (facts) => scope?.rowBound(facts) ?? 1n;
  }
}

/** The text with what was deferred. */
export function resolveDeferred(sql: string, deferred: readonly Deferred[], facts: Facts): string {
  return sql.replaceAll(/\0(\d+)\0/g, (_, index) => {
    const print = deferred[Number(index)];
    return print === undefined ? "" : resolveDeferred(print(facts), deferred, facts);
  });
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

export function isBypass(value: object | string | null): value is Bypass {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "bypass";
}

export function isTerm(operand: Operand): operand is Term {
  return operand.kind === "term";
}
