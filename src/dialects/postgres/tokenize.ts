import type { Token } from "../../parse/token.ts";

const INVALID = 0;
const SPACE = 1;
const IDENTIFIER = 2;
const DIGIT = 3;
const OPERATOR = 4;
const PUNCTUATION = 5;
const QUOTE = 6;
const DOUBLE_QUOTE = 7;
const DOLLAR = 8;
const DOT = 9;
const COLON = 10;

/** Class of each ASCII character at the start of a token; everything above is a letter to Postgres. */
const CLASSES = classes();

function classes(): Uint8Array {
  const table = new Uint8Array(128);
  const assign = (characters: string, kind: number) => {
    for (const character of characters) table[character.charCodeAt(0)] = kind;
  };
  assign(" \t\n\r\f", SPACE);
  assign("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", IDENTIFIER);
  assign("0123456789", DIGIT);
  assign("~!@#^&|`?+-*/%<>=", OPERATOR);
  assign(",()[];", PUNCTUATION);
  assign("'", QUOTE);
  assign('"', DOUBLE_QUOTE);
  assign("$", DOLLAR);
  assign(".", DOT);
  assign(":", COLON);
  return table;
}

function classAt(sql: string, index: number): number {
  const code = sql.charCodeAt(index);
  // NaN past the end: an index outside of the table, and not a letter either
  return code < 128 ? (CLASSES[code] ?? INVALID) : code >= 128 ? IDENTIFIER : INVALID;
}

function isIdentifierPart(kind: number): boolean {
  return kind === IDENTIFIER || kind === DIGIT || kind === DOLLAR;
}

const LARGEST_INT8 = "9223372036854775807";

/**
 * Splits a text into tokens as Postgres' lexer does with `standard_conforming_strings = on`
 * (https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/parser/scan.l).
 *
 * Answers `null` whenever a second reading is thinkable: what the lexer rejects, what older servers read otherwise, and
 * the rare spellings whose white space matters (`N'…'`) or whose value needs the server (`U&'…'`, `E'\u…'`, `B'…'`).
 * Numbers that only newer servers know (`1_000`, `0xFF`) are symbols: text of the shape, never a literal.
 */
export function tokenize(sql: string): Token[] | null {
  // the wire protocol ends a text at NUL, and the driver replaces lone surrogates: the server would read another text
  if (sql.includes("\0") || !sql.isWellFormed()) return null;
  const tokens: Token[] = [];
  const length = sql.length;
  let at = 0;
  while (at < length) {
    const start = at;
    const kind = classAt(sql, at);
    switch (kind) {
      case SPACE:
        at++;
        break;
      case IDENTIFIER: {
        if (startsSpecialString(sql, at)) {
          const token = sql.charCodeAt(at) === 101 || sql.charCodeAt(at) === 69 ? readEscapeString(sql, at) : null;
          if (token === null) return null;
          tokens.push(token);
          at = token.end;
          break;
        }
        at++;
        while (at < length && isIdentifierPart(classAt(sql, at))) at++;
        tokens.push({ kind: "word", start, end: at, value: sql.slice(start, at) });
        break;
      }
      case PUNCTUATION:
        at++;
        tokens.push({ kind: "symbol", start, end: at, value: sql.charAt(start) });
        break;
      case OPERATOR: {
        const next = sql.charCodeAt(at + 1);
        if (next === 45 && sql.charCodeAt(at) === 45) {
          at = endOfLine(sql, at);
          break;
        }
        if (next === 42 && sql.charCodeAt(at) === 47) {
          at = endOfComment(sql, at);
          if (at < 0) return null;
          break;
        }
        at = endOfOperator(sql, at);
        tokens.push({ kind: "symbol", start, end: at, value: sql.slice(start, at) });
        break;
      }
      case QUOTE: {
        const token = readString(sql, at);
        if (token === null) return null;
        tokens.push(token);
        at = token.end;
        break;
      }
      case DOUBLE_QUOTE: {
        do {
          const close = sql.indexOf('"', at + 1);
          if (close < 0) return null;
          at = close + 1;
        } while (sql.charCodeAt(at) === 34);
        if (at === start + 2) return null;
        tokens.push({ kind: "quoted", start, end: at, value: sql.slice(start, at) });
        break;
      }
      case DIGIT: {
        const token = readNumber(sql, at);
        if (token === null) return null;
        tokens.push(token);
        at = token.end;
        break;
      }
      case DOLLAR: {
        const token = classAt(sql, at + 1) === DIGIT ? readParameter(sql, at) : readDollarString(sql, at);
        if (token === null) return null;
        tokens.push(token);
        at = token.end;
        break;
      }
      case DOT: {
        if (classAt(sql, at + 1) === DIGIT) {
          const token = readNumber(sql, at);
          if (token === null) return null;
          tokens.push(token);
          at = token.end;
          break;
        }
        if (sql.charCodeAt(at + 1) === 46) return null;
        at++;
        tokens.push({ kind: "symbol", start, end: at, value: "." });
        break;
      }
      case COLON: {
        const next = sql.charCodeAt(at + 1);
        at += next === 58 || next === 61 ? 2 : 1;
        tokens.push({ kind: "symbol", start, end: at, value: sql.slice(start, at) });
        break;
      }
      default:
        return null;
    }
  }
  return tokens;
}

