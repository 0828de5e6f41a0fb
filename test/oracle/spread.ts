import type { Random } from "./random.ts";
import type { SqlType } from "./sql-type.ts";
import { type Profile, randomValue } from "./values.ts";

/**
 * How a column's values are spread over the rows: what can be proven of an index, and so where a statement runs, hangs on
 * it. `nearly`: unique but for one pair of rows.
 */
export type Spread = "random" | "unique" | "nearly" | "pairs" | "few" | "sparse";

export function randomSpread(random: Random): Spread {
  return random.weighted({ random: 6, unique: 3, nearly: 2, pairs: 1, few: 3, sparse: 2 });
}

/** The values of a column of so many rows, as the origin's input functions read them; `null` if the type has too few. */
export function spreadValues(
  random: Random,
  type: SqlType,
  profile: Profile,
  spread: Spread,
  count: number,
): string[] | null {
  if (spread === "random") return null;
  const few = random.times(random.int(1, 4), () => randomValue(random, type, profile));
  if (spread === "few") return random.times(count, () => random.pick(few));
  if (ordinalValue(type, 0) === null) return null;
  const order = random.shuffle(random.times(count, (index) => index));
  return order.map((ordinal) => {
    const shown = spread === "pairs" ? ordinal >> 1 : spread === "nearly" && ordinal === 1 ? 0 : ordinal;
    return ordinalValue(type, shown) ?? "";
  });
}

/** Another value for each of 0 … 9,999, in ascending order for most types. */
function ordinalValue(type: SqlType, ordinal: number): string | null {
  const digits = String(ordinal).padStart(5, "0");
  switch (type.kind) {
    case "int2":
    case "int4":
    case "int8":
      return String(ordinal - 3);
    case "text":
      return `k${digits}`;
    case "varchar":
      return (type.name.modifiers[0] ?? 10) >= 10 ? `k${digits}` : null;
    case "char":
      return (type.name.modifiers[0] ?? 1) >= 8 ? `k${digits}` : null;
    case "uuid":
      return `00000000-0000-4000-a000-0000000${digits}`;
    case "numeric":
      return type.base === undefined && type.name.modifiers.length === 0 ? String(ordinal / 4) : null;
    case "float8":
      return String(ordinal / 4);
    case "date":
      return new Date(Date.UTC(2001, 0, 1 + ordinal)).toISOString().slice(0, 10);
    case "timestamp":
    case "timestamptz": {
      const text = new Date(Date.UTC(2001, 0, 1, 0, ordinal)).toISOString().slice(0, 19).replace("T", " ");
      return type.kind === "timestamp" ? text : `${text}+00`;
    }
    default:
      return null;
  }
}
