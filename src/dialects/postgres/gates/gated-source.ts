import type { Table } from "../../../catalog.ts";
import { FreshnessError } from "../../../errors.ts";
import type { ChangeSink, ChangeSource, SourceState, Watch } from "../../../freshness/change-source.ts";
import { type Bypass, bypass } from "../../../outcome.ts";
import type { Snapshot } from "../../../store/contract.ts";
import { within } from "../../../within.ts";
import type { OriginLoadTable } from "../../dialect.ts";
import { readToken, writeToken } from "../token.ts";
import { Entries, Entry, type Finding } from "./entries.ts";
import type { Gate, GateContext } from "./gate.ts";
import { GateConnection } from "./gate-connection.ts";
import { installTrigger } from "./install-sql.ts";
import { Rounds } from "./rounds.ts";
import {
  FAMILY_TRIGGERS_QUERY,
  type FamilyMember,
  familyMarks,
  hasTrigger,
  readFamilies,
  unwatchable,
} from "./triggers.ts";

/** After so many snapshots that were out of date at once the load goes on; what it reads is stale at its end. */
const MAX_RETAKES = 3;

const LOST: Finding = { kind: "stale", why: "the connection of the change source was lost" };

interface Live {
  readonly connection: GateConnection;
  readonly sink: ChangeSink;
  /** `serverMark` at the start. */
  readonly server: string;
}

/**
 * A change source that compares: each `confirm` asks the origin once whether what is cached is what everyone sees. Which
 * question that is, is the gate's.
 *
 * A table takes part from the moment that its snapshot is known, while its rows are still on their way; the snapshot is
 * accepted only after a round that began later. So each confirmed round has looked at each table whose rows are older
 * than the round, and no load brings rows in that a former round would have found to be old.
 */
export class GatedSource implements ChangeSource {
  readonly state: SourceState = Object.freeze({ position: null, transactions: 0, changes: 0 });
  readonly #context: GateContext;
  readonly #gate: Gate;
  readonly #entries = new Entries();
  readonly #rounds: Rounds;
  #live: Live | null = null;
  #stopped = false;

  constructor(context: GateContext, gate: Gate) {
    this.#context = context;
    this.#gate = gate;
    this.#rounds = new Rounds((definitions) => this.#round(definitions));
  }

