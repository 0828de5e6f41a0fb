import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";

const INT8_MAX = 9_223_372_036_854_775_807n;
const INT8_MIN = -9_223_372_036_854_775_808n;

/**
 * Operations of integers that raise where the result is not within limits, the last two arguments: NULL stands for the
 * limits of 64 bits.
 */
export function registerIntegers(target: FunctionTarget): void {
  const options = { deterministic: true, useBigIntArguments: true };
  const binary = (name: string, compute: (a: bigint, b: bigint) => bigint): void => {
    target.function(`pg_integer_${name}`, options, (a, b, low, high) =>
      a === null || b === null ? null : within(compute(integer(a), integer(b)), low, high),
    );
  };
  binary("add", (a, b) => a + b);
  binary("subtract", (a, b) => a - b);
  binary("multiply", (a, b) => a * b);
  // A division by zero raises by itself.
  binary("divide", (a, b) => a / b);
  binary("remainder", (a, b) => a % b);
  target.function("pg_integer_abs", options, (value, low, high) => {
    if (value === null) return null;
    const number = integer(value);
    return within(number < 0n ? -number : number, low, high);
  });
}

/** An integer expression that left 64 bits is a REAL to SQLite, and a decimal may be the text NaN. */
function integer(value: StoreValue): bigint {
  if (typeof value !== "bigint") throw new RangeError(`${value} is no integer`);
  return value;
}

function within(value: bigint, low: StoreValue, high: StoreValue): bigint {
  const min = low === null ? INT8_MIN : integer(low);
  const max = high === null ? INT8_MAX : integer(high);
  if (value < min || value > max) throw new RangeError("an integer is out of range");
  return value;
}
