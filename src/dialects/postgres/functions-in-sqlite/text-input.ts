import type { FunctionTarget } from "../../../store/contract.ts";

const BLANKS = /^[ \t\n\r\v\f]+|[ \t\n\r\v\f]+$/g;

/**
 * Casts from text. Only plain spellings are read, which all versions of the origin read alike; for others the statement
 * goes to the origin, which may raise.
 */
export function registerTextInput(target: FunctionTarget): void {
  const integer = (name: string, low: bigint, high: bigint): void => {
    target.function(name, { deterministic: true }, (text) => {
      if (text === null) return null;
      const written = String(text).replaceAll(BLANKS, "");
      if (!/^-?\d{1,19}$/.test(written)) throw new RangeError(`${written} is no plain integer`);
      const value = BigInt(written);
      if (value < low || value > high) throw new RangeError(`${written} is out of range`);
      return value;
    });
  };
  integer("pg_text_int2", -32_768n, 32_767n);
  integer("pg_text_int4", -2_147_483_648n, 2_147_483_647n);
  integer("pg_text_int8", -9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n);
  target.function("pg_text_numeric", { deterministic: true }, (text) => {
    if (text === null) return null;
    const [, sign = "", whole = "", fraction = ""] = /^(-?)0*(\d{1,300})(\.\d{1,300})?$/.exec(String(text)) ?? [];
    if (whole === "") throw new RangeError("no plain number");
    return /[1-9]/.test(whole + fraction) ? sign + whole + fraction : whole + fraction;
  });
  target.function("pg_text_float8", { deterministic: true }, (text) => {
    if (text === null) return null;
    const written = String(text);
    if (!/^-?\d{1,30}(?:\.\d{1,30})?$/.test(written)) throw new RangeError("no plain number");
    return Number(written);
  });
  target.function("pg_text_bool", { deterministic: true }, (text) => {
    if (text === null) return null;
    if (text === "true" || text === "t") return 1;
    if (text === "false" || text === "f") return 0;
    throw new RangeError("no plain truth");
  });
}
