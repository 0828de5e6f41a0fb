import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import { decimalText, parseDecimal } from "./decimal.ts";

/** Functions of float8: a NaN is the text 'NaN'. */
export function registerFloats(target: FunctionTarget): void {
  const rounding = (name: string, round: (value: number) => number): void => {
    target.function(`pg_float8_${name}`, { deterministic: true }, (value) =>
      typeof value === "number" ? round(value) : value,
    );
  };
  rounding("round", roundHalfEven);
  rounding("trunc", Math.trunc);
  rounding("ceil", Math.ceil);
  rounding("floor", Math.floor);
  target.function("pg_float8_numeric", { deterministic: true }, (value) =>
    value === null ? null : floatToNumeric(value),
  );
}

/** `rint()`, which keeps the sign of a zero. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const distance = value - below;
  if (distance < 0.5) return below === 0 && Object.is(value, -0) ? -0 : below;
  if (distance > 0.5 || below % 2 !== 0) return below + 1 === 0 ? -0 : below + 1;
  return below;
}

/** `float8_numeric`: the 15 digits of `%.15g`, read as a numeric. */
function floatToNumeric(value: StoreValue): string {
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const [rounded = "", exponent = "0"] = value.toExponential(14).split("e");
  // Of a value exactly between two such numbers C takes the even one, JS the larger.
  const [exact = ""] = value.toExponential(50).split("e");
  const below = exact.slice(0, exact.indexOf(".") + 15);
  const isBetween = /^50*$/.test(exact.slice(below.length));
  const mantissa = isBetween && /[02468]$/.test(below) ? below : rounded;
  const digits = mantissa.replace(/\.?0+$/, "");
  const parsed = parseDecimal(`${digits}e${exponent}`);
  if (parsed === null) throw new RangeError(`${value} has no decimal`);
  return decimalText(parsed);
}