/** `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'`, `U&"…"`: a letter that is part of the quoted token behind it. */
function startsSpecialString(sql: string, at: number): boolean {
  const next = sql.charCodeAt(at + 1);
  if (next === 39) return "eEbBxXnN".includes(sql.charAt(at));
  if (next !== 38) return false;
  const quote = sql.charCodeAt(at + 2);
  return (quote === 39 || quote === 34) && "uU".includes(sql.charAt(at));
}

function endOfLine(sql: string, at: number): number {
  for (let index = at; index < sql.length; index++) {
    const code = sql.charCodeAt(index);
    if (code === 10 || code === 13) return index;
  }
  return sql.length;
}

/** Block comments nest. Answers -1 when one is left open. */
function endOfComment(sql: string, at: number): number {
  let depth = 0;
  let index = at;
  while (index < sql.length) {
    const code = sql.charCodeAt(index);
    const next = sql.charCodeAt(index + 1);
    if (code === 47 && next === 42) {
      depth++;
      index += 2;
    } else if (code === 42 && next === 47) {
      depth--;
      index += 2;
      if (depth === 0) return index;
    } else {
      index++;
    }
  }
  return -1;
}

/**
 * The longest run of operator characters, less a comment that starts inside, less trailing signs: those belong to an
 * operator only if it also holds one of `~ ! @ # ^ & | ? %` or a back-tick.
 */
function endOfOperator(sql: string, at: number): number {
  let end = at + 1;
  let keepsSign = "~!@#^&|`?%".includes(sql.charAt(at));
  while (classAt(sql, end) === OPERATOR) {
    const code = sql.charCodeAt(end);
    const next = sql.charCodeAt(end + 1);
    if ((code === 45 && next === 45) || (code === 47 && next === 42)) break;
    if (!keepsSign && "~!@#^&|`?%".includes(sql.charAt(end))) keepsSign = true;
    end++;
  }
  if (!keepsSign) {
    while (end > at + 1 && (sql.charCodeAt(end - 1) === 43 || sql.charCodeAt(end - 1) === 45)) end--;
  }
  return end;
}

function readParameter(sql: string, start: number): Token | null {
  let end = start + 1;
  while (classAt(sql, end) === DIGIT) end++;
  if (classAt(sql, end) === IDENTIFIER) return null;
  return { kind: "parameter", start, end, value: sql.slice(start, end) };
}

function readDollarString(sql: string, start: number): Token | null {
  let index = start + 1;
  if (classAt(sql, index) === IDENTIFIER) {
    index++;
    let kind = classAt(sql, index);
    while (kind === IDENTIFIER || kind === DIGIT) kind = classAt(sql, ++index);
  }
  if (sql.charCodeAt(index) !== 36) return null;
  const delimiter = sql.slice(start, index + 1);
  const close = sql.indexOf(delimiter, index + 1);
  if (close < 0) return null;
  return { kind: "string", start, end: close + delimiter.length, value: sql.slice(index + 1, close) };
}

