import { type Bypass, bypass } from "../outcome.ts";
import { Pause } from "../pause.ts";
import type { ScanLimits } from "../store/contract.ts";

/** A scan has at least so long, in milliseconds, before the origin is asked instead. */
const PATIENCE_MS = 5000;
/** What takes no longer is never too slow. */
const FAST_MS = 1000;
/** So many times as long as the origin a scan may take. */
const TIMES_ORIGIN = 2;
/** So many times its patience a scan may then go on for: its result may be asked for again. */
const TIMES_PATIENCE = 4;
const SHORTEST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * How long scans of one shape may take. SQLite joins by nested loops, the origin may know better; a shape for which it
 * does is left to it for a while, longer each time: what is known of its results is used, and it is not scanned. All
 * times are milliseconds.
 */
export class Pace implements ScanLimits {
  #originMs = 0;
  #lostMs = 0;
  /** An origin that takes longer than this is not better after all. */
  #worthMs = 0;
  readonly #pause = new Pause(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);

  get patienceMs(): number {
    return Math.max(PATIENCE_MS, TIMES_ORIGIN * this.#originMs);
  }

  get limitMs(): number {
    return TIMES_PATIENCE * this.patienceMs;
  }

  /** The origin answered the shape in so many milliseconds. */
  answered(milliseconds: number): void {
    this.#originMs = milliseconds;
    if (milliseconds > this.#worthMs) this.#pause.end();
  }

  /** Asks the origin, and takes its time. */
  async timing<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const startedAt = performance.now();
    const answer = await ask();
    this.answered(performance.now() - startedAt);
    return answer;
  }

  /** A scan took so long. Where the origin was never asked, it is the next time, and its time decides. */
  scanned(milliseconds: number, now: number): void {
    if (milliseconds <= FAST_MS || milliseconds <= TIMES_ORIGIN * this.#originMs) return;
    this.#lose(milliseconds, milliseconds / TIMES_ORIGIN, now);
  }

  /** A scan had no answer after `patienceMs`. */
  gaveUp(now: number): Bypass {
    this.#lose(this.patienceMs, this.patienceMs, now);
    return bypass("slower-than-origin", `SQLite had no answer after ${Math.round(this.#lostMs)} ms`);
  }

  #lose(lostMs: number, worthMs: number, now: number): void {
    this.#lostMs = lostMs;
    this.#worthMs = worthMs;
    this.#pause.begin(now);
  }

  /** Why the shape is not scanned for now. */
  refusal(now: number): Bypass | null {
    const seconds = this.#pause.secondsLeft(now);
    if (seconds === 0) return null;
    return bypass(
      "slower-than-origin",
      `SQLite took ${Math.round(this.#lostMs)} ms or longer; it is asked again in ${seconds} s`,
    );
  }
}
