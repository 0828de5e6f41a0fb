import { randomBytes } from "node:crypto";
import { FreshnessError } from "../../../errors.ts";
import type { ChangeSource } from "../../../freshness/change-source.ts";
import { type Gate, type GateAnswer, type GateContext, serverMark } from "./gate.ts";
import type { GateConnection } from "./gate-connection.ts";
import { GatedSource } from "./gated-source.ts";
import { CHANNEL, NOTIFY } from "./install-sql.ts";
import { type FunctionRow, missingForNotify, NOTIFY_QUERY } from "./installed.ts";

/**
 * Notifications are queued in the order of the commits, by one transaction at a time (src/backend/commands/async.c:
 * PreCommit_Notify holds a lock of the database until the transaction has become visible). So when a notification of our
 * own comes back, those of everything that was visible before we sent it have come.
 */
class NotifyGate implements Gate {
  readonly kind = "notify";
  readonly triggers = NOTIFY;
  readonly asksForDefinitions = true;
  /** Of each connection: what was sent, and who waits for it. */
  readonly #barriers = new Map<string, () => void>();
  #channel = "";
  #query = "";

  async begin(connection: GateConnection, version: number, heard: (relation: string) => void): Promise<void> {
    const row = JSON.parse(await connection.ask(NOTIFY_QUERY, [])) as FunctionRow;
    const missing = missingForNotify(row);
    if (missing !== null) throw new FreshnessError(missing);
    const { client } = connection;
    await requireDirect(connection);
    // A channel of its own: the barriers of other processes need not come here.
    const channel = `${CHANNEL}_${randomBytes(9).toString("hex")}`;
    client.on("notification", ({ channel: from, payload }) => {
      if (from === CHANNEL) heard(payload ?? "");
      else if (from === channel) this.#barriers.get(payload ?? "")?.();
    });
    await connection.limited(client.query(`LISTEN ${CHANNEL}; LISTEN ${channel}`));
    this.#channel = channel;
    this.#query = `
SELECT pg_catalog.json_build_object('server', ${serverMark(version)})::pg_catalog.text FROM pg_catalog.pg_notify($1, $2)`;
  }

  async check(connection: GateConnection): Promise<GateAnswer> {
    const token = randomBytes(9).toString("hex");
    const back = new Promise<void>((resolve) => {
      this.#barriers.set(token, resolve);
    });
    try {
      const { server } = JSON.parse(await connection.ask(this.#query, [this.#channel, token], "sqlmem_barrier")) as {
        readonly server: string;
      };
      // Servers of today send it before they end the query; no document says that they do.
      await connection.limited(back);
      return { server, findings: new Map() };
    } finally {
      this.#barriers.delete(token);
    }
  }
}

/**
 * A pooler gives the client a key of its own to cancel queries with, as it has no server process to itself. What one
 * hears between two statements would go to someone else, or to nobody.
 */
async function requireDirect(connection: GateConnection): Promise<void> {
  const pid = await connection.ask("SELECT pg_catalog.pg_backend_pid()::pg_catalog.text", []);
  const known = "processID" in connection.client ? String(connection.client.processID) : pid;
  if (known !== pid) {
    throw new FreshnessError(
      "A connection pooler stands before the server, which notifications do not cross: give the engine the server's own address.",
    );
  }
}

/** Tables are named soon after a commit, without a question; what was missed while disconnected ends everything. */
export function notifySource(context: GateContext): ChangeSource {
  return new GatedSource(context, new NotifyGate());
}
