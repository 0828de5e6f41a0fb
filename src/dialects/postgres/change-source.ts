import { FreshnessError } from "../../errors.ts";
import type { ChangeSource } from "../../freshness/change-source.ts";
import type { ChangeSourceOptions } from "../dialect.ts";
import { ChangeStream, type ChangeStreamParts } from "./stream/change-stream.ts";

/** What the sources are made of; nothing is connected before their start. */
export type ChangeSourceParts = ChangeStreamParts;

export function createChangeSource(parts: ChangeSourceParts, options: ChangeSourceOptions): ChangeSource {
  switch (options.kind) {
    case "stream":
      return new ChangeStream(parts, options);
    default:
      throw new FreshnessError(`PostgreSQL has no change source "${options.kind}"`);
  }
}
