import { Coverage } from "./coverage.ts";
import type { Difference } from "./judge.ts";
import type { Shrunk } from "./shrink.ts";

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

  count(reason: string): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }

  get cached(): number {
    return this.hits + this.misses;
  }
}
