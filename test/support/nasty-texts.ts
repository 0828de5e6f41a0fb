/** Texts that differ where implementations do, the same in each run. */
export function nastyTexts(count: number, seed: number): string[] {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const texts = [...FIXED];
  while (texts.length < count) {
    const length = next(12);
    texts.push(Array.from({ length }, () => ALPHABET[next(ALPHABET.length)] ?? "").join(""));
  }
  return texts.slice(0, count);
}

/** Letters whose case is special, marks, digits of other scripts, characters of patterns, of two and of four bytes. */
const ALPHABET = [
  ..."aAbBiIzZ019 _%\\*?[]^-.,'\"|",
  ..."äÄßẞéÉıİçÇñÿŸ",
  ..."ΣσςΑάΌ",
  ..."ДдЯя",
  ..."ǅǄǆŉſKÅΩ",
  ..."ﬁﬀ",
  ..."ꭰᎠაႠᲐ",
  ..."٣५①Ⅷⅷ",
  ..."漢字",
  ..."😀𐐀𐐨",
  "\u0301",
  "\u0307",
  "\u00ad",
  "\u200b",
  "\u00a0",
  "\ufeff",
  "\t",
  "\n",
  "ab",
  "  ",
];

const FIXED = [
  "",
  " ",
  "  blanks  ",
  "abc",
  "ABC",
  "aXbXc",
  "a,b,,c",
  ",,",
  "don't stop o'neil",
  "hello wORLD foo_bar-baz",
  "İstanbul ısı",
  "ὈΔΥΣΣΕΎΣ",
  "Straße",
  "100%",
  "50\\50",
  "\\",
  "a\\",
  "%",
  "_",
  "\ufffd",
  "\ufffe\uffff",
  "\u{10ffff}",
  "line\nbreak",
  "12-345-6789",
];
