/** What was written when, as those know who wrote it: what an answer must show, and what it cannot show. */

/** Acknowledged values, by time. */
class Acknowledged {
  readonly #at: number[] = [Number.NEGATIVE_INFINITY];
  /** The highest by then. */
  readonly #highest: number[] = [0];

  add(value: number, at: number): void {
    this.#at.push(at);
    this.#highest.push(Math.max(value, this.#highest.at(-1) ?? 0));
    // Nobody asks for what was long ago.
    if (this.#at.length > 20_000) {
      this.#at.splice(1, 10_000);
      this.#highest.splice(1, 10_000);
    }
  }

  by(time: number): number {
    let low = 0;
    for (let high = this.#at.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((this.#at[middle] ?? 0) <= time) low = middle;
      else high = middle;
    }
    return this.#highest[low] ?? 0;
  }
}

/**
 * One row that is only counted up, each time by one. Every write has a number of its own, so that an answer tells which
 * writes it shows: all those up to its value.
 */
export class Register {
  readonly table: "registers" | "rewritten";
  readonly id: number;
  #begun = 0;
  readonly #all = new Acknowledged();
  readonly #byWriter = new Map<string, Acknowledged>();

  constructor(table: "registers" | "rewritten", id: number) {
    this.table = table;
    this.id = id;
  }

  /** Before a write is sent. */
  begin(): void {
    this.#begun++;
  }

  /** The last that was begun was refused, by a writer who is the only one. */
  giveBack(): void {
    this.#begun--;
  }

  acknowledge(value: number, writer: string): void {
    const at = performance.now();
    this.#all.add(value, at);
    let own = this.#byWriter.get(writer);
    if (own === undefined) {
      own = new Acknowledged();
      this.#byWriter.set(writer, own);
    }
    own.add(value, at);
  }

  /** What was acknowledged by that time, to whomever. */
  by(time: number): number {
    return this.#all.by(time);
  }

  /** What was acknowledged to this writer by that time. */
  byWriter(writer: string, time: number): number {
    return this.#byWriter.get(writer)?.by(time) ?? 0;
  }

  /** An answer that is there now cannot show more: writes that were lost on their way count, as they may have arrived. */
  get most(): number {
    return this.#begun;
  }
}

/** One thing that must not have been. */
export interface Violation {
  readonly kind:
    | "stale"
    | "own write missed"
    | "not begun"
    | "torn"
    | "token missed"
    | "went back"
    | "cache error"
    | "slot left";
  readonly text: string;
}

/** What a run has found, and what it has done. */
export class Report {
  readonly violations: Violation[] = [];
  readonly operations = new Map<string, number>();
  /** Errors of the origin and the driver, which faults bring about. */
  readonly errors = new Map<string, number>();
  readonly #started = performance.now();

  count(operation: string): void {
    this.operations.set(operation, (this.operations.get(operation) ?? 0) + 1);
  }

  total(kind: "read" | "write" | "fault"): number {
    return [...this.operations].reduce((sum, [name, count]) => sum + (name.startsWith(kind) ? count : 0), 0);
  }

  error(error: unknown, context: string): void {
    const code = error instanceof Error ? String(Reflect.get(error, "code") ?? error.message) : String(error);
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
    // Without a cache nobody would have seen it.
    if (code.startsWith("ERR_SQLMEM")) this.violation("cache error", `${context}: ${String(error)}`);
  }

  violation(kind: Violation["kind"], text: string): void {
    this.violations.push({ kind, text: `${(this.elapsedMs / 1000).toFixed(3)} s: ${text}` });
  }

  get elapsedMs(): number {
    return performance.now() - this.#started;
  }
}
