import type pg from "pg";

/** Named pieces of a program, run in the order of their names' definition. Each resolves to what the library returned. */
export type Actions = Readonly<Record<string, () => Promise<unknown>>>;

interface ProgramContext {
  /** Of a database with the schema and rows of `database/`. */
  readonly url: string;
  /** The library's pool or client goes through here as soon as it exists: `engine.attach`, or the identity. */
  attach<Target extends pg.Pool | pg.Client>(target: Target): Target;
}

/** One library, connected. */
export interface Session {
  /** Change nothing, depend on nothing but the rows. Where rows are limited, their order is total. */
  readonly reads: Actions;
  /** Those of the reads whose rows come in any order, as no order is asked for. */
  readonly unordered?: readonly string[];
  /** Depend on the clock and on random values in nothing. */
  readonly writes: Actions;
  /** The call that applications make most: one user by primary key. */
  findFirst(): Promise<unknown>;
  close(): Promise<void>;
}

/** What a real application of one library does: the same domain for all. */
export interface Program {
  readonly name: string;
  open(context: ProgramContext): Promise<Session>;
}
