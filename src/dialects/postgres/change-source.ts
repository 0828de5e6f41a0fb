import type { ChangeSource } from "../../freshness/change-source.ts";
import type { ChangeSourceOptions } from "../dialect.ts";
import type { GateContext } from "./gates/gate.ts";
import { notifySource } from "./gates/notify.ts";
import { snapshotSource } from "./gates/snapshot-gate.ts";
import { touchLogSource } from "./gates/touch-log.ts";
import { ChangeStream, type ChangeStreamParts } from "./stream/change-stream.ts";

/** What the sources are made of. */
export interface ChangeSourceParts {
  readonly stream: ChangeStreamParts;
  readonly gate: GateContext;
}

/** The change source of a kind; nothing is connected before its `start`. */
export function createChangeSource({ stream, gate }: ChangeSourceParts, options: ChangeSourceOptions): ChangeSource {
  switch (options.kind) {
    case "stream":
      return new ChangeStream(stream, options);
    case "snapshot":
      return snapshotSource(gate);
    case "touch-log":
      return touchLogSource(gate);
    case "notify":
      return notifySource(gate);
  }
}
