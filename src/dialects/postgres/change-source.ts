import { FreshnessError } from "../../errors.ts";
import type { ChangeSource, ChangeSourceKind } from "../../freshness/change-source.ts";
import type { GateContext } from "./gates/gate.ts";
import { notifySource } from "./gates/notify.ts";
import { snapshotSource } from "./gates/snapshot-gate.ts";
import { touchLogSource } from "./gates/touch-log.ts";

/** The change source of a kind; nothing is connected before its `start`. */
export function openChangeSource(kind: ChangeSourceKind, context: GateContext): ChangeSource {
  switch (kind) {
    case "snapshot":
      return snapshotSource(context);
    case "touch-log":
      return touchLogSource(context);
    case "notify":
      return notifySource(context);
    case "stream":
      throw new FreshnessError("The change source `stream` is not part of this version.");
  }
}
