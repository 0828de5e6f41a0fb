import type { Random } from "./random.ts";
import type { SqlType } from "./sql-type.ts";

/** How wild a column's values are: arithmetic can only be proven safe over tame ones. */
export type Profile = "tame" | "wide" | "nasty";

/** A value as the origin's input function reads it. */
export function randomValue(random: Random, type: SqlType, profile: Profile): string {
  const nasty = profile !== "tame";
  switch (type.kind) {
    case "int2":
      return nasty ? random.pick(INT2) : String(random.int(-9, 30));
    case "int4":
      return nasty ? random.pick(INT4) : String(random.int(-20, 100));
    case "int8":
      return profile === "nasty" ? random.pick(INT8) : String(random.int(-1000, nasty ? 2 ** 40 : 1000));
    case "bool":
      return random.pick(["t", "f"]);
    case "text":
    case "varchar":
    case "char":
      return cut(randomText(random, profile), type.name.modifiers[0]);
    case "uuid":
      return randomUuid(random);
    case "date":
      return nasty && random.chance(0.6) ? random.pick(DATES) : randomDate(random);
    case "timestamp":
      // Beyond what the cache keeps: the table is declined.
      if (nasty && random.chance(0.0002)) return "294276-12-31 23:59:59.999999";
      return nasty && random.chance(0.6) ? random.pick(TIMESTAMPS) : `${randomDate(random)} ${randomTime(random)}`;
    case "timestamptz":
      return nasty && random.chance(0.5)
        ? random.pick(TIMESTAMPS)
        : `${randomDate(random)} ${randomTime(random)}${random.pick(["+00", "Z", "+02", "-05:30", " America/New_York"])}`;
    case "numeric":
      return randomNumeric(random, type, profile);
    case "float8":
    case "float4":
      return randomFloat(random, type.kind, nasty);
    case "enum":
      return random.pick(type.labels ?? [""]);
    case "json":
    case "jsonb":
      return random.pick(JSONS);
    case "array":
      return randomArray(random, type, profile);
    case "bytea":
      return `\\x${random.times(random.int(0, 4), () => random.pick(["00", "ff", "61", "5c", "27", "80"])).join("")}`;
    case "interval":
      return random.pick(INTERVALS);
    case "other":
      return random.pick(OTHERS[type.name.name[0] ?? ""] ?? [""]);
  }
}

const INT2 = ["-32768", "32767", "0", "1", "-1", "2", "100", "-7", "255", "256"];
const INT4 = ["-2147483648", "2147483647", "0", "1", "-1", "7", "-7", "46341", "65536", "1000000", "2147483646"];
const INT8 = [
  "-9223372036854775808",
  "9223372036854775807",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "-9007199254740993",
  "4294967296",
  "2147483648",
  "0",
  "1",
  "-1",
  "3037000500",
];

const PIECES =
  "a b A B ab ba é e\u0301 ß ss SS İ i I ı Σ σ ς ǅ ǆ Ǆ \uFFFF \uFFFE 😀 𝒜 _ % \\ ' \" * ? [ ] - 0 2 10 ﬀ Z z Å ö ñ ch ll \u200D \u0345 ＡΑ А . , ; : / $1 -- {} #".split(
    " ",
  );
const BLANKS = [" ", "  ", "\t", "\n", "\r\n", "\u00A0", "\u3000", "\u0001", "\u007F"];
const LOOKS = [
  "1",
  "01",
  "1.0",
  "-0",
  "NaN",
  "null",
  "NULL",
  "true",
  "t",
  "2020-01-01",
  "infinity",
  "1e3",
  " 1",
  "\\N",
  "\\.",
];
const WORDS = [
  "active",
  "Active",
  "paid",
  "new",
  "open",
  "closed",
  "zoe",
  "Zoë",
  "anna",
  "Ann",
  "ann-marie",
  "ann b",
  "",
];

export function randomText(random: Random, profile: Profile): string {
  if (profile === "tame") return random.pick(WORDS);
  const roll = random.next();
  if (roll < 0.08) return random.pick(LOOKS);
  if (roll < 0.12) return "";
  if (roll < 0.3) return random.pick(WORDS);
  const text = random
    .times(random.int(1, 4), () => (random.chance(0.15) ? random.pick(BLANKS) : random.pick(PIECES)))
    .join("");
  return roll > 0.97 ? text.repeat(40) : text;
}

function cut(text: string, length: number | undefined): string {
  return length === undefined ? text : [...text].slice(0, length).join("");
}

