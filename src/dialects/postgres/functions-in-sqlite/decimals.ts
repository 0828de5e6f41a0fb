import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import { numericKey } from "../numeric-key.ts";
import {
  add,
  ceiling,
  type Decimal,
  decimalText,
  divide,
  divideAt,
  floor,
  multiply,
  quotientScale,
  readDecimal,
  remainder,
  round,
  squareRoot,
  subtract,
  truncate,
} from "./decimal.ts";

/** Integers as BigInt: what is beyond 2^53 is as good as any other. */
const EXACT = { deterministic: true, useBigIntArguments: true } as const;

/**
 * Arithmetic of `numeric`. An operand is two arguments: an integer and its scale, or the decimal text and -1; the result
 * is the decimal text, in the scale that the origin gives it.
 */
export function registerDecimals(target: FunctionTarget): void {
  const binary = (name: string, compute: (a: Decimal, b: Decimal) => Decimal): void => {
    target.function(`pg_numeric_${name}`, EXACT, (a, aScale, b, bScale) =>
      a === null || b === null ? null : decimalText(compute(readDecimal(a, aScale), readDecimal(b, bScale))),
    );
  };
  binary("add", add);
  binary("subtract", subtract);
  binary("multiply", multiply);
  binary("divide", divide);
  binary("remainder", remainder);

  const unary = (name: string, compute: (value: Decimal) => Decimal): void => {
    target.function(`pg_numeric_${name}`, EXACT, (value, scale) =>
      value === null ? null : decimalText(compute(readDecimal(value, scale))),
    );
  };
  /** A decimal that is kept as an integer may be the text NaN. */
  target.function("pg_numeric_text", EXACT, (value, scale) =>
    value === null ? null : value === "NaN" ? value : decimalText(readDecimal(value, scale)),
  );
  unary("negate", ({ digits, scale }) => ({ digits: -digits, scale }));
  unary("abs", ({ digits, scale }) => ({ digits: digits < 0n ? -digits : digits, scale }));
  unary("sign", ({ digits }) => ({ digits: digits === 0n ? 0n : digits < 0n ? -1n : 1n, scale: 0 }));
  unary("ceil", ceiling);
  unary("floor", floor);

  const places = (name: string, compute: (value: Decimal, places: number) => Decimal): void => {
    target.function(`pg_numeric_${name}`, EXACT, (value, scale, count) =>
      value === null || count === null ? null : decimalText(compute(readDecimal(value, scale), Number(count))),
    );
  };
  places("round", round);
  places("trunc", truncate);
  /** The same as an integer times 10^scale. */
  target.function("pg_numeric_scaled", EXACT, (value, scale, count) =>
    value === null ? null : round(readDecimal(value, scale), Number(count)).digits,
  );
  target.function("pg_numeric_float8", EXACT, (value, scale) => {
    if (value === null) return null;
    const number = Number(decimalText(readDecimal(value, scale)));
    if (!Number.isFinite(number)) throw new RangeError("a numeric that no double holds");
    return number;
  });
  target.function("pg_numeric_key", EXACT, (value) => {
    if (value === null) return null;
    const key = typeof value === "string" ? numericKey(value) : null;
    if (key === null) throw new RangeError(`${value} has no key`);
    return key;
  });
  /** A cast to numeric(precision, places): as the integer that is kept of it, or as text. */
  target.function("pg_numeric_fit", EXACT, (value, scale, places, precision, asInteger) => {
    if (value === null) return null;
    const rounded = round(readDecimal(value, scale), Number(places));
    const size = rounded.digits < 0n ? -rounded.digits : rounded.digits;
    if (size >= 10n ** BigInt(Number(precision))) throw new RangeError("a numeric field overflows");
    return asInteger === 0n ? decimalText(rounded) : rounded.digits;
  });
  registerAggregates(target);
}

interface Sum {
  digits: bigint;
  scale: number;
  count: number;
}

function registerAggregates(target: FunctionTarget): void {
  const total = (name: string, result: (sum: Sum) => StoreValue): void => {
    target.aggregate<Sum>(`pg_numeric_${name}`, {
      ...EXACT,
      start: () => ({ digits: 0n, scale: 0, count: 0 }),
      step: accumulate,
      result: (sum) => (sum.count === 0 ? null : result(sum)),
    });
  };
  total("sum", decimalText);
  total("avg", (sum) => decimalText(divide(sum, { digits: BigInt(sum.count), scale: 0 })));

  extreme(target, "pg_numeric_min", (order) => order < 0n);
  extreme(target, "pg_numeric_max", (order) => order > 0n);

  /** The mean from a sum, its scale and the count that SQLite computed. */
  target.function("pg_numeric_mean", EXACT, (sum, scale, count) =>
    sum === null ? null : decimalText(divide(readDecimal(sum, scale), readDecimal(count, 0n))),
  );
  target.function("pg_numeric_variance", EXACT, (count, sum, squares, form) =>
    sum === null ? null : variance(count, sum, squares, String(form)),
  );
}

function accumulate(sum: Sum, value: StoreValue): Sum {
  if (value === null) return sum;
  const next = readDecimal(value, -1n);
  if (next.scale === sum.scale) {
    sum.digits += next.digits;
  } else {
    const { digits, scale } = add(sum, next);
    sum.digits = digits;
    sum.scale = scale;
  }
  sum.count++;
  return sum;
}

/** Raises where the extreme is held by values of different scale: which of them the origin shows, its own order decides. */
function extreme(target: FunctionTarget, name: string, wins: (order: bigint) => boolean): void {
  target.aggregate<{ best: Decimal | null; scales: number }>(name, {
    ...EXACT,
    start: () => ({ best: null, scales: 0 }),
    step: (state, value) => {
      if (value === null) return state;
      const next = readDecimal(value, -1n);
      const order = state.best === null ? null : subtract(next, state.best).digits;
      if (order === null || wins(order)) return { best: next, scales: 1 };
      if (order === 0n && next.scale !== state.best?.scale) state.scales = 2;
      return state;
    },
    result: ({ best, scales }) => {
      if (scales > 1) throw new RangeError("equal extremes of different scale");
      return best === null ? null : decimalText(best);
    },
  });
}

/** `numeric_stddev_internal` over integers. `form`: `var` or `stddev`, `_pop` or `_samp`. */
function variance(count: StoreValue, sum: StoreValue, squares: StoreValue, form: string): StoreValue {
  if (typeof count !== "bigint" || typeof sum !== "bigint" || typeof squares !== "bigint") {
    throw new RangeError("a sum of squares leaves the range of 64 bits");
  }
  const population = form.endsWith("_pop");
  if (count === 0n || (!population && count === 1n)) return null;
  const dividend = { digits: count * squares - sum * sum, scale: 0 };
  if (dividend.digits <= 0n) return "0";
  const divisor = { digits: population ? count * count : count * (count - 1n), scale: 0 };
  const scale = quotientScale(dividend, divisor);
  const quotient = divideAt(dividend, divisor, scale);
  return decimalText(form.startsWith("stddev") ? squareRoot(quotient, scale) : quotient);
}
