import type { PlanEntry, Prepared } from "../../../plan/prepared.ts";
import type { ClientCache } from "../../dialect.ts";
import type { Call } from "./call.ts";
import type { DriverClient, DriverTypes } from "./driver.ts";
import { ResultMaker } from "./results.ts";

/** Answers of the cache as results of one driver. */
export class ResultMakers {
  readonly #cache: ClientCache;
  readonly #makers = new WeakMap<PlanEntry, ResultMaker | null>();

  constructor(cache: ClientCache) {
    this.#cache = cache;
  }

  /** `null` if the cache has no answer at this moment. `client`: any of the driver's. */
  answer(client: DriverClient, prepared: Prepared, call: Call, types: DriverTypes): object | null {
    if (!this.#cache.holds(prepared)) return null;
    let maker = this.#makers.get(prepared.entry);
    if (maker === undefined) {
      maker = ResultMaker.create(client, prepared.entry.fields);
      this.#makers.set(prepared.entry, maker);
    }
    if (maker === null) return null;
    const parsers = maker.parsers(types);
    const rows = this.#cache.rows(prepared, call.values, { asArrays: call.rowMode === "array", parsers });
    return rows === null ? null : maker.make(rows, call.rowMode, types, parsers);
  }
}