  async start(sink: ChangeSink): Promise<void> {
    if (this.#live !== null) throw new TypeError("The change source has been started");
    const version = await this.#context.version();
    const client = await this.#context.connect();
    const connection = new GateConnection(client, (error) => this.#lose(connection, error));
    try {
      await requirePrimary(connection);
      await connection.ask(OWN_SETTINGS_QUERY, []);
      await this.#gate.begin(connection, version, (relation) => this.#heard(connection, relation));
      const { server } = await this.#gate.check(connection, []);
      if (this.#stopped) throw new FreshnessError("The change source was stopped.");
      if (connection.ended) throw new FreshnessError("The connection of the change source was lost.");
      this.#live = { connection, sink, server };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async watch(tables: readonly OriginLoadTable[]): Promise<Watch | Bypass> {
    const live = this.#live;
    if (live === null) return bypass("not-fresh", "changes are not followed at the moment");
    let families: ReadonlyMap<string, readonly FamilyMember[]>;
    try {
      families = await this.#families(
        live,
        tables.map(({ table }) => table),
      );
    } catch (error) {
      live.connection.fail(errorOf(error));
      return bypass("not-fresh", "the origin did not say how changes can be followed");
    }
    if (this.#live !== live) return bypass("not-fresh", "changes are not followed at the moment");
    const entries: Entry[] = [];
    for (const { table } of tables) {
      const members = families.get(table.id) ?? [];
      const why = this.#notWatched(members);
      if (why !== null) return bypass("not-watched", why);
      const relations = members.map(({ relation }) => relation);
      entries.push(new Entry(table, relations, familyMarks(members)));
    }
    for (const entry of entries) this.#entries.add(entry);
    let retakes = 0;
    return {
      tables: new Map(),
      accepts: async (snapshot) => {
        const mayRetake = retakes < MAX_RETAKES;
        retakes += 1;
        return await this.#accepts(live, entries, snapshot, mayRetake);
      },
      done: (loaded) => {
        if (loaded) this.#entries.settle(entries, live.sink);
        else for (const entry of entries) this.#entries.remove(entry);
      },
    };
  }

  async #accepts(live: Live, entries: readonly Entry[], snapshot: Snapshot, mayRetake: boolean): Promise<boolean> {
    for (const entry of entries) entry.snapshot = snapshot.transactions;
    const confirmed = await this.#rounds.next(true);
    const kinds = new Set(entries.map(({ finding }) => finding?.kind ?? null));
    // What is redefined the load finds out by itself; and once the source is lost nothing of the load will be served.
    if (confirmed && mayRetake && this.#live === live && kinds.has("stale") && !kinds.has("redefined")) {
      for (const entry of entries) {
        entry.snapshot = null;
        entry.finding = null;
      }
      return false;
    }
    const findings = new Map<Entry, Finding>();
    for (const entry of entries) {
      const finding = entry.finding ?? (confirmed ? null : LOST);
      entry.state = "read";
      entry.finding = null;
      if (finding !== null) findings.set(entry, finding);
    }
    this.#entries.spoil(findings, live.sink);
    return true;
  }

  unwatch(ids: readonly string[]): void {
    this.#entries.forget(ids);
  }

  async confirm({
    timeoutMs,
    definitions,
  }: {
    readonly timeoutMs: number;
    readonly definitions: boolean;
  }): Promise<boolean> {
    if (this.#live === null) return false;
    return (await within(this.#rounds.next(definitions), timeoutMs)) ?? false;
  }

  async token(): Promise<string> {
    const live = this.#live;
    if (live === null) throw new FreshnessError("Changes are not followed at the moment.");
    const [system, position] = await Promise.all([
      this.#context.system(),
      live.connection.ask("SELECT pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text", []),
    ]);
    return writeToken({ system, position });
  }

  /** What a token stands for was visible before anyone had it, so that any round that begins now sees it. */
  async reached(token: string, timeoutMs: number): Promise<boolean> {
    const read = readToken(token);
    try {
      if (read === null || read.system !== (await this.#context.system())) return false;
    } catch {
      return false;
    }
    return await this.confirm({ timeoutMs, definitions: false });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const live = this.#live;
    this.#live = null;
    this.#entries.clear({ kind: "stale", why: "the change source was stopped" });
    await live?.connection.close();
  }

  async #round(definitions: boolean): Promise<boolean> {
    const live = this.#live;
    if (live === null) return false;
    const entries = this.#entries.sound;
    if (entries.length === 0) return true;
    try {
      const { server, findings } = await this.#gate.check(live.connection, entries);
      if (this.#live !== live) return false;
      if (server !== live.server)
        throw new FreshnessError("The server has restarted, is another one, or its touch log is.");
      this.#entries.spoil(findings, live.sink);
      if (definitions && this.#gate.asksForDefinitions) await this.#checkDefinitions(live);
      return this.#live === live;
    } catch (error) {
      live.connection.fail(errorOf(error));
      return false;
    }
  }

  /** Tables that are only watched take part: their snapshot must not be accepted if their triggers were off meanwhile. */
  async #checkDefinitions(live: Live): Promise<void> {
    const entries = this.#entries.sound;
    if (entries.length === 0) return;
    const { client } = live.connection;
    const unchanged = (tables: readonly Table[]): Promise<boolean> =>
      live.connection.limited(this.#context.unchanged(client, tables));
    const findings = new Map<Entry, Finding>();
    if (!(await unchanged(entries.map(({ table }) => table)))) {
      for (const entry of entries) {
        if (await unchanged([entry.table])) continue;
        findings.set(entry, { kind: "redefined", why: "its definition has changed" });
      }
    }
    if (this.#gate.triggers !== null) {
      const families = await this.#families(
        live,
        entries.map(({ table }) => table),
      );
      for (const entry of entries) {
        if (findings.has(entry) || familyMarks(families.get(entry.table.id) ?? []) === entry.marks) continue;
        findings.set(entry, { kind: "stale", why: "its triggers have changed" });
      }
    }
    if (this.#live === live) this.#entries.spoil(findings, live.sink);
  }

  async #families(live: Live, tables: readonly Table[]): Promise<ReadonlyMap<string, readonly FamilyMember[]>> {
    const kind = this.#gate.triggers;
    if (kind === null) return new Map();
    const ids = JSON.stringify([...new Set(tables.map(({ id }) => id))]);
    const members = readFamilies(
      await live.connection.ask(FAMILY_TRIGGERS_QUERY, [ids, kind.function], "sqlmem_family"),
    );
    return Map.groupBy(members, ({ root }) => root);
  }

  #notWatched(members: readonly FamilyMember[]): string | null {
    const kind = this.#gate.triggers;
    if (kind === null) return null;
    if (members.length === 0) return "it is not there any more";
    for (const member of members) {
      const why = unwatchable(member);
      if (why !== null) return why;
      if (!hasTrigger(member)) {
        return `${member.name} has no trigger ${kind.trigger}. As its owner run:\n${installTrigger(kind, member.name)}`;
      }
    }
    return null;
  }

  #heard(connection: GateConnection, relation: string): void {
    const live = this.#live;
    if (live === null || live.connection !== connection) return;
    const finding: Finding = { kind: "stale", why: "it was written to" };
    const changed = this.#entries.sound.filter(({ relations }) => relations.includes(relation));
    this.#entries.spoil(new Map(changed.map((entry) => [entry, finding])), live.sink);
  }

  #lose(connection: GateConnection, error: Error): void {
    const live = this.#live;
    if (live === null || live.connection !== connection) return;
    this.#live = null;
    this.#entries.clear(LOST);
    live.sink.lost(new FreshnessError("Changes of the origin are not followed any more.", { cause: error }));
  }
}

/**
 * `pg_current_snapshot()` of a standby has no running transactions (it lists `xip`, a standby keeps them in `subxip`:
 * src/backend/storage/ipc/procarray.c, GetSnapshotData). Two of them can be equal though a transaction was committed
 * between, and a transaction that was running seems to have been seen. And a standby refuses LISTEN.
 */
async function requirePrimary(connection: GateConnection): Promise<void> {
  if ((await connection.ask("SELECT pg_catalog.pg_is_in_recovery()::pg_catalog.text", [])) === "true") {
    throw new FreshnessError(
      "The origin is a standby, whose snapshots do not list running transactions: give the engine the primary's address.",
    );
  }
}

/** Under SERIALIZABLE the questions here would make others' transactions fail; idle times are not the application's. */
const OWN_SETTINGS_QUERY = `
SELECT pg_catalog.count(pg_catalog.set_config(s.key, s.value, false))::pg_catalog.text
FROM (VALUES ('default_transaction_isolation', 'read committed'), ('idle_session_timeout', '0')) AS s(key, value)
WHERE pg_catalog.current_setting(s.key, true) <> s.value`;

function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
