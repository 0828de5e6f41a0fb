import type { ChangeSource } from "../../../freshness/change-source.ts";
import type { Entry, Finding } from "./entries.ts";
import { type Gate, type GateAnswer, type GateContext, serverMark } from "./gate.ts";
import type { GateConnection } from "./gate-connection.ts";
import { GatedSource } from "./gated-source.ts";

const MOVED: Finding = { kind: "stale", why: "a transaction has ended somewhere on the server" };

/**
 * Two equal snapshots show the same transactions, and so the same rows. The number of the next transaction is part of
 * them: each one of the whole cluster that has an id moves it when it ends, also one that changed nothing or was rolled
 * back. So has each change of a definition.
 */
class SnapshotGate implements Gate {
  readonly kind = "snapshot";
  readonly triggers = null;
  readonly asksForDefinitions = false;
  #query = "";

  async begin(_connection: GateConnection, version: number): Promise<void> {
    this.#query = `
SELECT pg_catalog.json_build_object(
  'server', ${serverMark(version)}, 'snapshot', pg_catalog.pg_current_snapshot()::pg_catalog.text)::pg_catalog.text`;
  }

  async check(connection: GateConnection, entries: readonly Entry[]): Promise<GateAnswer> {
    const answer = JSON.parse(await connection.ask(this.#query, [], "sqlmem_snapshot")) as {
      readonly server: string;
      readonly snapshot: string;
    };
    const moved = entries.filter(({ snapshot }) => snapshot !== null && snapshot !== answer.snapshot);
    return { server: answer.server, findings: new Map(moved.map((entry) => [entry, MOVED])) };
  }
}

/** Exact and without any rights; good for a server on which hardly anyone writes. */
export function snapshotSource(context: GateContext): ChangeSource {
  return new GatedSource(context, new SnapshotGate());
}
