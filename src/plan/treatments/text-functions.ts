import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Interval } from "../interval.ts";
import type { Operand, Term } from "../term.ts";
import { integerArgument, textArgument } from "./arguments.ts";
import { changeCase } from "./case-folding.ts";
import { mergeCollations } from "./collations.ts";
import { computed, predicate } from "./expressions.ts";
import { regex } from "./patterns.ts";

/** Makes the term of one call, or says why not. The origin has resolved it: the number of arguments is a legal one. */
export type FunctionRule = (analysis: Analysis, operands: readonly Operand[], name: string) => Term | Bypass;

/** Longest text of the origin, in characters: 1 GB less a header. */
const LONGEST: Interval = { low: 0n, high: 1_073_741_823n };
/** Integers whose sign can be turned. */
const SIGNED: Interval = { low: -2_147_483_647n, high: 2_147_483_647n };
const NOT_NEGATIVE: Interval = { low: 0n, high: 2_147_483_647n };
/** Lengths asked for that no text of any size makes longer than the origin allows. */
const PADDED: Interval = { low: -2_147_483_648n, high: 100_000n };

/** Functions of texts that are no aggregates, by name. `pg_…` are our own (src/dialects/postgres/functions-in-sqlite/). */
export const TEXT_FUNCTIONS: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  ["lower", (analysis, [text], name) => caseRule(analysis, name, text)],
  ["upper", (analysis, [text], name) => caseRule(analysis, name, text)],
  ["initcap", (analysis, [text], name) => caseRule(analysis, name, text)],
  ["substring", substring],
  ["substr", substring],
  ["substring for", (analysis, operands) => textAndInteger(analysis, operands, NOT_NEGATIVE, "left")],
  ["left", leftOrRight],
  ["right", leftOrRight],
  ["btrim", trim],
  ["ltrim", trim],
  ["rtrim", trim],
  // SQLite's replaces nothing by NULL without becoming NULL.
  ["replace", searching(3, ([text, from, to]) => `iif(${to} IS NOT NULL, replace(${text}, ${from}, ${to}), NULL)`)],
  ["translate", ofTexts(3, ([text, from, to]) => `pg_translate(${text}, ${from}, ${to})`)],
  ["reverse", ofTexts(1, ([text]) => `pg_reverse(${text})`)],
  ["md5", inUtf8(ofTexts(1, ([text]) => `pg_md5(${text})`))],
  ["strpos", position],
  ["position", position],
  ["octet_length", inUtf8(octetLength)],
  ["bit_length", inUtf8(octetLength)],
  ["ascii", inUtf8(ascii)],
  ["chr", inUtf8(chr)],
  ["repeat", (analysis, operands) => textAndInteger(analysis, operands, { low: SIGNED.low, high: 1000n }, "repeat")],
  ["lpad", pad],
  ["rpad", pad],
  ["split_part", splitPart],
  ["starts_with", searching(2, ([text, prefix]) => `(substr(${text}, 1, length(${prefix})) = ${prefix})`, "bool")],
  ["textregexeq", (analysis, operands) => truth(analysis, regex(analysis, operands, false))],
  ["textregexne", (analysis, operands) => truth(analysis, regex(analysis, operands, true))],
  ["texticregexeq", () => bypass("unsupported-operator", "a regular expression that ignores case")],
  ["texticregexne", () => bypass("unsupported-operator", "a regular expression that ignores case")],
]);

function caseRule(analysis: Analysis, name: string, text: Operand | undefined): Term | Bypass {
  if (text === undefined) return notModelled(name);
  return changeCase(analysis, name === "upper" ? "upper" : name === "lower" ? "lower" : "initcap", text);
}

function truth(analysis: Analysis, sql: string | Bypass): Term | Bypass {
  return typeof sql === "string" ? predicate(analysis.builtin("bool"), sql) : sql;
}

function notModelled(name: string): Bypass {
  return bypass("unsupported-function", `function ${name}() with these arguments`);
}

interface Texts {
  readonly sql: readonly string[];
  readonly terms: readonly Term[];
}

function texts(analysis: Analysis, operands: readonly Operand[], name: string): Texts | Bypass {
  const terms: Term[] = [];
  const sql: string[] = [];
  for (const operand of operands) {
    const term = textArgument(analysis, operand, `${name}()`);
    if (isBypass(term)) return term;
    const value = term.value();
    if (typeof value !== "string") return value;
    terms.push(term);
    sql.push(value);
  }
  return { terms, sql };
}

function isNoTexts(result: Texts | Bypass): result is Bypass {
  return "kind" in result;
}

