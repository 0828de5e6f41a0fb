/** Those who wait for readers of the cache to see everything before a position. */
export class PositionGate {
  #position = 0n;
  readonly #waiting = new Set<{ readonly target: bigint; readonly settle: (reached: boolean) => void }>();

  get position(): bigint {
    return this.#position;
  }

  /** The farthest that somebody waits for; `null` if nobody waits. */
  get target(): bigint | null {
    let target: bigint | null = null;
    for (const waiter of this.#waiting) if (target === null || waiter.target > target) target = waiter.target;
    return target;
  }

  advance(position: bigint): void {
    if (position <= this.#position) return;
    this.#position = position;
    for (const waiter of this.#waiting) if (waiter.target <= position) waiter.settle(true);
  }

  /** Resolves to false when `timeoutMs` is over, or when the gate is closed. */
  wait(target: bigint, timeoutMs: number): Promise<boolean> {
    if (target <= this.#position) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (reached: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        resolve(reached);
      };
      const waiter = { target, settle };
      const timer = setTimeout(settle, Math.max(0, timeoutMs), false);
      this.#waiting.add(waiter);
    });
  }

  close(): void {
    for (const waiter of this.#waiting) waiter.settle(false);
  }
}
