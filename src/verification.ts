import { setImmediate as turn } from "node:timers/promises";
import type { Origin } from "./dialects/dialect.ts";
import { VerificationError } from "./errors.ts";
import type { Runner } from "./execute/runner.ts";
import type { Loader } from "./load/loader.ts";
import type { Planner, PlannerOrigin } from "./plan/planner.ts";
import type { Prepared } from "./plan/prepared.ts";
import { sameRows } from "./same-rows.ts";
import { describeWrongAnswer } from "./verification-report.ts";
import type { WriteThrough } from "./write-through.ts";

/** What came of the hits that were asked of the origin again. */
export interface VerificationStats {
  /** Answers that were compared: `equal`, `stale`, `undecided` and `different` together. */
  readonly checked: number;
  readonly equal: number;
  /** The rows had changed behind the cache's back; the tables were fetched again, and the answers are equal now. */
  readonly stale: number;
  /** Different, and rightly so perhaps: the statement leaves its answer open, or the rows change all the time. */
  readonly undecided: number;
  /** Wrong answers; each is reported through `onError`, and its shape is left to the origin (`quarantined`). */
  readonly different: number;
  /** The origin raised, or the cache no longer had the answer. */
  readonly failed: number;
  /** Not looked into, as too many waited already. */
  readonly dropped: number;
}

export const NOTHING_VERIFIED: VerificationStats = Object.freeze({
  checked: 0,
  equal: 0,
  stale: 0,
  undecided: 0,
  different: 0,
  failed: 0,
  dropped: 0,
});

/** The parts of the engine that a verification works with. */
export interface VerificationParts {
  readonly origin: Pick<Origin, "query" | "typeSystem">;
  readonly planner: Planner;
  readonly plannerOrigin: PlannerOrigin;
  readonly runner: Runner;
  readonly loader: Loader;
  readonly writes: WriteThrough;
  onFault(error: unknown): void;
}

interface Sample {
  readonly prepared: Prepared;
  readonly params: readonly unknown[];
}

type Verdict = "equal" | "stale" | "undecided" | "different" | "failed";

/** More samples than these do not wait. */
const WAITING = 16;
/** So often a fresh load has to be wrong: rows that flip forth and back between two questions look wrong once. */
const ROUNDS = 2;

/**
 * Asks the origin again for a share of the hits, one at a time, after they were answered. An answer that differs is either
 * stale, as freshness is the caller's business, or wrong. To tell, the tables are fetched anew between two questions to the
 * origin: where it gives one answer both times and the cache another one, the cache is wrong.
 */
export class Verification {
  readonly #share: number;
  readonly #parts: VerificationParts;
  readonly #waiting: Sample[] = [];
  readonly #stats: { -readonly [Name in keyof VerificationStats]: number } = { ...NOTHING_VERIFIED };
  #state: "idle" | "working" | "closed" = "idle";

  /** @param share of the hits, above 0 and up to 1 */
  constructor(share: number, parts: VerificationParts) {
    this.#share = share;
    this.#parts = parts;
  }

  get stats(): VerificationStats {
    return { ...this.#stats };
  }

  /** A hit was answered. */
  offer(prepared: Prepared, params: readonly unknown[]): void {
    if (Math.random() >= this.#share || this.#state === "closed") return;
    const copy = this.#waiting.length < WAITING ? copyOf(params) : null;
    if (copy === null) {
      this.#stats.dropped += 1;
      return;
    }
    this.#waiting.push({ prepared, params: copy });
    if (this.#state === "idle") void this.#work();
  }

  /** What is under way is abandoned; nothing begins any more. */
  close(): void {
    this.#state = "closed";
    this.#waiting.length = 0;
  }

  async #work(): Promise<void> {
    this.#state = "working";
    for (;;) {
      await turn();
      const sample = this.#waiting.shift();
      if (sample === undefined) break;
      const verdict = await this.#verify(sample).catch((): Verdict => "failed");
      if (this.#isClosed()) return;
      this.#stats[verdict] += 1;
      if (verdict !== "failed") this.#stats.checked += 1;
    }
    if (!this.#isClosed()) this.#state = "idle";
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  async #verify(sample: Sample): Promise<Verdict> {
    const { prepared } = sample;
    const expected = await this.#askOrigin(sample);
    const actual = await this.#askCache(prepared, sample.params);
    if (expected === null || actual === null) return "failed";
    if (await sameRows(expected, actual)) return "equal";
    if (!prepared.entry.plan.determined) return "undecided";
    return await this.#decide(sample);
  }

  /** Stale, or wrong? */
  async #decide(sample: Sample): Promise<Verdict> {
    for (let round = 1; ; round++) {
      const before = await this.#askOrigin(sample);
      const reloaded = await this.#reload(sample);
      const after = await this.#askOrigin(sample);
      if (before === null || after === null || reloaded === null) return "undecided";
      const { prepared, rows } = reloaded;
      if ((await sameRows(after, rows)) || (await sameRows(before, rows))) return "stale";
      if (!(await sameRows(before, after)) || this.#isClosed()) return "undecided";
      if (round === ROUNDS) {
        this.#quarantine(prepared, after.length, rows.length);
        return "different";
      }
    }
  }

  /** `null` while a transaction is open, or a setting changed: the answer would not be the one of the hit's session. */
  async #askOrigin({ prepared, params }: Sample): Promise<readonly unknown[] | null> {
    const { origin, writes } = this.#parts;
    if (this.#isClosed() || !writes.sessionIsClean) return null;
    const rows = await origin.query(prepared.sql, params);
    return writes.sessionIsClean ? rows : null;
  }

  async #askCache(prepared: Prepared, params: readonly unknown[]): Promise<readonly unknown[] | null> {
    if (this.#isClosed()) return null;
    const rows = await this.#parts.runner.run(prepared, params);
    return Array.isArray(rows) ? rows : null;
  }

  /** The cache's answer from tables that are fetched now; `null` if there is none. */
  async #reload({ prepared: { sql, entry }, params }: Sample): Promise<{
    readonly prepared: Prepared;
    readonly rows: readonly unknown[];
  } | null> {
    if (this.#isClosed()) return null;
    const { planner, plannerOrigin, loader, writes } = this.#parts;
    writes.forget(entry.plan.tables.map(({ table }) => table.id));
    const prepared = await planner.decide(sql, plannerOrigin);
    if (prepared.kind !== "prepared" || (await loader.ensure(prepared.entry.plan)) !== "covered") return null;
    const rows = await this.#askCache(prepared, params);
    return rows === null ? null : { prepared, rows };
  }

  #quarantine(prepared: Prepared, origin: number, cache: number): void {
    const { planner, onFault } = this.#parts;
    planner.quarantine(prepared, "an answer of the cache to a statement of this shape was wrong");
    onFault(
      new VerificationError(describeWrongAnswer(prepared.entry, this.#parts.origin.typeSystem, { origin, cache })),
    );
  }
}

/** The caller may change the values that he passed. `null`: they cannot be copied. */
function copyOf(params: readonly unknown[]): readonly unknown[] | null {
  try {
    return structuredClone(params);
  } catch {
    return null;
  }
}
