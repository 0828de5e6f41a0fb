import type { Random } from "./random.ts";
import type { SqlType } from "./sql-type.ts";

/** A JS value as a user would pass it for the origin's text `text`; now and then in a form that is not canonical. */
export function randomParameter(random: Random, type: SqlType, text: string): unknown {
  if (random.chance(0.02)) return undefined;
  switch (type.kind) {
    case "int2":
    case "int4":
    case "int8":
      return integer(random, text);
    case "numeric":
    case "float8":
    case "float4":
      return decimal(random, text);
    case "bool":
      return random.chance(0.8)
        ? text === "t"
        : random.pick([text, "true", "FALSE", "yes", " t ", "on", 1, 0, 2, "1", ""]);
    case "date":
    case "timestamp":
    case "timestamptz":
      return moment(random, text);
    case "uuid":
      return random.chance(0.85)
        ? text
        : random.pick([text.toUpperCase(), `{${text}}`, text.replaceAll("-", ""), ` ${text}`, `${text}0`]);
    case "enum":
      return random.chance(0.95) ? text : random.pick([`${text} `, "Small", "", 1]);
    case "json":
    case "jsonb":
      return random.chance(0.5) ? text : { a: 1 };
    case "bytea":
      return random.chance(0.5) ? text : Buffer.from(text.slice(2), "hex");
    case "text":
    case "varchar":
    case "char":
      return random.chance(0.9)
        ? text
        : random.pick<unknown>([1, 1.5, true, 12n, `${text} `, `${text}  `, new Date(0), Buffer.from("a"), "a\uD800"]);
    default:
      return text;
  }
}

function integer(random: Random, text: string): unknown {
  if (!/^-?\d+$/.test(text)) return text;
  const roll = random.next();
  if (roll < 0.55 && Number.isSafeInteger(Number(text))) return Number(text);
  if (roll < 0.7) return BigInt(text);
  if (roll < 0.9) return text;
  return random.pick<unknown>([
    ` ${text} `,
    `+${text.replace("-", "")}`,
    `0${text}`,
    `${text}.0`,
    `${text}.5`,
    Number(text) + 0.5,
    "",
    -0,
    "-0",
    true,
    `${text}e0`,
    "99999999999999999999",
    Number.NaN,
  ]);
}

function decimal(random: Random, text: string): unknown {
  const roll = random.next();
  const plain = Number(text);
  if (roll < 0.45) return Number.isFinite(plain) ? plain : text;
  if (roll < 0.88) return Number.isFinite(plain) && roll < 0.7 ? plainDecimal(text) : text;
  return random.pick<unknown>([
    ` ${text} `,
    `${text}0`,
    "NaN",
    "Infinity",
    "-inf",
    "1e3",
    ".5",
    "5.",
    "0x2",
    "",
    "1_000",
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    1e21,
    1e-7,
    5n,
    "1.000",
    "0.30000000000000004",
  ]);
}

/** `123e-2` → `1.23`; other forms as they are. */
function plainDecimal(text: string): string {
  const match = /^(-?)(\d+)e-(\d+)$/.exec(text);
  if (match === null) return text;
  const scale = Number(match[3]);
  const digits = (match[2] ?? "").padStart(scale + 1, "0");
  return `${match[1]}${digits.slice(0, digits.length - scale)}${scale > 0 ? `.${digits.slice(-scale)}` : ""}`;
}

function moment(random: Random, text: string): unknown {
  const roll = random.next();
  const parsed = new Date(/^\d{4}-/.test(text) ? text.replace(" ", "T") : Number.NaN);
  if (roll < 0.35 && !Number.isNaN(parsed.getTime())) return parsed;
  if (roll < 0.85) return text;
  if (roll < 0.92 && !Number.isNaN(parsed.getTime())) return parsed.toISOString();
  return random.pick<unknown>([
    ` ${text}`,
    "31 jan 2024",
    "2024-1-5",
    "20240105",
    "epoch",
    "today",
    "yesterday",
    "2024-02-30",
    "",
    "2024-01-05T00:00",
    "2024-01-05 24:00:00",
    "2024-01-05 10:00:00+05:30",
    "J2451187",
    "2024-01-05 00:00:00 BC",
    new Date(-62_198_755_200_000),
    1,
  ]);
}
