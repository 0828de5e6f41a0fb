import type { ColumnFacts } from "../../store/column-set.ts";
import { FieldReader, wrongLength } from "./copy-field.ts";
import { readBinaryNumeric } from "./numeric-key.ts";

// The readers index bytes whose number was checked before: `as number` there costs nothing, a fallback would.

function int32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** Columns of numbers: their extremes are kept while reading. */
abstract class NumberReader extends FieldReader {
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  protected keep(value: number): number {
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    return value;
  }

  override facts(): ColumnFacts {
    if (this.#min > this.#max) return super.facts();
    return { ...super.facts(), min: this.#min, max: this.#max };
  }
}

export class Int2Reader extends NumberReader {
  read(bytes: Buffer, at: number, length: number): number {
    if (length !== 2) throw wrongLength("int2", length);
    return this.keep((((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16)) >> 16);
  }
}

export class Int4Reader extends NumberReader {
  read(bytes: Buffer, at: number, length: number): number {
    if (length !== 4) throw wrongLength("int4", length);
    return this.keep(int32(bytes, at));
  }
}

export class BoolReader extends NumberReader {
  read(bytes: Buffer, at: number, length: number): number {
    if (length !== 1) throw wrongLength("bool", length);
    return this.keep(bytes[at] === 0 ? 0 : 1);
  }
}

/** Days from 1970-01-01 to 2000-01-01, the server's epoch. */
const EPOCH_DAYS = 10_957;
const INT4_MAX = 2_147_483_647;
const INT4_MIN = -2_147_483_648;

/** Days since 1970; the ends of int32 are the infinities (src/include/utils/date.h). */
export class DateReader extends NumberReader {
  read(bytes: Buffer, at: number, length: number): number {
    if (length !== 4) throw wrongLength("date", length);
    const days = int32(bytes, at);
    return this.keep(days === INT4_MAX || days === INT4_MIN ? days : days + EPOCH_DAYS);
  }
}

const floatBytes = new Uint8Array(8);
const floatView = new DataView(floatBytes.buffer);

export class Float8Reader extends NumberReader {
  #hasNaN = false;
  #hasNegativeZero = false;

  read(bytes: Buffer, at: number, length: number): number | string {
    if (length !== 8) throw wrongLength("float8", length);
    for (let index = 0; index < 8; index++) floatBytes[index] = bytes[at + index] as number;
    const value = floatView.getFloat64(0);
    if (Number.isNaN(value)) {
      this.#hasNaN = true;
      return "NaN";
    }
    if (Object.is(value, -0)) this.#hasNegativeZero = true;
    return this.keep(value);
  }

  override facts(): ColumnFacts {
    return { ...super.facts(), hasNaN: this.#hasNaN, hasNegativeZero: this.#hasNegativeZero };
  }
}

const INT8_MAX = 9_223_372_036_854_775_807n;
const INT8_MIN = -9_223_372_036_854_775_808n;

/** A number where it is safe, else the BigInt itself. */
function narrow(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** Integers of 64 bits. */
abstract class WideReader extends NumberReader {
  #min: bigint | null = null;
  #max: bigint | null = null;

  protected keepWide(value: bigint): number | bigint {
    if (this.#min === null || value < this.#min) this.#min = value;
    if (this.#max === null || value > this.#max) this.#max = value;
    return narrow(value);
  }

  override facts(): ColumnFacts {
    const facts = super.facts();
    let { min, max } = facts;
    if (this.#min !== null && (min === null || this.#min < min)) min = narrow(this.#min);
    if (this.#max !== null && (max === null || this.#max > max)) max = narrow(this.#max);
    return { ...facts, min, max };
  }
}

const TWO_32 = 4_294_967_296;
/** Between the negative of it and itself a high word makes a safe integer, with any epoch added. */
const SAFE_HIGH = 1_500_000;

export class Int8Reader extends WideReader {
  read(bytes: Buffer, at: number, length: number): number | bigint {
    if (length !== 8) throw wrongLength("int8", length);
    const high = int32(bytes, at);
    const low = int32(bytes, at + 4) >>> 0;
    if (high > -SAFE_HIGH && high < SAFE_HIGH) return this.keep(high * TWO_32 + low);
    return this.keepWide((BigInt(high) << 32n) | BigInt(low));
  }
}

/** Microseconds from 1970-01-01 to 2000-01-01. */
const EPOCH_MICROSECONDS = 946_684_800_000_000;

/** Microseconds since 1970; the ends of int64 are the infinities (src/include/datatype/timestamp.h). */
export class TimestampReader extends WideReader {
  read(bytes: Buffer, at: number, length: number): number | bigint {
    if (length !== 8) throw wrongLength("timestamp", length);
    const high = int32(bytes, at);
    const low = int32(bytes, at + 4) >>> 0;
    if (high > -SAFE_HIGH && high < SAFE_HIGH) return this.keep(high * TWO_32 + low + EPOCH_MICROSECONDS);
    const value = (BigInt(high) << 32n) | BigInt(low);
    if (value === INT8_MAX || value === INT8_MIN) return this.keepWide(value);
    const moved = value + BigInt(EPOCH_MICROSECONDS);
    // The last thirty years of the type's range do not fit when counted from 1970.
    if (moved >= INT8_MAX) throw new Error("A timestamp after the year 294246 cannot be kept");
    return this.keepWide(moved);
  }
}

/** The largest number that takes one more group of four digits and stays safe. */
const SAFE_GROUPS = 900_719_925_473;

/**
 * numeric(p,s) times 10^s. A value is groups of four decimal digits; `weight` is the power of 10000 of the first
 * (`numeric_send` in src/backend/utils/adt/numeric.c).
 */
export class ScaledReader extends WideReader {
  readonly #scale: number;
  #hasNaN = false;

  constructor(scale: number) {
    super();
    this.#scale = scale;
  }

  read(bytes: Buffer, at: number, length: number): number | bigint | string {
    if (length < 8) throw wrongLength("numeric", length);
    const groups = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    const weight = (((bytes[at + 2] as number) << 24) | ((bytes[at + 3] as number) << 16)) >> 16;
    const sign = ((bytes[at + 4] as number) << 8) | (bytes[at + 5] as number);
    const displayScale = ((bytes[at + 6] as number) << 8) | (bytes[at + 7] as number);
    if ((sign !== 0 && sign !== 0x4000) || displayScale !== this.#scale) return this.#special(bytes, at);
    let value = 0;
    let cursor = at + 8;
    for (let group = 0; group < groups; group++, cursor += 2) {
      if (value > SAFE_GROUPS) return this.#wide(bytes, at);
      value = value * 10_000 + (((bytes[cursor] as number) << 8) | (bytes[cursor + 1] as number));
    }
    const exponent = 4 * (weight - groups + 1) + this.#scale;
    if (value === 0) return this.keep(0);
    // A division here has no remainder: the value has no digit beyond its scale.
    value = exponent >= 0 ? value * 10 ** exponent : value / 10 ** -exponent;
    if (!Number.isSafeInteger(value)) return this.#wide(bytes, at);
    return this.keep(sign === 0 ? value : -value);
  }

  #special(bytes: Buffer, at: number): string {
    if (readBinaryNumeric(bytes, at).special !== "NaN") {
      throw new Error(`A numeric that is not of the scale ${this.#scale} that its column declares`);
    }
    this.#hasNaN = true;
    return "NaN";
  }

  #wide(bytes: Buffer, at: number): number | bigint {
    const numeric = readBinaryNumeric(bytes, at);
    let value = 0n;
    for (const group of numeric.digits) value = value * 10_000n + BigInt(group);
    const exponent = 4 * (numeric.weight - numeric.digits.length + 1) + this.#scale;
    value = exponent >= 0 ? value * 10n ** BigInt(exponent) : value / 10n ** BigInt(-exponent);
    return this.keepWide(numeric.negative ? -value : value);
  }

  override facts(): ColumnFacts {
    return { ...super.facts(), hasNaN: this.#hasNaN };
  }
}
