import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../errors.ts";
import { quoteName } from "../quoting.ts";
import type { CreateRowDecoder, LoadSpec } from "./contract.ts";
import { Load, type LoadLimits } from "./load.ts";

/**
 * The worker's loads, by number. They share the one connection: the transaction that is open, if any, belongs to the load
 * that was turned to last, and whoever wants another one commits it first.
 */
export class Loads {
  readonly #db: () => DatabaseSync;
  readonly #limits: LoadLimits;
  readonly #loads = new Map<number, Load>();
  /** The load whose transaction is open. */
  #loading: Load | null = null;
  /** Hidden tables that could not be dropped, for want of room. */
  #garbage: string[] = [];

  constructor(db: () => DatabaseSync, limits: LoadLimits) {
    this.#db = db;
    this.#limits = limits;
  }

  get size(): number {
    return this.#loads.size;
  }

  /** Names of all tables that are not to be in a snapshot file. */
  get hiddenTables(): string[] {
    return [...[...this.#loads.values()].flatMap((load) => load.hiddenTables), ...this.#garbage];
  }

  begin(number: number, spec: LoadSpec, create: CreateRowDecoder): void {
    this.commit();
    this.#collectGarbage();
    this.#loads.set(number, new Load(this.#db(), number, spec, create, this.#limits));
  }

  find(number: number): Load | undefined {
    return this.#loads.get(number);
  }

  /** The load, whose transaction is open from now on. */
  turnTo(number: number): Load {
    const load = this.#loads.get(number);
    if (load === undefined) {
      throw new StoreError("The load has ended");
    }
    if (this.#loading !== load) {
      this.commit();
      this.#loading = load;
    }
    return load;
  }

  /** Ends the transaction that is open. */
  commit(): void {
    this.#loading?.commit();
    this.#loading = null;
  }

  /** Its tables are visible. */
  finished(number: number): void {
    this.#loads.delete(number);
  }

  discard(number: number): void {
    const load = this.#loads.get(number);
    if (load !== undefined) {
      this.commit();
      this.#loads.delete(number);
      this.#garbage.push(...load.hiddenTables);
      this.#collectGarbage();
    }
  }

  #collectGarbage(): void {
    const left: string[] = [];
    for (const name of this.#garbage) {
      try {
        this.#db().exec(`DROP TABLE IF EXISTS ${quoteName(name)}`);
      } catch {
        // No room, even for that. It is tried again before the next load.
        left.push(name);
      }
    }
    this.#garbage = left;
  }
}

export async function importRowDecoder(url: string): Promise<CreateRowDecoder> {
  const decoder: { readonly createRowDecoder?: CreateRowDecoder } = await import(url);
  if (decoder.createRowDecoder === undefined) {
    throw new StoreError(`${url} has no createRowDecoder`);
  }
  return decoder.createRowDecoder;
}
