/** Below it the neighbours of a double are closer than 1 apart or it is an integer that is printed exactly. */
const TWO_53 = 9_007_199_254_740_992;

/**
 * `float8out` with `extra_float_digits` > 0: the shortest decimal that reads back as the value
 * (src/common/d2s.c, double_to_shortest_decimal_buf).
 *
 * JS takes the shortest decimal too, but it also takes one that lies exactly on the border to the neighbouring double
 * when reading rounds it to the value (ties to even). Postgres does not rely on how a reader rounds: `acceptBounds` is
 * false there. A border with no more than 17 digits exists only from 2^53 on, where borders are integers.
 */
export function floatText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "Infinity";
  if (value === Number.NEGATIVE_INFINITY) return "-Infinity";
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const magnitude = Math.abs(value);
  const sign = value < 0 ? "-" : "";
  const text = String(magnitude);
  // The common case: JS and Postgres agree on the digits and on the form between 1e-4 and 1e15.
  if (magnitude >= 1e-4 && magnitude < 1e15) return sign + text;
  let { digits, exponent } = scientific(magnitude);
  if (magnitude >= TWO_53) ({ digits, exponent } = insideBorders(magnitude, digits, exponent));
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  const size = Math.abs(exponent);
  return `${sign}${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${size < 10 ? "0" : ""}${size}`;
}

interface Digits {
  /** Without zeros at the end; the point is after the first. */
  readonly digits: string;
  readonly exponent: number;
}

function scientific(magnitude: number): Digits {
  const [mantissa = "", exponent = "0"] = magnitude.toExponential().split("e");
  return { digits: mantissa.replace(".", ""), exponent: Number(exponent) };
}

const bits = new DataView(new ArrayBuffer(8));

/** The shortest decimal strictly between the borders of an integer double, the nearest one if there are several. */
function insideBorders(magnitude: number, digits: string, exponent: number): Digits {
  const places = exponent - digits.length + 1;
  if (places < 0) return { digits, exponent };
  bits.setFloat64(0, magnitude);
  const raw = bits.getBigUint64(0);
  const gapAbove = 1n << ((raw >> 52n) - 1075n);
  const exact = BigInt(magnitude);
  // Doubled, so that the middle between two neighbours is an integer.
  const isPowerOfTwo = (raw & 0xfffffffffffffn) === 0n;
  const below = 4n * exact - (isPowerOfTwo ? gapAbove : 2n * gapAbove);
  const above = 4n * exact + 2n * gapAbove;
  const shortest = 4n * BigInt(digits) * 10n ** BigInt(places);
  if (shortest !== below && shortest !== above) return { digits, exponent };
  for (let length = digits.length; ; length++) {
    const unit = 10n ** BigInt(Math.max(0, exponent - length + 1));
    const floor = exact / unit;
    const best = [floor, floor + 1n]
      .filter((candidate) => 4n * candidate * unit > below && 4n * candidate * unit < above)
      .sort((a, b) => compare(distance(a * unit, exact), distance(b * unit, exact)) || Number(a % 2n) - Number(b % 2n));
    const [chosen] = best;
    if (chosen !== undefined) {
      const text = (chosen * unit).toString();
      return { digits: text.replace(/0+$/, ""), exponent: text.length - 1 };
    }
  }
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
