import type { Origin } from "./dialects/dialect.ts";
import { postgres } from "./dialects/postgres/dialect.ts";
import { OptionsError } from "./errors.ts";
import type { Lifetime } from "./lifetime.ts";
import type { QualifiedName } from "./parse/ast.ts";
import type { Planner } from "./plan/planner.ts";
import type { StoreApi } from "./store/contract.ts";
import type { WriteThrough } from "./write-through.ts";

/** The parts of the engine that hear of rows that a person declares wrong. */
export interface InvalidateParts {
  readonly origin: Origin;
  readonly store: StoreApi;
  readonly planner: Planner;
  readonly writes: WriteThrough;
  readonly lifetime: Lifetime;
}

/** Declares everything wrong that is cached, or is in the snapshot file, even if the start fails for now. */
export async function invalidateAll({ planner, writes, lifetime }: InvalidateParts): Promise<void> {
  lifetime.discardSnapshot();
  writes.forgetAll();
  planner.release();
  await lifetime.start().catch(() => {});
}

/**
 * Declares one table wrong.
 *
 * @param written the name as a person writes it
 * @throws OptionsError if there is no such table
 */
export async function invalidateTable(written: string, parts: InvalidateParts): Promise<void> {
  const name = typeof written === "string" ? postgres.tableName(written) : null;
  if (name === null) {
    throw new OptionsError(`invalidate() takes the name of a table, received ${JSON.stringify(written)}.`);
  }
  try {
    await parts.lifetime.start();
    await invalidateNamed(name, written, parts);
  } catch (error) {
    // With the origin out of reach, what is cached under the name is wrong all the same.
    if (!(error instanceof OptionsError)) parts.writes.forgetCached(name, parts.store.tables.values());
    throw error;
  }
}

/** The name may have changed hands since: what is cached under it goes too, and plans that read it are made anew. */
async function invalidateNamed(
  name: QualifiedName,
  written: string,
  { origin, store, planner, writes }: InvalidateParts,
): Promise<void> {
  origin.forgetCatalog();
  const found = await origin.catalog.table(name);
  if (!("kind" in found)) {
    writes.forget([found.id, ...(await origin.family(name))]);
    writes.forgetCached([found.schema, found.name], store.tables.values());
  } else if (writes.forgetCached(name, store.tables.values()) === 0) {
    throw new OptionsError(`invalidate(${JSON.stringify(written)}): ${found.detail}.`);
  }
  planner.forgetNamed(name.at(-1) ?? "");
}