/** A plain string, with the parts that SQL joins: `'a'` and, on a later line, `'b'`. */
function readString(sql: string, start: number): Token | null {
  let value = "";
  let open = start;
  for (;;) {
    let doubled = false;
    let close = sql.indexOf("'", open + 1);
    while (close >= 0 && sql.charCodeAt(close + 1) === 39) {
      doubled = true;
      close = sql.indexOf("'", close + 2);
    }
    if (close < 0) return null;
    const part = sql.slice(open + 1, close);
    value += doubled ? part.replaceAll("''", "'") : part;
    const next = continuation(sql, close + 1);
    if (next === null) return null;
    if (next < 0) return { kind: "string", start, end: close + 1, value };
    open = next;
  }
}

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["b", "\b"],
  ["f", "\f"],
]);

/** `E'…'` with the escapes that mean the same under every encoding and setting. */
function readEscapeString(sql: string, start: number): Token | null {
  let value = "";
  let index = start + 2;
  for (;;) {
    const character = sql.charAt(index);
    if (character === "") return null;
    if (character === "\\") {
      const escaped = SIMPLE_ESCAPES.get(sql.charAt(index + 1));
      if (escaped === undefined) return null;
      value += escaped;
      index += 2;
    } else if (character !== "'") {
      value += character;
      index++;
    } else if (sql.charCodeAt(index + 1) === 39) {
      value += "'";
      index += 2;
    } else {
      const next = continuation(sql, index + 1);
      if (next === null) return null;
      if (next < 0) return { kind: "string", start, end: index + 1, value };
      index = next + 1;
    }
  }
}

/**
 * Where a string goes on behind its closing quote: white space with a line break, then a quote. -1 when it does not;
 * `null` when a comment stands between, which the server joins over and the grammar that we parse with does not.
 */
function continuation(sql: string, at: number): number | null {
  let index = at;
  let newline = false;
  let comment = false;
  for (;;) {
    const code = sql.charCodeAt(index);
    if (code === 45 && sql.charCodeAt(index + 1) === 45) {
      comment = true;
      index = endOfLine(sql, index);
      continue;
    }
    if (code === 39 && newline) return comment ? null : index;
    if (code === 10 || code === 13) newline = true;
    else if (classAt(sql, index) !== SPACE) return -1;
    index++;
  }
}

function readNumber(sql: string, start: number): Token | null {
  let index = start;
  let plain = true;
  const digits = () => {
    for (;;) {
      if (classAt(sql, index) === DIGIT) index++;
      else if (sql.charCodeAt(index) === 95 && classAt(sql, index + 1) === DIGIT) {
        plain = false;
        index++;
      } else return;
    }
  };
  digits();
  let decimal = false;
  if (sql.charCodeAt(index) === 46) {
    // `1..2` is a range to PL/pgSQL and an error here
    if (sql.charCodeAt(index + 1) === 46) return null;
    decimal = true;
    index++;
    digits();
  }
  const code = sql.charCodeAt(index);
  if (code === 101 || code === 69) {
    decimal = true;
    index++;
    const sign = sql.charCodeAt(index);
    if (sign === 43 || sign === 45) index++;
    if (classAt(sql, index) !== DIGIT) return null;
    digits();
  }
  if (classAt(sql, index) === IDENTIFIER) return readPrefixedInteger(sql, start);
  const text = sql.slice(start, index);
  // `1e5$` and `1_0$` are a 1 with an identifier behind it to the lexer's longest match: an error
  if (classAt(sql, index) === DOLLAR && /[eE_]/.test(text)) return null;
  if (!plain) return { kind: "symbol", start, end: index, value: text };
  if (decimal) return { kind: "decimal", start, end: index, value: text };
  return integer(start, index, text);
}

/** `0xFF`, `0o17`, `0b11`; any other letter behind a number is an error. */
function readPrefixedInteger(sql: string, start: number): Token | null {
  PREFIXED.lastIndex = start;
  const end = PREFIXED.test(sql) ? PREFIXED.lastIndex : -1;
  if (end < 0 || isIdentifierPart(classAt(sql, end)) || classAt(sql, end) === DOT) return null;
  return { kind: "symbol", start, end, value: sql.slice(start, end) };
}

const PREFIXED = /0(?:[xX](?:_?[0-9a-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)/y;

/** Whole numbers beyond int8 are `numeric` to Postgres. */
function integer(start: number, end: number, text: string): Token {
  const value = text.charCodeAt(0) === 48 && text.length > 1 ? text.replace(/^0+(?=\d)/, "") : text;
  const large = value.length > 19 || (value.length === 19 && value > LARGEST_INT8);
  return { kind: large ? "decimal" : "integer", start, end, value };
}
