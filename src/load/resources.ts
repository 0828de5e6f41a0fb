import type { Origin } from "../dialects/dialect.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { Plan } from "../plan/plan.ts";
import type { StoreApi } from "../store/contract.ts";

/** Fetches what functions look up besides the tables: each once, for as long as the engine lives. */
export class Resources {
  readonly #origin: Origin;
  readonly #store: StoreApi;
  readonly #flights = new Map<string, Promise<void>>();

  constructor(origin: Origin, store: StoreApi) {
    this.#origin = origin;
    this.#store = store;
  }

  covers({ resources }: Plan): boolean {
    return resources.every((key) => this.#store.resources.has(key));
  }

  /** Makes the plan's resources available. Rejects with the origin's error unless it is one of the statement. */
  async ensure({ resources }: Plan): Promise<Bypass | null> {
    for (const key of resources) {
      if (this.#store.resources.has(key)) continue;
      const flight = this.#flights.get(key) ?? this.#fetch(key);
      this.#flights.set(key, flight);
      try {
        await flight;
      } catch (error) {
        if (!this.#origin.isStatementError(error)) throw error;
        const message = error instanceof Error ? error.message : String(error);
        return bypass("load-failed", `the ${key} cannot be read: ${message}`);
      } finally {
        this.#flights.delete(key);
      }
    }
    return null;
  }

  async #fetch(key: string): Promise<void> {
    this.#store.provide(key, await this.#origin.loadResource(key));
  }
}
