import type { FunctionTarget } from "../../../store/contract.ts";

const DAY_MICROSECONDS = 86_400_000_000n;
const INT8_MAX = 9_223_372_036_854_775_807n;
const INT8_MIN = -9_223_372_036_854_775_808n;
const DATE_INFINITY = 2_147_483_647n;

/** Casts between encodings of times. */
export function registerCasts(target: FunctionTarget): void {
  target.function("pg_timestamp_date", { deterministic: true, useBigIntArguments: true }, (value) => {
    if (value === null) return null;
    if (typeof value !== "bigint") throw new RangeError(`${value} is no time`);
    if (value === INT8_MAX) return DATE_INFINITY;
    if (value === INT8_MIN) return -DATE_INFINITY - 1n;
    const days = value / DAY_MICROSECONDS;
    return value < 0n && days * DAY_MICROSECONDS !== value ? days - 1n : days;
  });
}