function randomUuid(random: Random): string {
  const digits = (count: number) => random.times(count, () => random.pick([..."0123456789abcdef"])).join("");
  if (random.chance(0.3)) {
    return random.pick([
      "00000000-0000-0000-0000-000000000000",
      "ffffffff-ffff-ffff-ffff-ffffffffffff",
      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ]);
  }
  return `${digits(8)}-${digits(4)}-4${digits(3)}-a${digits(3)}-${digits(12)}`;
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

function randomDate(random: Random): string {
  return `${random.int(1995, 2028)}-${pad(random.int(1, 12))}-${pad(random.int(1, 28))}`;
}

function randomTime(random: Random): string {
  const fraction = random.pick(["", "", ".5", ".001", ".123456", ".000001", ".100000", ".999999"]);
  return `${pad(random.int(0, 23))}:${pad(random.int(0, 59))}:${pad(random.int(0, 59))}${fraction}`;
}

const DATES = [
  "infinity",
  "-infinity",
  "4713-11-24 BC",
  "0044-03-15 BC",
  "0001-12-31 BC",
  "0001-01-01",
  "0099-12-31",
  "5874897-12-31",
  "10000-01-01",
  "9999-12-31",
  "1970-01-01",
  "1969-12-31",
  "2000-01-01",
  "1999-12-31",
  "2024-02-29",
  "1900-02-28",
  "1582-10-15",
];
const TIMESTAMPS = [
  "infinity",
  "-infinity",
  "4713-11-24 00:00:00 BC",
  "0044-03-15 12:00:00.5 BC",
  "0001-01-01 00:00:00",
  "294246-12-31 23:59:59.999999",
  "10000-01-01 00:00:00",
  "1969-12-31 23:59:59.999999",
  "1969-12-31 23:59:59.5",
  "1970-01-01 00:00:00",
  "1999-12-31 23:59:59.999999",
  "2000-01-01 00:00:00.000001",
  "2024-03-31 02:30:00",
  "2024-10-27 02:30:00",
  "2024-03-10 02:30:00.10",
  "1883-11-18 12:03:57",
  "1940-05-16 00:00:00",
];

function randomNumeric(random: Random, type: SqlType, profile: Profile): string {
  const [precision, scale = 0] = type.base ?? type.name.modifiers;
  if (precision === undefined) {
    if (profile === "tame") return `${random.int(-50, 200)}.${random.pick(["00", "25", "50", "99"])}`;
    if (profile === "wide") return `${random.int(-99, 99)}${random.pick(["", ".0", ".00", ".1", ".10", ".125"])}`;
    return random.pick(NUMERICS);
  }
  if (profile === "nasty" && random.chance(0.1)) return random.pick(["NaN", "0", "-0"]);
  const digits = profile === "tame" ? Math.min(precision, scale + 3) : random.int(1, precision);
  const nines = profile === "nasty" && random.chance(0.2);
  const text = random.times(Math.max(1, digits), () => (nines ? "9" : String(random.int(0, 9)))).join("");
  const sign = random.chance(0.3) ? "-" : "";
  return `${sign}${text}e${-scale}`;
}

const NUMERICS = [
  "NaN",
  "Infinity",
  "-Infinity",
  "1",
  "1.0",
  "1.00",
  "-1",
  "-1.10",
  "1.1",
  "0",
  "0.00",
  "-0.0",
  "0.1",
  "100",
  "1e2",
  "1e100",
  "-1e100",
  "1e-50",
  "-1e-50",
  "1e-7",
  "123456789012345678901234567890.123",
  "9223372036854775807",
  "9223372036854775808",
  "9007199254740993",
  "99999999999999.9999",
  "10000",
  "10000.00001",
  "0.0001",
  "0.00010001",
];

const FLOATS =
  "-0 0 NaN Infinity -Infinity 1e308 -1e308 5e-324 2.2250738585072014e-308 0.1 0.2 0.3 0.30000000000000004 1 1.5 2.5 -2.5 1e15 1e16 1e17 1e21 1e22 123456789 9007199254740993 1e-4 1e-5 1e-6 1e-7 100000 1234567.125 2e-44 9.5367431640625e-07".split(
    " ",
  );

function randomFloat(random: Random, kind: "float8" | "float4", nasty: boolean): string {
  if (!nasty) return String(random.int(-40, 40) / 4);
  if (random.chance(0.3)) return String((random.next() - 0.5) * 10 ** random.int(-12, 25));
  const value = random.pick(FLOATS);
  return kind === "float4" && /e.?3\d\d|e-4\d/.test(value) ? "1.1" : value;
}

const JSONS = [
  "null",
  "{}",
  "[]",
  '"a"',
  "1.0",
  "1e3",
  "true",
  '{"b":1,"a":2,"b":3}',
  '{ "k" : [1, 2.50, "x\\u00e9"] }',
  '{"a":{"b":null}}',
  "[1,1.0,10000000000000000000]",
  '"\\ud83d\\ude00"',
  '{"__proto__":1,"constructor":2}',
];
const INTERVALS = [
  "1 day",
  "1 mon",
  "30 days",
  "24:00:00",
  "-1 year 2 days",
  "00:00:00.000001",
  "1 year 2 mons -3 days 04:05:06.7",
  "0",
];

function randomArray(random: Random, type: SqlType, profile: Profile): string {
  const element = type.element;
  if (element === undefined) return "{}";
  const items = random.times(random.int(0, 3), () => {
    if (random.chance(0.15)) return "NULL";
    return arrayItem(randomValue(random, element, profile));
  });
  return `{${items.join(",")}}`;
}

/** One element of an array literal, always quoted. */
export function arrayItem(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

const OTHERS: { readonly [name: string]: readonly string[] } = {
  time: ["00:00", "24:00", "12:34:56.5", "23:59:59.999999"],
  timetz: ["00:00+00", "12:00-05", "12:34:56.5+02:30"],
  inet: ["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"],
  point: ["(1,2)", "(0,-0)", "(1e300,NaN)"],
  int4range: ["[1,5)", "empty", "(,3]", "[2,)"],
  money: ["1.5", "-12345.67", "0"],
  oid: ["0", "1", "4294967295"],
  name: ["abc", "Abc", "", "pg_class"],
};
