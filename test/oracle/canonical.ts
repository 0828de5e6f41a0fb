import pg from "pg";

/** A value of the wire, boxed: what a type parser was given. */
export class Cell {
  readonly oid: number;
  readonly text: string;

  constructor(oid: number, text: string) {
    this.oid = oid;
    this.text = text;
  }
}

/**
 * What the rows are compared as. `wire`: type oid and wire text of each value; `plain`: the JS values that the driver's
 * own parsers make of it.
 */
export type View = "wire" | "plain";

interface ParserSource {
  getTypeParser(oid: number, format?: string): (text: string) => unknown;
}

/** For the bare driver: keeps oid and text, so that one answer can be seen in both views. */
export const CELLS: ParserSource = { getTypeParser: (oid) => (text) => new Cell(oid, text) };

/** For the pool under test in the `wire` view. */
export const WIRE_TYPES: ParserSource = {
  getTypeParser(oid) {
    const parser = wireParsers.get(oid) ?? ((text: string) => `${oid}:${text}`);
    wireParsers.set(oid, parser);
    return parser;
  },
};

/** One function per type for ever, as drivers have it. */
const wireParsers = new Map<number, (text: string) => string>();

/** A row as an object, as the view shows it: of two columns of one name the last one wins, in the place of the first. */
export function view(names: readonly string[], row: readonly (Cell | null)[], as: View): unknown {
  const result: Record<string, unknown> = {};
  for (const [index, name] of names.entries()) {
    const value = shown(row[index] ?? null, as);
    Object.defineProperty(result, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return result;
}

export function shown(cell: Cell | null, as: View): unknown {
  if (cell === null) return null;
  if (as === "wire") return `${cell.oid}:${cell.text}`;
  return pg.types.getTypeParser(cell.oid, "text")(cell.text);
}

/** Text that is equal for two values exactly if a program could not tell them apart, key order included. */
export function canonical(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : canonicalObject(value);
    default:
      return String(value);
  }
}

function canonicalObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (Buffer.isBuffer(value)) return `Buffer(${value.toString("hex")})`;
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
  const name = Object.getPrototypeOf(value)?.constructor?.name ?? "null-prototype";
  return `${name === "Object" ? "" : name}{${entries.join(",")}}`;
}
