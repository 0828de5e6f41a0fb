/** A closed range of integers that an expression's value is proven to lie in (NULL aside). */
export interface Interval {
  readonly low: bigint;
  readonly high: bigint;
}

export const INT64: Interval = { low: -(2n ** 63n), high: 2n ** 63n - 1n };

/** What a JS number holds exactly. */
export const SAFE: Interval = { low: BigInt(Number.MIN_SAFE_INTEGER), high: BigInt(Number.MAX_SAFE_INTEGER) };

const INTEGER_RANGES: Readonly<Record<string, Interval>> = {
  int2: { low: -32768n, high: 32767n },
  int4: { low: -2147483648n, high: 2147483647n },
  int8: INT64,
};

/** The range of an integer type; of 64 bits for anything else that the store keeps as an integer. */
export function rangeOfType(kind: string): Interval {
  return INTEGER_RANGES[kind] ?? INT64;
}

export function point(value: bigint): Interval {
  return { low: value, high: value };
}

export function contains(outer: Interval, inner: Interval): boolean {
  return outer.low <= inner.low && inner.high <= outer.high;
}

export function union(a: Interval, b: Interval): Interval {
  return { low: a.low < b.low ? a.low : b.low, high: a.high > b.high ? a.high : b.high };
}

/** Smallest range holding `x op y` for all x in `a`, y in `b`; `null` where division by zero is possible. */
export function combine(operator: "+" | "-" | "*" | "/" | "%", a: Interval, b: Interval): Interval | null {
  switch (operator) {
    case "+":
      return { low: a.low + b.low, high: a.high + b.high };
    case "-":
      return { low: a.low - b.high, high: a.high - b.low };
    case "*":
      return hull([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]);
    case "/":
      if (b.low <= 0n && b.high >= 0n) return null;
      // Truncating division is monotonic in each operand on either side of zero, so the corners bound it.
      return hull([0n, a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high]);
    case "%": {
      if (b.low <= 0n && b.high >= 0n) return null;
      const size = (b.high > -b.low ? b.high : -b.low) - 1n;
      return { low: a.low < 0n ? -size : 0n, high: a.high > 0n ? size : 0n };
    }
  }
}

function hull(values: readonly bigint[]): Interval {
  let low = values[0] ?? 0n;
  let high = low;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}
