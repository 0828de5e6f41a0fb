import type { Analysis } from "./analysis.ts";
import type { Block } from "./block.ts";
import { blockRelation, Exports, type PlannedRelation } from "./relations.ts";
import type { Facts } from "./term.ts";

/** What a name in FROM can mean besides a table. */
export interface NamedQuery {
  readonly name: string;
  readonly rowBound: (facts: Facts) => bigint;
  /** One mention of it in FROM; further aliases of columns go over its own. */
  reference(analysis: Analysis, alias: string | null, columnAliases: readonly string[]): PlannedRelation;
  /** Its definition in the SQLite text, with what its mentions have asked for. */
  print(): string;
}

/** An entry of WITH, planned once however often it is named. */
export class CommonTable implements NamedQuery {
  readonly name: string;
  readonly #alias: string;
  readonly #block: Block;
  readonly #columnAliases: readonly string[];
  readonly #exports: Exports;

  constructor(analysis: Analysis, name: string, block: Block, columnAliases: readonly string[]) {
    this.name = name;
    this.#alias = analysis.newAlias("c");
    this.#block = block;
    this.#columnAliases = columnAliases;
    this.#exports = new Exports(block);
  }

  readonly rowBound = (facts: Facts): bigint => this.#block.rowBound(facts);

  reference(analysis: Analysis, alias: string | null, columnAliases: readonly string[]): PlannedRelation {
    const own = this.#block.columns.map(
      ({ name }, index) => columnAliases[index] ?? this.#columnAliases[index] ?? name,
    );
    return blockRelation(analysis, this.#block, this.#exports, alias ?? this.name, own, () => this.#alias);
  }

  print(): string {
    return `${this.#alias} AS (${this.#exports.print()})`;
  }
}

/** The entries of WITH that a query can name: its own, and those of the queries around it. */
export class Environment {
  readonly #outer: Environment | null;
  readonly #tables: readonly NamedQuery[];

  constructor(outer: Environment | null, tables: readonly NamedQuery[]) {
    this.#outer = outer;
    this.#tables = tables;
  }

  find(name: string): NamedQuery | null {
    return this.#tables.find((table) => table.name === name) ?? this.#outer?.find(name) ?? null;
  }
}

export const NO_COMMON_TABLES: Environment = new Environment(null, []);
