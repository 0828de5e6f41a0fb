import { Coverage, type CoverageCounts } from "./coverage.ts";
import type { Difference } from "./judge.ts";
import type { Shrunk } from "./shrink.ts";
import { kindName, type Subject } from "./subject.ts";

/** One wrong answer. */
export interface Failure {
  readonly subject: string;
  readonly sql: string;
  readonly params: readonly unknown[] | null;
  readonly difference: Difference;
  readonly batchSeed: number;
  /** Queries asked in the whole run when it was found. */
  readonly after: number;
  readonly shrunk: Shrunk | null;
}

const NUMBERS = ["queries", "hits", "misses", "bypasses", "raised", "changes", "staleHits", "batches"] as const;

/** A tally as JSON, without its failures. */
export type TallyCounts = { readonly [name in (typeof NUMBERS)[number]]: number } & {
  readonly faces: readonly (readonly [string, { readonly asked: number; readonly cached: number }])[];
  readonly reasons: readonly (readonly [string, number])[];
  readonly details: readonly (readonly [string, number])[];
  readonly faults: readonly (readonly [string, { readonly sql: string; readonly count: number }])[];
  readonly coverage: CoverageCounts;
};

/** What a run has seen so far. */
export class Tally {
  queries = 0;
  hits = 0;
  misses = 0;
  bypasses = 0;
  /** Both sides raised the same. */
  raised = 0;
  changes = 0;
  /** Hits that were seen to be old after a change behind the cache's back, as they must be. */
  staleHits = 0;
  batches = 0;
  readonly reasons = new Map<string, number>();
  /** Queries of each face of the engine, and how many of these it answered from the cache. */
  readonly faces = new Map<string, { asked: number; cached: number }>();
  /** The particulars of a sample of the bypasses. */
  readonly details = new Map<string, number>();
  readonly coverage = new Coverage();
  readonly failures: Failure[] = [];

  /** Faults of the cache that hurt no answer: first statement that saw each, and how many. */
  readonly faults = new Map<string, { readonly sql: string; count: number }>();

  fault(fault: unknown, sql: string): void {
    const cause = fault instanceof Error && fault.cause !== undefined ? `: ${fault.cause}` : "";
    const text = `${fault}${cause}`.replace(/\d+/g, "0");
    const seen = this.faults.get(text) ?? { sql, count: 0 };
    seen.count++;
    this.faults.set(text, seen);
  }

  /** Counts how the subject answered its last statement. */
  outcome(subject: Subject, sql: string): "hit" | "miss" | "bypass" {
    for (const fault of subject.takeFaults()) this.fault(fault, sql);
    const outcome = subject.lastOutcome() ?? "bypass";
    this.#face(kindName(subject.kind), 1, outcome === "bypass" ? 0 : 1);
    if (outcome === "hit") this.hits++;
    else if (outcome === "miss") this.misses++;
    else {
      this.bypasses++;
      this.count(subject.lastReason());
    }
    return outcome;
  }

  #face(name: string, asked: number, cached: number): void {
    const sum = this.faces.get(name) ?? { asked: 0, cached: 0 };
    this.faces.set(name, { asked: sum.asked + asked, cached: sum.cached + cached });
  }

  /** Adds what another process has counted; its failures are its own to report. */
  merge(counts: TallyCounts): void {
    for (const name of NUMBERS) this[name] += counts[name];
    for (const [reason, count] of counts.reasons) this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + count);
    for (const [name, { asked, cached }] of counts.faces) this.#face(name, asked, cached);
    for (const [detail, count] of counts.details) this.details.set(detail, (this.details.get(detail) ?? 0) + count);
    for (const [fault, { sql, count }] of counts.faults) {
      this.faults.set(fault, { sql, count: (this.faults.get(fault)?.count ?? 0) + count });
    }
    this.coverage.merge(counts.coverage);
  }

  toJSON(): TallyCounts {
    const { queries, hits, misses, bypasses, raised, changes, staleHits, batches } = this;
    const numbers = { queries, hits, misses, bypasses, raised, changes, staleHits, batches };
    return {
      ...numbers,
      faces: [...this.faces],
      reasons: [...this.reasons],
      details: [...this.details],
      faults: [...this.faults],
      coverage: this.coverage.toJSON(),
    };
  }

  count(reason: string): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }

  get cached(): number {
    return this.hits + this.misses;
  }
}
