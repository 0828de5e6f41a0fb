/**
 * How one collation maps characters: what the server's own lower(), upper() and initcap() make of each code point by
 * itself. With libc each character is mapped alone (str_tolower() in src/backend/utils/adt/formatting.c), so the table
 * says it all; nothing here knows a letter.
 */
export interface CaseTable {
  /** Characters that change, in order, and what they become: texts of equally many code points. */
  readonly lower: readonly [from: string, to: string];
  readonly upper: readonly [from: string, to: string];
  /** Characters that begin no word after them: ranges of code points, both ends included, that are letters or digits. */
  readonly alphanumeric: readonly (readonly [first: number, last: number])[];
}

const PREFIX = "case table of ";

export function caseTableKey(collation: string): string {
  return PREFIX + collation;
}

/** Code points asked for with one call of each function. */
const BLOCK = 4096;

/**
 * Reads the table through `ask`, which resolves to the one text of a statement. Each character is followed by an `a`, of
 * which initcap() makes an `A` where the character is neither letter nor digit.
 */
export async function readCaseTable(ask: (sql: string) => Promise<string>, key: string): Promise<CaseTable> {
  const collate = `COLLATE ${key.slice(PREFIX.length)}`;
  const text = await ask(`
SELECT pg_catalog.json_agg(pg_catalog.json_build_array(b.first, b.size,
  NULLIF(pg_catalog.lower(b.plain ${collate}), b.plain),
  NULLIF(pg_catalog.upper(b.plain ${collate}), b.plain),
  NULLIF(pg_catalog.initcap(b.words ${collate}), pg_catalog.replace(b.words, 'a', 'A'))
) ORDER BY b.first)::pg_catalog.text
FROM (
  SELECT pg_catalog.min(c.code) AS first, pg_catalog.count(*) AS size,
    pg_catalog.string_agg(pg_catalog.chr(c.code), '' ORDER BY c.code) AS plain,
    'a' || pg_catalog.string_agg(pg_catalog.chr(c.code) || 'a', '' ORDER BY c.code) AS words
  FROM pg_catalog.generate_series(1, 1114111) AS c(code)
  WHERE c.code NOT BETWEEN 55296 AND 57343
  GROUP BY c.code / ${BLOCK}
) AS b`);
  return tableOf(JSON.parse(text) as Block[]);
}

/** A function's result is `null` where it leaves all characters of the block as they are, or finds no letter. */
type Block = readonly [first: number, size: number, lower: string | null, upper: string | null, initcap: string | null];

function tableOf(blocks: readonly Block[]): CaseTable {
  const lower: [string, string] = ["", ""];
  const upper: [string, string] = ["", ""];
  const alphanumeric: [number, number][] = [];
  for (const [first, size, small, large, capitalized] of blocks) {
    addChanges(lower, first, charactersOf(small, size));
    addChanges(upper, first, charactersOf(large, size));
    // A, the first character, what became of its a, the second …
    const words = charactersOf(capitalized, 2 * size + 1);
    for (let index = 2; index < words.length; index += 2) {
      if (words[index] !== "a") continue;
      const code = first + index / 2 - 1;
      const last = alphanumeric.at(-1);
      if (last?.[1] === code - 1) last[1] = code;
      else alphanumeric.push([code, code]);
    }
  }
  return { lower, upper, alphanumeric };
}

function charactersOf(mapped: string | null, count: number): readonly string[] {
  if (mapped === null) return [];
  const characters = [...mapped];
  if (characters.length === count) return characters;
  throw new RangeError("The collation does not map each character to one: this is no table.");
}

function addChanges(table: [string, string], first: number, mapped: readonly string[]): void {
  for (const [index, to] of mapped.entries()) {
    const from = String.fromCodePoint(first + index);
    if (to === from) continue;
    table[0] += from;
    table[1] += to;
  }
}
