import { createHash } from "node:crypto";
import { Random } from "../../oracle/random.ts";
import type { TableRows } from "../load-tables.ts";
import {
  CAST_NOTES,
  CAST_TYPES,
  CHARACTERS,
  COMPANY_NOTES,
  COMPANY_TYPES,
  COMPANY_WORDS,
  COUNTRIES,
  COUNTRY_CODES,
  FORENAMES,
  GENRES,
  INFO_TYPES,
  KEYWORDS,
  KINDS,
  LANGUAGES,
  LINKS,
  ROLES,
  SURNAMES,
  TITLE_WORDS,
} from "./vocabulary.ts";

type Value = string | number | null;
type Row = readonly Value[];

/**
 * The 21 tables of the Join Order Benchmark's schema with made-up films, the same on every machine.
 *
 * @param titles films; people and most other tables are as many, `cast_info` and `movie_info` some times as many
 */
export function generateFilms(titles: number): readonly TableRows[] {
  const random = new Random(20_150_901);
  const people = titles;
  const companies = Math.ceil(titles / 6);
  const title = () => skewed(random, titles);
  const person = () => skewed(random, people);
  const numbered = (count: number, row: () => Row): Row[] => random.times(count, (index) => [index + 1, ...row()]);
  const enumeration = (table: string, words: readonly string[]): TableRows => ({
    table,
    rows: words.map((word, index) => [index + 1, word]),
  });
  return [
    enumeration("comp_cast_type", CAST_TYPES),
    enumeration("company_type", COMPANY_TYPES),
    enumeration("info_type", INFO_TYPES),
    enumeration("kind_type", KINDS),
    enumeration("link_type", LINKS),
    enumeration("role_type", ROLES),
    { table: "company_name", rows: numbered(companies, () => companyRow(random)) },
    { table: "keyword", rows: KEYWORDS.map((keyword, index) => [index + 1, keyword, code(random)]) },
    { table: "char_name", rows: numbered(titles, () => characterRow(random)) },
    { table: "name", rows: numbered(people, () => personRow(random)) },
    { table: "title", rows: random.times(titles, (index) => titleRow(random, index + 1)) },
    { table: "aka_name", rows: numbered(people, () => [person(), ...aliasRow(random)]) },
    { table: "aka_title", rows: numbered(titles / 2, () => [title(), ...otherTitleRow(random)]) },
    {
      table: "cast_info",
      rows: numbered(titles * 6, () => [
        person(),
        title(),
        random.chance(0.4) ? null : random.int(1, titles),
        random.chance(0.4) ? null : random.pick(CAST_NOTES),
        random.chance(0.5) ? null : random.int(1, 40),
        random.chance(0.6) ? random.int(1, 2) : random.int(1, ROLES.length),
      ]),
    },
    {
      table: "complete_cast",
      rows: numbered(titles, () => [title(), random.int(1, 2), random.int(3, CAST_TYPES.length)]),
    },
    {
      table: "movie_companies",
      rows: numbered(titles * 2, () => [
        title(),
        skewed(random, companies),
        random.chance(0.9) ? random.int(1, 2) : random.int(3, 4),
        random.chance(0.4) ? null : random.pick(COMPANY_NOTES),
      ]),
    },
    { table: "movie_info", rows: numbered(titles * 5, () => [title(), ...filmInfo(random)]) },
    { table: "movie_info_idx", rows: numbered(titles * 2, () => [title(), ...filmFigure(random)]) },
    {
      table: "movie_keyword",
      rows: numbered(titles * 3, () => [title(), skewed(random, KEYWORDS.length)]),
    },
    {
      table: "movie_link",
      rows: numbered(titles / 2, () => [title(), title(), skewed(random, LINKS.length)]),
    },
    { table: "person_info", rows: numbered(people * 2, () => [person(), ...personInfo(random)]) },
  ];
}

/** 1 to `count`; the first ones are a little more frequent. More than a little, and joins of ten tables explode. */
function skewed(random: Random, count: number): number {
  return 1 + Math.floor(random.next() ** 1.2 * count);
}

function infoType(name: (typeof INFO_TYPES)[number]): number {
  return INFO_TYPES.indexOf(name) + 1;
}

function code(random: Random): string | null {
  return random.chance(0.2) ? null : `${random.pick([..."ABCDKLMRSTX"])}${random.int(1, 6)}${random.int(1, 6)}`;
}