/** A text made from texts. Its collation follows from theirs. */
function textResult(analysis: Analysis, sql: string, terms: readonly Term[]): Term {
  const collation = mergeCollations(
    analysis,
    terms.filter((term) => term.type.collation !== null || term.type.kind === "text").map((term) => term.type),
  );
  return computed({
    type: { ...analysis.builtin("text"), collation },
    sql,
    neverNull: (facts) => terms.every((term) => term.neverNull(facts)),
  });
}

function ofTexts(count: number, print: (sql: readonly string[]) => string): FunctionRule {
  return (analysis, operands, name) => {
    if (operands.length !== count) return notModelled(name);
    const found = texts(analysis, operands, name);
    if (isNoTexts(found)) return found;
    return textResult(analysis, print(found.sql), found.terms);
  };
}

/** The origin refuses to search under nondeterministic collations, later versions follow them. */
function refuseSearch(analysis: Analysis, terms: readonly Term[], name: string): Bypass | null {
  const collation = mergeCollations(
    analysis,
    terms.map((term) => term.type),
  );
  return collation?.deterministic === true
    ? null
    : bypass("collation", `${name}() searches under a nondeterministic or unknown collation`);
}

function searching(
  count: number,
  print: (sql: readonly string[]) => string,
  result: "text" | "bool" = "text",
): FunctionRule {
  return (analysis, operands, name) => {
    if (operands.length !== count) return notModelled(name);
    const found = texts(analysis, operands, name);
    if (isNoTexts(found)) return found;
    const refusal = refuseSearch(analysis, found.terms, name);
    if (refusal !== null) return refusal;
    const sql = print(found.sql);
    return result === "bool" ? predicate(analysis.builtin("bool"), sql) : textResult(analysis, sql, found.terms);
  };
}

/** What the bytes of a text are depends on the encoding that the server keeps it in. */
function inUtf8(rule: FunctionRule): FunctionRule {
  return (analysis, operands, name) =>
    analysis.surroundings.types.session.utf8
      ? rule(analysis, operands, name)
      : bypass("unsupported-function", `${name}() in a database whose encoding is not UTF8`);
}

/**
 * `substring(text, start [, length])`. A start before the text counts from there, so that less is left of the length,
 * where SQLite would count from the end. A negative length raises in the origin.
 */
function substring(analysis: Analysis, operands: readonly Operand[], name: string): Term | Bypass {
  const [first, second, third] = operands;
  if (first === undefined || second === undefined || operands.length > 3) return notModelled(name);
  // A string in the second place is a regular expression.
  if (!isInteger(second) || (third !== undefined && !isInteger(third))) return notModelled(name);
  const text = textArgument(analysis, first, `${name}()`);
  if (isBypass(text)) return text;
  const start = integerArgument(analysis, second, SIGNED, `the start of ${name}()`);
  if (isBypass(start)) return start;
  const length = third === undefined ? null : integerArgument(analysis, third, NOT_NEGATIVE, `the length of ${name}()`);
  if (length !== null && isBypass(length)) return length;
  const parts: string[] = [];
  for (const term of [text, start, ...(length === null ? [] : [length])]) {
    const value = term.value();
    if (typeof value !== "string") return value;
    parts.push(value);
  }
  const [value, from, count] = parts;
  const isPositive = /^[1-9]\d*$/.test(from ?? "");
  const position = isPositive ? from : `max(${from}, 1)`;
  let sql = `substr(${value}, ${position})`;
  if (count !== undefined) {
    sql = `substr(${value}, ${position}, ${isPositive ? count : `max(${from} + ${count} - ${position}, 0)`})`;
  }
  return textResult(analysis, sql, [text]);
}

function isInteger(operand: Operand): boolean {
  if (operand.kind === "null") return false;
  return typeof operand.type === "string"
    ? operand.type === "integer"
    : operand.type.kind === "int4" || operand.type.kind === "int2";
}

function textAndInteger(
  analysis: Analysis,
  [first, second, ...more]: readonly Operand[],
  range: Interval,
  name: string,
): Term | Bypass {
  if (first === undefined || second === undefined || more.length > 0) return notModelled(name);
  const text = textArgument(analysis, first, `${name}()`);
  if (isBypass(text)) return text;
  const number = integerArgument(analysis, second, range, `the second argument of ${name}()`);
  if (isBypass(number)) return number;
  const a = text.value();
  const b = number.value();
  if (typeof a !== "string") return a;
  if (typeof b !== "string") return b;
  const term = textResult(analysis, `pg_${name}(${a}, ${b})`, [text]);
  return { ...term, neverNull: (facts) => text.neverNull(facts) && number.neverNull(facts) };
}

function leftOrRight(analysis: Analysis, operands: readonly Operand[], name: string): Term | Bypass {
  return textAndInteger(analysis, operands, SIGNED, name);
}

