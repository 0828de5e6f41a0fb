const SECOND = 1000;

/** A time in which something is left alone, twice as long each time, up to a longest one. All times are milliseconds. */
export class Pause {
  readonly #shortestMs: number;
  readonly #longestMs: number;
  #nextMs: number;
  #until = 0;

  constructor(shortestMs: number, longestMs: number) {
    this.#shortestMs = shortestMs;
    this.#longestMs = longestMs;
    this.#nextMs = shortestMs;
  }

  begin(now: number): void {
    this.#until = now + this.#nextMs;
    this.#nextMs = Math.min(this.#longestMs, this.#nextMs * 2);
  }

  /** The next one is as long as it would have been. */
  end(): void {
    this.#until = 0;
  }

  /** The next one is the shortest again. */
  forget(): void {
    this.#nextMs = this.#shortestMs;
  }

  /** Seconds that are left of it, rounded up; 0: it is over. */
  secondsLeft(now: number): number {
    return Math.max(0, Math.ceil((this.#until - now) / SECOND));
  }
}