function digest(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

function companyRow(random: Random): Row {
  const name = random.times(random.int(1, 3), () => random.pick(COMPANY_WORDS)).join(" ");
  const country = random.chance(0.1) ? null : random.chance(0.5) ? "[us]" : random.pick(COUNTRY_CODES);
  return [name, country, null, code(random), code(random), digest(name)];
}

function characterRow(random: Random): Row {
  const name = random.pick(CHARACTERS);
  return [name, random.chance(0.8) ? null : "I", null, code(random), code(random), digest(name)];
}

function fullName(random: Random, gender: "f" | "m"): string {
  return `${random.pick(SURNAMES)}, ${random.pick(FORENAMES[gender])}`;
}

function personRow(random: Random): Row {
  const gender = random.pick(["f", "m"] as const);
  const name = fullName(random, gender);
  const index = random.chance(0.8) ? null : random.pick(["I", "II", "III"]);
  const codes = [code(random), code(random), code(random)];
  return [name, index, null, random.chance(0.1) ? null : gender, ...codes, digest(name)];
}

function aliasRow(random: Random): Row {
  const name = fullName(random, random.pick(["f", "m"] as const)).replace(",", random.pick(["", ",", " a"]));
  return [name, null, code(random), code(random), code(random), digest(name)];
}

function filmTitle(random: Random): string {
  const words = random.times(random.int(1, 4), () => random.pick(TITLE_WORDS)).join(" ");
  return random.chance(0.15) ? `(#${random.int(1, 3)}.${random.int(1, 200)})` : words;
}

function titleRow(random: Random, id: number): Row {
  const name = filmTitle(random);
  const kind = random.chance(0.6) ? 1 : random.int(1, KINDS.length);
  const episode = KINDS[kind - 1] === "episode";
  return [
    id,
    name,
    random.chance(0.9) ? null : "I",
    kind,
    random.chance(0.05) ? null : random.int(1950, 2014),
    null,
    code(random),
    episode ? random.int(1, id) : null,
    episode ? random.int(1, 9) : null,
    episode ? random.int(1, 120) : null,
    null,
    digest(name),
  ];
}

function otherTitleRow(random: Random): Row {
  const name = filmTitle(random);
  const kind = random.int(1, KINDS.length);
  const note = random.chance(0.3) ? null : random.pick(["(International: English title)", "(USA)", "(Japan)"]);
  return [name, null, kind, random.int(1950, 2014), code(random), null, null, null, note, digest(name)];
}

function filmInfo(random: Random): Row {
  const note = random.chance(0.6) ? null : random.pick(["internet", "(USA) (premiere)", "(theatrical)"]);
  const country = random.pick(COUNTRIES);
  const made: Readonly<Record<string, () => string>> = {
    genres: () => random.pick(GENRES),
    countries: () => country,
    languages: () => random.pick(LANGUAGES),
    "release dates": () =>
      `${country}:${random.int(1, 28)} ${random.pick(["June", "August"])} ${random.int(1985, 2013)}`,
    budget: () => `$${random.int(1, 300)},${random.int(100, 999)},000`,
    runtimes: () => String(random.int(40, 200)),
    trivia: () => `${random.pick(TITLE_WORDS)} was shot in ${country}`,
  };
  const type = random.pick([
    "genres",
    "genres",
    "countries",
    "languages",
    "release dates",
    "budget",
    "trivia",
  ] as const);
  return [infoType(type), made[type]?.() ?? "", note];
}

function filmFigure(random: Random): Row {
  const type = random.pick(["rating", "rating", "votes", "votes", "top 250 rank", "bottom 10 rank"] as const);
  const made: Readonly<Record<typeof type, () => string>> = {
    rating: () => (random.int(10, 99) / 10).toFixed(1),
    votes: () => String(random.int(5, 20_000)),
    "top 250 rank": () => String(random.int(1, 250)),
    "bottom 10 rank": () => String(random.int(1, 10)),
  };
  return [infoType(type), made[type](), null];
}

function personInfo(random: Random): Row {
  const type = random.pick(["mini biography", "birth date", "height", "trivia", "spouse"] as const);
  const made: Readonly<Record<typeof type, () => string>> = {
    "mini biography": () =>
      `Born in ${random.pick(COUNTRIES)}, ${random.pick(FORENAMES.f)} has played since ${random.int(1950, 2000)}.`,
    "birth date": () => `${random.int(1, 28)} May ${random.int(1920, 1990)}`,
    height: () => `${random.int(5, 6)}' ${random.int(0, 11)}"`,
    trivia: () => `Likes "${random.pick(TITLE_WORDS)}".`,
    spouse: () => `'${random.pick(SURNAMES)}' (? - present)`,
  };
  return [infoType(type), made[type](), random.chance(0.5) ? null : random.pick(["Volker Boehm", "A. Nonymous"])];
}
