/** One step of a psql script. */
export interface ScriptStep {
  /** Of the statement's first character, from 1. */
  readonly line: number;
  readonly sql: string;
  /** What follows `COPY … FROM stdin;`, up to the line `\.`. */
  readonly data: string | null;
}

/**
 * The statements of a psql script, in order. `\set` and `:'name'` are followed, as far as tests of files need them; a
 * statement that ends in another backslash command (`\gset`, `\gexec`) is left out, as psql makes something of its result.
 *
 * @param variables what `\getenv` would find
 */
export function readScript(text: string, variables: Readonly<Record<string, string>>): readonly ScriptStep[] {
  const known = new Map(Object.entries(variables));
  const steps: ScriptStep[] = [];
  let start = 0;
  let at = 0;
  let depth = 0;
  const end = (next: number): void => {
    start = next;
    at = next;
    depth = 0;
  };
  while (at < text.length) {
    const character = text[at];
    if (character === "\\") {
      const lineEnd = endOfLine(text, at);
      setVariable(text.slice(at + 1, lineEnd), known);
      end(lineEnd);
    } else if (character === ";" && depth === 0) {
      const sql = text.slice(start, at);
      const blank = sql.length - sql.trimStart().length;
      const line = lineOf(text, start + blank);
      const afterLine = endOfLine(text, at) + 1;
      if (/^\s*copy\s[^;]*\sfrom\s+stdin\b/i.test(withoutComments(sql))) {
        const dataEnd = text.indexOf("\n\\.\n", afterLine - 1);
        const data = dataEnd === -1 ? "" : text.slice(afterLine, dataEnd + 1);
        steps.push({ line, sql: sql.trim(), data });
        end(dataEnd === -1 ? text.length : dataEnd + 4);
      } else {
        const trimmed = withoutComments(interpolated(sql, known)).trim();
        if (trimmed !== "") steps.push({ line, sql: trimmed, data: null });
        end(at + 1);
      }
    } else {
      if (character === "(") depth += 1;
      else if (character === ")") depth = Math.max(0, depth - 1);
      at = afterToken(text, at);
    }
  }
  return steps;
}

/** Behind the quoted text, comment or character that starts here. */
function afterToken(text: string, at: number): number {
  const character = text[at] ?? "";
  const next = text[at + 1];
  if (character === "'" || character === '"') {
    const escapes = character === "'" && /(^|[^\w])e$/i.test(text.slice(Math.max(0, at - 2), at));
    return afterQuoted(text, at, character, escapes);
  }
  if (character === "-" && next === "-") return endOfLine(text, at);
  if (character === "/" && next === "*") return afterBlockComment(text, at);
  if (character === "$" && !/[\w$]/.test(text[at - 1] ?? "")) {
    const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(text.slice(at, at + 80))?.[0];
    if (tag !== undefined) {
      const close = text.indexOf(tag, at + tag.length);
      return close === -1 ? text.length : close + tag.length;
    }
  }
  return at + 1;
}

function afterQuoted(text: string, at: number, quote: string, escapes: boolean): number {
  for (let index = at + 1; index < text.length; index++) {
    if (escapes && text[index] === "\\") index += 1;
    else if (text[index] === quote) {
      if (text[index + 1] !== quote) return index + 1;
      index += 1;
    }
  }
  return text.length;
}

function afterBlockComment(text: string, at: number): number {
  let depth = 0;
  for (let index = at; index < text.length; index++) {
    const two = text.slice(index, index + 2);
    if (two === "/*") depth += 1;
    else if (two === "*/") depth -= 1;
    else continue;
    index += 1;
    if (depth === 0) return index + 1;
  }
  return text.length;
}

/** Without the comments before the statement: they are most of the text of some. */
function withoutComments(sql: string): string {
  return sql.replace(/^(?:\s+|--[^\n]*\n?)+/, "");
}

function interpolated(sql: string, known: ReadonlyMap<string, string>): string {
  return sql.replaceAll(/(?<![:\w]):'(\w+)'/g, (written, name: string) => {
    const value = known.get(name);
    return value === undefined ? written : `'${value}'`;
  });
}

/** `\set name part part …`: parts are quoted texts and `:variables`, joined. */
function setVariable(command: string, known: Map<string, string>): void {
  const [name, ...parts] = /^set\s/.test(command) ? command.slice(3).trim().split(/\s+/) : [];
  if (name === undefined) return;
  const values = parts.map((part) =>
    part.startsWith(":") ? (known.get(part.slice(1)) ?? "") : part.replaceAll(/^'|'$/g, ""),
  );
  known.set(name, values.join(""));
}

function endOfLine(text: string, at: number): number {
  const found = text.indexOf("\n", at);
  return found === -1 ? text.length : found;
}

function lineOf(text: string, at: number): number {
  let line = 1;
  for (let index = text.indexOf("\n"); index !== -1 && index < at; index = text.indexOf("\n", index + 1)) line += 1;
  return line;
}
