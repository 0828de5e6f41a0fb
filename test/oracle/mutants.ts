// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the patches are source text
import type { Mutant } from "./mutate.ts";

/** Mistakes that a treatment could plausibly have. The harness must find each of them. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "text sorted by bytes instead of the origin's collation",
    file: "plan/treatments/columns.ts",
    find: 'return use(type.collation.bytewise ? "value" : "rank");',
    replace: 'return use("value");',
  },
  {
    name: "constants of a choice ordered among the ranks of a column, however many",
    file: "plan/treatments/text-order.ts",
    find: "if (new Set(constants.map(identityOf)).size > 1) return null;",
    replace: "",
  },
  {
    name: "NULLS clause dropped",
    file: "plan/ordering.ts",
    find: 'const nulls = ` NULLS ${key.nullsFirst ? "FIRST" : "LAST"}`;',
    replace: 'const nulls = "";',
  },
  {
    name: "NULLS default as in SQLite",
    file: "plan/ordering.ts",
    find: "item.nulls === null ? item.descending :",
    replace: "item.nulls === null ? !item.descending :",
  },
  {
    name: "LIKE through SQLite's own LIKE",
    file: "plan/treatments/patterns.ts",
    find: 'const glob = negated ? "NOT GLOB" : "GLOB";\n  if (!caseInsensitive) {\n    const bound = analysis.input(source, { kind: "glob", pattern });',
    replace:
      'const glob = negated ? "NOT LIKE" : "LIKE";\n  if (!caseInsensitive) {\n    const bound = analysis.input(source, { kind: "value", type: operand.type });',
  },
  {
    name: "metacharacters of GLOB not escaped",
    file: "execute/glob.ts",
    find: 'character === "*" || character === "?" || character === "[" ? `[${character}]` : character',
    replace: "character",
  },
  {
    name: "char(n) shown without its blanks",
    file: "dialects/postgres/wire-text.ts",
    find: 'return missing > 0 ? text + " ".repeat(missing) : text;',
    replace: "return text;",
  },
  {
    name: "char(n) padded by UTF-16 units",
    file: "dialects/postgres/wire-text.ts",
    find: "if (unit >= 0xd800 && unit < 0xdc00) missing++;",
    replace: "if (unit < 0) missing++;",
  },
  {
    name: "char(n) stored with its blanks",
    file: "dialects/postgres/copy-texts.ts",
    find: 'return bytes.toString("utf8", at, trimmedEnd(bytes, at, length));',
    replace: 'return bytes.toString("utf8", at, at + length);',
  },
  {
    name: "decimals shown without zeros at the end",
    file: "dialects/postgres/wire-text.ts",
    find: 'return `${negative ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)}`;',
    replace: "return String(Number(text) / 10 ** scale);",
  },
  {
    name: "small negative decimals lose their zeros",
    file: "dialects/postgres/wire-text.ts",
    find: '(negative ? text.slice(1) : text).padStart(scale + 1, "0")',
    replace: '(negative ? text.slice(1) : text).padStart(scale, "0")',
  },
  {
    name: "timestamp fraction always of six digits",
    file: "dialects/postgres/wire-text.ts",
    find: '.padStart(6, "0").replace(/0+$/, "")',
    replace: '.padStart(6, "0")',
  },
  {
    name: "milliseconds of a Date rounded instead of cut",
    file: "encode/row-encoder.ts",
    find: "Math.trunc(1000 * fraction)",
    replace: "Math.round(1000 * fraction)",
  },
  {
    name: "boolean as a digit",
    file: "encode/row-encoder.ts",
    find: "return (value) => value === 1;",
    replace: "return (value) => value;",
  },
  {
    name: "int8 through a float",
    file: "dialects/postgres/copy-numbers.ts",
    find: "return this.keepWide((BigInt(high) << 32n) | BigInt(low));",
    replace: "return this.keepWide(BigInt.asIntN(64, BigInt(high * TWO_32 + low)));",
  },
  {
    name: "division by zero not looked for",
    file: "plan/interval.ts",
    find: 'case "/":\n      if (b.low <= 0n && b.high >= 0n) return null;',
    replace: 'case "/":\n      if (b.low <= 0n && b.high >= 0n) return a;',
  },
  {
    name: "overflow not looked for",
    file: "plan/treatments/arithmetic.ts",
    find: "return range !== null && contains(limits, range)",
    replace: "return range !== null",
  },
  {
    name: "enum sorted by label",
    file: "plan/treatments/columns.ts",
    find: 'case "enum":\n      return use("rank");',
    replace: 'case "enum":\n      return use("value");',
  },
  {
    name: "-infinity as a date",
    file: "dialects/postgres/wire-text.ts",
    find: 'if (days === NEGATIVE_INFINITY_DAYS) return "-infinity";',
    replace: "",
  },
  {
    name: "years before 1 counted from 0",
    file: "dialects/postgres/calendar.ts",
    find: "const shown = year > 0 ? year : 1 - year;",
    replace: "const shown = Math.abs(year);",
  },
  {
    name: "NaN becomes NULL",
    file: "dialects/postgres/copy-numbers.ts",
    find: 'this.#hasNaN = true;\n      return "NaN";',
    replace: "this.#hasNaN = true;\n      return value;",
  },
  {
    name: "floats as JS prints them",
    file: "dialects/postgres/float-text.ts",
    find: "if (magnitude >= 1e-4 && magnitude < 1e15) return sign + text;",
    replace: "return sign + text;",
  },
  {
    name: "groups of 1.0 and 1.00 not refused",
    file: "plan/treatments/columns.ts",
    find: 'if (type.kind === "numeric" && scaleOf(type) === null) {\n    return () =>',
    replace: 'if (type.kind === "numeric" && scaleOf(type) === null) {\n    return () => name !== "" ? null :',
  },
  {
    name: "keys of negative decimals not complemented",
    file: "dialects/postgres/numeric-key.ts",
    find: "const digit = negative ? 0xfffe - group : group;",
    replace: "const digit = group;",
  },
  {
    name: "<= a text excludes the text itself",
    file: "plan/treatments/comparison.ts",
    find: 'const through = operator === "<=" || operator === ">";',
    replace: "const through = false;",
  },
  {
    name: "DISTINCT dropped",
    file: "plan/plan-select.ts",
    find: '`SELECT ${distinct ? "DISTINCT " : ""}${items.map(printItem).join(", ")}`',
    replace: '`SELECT ${items.map(printItem).join(", ")}`',
  },
  {
    name: "= ANY sees no NULL",
    file: "execute/bind.ts",
    find: "const one = element(item);",
    replace: "if (item === null) continue;\n        const one = element(item);",
  },
  {
    name: "one column of an index without duplicates finds one row",
    file: "execute/placement.ts",
    find: "index.columns.every((column) => fixed.has(column))",
    replace: "index.columns.some((column) => fixed.has(column))",
  },
  {
    name: "alternatives fix a column",
    file: "plan/index-hints.ts",
    find: "const fixed = new Set<string>();\n  for (const condition of conjuncts(where)) {",
    replace:
      'const fixed = new Set<string>();\n  for (const condition of conjuncts(where).flatMap((one) => (one.kind === "or" ? one.operands : [one]))) {',
  },
  {
    name: "a stream ends at the limit of the main thread",
    file: "execute/execution.ts",
    find: 'return this.placement === "stream" && rows.length > MAIN_THREAD_ROWS ? null : this.#encode(rows, format);',
    replace: "return this.#encode(rows, format);",
  },
];
