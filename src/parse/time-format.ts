/** The patterns of to_char() that are known here, longer ones first: the origin takes the longest, too. */
const PATTERNS: readonly string[] = [
  ...["MONTH", "Month", "month"],
  ...["IYYY", "HH24", "HH12", "YYYY", "iyyy", "hh24", "hh12", "yyyy"],
  ...["A.M.", "P.M.", "a.m.", "p.m."],
  ...["DAY", "Day", "day", "DDD", "ddd", "MON", "Mon", "mon"],
  ...["AM", "PM", "am", "pm", "DD", "dd", "DY", "Dy", "dy", "HH", "hh", "ID", "id", "IW", "iw", "MI", "mi", "MM", "mm"],
  ...["MS", "ms", "SS", "ss", "US", "us", "WW", "ww", "YY", "yy"],
  ...["D", "d", "Q", "q", "W", "w"],
];

/** A pattern, with FM before it or not, or a text that stands for itself. */
export type FormatPart =
  | { readonly kind: "pattern"; readonly name: string; readonly fill: boolean }
  | { readonly kind: "plain"; readonly text: string };

/**
 * A format as its parts; `null` if anything in it could be something else than it seems: a letter outside of quotes that
 * belongs to no pattern here, a suffix, a backslash.
 */
export function readTimeFormat(format: string): readonly FormatPart[] | null {
  const parts: FormatPart[] = [];
  let index = 0;
  while (index < format.length) {
    const quoted = /^"([^"\\]*)"/.exec(format.slice(index));
    if (quoted !== null) {
      parts.push({ kind: "plain", text: quoted[1] ?? "" });
      index += quoted[0].length;
      continue;
    }
    const fill = !format.startsWith("FM", index);
    const name = PATTERNS.find((pattern) => format.startsWith(pattern, fill ? index : index + 2));
    if (name !== undefined) {
      parts.push({ kind: "pattern", name, fill });
      index += name.length + (fill ? 0 : 2);
      if (/^(?:TH|th|SP)/.test(format.slice(index))) return null;
      continue;
    }
    const character = format.charAt(index);
    if (!/^[ !#-@[\]^_`{|}~]$/.test(character)) return null;
    parts.push({ kind: "plain", text: character });
    index += 1;
  }
  return parts;
}
