/**
 * A harness of our own, because the machine is shared: what mitata measures it measures one after the other, so that a
 * busy second counts against whoever is at it. Here everyone has a turn in every round, and ratios are taken within
 * rounds before their median is.
 */

/** Makes calls `from`, `from + 1`, …; whether it awaits each is part of what is measured. */
export interface Contender {
  readonly name: string;
  readonly batch: (from: number, calls: number) => void | Promise<void>;
}

export interface RoundOptions {
  readonly rounds: number;
  /** How long one turn should take, about. */
  readonly turnMs: number;
}

/** Milliseconds per call, of each contender in each round. */
export class Rounds {
  readonly #times: ReadonlyMap<string, readonly number[]>;

  constructor(times: ReadonlyMap<string, readonly number[]>) {
    this.#times = times;
  }

  get names(): readonly string[] {
    return [...this.#times.keys()];
  }

  milliseconds(name: string): number {
    return median(this.#of(name));
  }

  /** How many times as long as `base` it took. */
  ratio(name: string, base: string): number {
    const bases = this.#of(base);
    return median(this.#of(name).map((time, round) => time / (bases[round] ?? Number.NaN)));
  }

  /** The one with the shortest median. */
  fastest(names: readonly string[]): string {
    const [best] = names.toSorted((a, b) => this.milliseconds(a) - this.milliseconds(b));
    if (best === undefined) throw new RangeError("nobody to choose from");
    return best;
  }

  #of(name: string): readonly number[] {
    const times = this.#times.get(name);
    if (times === undefined) throw new RangeError(`no contender ${name}`);
    return times;
  }
}

/** A contender whose answer is there when the call returns. */
export function synchronous(name: string, call: (index: number) => unknown): Contender {
  const batch = (from: number, calls: number): void => {
    for (let index = from; index < from + calls; index++) call(index);
  };
  return { name, batch };
}

/** A contender whose every answer is awaited before the next call. */
export function awaited(name: string, call: (index: number) => Promise<unknown>): Contender {
  const batch = async (from: number, calls: number): Promise<void> => {
    for (let index = from; index < from + calls; index++) await call(index);
  };
  return { name, batch };
}

/** Warms everyone up, then lets them take turns; who begins moves on with each round. */
export async function runRounds(contenders: readonly Contender[], options: RoundOptions): Promise<Rounds> {
  const turns: { readonly contender: Contender; readonly calls: number; next: number; readonly times: number[] }[] = [];
  for (const contender of contenders) {
    const { calls, next } = await warmUp(contender, options.turnMs);
    turns.push({ contender, calls, next, times: [] });
  }
  for (let round = 0; round < options.rounds; round++) {
    const first = round % turns.length;
    for (const turn of [...turns.slice(first), ...turns.slice(0, first)]) {
      turn.times.push((await timed(turn.contender, turn.next, turn.calls)) / turn.calls);
      turn.next += turn.calls;
    }
  }
  return new Rounds(new Map(turns.map(({ contender, times }) => [contender.name, times])));
}

/** Enough for the optimizing compiler to have done its work. */
const WARM_UP_MS = 300;

/** Also finds out how many calls fill a turn. */
async function warmUp(contender: Contender, turnMs: number): Promise<{ calls: number; next: number }> {
  const end = performance.now() + Math.min(WARM_UP_MS, turnMs * 10);
  let calls = 1;
  let next = 0;
  for (;;) {
    const elapsed = await timed(contender, next, calls);
    next += calls;
    if (elapsed < turnMs / 2) calls *= 2;
    else if (performance.now() > end) return { calls: Math.max(1, Math.round((calls * turnMs) / elapsed)), next };
  }
}

async function timed(contender: Contender, from: number, calls: number): Promise<number> {
  const started = performance.now();
  const done = contender.batch(from, calls);
  if (done !== undefined) await done;
  return performance.now() - started;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
