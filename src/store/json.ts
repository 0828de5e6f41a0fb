/**
 * JSON for the store's own meta tables. Unlike plain JSON it keeps what bounds of columns are made of: BigInt, -0,
 * infinities and NaN.
 */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === "bigint") {
      return { $bigint: String(item) };
    }
    if (typeof item === "number" && (!Number.isFinite(item) || Object.is(item, -0))) {
      return { $number: Object.is(item, -0) ? "-0" : String(item) };
    }
    return item;
  });
}

export function decodeJson(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown) => {
    if (typeof item !== "object" || item === null) {
      return item;
    }
    if ("$bigint" in item) {
      return BigInt(String(item.$bigint));
    }
    if ("$number" in item) {
      return Number(item.$number);
    }
    return item;
  });
}
