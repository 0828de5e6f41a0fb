import type { StoreValue } from "../../../store/contract.ts";

/** A numeric: `digits` times 10^-scale. NaN and the infinities are none: who meets them raises. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** Digits before the point, and after it, that the type can hold (src/backend/utils/adt/numeric.c). */
const MAX_INTEGER_DIGITS = 131_072;
const MAX_SCALE = 16_383;

const POWERS: bigint[] = [1n];

function powerOfTen(exponent: number): bigint {
  let power = POWERS[exponent];
  if (power === undefined) {
    power = 10n ** BigInt(exponent);
    if (exponent < 100) POWERS[exponent] = power;
  }
  return power;
}

const TEXT = /^-?\d+(?:\.\d+)?$/;

/**
 * Reads an argument: an integer with its scale, or (scale -1) the decimal text of a number. Raises for anything else: an
 * integer expression that left the range of 64 bits is a REAL to SQLite.
 */
export function readDecimal(value: StoreValue, scale: StoreValue): Decimal {
  const places = Number(scale);
  if (typeof value === "bigint" && places >= 0) return { digits: value, scale: places };
  if (typeof value !== "string" || !TEXT.test(value)) throw new RangeError(`${value} is not computed with here`);
  const point = value.indexOf(".");
  if (point < 0) return { digits: BigInt(value), scale: 0 };
  return { digits: BigInt(value.slice(0, point) + value.slice(point + 1)), scale: value.length - point - 1 };
}

export function decimalText({ digits, scale }: Decimal): string {
  const negative = digits < 0n;
  const text = String(negative ? -digits : digits).padStart(scale + 1, "0");
  const point = text.length - scale;
  if (point > MAX_INTEGER_DIGITS || scale > MAX_SCALE) throw new RangeError("a numeric overflows");
  const sign = negative ? "-" : "";
  return scale === 0 ? sign + text : `${sign}${text.slice(0, point)}.${text.slice(point)}`;
}

/** The digits at a scale that is not smaller. */
function digitsAt({ digits, scale }: Decimal, wanted: number): bigint {
  return wanted === scale ? digits : digits * powerOfTen(wanted - scale);
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { digits: digitsAt(a, scale) + digitsAt(b, scale), scale };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { digits: -b.digits, scale: b.scale });
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale };
}

/** Truncates; the remainder has the sign of the dividend. */
export function remainder(a: Decimal, b: Decimal): Decimal {
  if (b.digits === 0n) throw new RangeError("division by zero");
  const scale = Math.max(a.scale, b.scale);
  return { digits: digitsAt(a, scale) % digitsAt(b, scale), scale };
}

export function divide(a: Decimal, b: Decimal): Decimal {
  if (b.digits === 0n) throw new RangeError("division by zero");
  return divideAt(a, b, quotientScale(a, b));
}

export function divideAt(a: Decimal, b: Decimal, scale: number): Decimal {
  const shift = scale + b.scale - a.scale;
  const dividend = shift >= 0 ? a.digits * powerOfTen(shift) : a.digits;
  const divisor = shift >= 0 ? b.digits : b.digits * powerOfTen(-shift);
  return { digits: roundedQuotient(dividend, divisor), scale };
}

/** Half away from zero. */
function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const rest = dividend % divisor;
  const twice = 2n * (rest < 0n ? -rest : rest);
  if (twice < (divisor < 0n ? -divisor : divisor)) return quotient;
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n;
}

const MINIMUM_SIGNIFICANT_DIGITS = 16;
const MAXIMUM_DISPLAY_SCALE = 1000;

/** `select_div_scale` of numeric.c: at least 16 significant digits, counted in groups of four. */
export function quotientScale(a: Decimal, b: Decimal): number {
  const dividend = leadingGroup(a);
  const divisor = leadingGroup(b);
  let weight = dividend.weight - divisor.weight;
  if (dividend.group <= divisor.group) weight--;
  const scale = Math.max(MINIMUM_SIGNIFICANT_DIGITS - 4 * weight, a.scale, b.scale, 0);
  return Math.min(scale, MAXIMUM_DISPLAY_SCALE);
}

/** The first group of four digits that is not zero, and the power of 10000 that it stands for. */
function leadingGroup({ digits, scale }: Decimal): { readonly weight: number; readonly group: number } {
  if (digits === 0n) return { weight: 0, group: 0 };
  const text = String(digits < 0n ? -digits : digits);
  const exponent = text.length - 1 - scale;
  const weight = Math.floor(exponent / 4);
  const length = exponent - 4 * weight + 1;
  return { weight, group: Number(text.slice(0, length).padEnd(length, "0")) };
}

/** To `places` after the point, which may be negative; half away from zero. */
export function round(value: Decimal, places: number): Decimal {
  return cut(value, places, roundedQuotient);
}

export function truncate(value: Decimal, places: number): Decimal {
  return cut(value, places, (dividend, divisor) => dividend / divisor);
}

export function floor(value: Decimal): Decimal {
  return cut(value, 0, (dividend, divisor) => {
    const quotient = dividend / divisor;
    return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient;
  });
}

export function ceiling(value: Decimal): Decimal {
  const { digits } = floor({ digits: -value.digits, scale: value.scale });
  return { digits: -digits, scale: 0 };
}

function cut(value: Decimal, places: number, quotient: (dividend: bigint, divisor: bigint) => bigint): Decimal {
  if (places >= value.scale) return { digits: digitsAt(value, places), scale: places };
  const kept = quotient(value.digits, powerOfTen(value.scale - places));
  return places >= 0 ? { digits: kept, scale: places } : { digits: kept * powerOfTen(-places), scale: 0 };
}

/** Square root to `scale` digits, half away from zero. */
export function squareRoot(value: Decimal, scale: number): Decimal {
  // One digit more than asked for, so that the rounding sees it.
  const shift = 2 * (scale + 1) - value.scale;
  const square = shift >= 0 ? value.digits * powerOfTen(shift) : value.digits / powerOfTen(-shift);
  return round({ digits: integerRoot(square), scale: scale + 1 }, scale);
}

function integerRoot(square: bigint): bigint {
  if (square < 2n) return square;
  let root = 1n << BigInt((square.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** A decimal text that may have an exponent, as `numeric_in` reads it; `null` for other texts. */
export function parseDecimal(text: string): Decimal | null {
  const match = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (match === null) return null;
  const fraction = match[3] ?? "";
  const exponent = Number(match[4] ?? 0);
  const magnitude = BigInt(`${match[2] ?? ""}${fraction}` || "0");
  const digits = match[1] === "-" ? -magnitude : magnitude;
  const scale = fraction.length - exponent;
  return scale >= 0 ? { digits, scale } : { digits: digits * powerOfTen(-scale), scale: 0 };
}
