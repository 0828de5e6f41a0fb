import type { ColumnFacts } from "../column-set.ts";
import type { LoadColumn, StoreValue } from "../contract.ts";

/** Ends of types, and what slack is not to step over: facts beyond them refuse what the values themselves allow. */
const BOUNDARIES: readonly number[] = [
  -Number.MAX_SAFE_INTEGER,
  -2_147_483_647,
  -32_768,
  0,
  32_767,
  2_147_483_646,
  Number.MAX_SAFE_INTEGER,
];

const INT8_MAX = 2n ** 63n - 1n;
const INT8_MIN = -(2n ** 63n);

/** Steps that a bound moves at least. */
const SMALLEST_SLACK = 16;

/**
 * The facts of one physical column while its values change. They only widen, so they hold for all that the column has or
 * had; each time by more than the value asks for, so that a growing key does not make new facts with every row.
 */
export class LiveFacts {
  readonly #isText: boolean;
  readonly #isRank: boolean;
  facts: ColumnFacts;
  changed = false;

  constructor({ declared, encoding }: LoadColumn, facts: ColumnFacts) {
    this.#isText = declared === "TEXT";
    this.#isRank = encoding === "rank";
    this.facts = this.#isRank ? { ...facts, min: null, max: null } : facts;
  }

  see(value: StoreValue): void {
    if (value === null) {
      if (!this.facts.hasNull) this.#widen({ hasNull: true });
    } else if (typeof value === "number" || typeof value === "bigint") {
      if (!this.#isRank) this.#seeNumber(value);
    } else if (value === "NaN" && !this.#isText && !this.facts.hasNaN) {
      this.#widen({ hasNaN: true });
    }
  }

  #seeNumber(value: number | bigint): void {
    const { min, max, hasNegativeZero } = this.facts;
    if (min === null || max === null) this.#widen({ min: value, max: value });
    else if (value < min) this.#widen({ min: below(value, max) });
    else if (value > max) this.#widen({ max: above(value, min) });
    if (!hasNegativeZero && Object.is(value, -0)) this.#widen({ hasNegativeZero: true });
  }

  #widen(wider: Partial<ColumnFacts>): void {
    this.facts = { ...this.facts, ...wider };
    this.changed = true;
  }
}

/** A bound above a new largest value: further by what lies between both ends, but half of the way to the next boundary. */
function above(value: number | bigint, min: number | bigint): number | bigint {
  if (typeof value === "bigint") return value + smaller(value - BigInt(min), (INT8_MAX - value) / 2n);
  if (!Number.isSafeInteger(value)) return value + (value - Number(min));
  const boundary = BOUNDARIES.find((end) => end >= value) ?? value;
  const distance = Math.ceil(value - Number(min));
  return value + Math.floor(Math.min(Math.max(distance, SMALLEST_SLACK), (boundary - value) / 2));
}

function below(value: number | bigint, max: number | bigint): number | bigint {
  if (typeof value === "bigint") return value - smaller(BigInt(max) - value, (value - INT8_MIN) / 2n);
  if (!Number.isSafeInteger(value)) return value - (Number(max) - value);
  const boundary = BOUNDARIES.findLast((end) => end <= value) ?? value;
  const distance = Math.ceil(Number(max) - value);
  return value - Math.floor(Math.min(Math.max(distance, SMALLEST_SLACK), (value - boundary) / 2));
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** A bound on the rows of a table that has so many now. */
export function rowBoundOf(rows: number): number {
  return 2 ** Math.max(8, Math.ceil(Math.log2(rows + 1)));
}
