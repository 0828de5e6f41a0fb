import type { Table } from "../../../catalog.ts";
import type { ChangeSink } from "../../../freshness/change-source.ts";

/** What a change source has found out about rows: they are old, or what they mean may be. */
export interface Finding {
  readonly kind: "stale" | "redefined";
  readonly why: string;
}

/**
 * One table of one load.
 *
 * ```
 *  watched ──accept()──► read ──settle()──► cached
 *     ▲        │           └──────┴── spoil(): the sink is told
 *     └────────┴ the snapshot is taken anew
 * ```
 */
export class Entry {
  readonly table: Table;
  /** Relations through which its rows can change: itself, its partitions and children, its parents. */
  readonly relations: readonly string[];
  /** Identifies the triggers of these relations. */
  readonly marks: string;
  /** The rows are as of this snapshot, or equal to those that it would show; `null` before there is one. */
  snapshot: string | null = null;
  state: "watched" | "read" | "cached" | "gone" = "watched";
  finding: Finding | null = null;

  constructor(table: Table, relations: readonly string[], marks: string) {
    this.table = table;
    this.relations = relations;
    this.marks = marks;
  }
}

/** The tables whose rows are cached or are being read, with the snapshot that they are as of. */
export class Entries {
  readonly #all = new Set<Entry>();
  readonly #cached = new Map<string, Entry>();

  /** Those of which nothing is known yet that ends them. */
  get sound(): readonly Entry[] {
    return [...this.#all].filter(({ finding }) => finding === null);
  }

  add(entry: Entry): void {
    this.#all.add(entry);
  }

  /** What was found, said once per table. Entries that are only watched keep it until their snapshot is accepted. */
  spoil(findings: ReadonlyMap<Entry, Finding>, sink: ChangeSink): void {
    const said = new Map<string, { readonly finding: Finding; readonly ids: string[] }>();
    for (const [entry, finding] of findings) {
      if (entry.finding !== null || entry.state === "gone") continue;
      entry.finding = finding;
      if (entry.state === "watched") continue;
      if (entry.state === "cached") this.remove(entry);
      const key = `${finding.kind} ${finding.why}`;
      const group = said.get(key);
      if (group === undefined) said.set(key, { finding, ids: [entry.table.id] });
      else group.ids.push(entry.table.id);
    }
    for (const { finding, ids } of said.values()) sink[finding.kind](ids, finding.why);
  }

  /** The load is over. What was found meanwhile is said again: the rows that it ends are there only now. */
  settle(entries: readonly Entry[], sink: ChangeSink): void {
    const late = new Map<Entry, Finding>();
    for (const entry of entries) {
      const former = this.#cached.get(entry.table.id);
      if (former !== undefined) this.remove(former);
      entry.state = "cached";
      this.#all.add(entry);
      this.#cached.set(entry.table.id, entry);
      if (entry.finding !== null) {
        late.set(entry, entry.finding);
        entry.finding = null;
      }
    }
    this.spoil(late, sink);
  }

  remove(entry: Entry): void {
    entry.state = "gone";
    this.#all.delete(entry);
    if (this.#cached.get(entry.table.id) === entry) this.#cached.delete(entry.table.id);
  }

  /** Loads that still run are not meant: they are over when they say so. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      const entry = this.#cached.get(id);
      if (entry !== undefined) this.remove(entry);
    }
  }

  /** Nothing is known of any of them any more. */
  clear(finding: Finding): void {
    for (const entry of this.#all) {
      entry.finding ??= finding;
      if (entry.state === "cached") this.remove(entry);
    }
  }
}
