/** What a program can see of a value, as plain data: libraries make classes of their own for each connection. */
export function comparable(value: unknown, above: readonly object[] = []): unknown {
  if (typeof value === "function") return `[function ${value.name}]`;
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (above.includes(value)) return "[circular]";
  const path = [...above, value];
  if (Array.isArray(value)) return value.map((item) => comparable(item, path));
  // Ids of tables differ from one database to the next.
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    key === "tableID" ? item > 0 : comparable(item, path),
  ]);
  const type: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return type === undefined || type === "Object" ? Object.fromEntries(entries) : [type, Object.fromEntries(entries)];
}

/** As text: bigints are marked. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? `${item}n` : item)) ?? "undefined";
}

/** Rows, and the rows inside of them, in an order of their own. */
export function inAnyOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inAnyOrder).sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inAnyOrder(item)]));
}
