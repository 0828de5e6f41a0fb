/**
 * Keys of arbitrary-precision numbers whose byte order is Postgres' order (cmp_numerics in
 * src/backend/utils/adt/numeric.c): NaN above everything and equal to itself, 1.0 equal to 1.00.
 *
 *     first byte   00 -Infinity · 01 negative · 02 zero · 03 positive · 04 Infinity · 05 NaN
 *     positive     weight + 16384 as uint16, then the base-10000 digits as uint16 each, no zeros at either end
 *     negative     the same, every uint16 taken from FFFE, then FFFF: of two equal beginnings the shorter one is larger
 *
 * `weight` is the power of 10000 of the first digit, between -4096 and 32767 (131072 digits before the point, 16383 after
 * it). All integers are big-endian.
 */
const NEGATIVE_INFINITY = 0;
const NEGATIVE = 1;
const ZERO = 2;
const POSITIVE = 3;
const INFINITY = 4;
const NAN = 5;

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?$/;

/** The key of a decimal text without exponent; `null` for anything else, or for more digits than numeric can have. */
export function numericKey(text: string): Uint8Array | null {
  if (text === "NaN") return Uint8Array.of(NAN);
  if (text === "Infinity") return Uint8Array.of(INFINITY);
  if (text === "-Infinity") return Uint8Array.of(NEGATIVE_INFINITY);
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const integer = match[2] ?? "";
  const fraction = match[3] ?? "";
  // NUMERIC_MAX_PRECISION-free limits of the type: 131072 digits before the point, 16383 after it.
  if (integer.length > 131_072 || fraction.length > 16_383) return null;
  const left = (4 - (integer.length % 4)) % 4;
  const right = (4 - (fraction.length % 4)) % 4;
  const padded = "0".repeat(left) + integer + fraction + "0".repeat(right);
  const digits = new Uint16Array(padded.length / 4);
  for (let index = 0; index < digits.length; index++) digits[index] = Number(padded.slice(index * 4, index * 4 + 4));
  return keyOfDigits(digits, (integer.length + left) / 4 - 1, match[1] === "-");
}

/** The key of sum(digits[i] * 10000 ^ (weight - i)). */
function keyOfDigits(digits: Uint16Array, weight: number, negative: boolean): Uint8Array {
  let start = 0;
  let end = digits.length;
  while (start < end && digits[start] === 0) start++;
  while (end > start && digits[end - 1] === 0) end--;
  if (start === end) return Uint8Array.of(ZERO);
  const key = new Uint8Array(1 + 2 + 2 * (end - start) + (negative ? 2 : 0));
  let at = 0;
  key[at++] = negative ? NEGATIVE : POSITIVE;
  const biased = weight - start + 16_384;
  const first = negative ? 0xfffe - biased : biased;
  key[at++] = first >> 8;
  key[at++] = first & 0xff;
  for (let index = start; index < end; index++) {
    const group = digits[index] ?? 0;
    const digit = negative ? 0xfffe - group : group;
    key[at++] = digit >> 8;
    key[at++] = digit & 0xff;
  }
  if (negative) {
    key[at++] = 0xff;
    key[at] = 0xff;
  }
  return key;
}

const SIGN_NEGATIVE = 0x4000;
const SIGN_NAN = 0xc000;
const SIGN_INFINITY = 0xd000;
const SIGN_NEGATIVE_INFINITY = 0xf000;

/** A numeric as `numeric_send` writes it. */
export interface BinaryNumeric {
  readonly digits: Uint16Array;
  readonly weight: number;
  readonly negative: boolean;
  readonly special: "NaN" | "Infinity" | "-Infinity" | null;
  readonly displayScale: number;
}

export function readBinaryNumeric(bytes: Uint8Array, at: number): BinaryNumeric {
  const count = uint16(bytes, at);
  const sign = uint16(bytes, at + 4);
  const digits = new Uint16Array(count);
  for (let index = 0; index < count; index++) digits[index] = uint16(bytes, at + 8 + 2 * index);
  return {
    digits,
    weight: (uint16(bytes, at + 2) << 16) >> 16,
    negative: sign === SIGN_NEGATIVE,
    special:
      sign === SIGN_NAN
        ? "NaN"
        : sign === SIGN_INFINITY
          ? "Infinity"
          : sign === SIGN_NEGATIVE_INFINITY
            ? "-Infinity"
            : null,
    displayScale: uint16(bytes, at + 6),
  };
}

export function keyOfBinary(numeric: BinaryNumeric): Uint8Array {
  if (numeric.special === "NaN") return Uint8Array.of(NAN);
  if (numeric.special === "Infinity") return Uint8Array.of(INFINITY);
  if (numeric.special === "-Infinity") return Uint8Array.of(NEGATIVE_INFINITY);
  return keyOfDigits(numeric.digits, numeric.weight, numeric.negative);
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