function trim(analysis: Analysis, operands: readonly Operand[], name: string): Term | Bypass {
  const found = texts(analysis, operands, name);
  if (isNoTexts(found)) return found;
  if (found.sql.length !== 1 && found.sql.length !== 2) return notModelled(name);
  const native = name === "btrim" ? "trim" : name;
  // Without a second argument both take away blanks and nothing else.
  return textResult(analysis, `${native}(${found.sql.join(", ")})`, found.terms);
}

function position(analysis: Analysis, operands: readonly Operand[], name: string): Term | Bypass {
  const found = texts(analysis, operands, name);
  if (isNoTexts(found)) return found;
  if (found.sql.length !== 2) return notModelled(name);
  const refusal = refuseSearch(analysis, found.terms, name);
  if (refusal !== null) return refusal;
  return computed({
    type: analysis.builtin("int4"),
    sql: `instr(${found.sql.join(", ")})`,
    interval: () => LONGEST,
    neverNull: (facts) => found.terms.every((term) => term.neverNull(facts)),
  });
}

/** A char(n) counts its padding, which the store does not keep. */
function octetLength(analysis: Analysis, operands: readonly Operand[], name: string): Term | Bypass {
  const [operand] = operands;
  if (operand === undefined || (isTerm(operand) && operand.type.kind === "char")) return notModelled(name);
  const found = texts(analysis, operands, name);
  if (isNoTexts(found)) return found;
  const bytes = `octet_length(${found.sql[0]})`;
  const isBits = name === "bit_length";
  return computed({
    type: analysis.builtin("int4"),
    sql: isBits ? `(${bytes} * 8)` : bytes,
    interval: () => (isBits ? { low: 0n, high: LONGEST.high * 8n } : LONGEST),
    neverNull: (facts) => found.terms.every((term) => term.neverNull(facts)),
  });
}

function ascii(analysis: Analysis, operands: readonly Operand[], name: string): Term | Bypass {
  const found = texts(analysis, operands, name);
  if (isNoTexts(found)) return found;
  return computed({
    type: analysis.builtin("int4"),
    // SQLite's unicode() reads U+FFFE and U+FFFF as U+FFFD.
    sql: `pg_ascii_code(${found.sql[0]})`,
    interval: () => ({ low: 0n, high: 0x10ffffn }),
    neverNull: (facts) => found.terms.every((term) => term.neverNull(facts)),
  });
}

/** Up to the surrogates: they and 0 raise in the origin. */
function chr(analysis: Analysis, [operand]: readonly Operand[], name: string): Term | Bypass {
  if (operand === undefined) return notModelled(name);
  const code = integerArgument(analysis, operand, { low: 1n, high: 0xd7ffn }, "the argument of chr()");
  const value = isBypass(code) ? code : code.value();
  if (typeof value !== "string" || isBypass(code)) return typeof value === "string" ? notModelled(name) : value;
  // SQLite's char() makes a character of NULL.
  const sql = `(CASE WHEN ${value} IS NULL THEN NULL ELSE char(${value}) END)`;
  return computed({ type: analysis.builtin("text"), sql, neverNull: code.neverNull });
}

/** `lpad(text, length [, fill])`. */
function pad(analysis: Analysis, operands: readonly Operand[], name: string): Term | Bypass {
  const [first, second, third] = operands;
  if (first === undefined || second === undefined || operands.length > 3) return notModelled(name);
  const found = texts(analysis, third === undefined ? [first] : [first, third], name);
  if (isNoTexts(found)) return found;
  const length = integerArgument(analysis, second, PADDED, `the length of ${name}()`);
  const value = isBypass(length) ? length : length.value();
  if (typeof value !== "string") return value;
  const [text, fill = "' '"] = found.sql;
  const term = textResult(analysis, `pg_${name}(${text}, ${value}, ${fill})`, found.terms);
  return { ...term, neverNull: () => false };
}

/** `split_part(text, delimiter, n)`: 0 raises, a negative n counts from the end. */
function splitPart(analysis: Analysis, operands: readonly Operand[], name: string): Term | Bypass {
  const [first, second, third] = operands;
  if (first === undefined || second === undefined || third === undefined) return notModelled(name);
  const found = texts(analysis, [first, second], name);
  if (isNoTexts(found)) return found;
  const refusal = refuseSearch(analysis, found.terms, name);
  if (refusal !== null) return refusal;
  const isNegative = third.kind === "constant" && third.text?.startsWith("-") === true;
  const range = isNegative ? { low: SIGNED.low, high: -1n } : { low: 1n, high: SIGNED.high };
  const number = integerArgument(analysis, third, range, `the number of the part in ${name}()`);
  const value = isBypass(number) ? number : number.value();
  if (typeof value !== "string") return value;
  const term = textResult(analysis, `pg_split_part(${found.sql.join(", ")}, ${value})`, found.terms);
  return { ...term, neverNull: () => false };
}
