import { type Bypass, bypass } from "../outcome.ts";
import type { ScanLimits } from "../store/contract.ts";

/** A scan has at least so long, in milliseconds, before the origin is asked instead. */
const PATIENCE_MS = 1000;
/** And so many times as long as the origin took for the same shape. */
const TIMES_ORIGIN = 2;
/** So many times its patience a scan may then go on for: its result may be asked for again. */
const TIMES_PATIENCE = 10;
const SHORTEST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * How long scans of one shape may take. SQLite joins by nested loops, the origin may know better; a shape for which it
 * does is left to it for a while, longer each time: what is known of its results is used, and it is not scanned. All
 * times are milliseconds.
 */
export class Pace implements ScanLimits {
  #originMs = 0;
  /** Of the scan that was given up last. */
  #lostMs = 0;
  #pauseMs = SHORTEST_PAUSE_MS;
  #pausedUntil = 0;

  get patienceMs(): number {
    return Math.max(PATIENCE_MS, TIMES_ORIGIN * this.#originMs);
  }

  get limitMs(): number {
    return TIMES_PATIENCE * this.patienceMs;
  }

  /** The origin answered the shape in so many milliseconds. */
  answered(milliseconds: number): void {
    this.#originMs = milliseconds;
    // It was slower still: the next scan has more time.
    if (milliseconds > this.#lostMs) this.#pausedUntil = 0;
  }

  /** Asks the origin, and takes its time. */
  async timing<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const startedAt = performance.now();
    const answer = await ask();
    this.answered(performance.now() - startedAt);
    return answer;
  }

  /** A scan was given up after `patienceMs`. */
  gaveUp(now: number): Bypass {
    this.#lostMs = this.patienceMs;
    this.#pausedUntil = now + this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    return bypass("slower-than-origin", `SQLite had no answer after ${Math.round(this.#lostMs)} ms`);
  }

  /** Why the shape is not scanned for now. */
  refusal(now: number): Bypass | null {
    if (now >= this.#pausedUntil) return null;
    const seconds = Math.ceil((this.#pausedUntil - now) / 1000);
    return bypass(
      "slower-than-origin",
      `SQLite had no answer after ${Math.round(this.#lostMs)} ms; it is asked again in ${seconds} s`,
    );
  }
}
