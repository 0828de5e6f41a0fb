import { type Bypass, bypass } from "./outcome.ts";
import { Pause } from "./pause.ts";

/** What a hit is reckoned to cost, in milliseconds. */
const HIT_MS = 0.01;
/** What a query is reckoned to cost at the origin before one was timed. */
const DIRECT_MS = 0.3;
/** Weight of the newest time in the average. */
const NEWEST = 0.2;
/** So many loads in a row have to lose, and so much time with them, before a table is left alone. */
const LOSSES = 8;
const LOST_MS = 1000;
const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Weighs, for one table, what its loads cost against what the hits between them save. A load that a write overtook before
 * it had paid off has lost. After several in a row the table is left alone for a while, longer each time; one that
 * pays off ends that. All times are milliseconds.
 *
 * ```
 *  loading allowed ──loads keep losing──► paused ──the pause is over──► loading allowed (one more loss pauses again)
 * ```
 */
export class Ledger {
  readonly #name: string;
  #directMs = DIRECT_MS;
  /** Of the load that is in use, or under way. */
  #costMs = 0;
  #hits = 0;
  #losses = 0;
  #lostMs = 0;
  readonly #pause = new Pause(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);

  constructor(name: string) {
    this.#name = name;
  }

  hit(): void {
    this.#hits += 1;
  }

  /** The origin answered in so many milliseconds. */
  direct(milliseconds: number): void {
    this.#directMs += (milliseconds - this.#directMs) * NEWEST;
  }

  /** A load took so long, whether it was of use or not. */
  loaded(milliseconds: number): void {
    this.#costMs += milliseconds;
  }

  /** Called when rows have to be fetched because what was there is wrong, or was evicted. */
  weigh(now: number): void {
    if (this.#costMs === 0) return;
    const saved = this.#hits * Math.max(0, this.#directMs - HIT_MS);
    if (saved >= this.#costMs) {
      this.#losses = 0;
      this.#lostMs = 0;
      this.#pause.forget();
    } else {
      this.#losses += 1;
      this.#lostMs += this.#costMs - saved;
    }
    this.#costMs = 0;
    this.#hits = 0;
    if (this.#losses < LOSSES || this.#lostMs < LOST_MS) return;
    this.#pause.begin(now);
  }

  /** Why the table is not loaded now. */
  refusal(now: number): Bypass | null {
    const seconds = this.#pause.secondsLeft(now);
    if (seconds === 0) return null;
    return bypass(
      "changes-too-often",
      `${this.#name} is written more often than its reads pay for; it is left alone for ${seconds} s more`,
    );
  }
}

/** Bounds the ledgers; a table that is dropped and made anew has another id. */
const MAX_LEDGERS = 10_000;

/** The ledgers of all tables, by id. */
export class Governor {
  readonly #ledgers = new Map<string, Ledger>();

  of(table: { readonly id: string; readonly schema: string; readonly name: string }): Ledger {
    let ledger = this.#ledgers.get(table.id);
    if (ledger === undefined) {
      if (this.#ledgers.size >= MAX_LEDGERS) this.#ledgers.clear();
      ledger = new Ledger(`${table.schema}.${table.name}`);
      this.#ledgers.set(table.id, ledger);
    }
    return ledger;
  }
}
