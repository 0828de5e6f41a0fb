import { type Bypass, bypass, literalBypass } from "../../outcome.ts";
import type { Expression } from "../../parse/ast.ts";
import { quoteText } from "../../quoting.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Operand, PatternSyntax, SimpleSource, Source, Term } from "../term.ts";
import { isTextConstant, textArgument } from "./arguments.ts";
import { caseSql } from "./case-folding.ts";
import { mergeCollations } from "./collations.ts";

type Plan = (expression: Expression) => Operand | Bypass;

/**
 * `operand [NOT] [I]LIKE pattern`. A pattern known when values are bound becomes a GLOB pattern, which SQLite can use an
 * index for; any other is matched by a function of our own.
 */
export function like(analysis: Analysis, node: Extract<Expression, { kind: "like" }>, plan: Plan): string | Bypass {
  const what = node.caseInsensitive ? "ILIKE" : "LIKE";
  const escaping = node.escape ?? "\\";
  // lower() takes the escape character for a letter like others.
  const mapped = mappedPattern(node.pattern);
  if ((node.caseInsensitive || mapped !== null) && !/^[\0-@[-`{-\x7f]?$/.test(escaping)) {
    return bypass("unsupported-operator", "ESCAPE of a letter");
  }
  const source = constantPattern(mapped?.operand ?? node.pattern, plan);
  if (isBypass(source)) return source;
  const operand = planMatched(analysis, node.operand, plan, what);
  if (isBypass(operand)) return operand;
  if (source !== null) {
    const syntax: PatternSyntax = { syntax: "like", escape: escaping, fold: false };
    return constantMatch(analysis, operand, source, syntax, { ...node, mapping: mapped?.mapping ?? null });
  }
  if (!endsPlainly(node.pattern, escaping)) {
    return literalBypass("may-raise", `${what} with a pattern that could end with its escape character`);
  }
  const pattern = planMatched(analysis, node.pattern, plan, `a pattern of ${what}`);
  if (isBypass(pattern)) return pattern;
  const collation = mergeCollations(analysis, [operand.type, pattern.type]);
  if (collation?.deterministic !== true) return bypass("collation", `${what} of texts of two collations`);
  const texts: string[] = [];
  for (const term of [operand, pattern]) {
    const value = term.value();
    if (typeof value !== "string") return value;
    const folded = node.caseInsensitive ? caseSql(analysis, "lower", value, collation) : value;
    if (typeof folded !== "string") return folded;
    texts.push(folded);
  }
  const match = `pg_like(${texts.join(", ")}, ${quoteText(escaping)})`;
  return node.negated ? `(NOT ${match})` : match;
}

/** `operand ~ pattern`, for patterns of plain characters, dots and anchors. */
export function regex(analysis: Analysis, [operand, pattern]: readonly Operand[], negated: boolean): string | Bypass {
  if (operand === undefined || pattern?.kind !== "constant" || !isTextConstant(pattern)) {
    return bypass("unsupported-operator", "a regular expression that is not a constant");
  }
  const subject = matched(analysis, operand, "a regular expression");
  if (isBypass(subject)) return subject;
  const syntax: PatternSyntax = { syntax: "regex", fold: false };
  return constantMatch(analysis, subject, pattern.source, syntax, { negated, caseInsensitive: false, mapping: null });
}

function constantMatch(
  analysis: Analysis,
  operand: Term,
  source: Source,
  pattern: PatternSyntax,
  { negated, caseInsensitive, mapping }: MatchOptions,
): string | Bypass {
  const text = operand.equality();
  if (typeof text !== "string") return text;
  const glob = negated ? "NOT GLOB" : "GLOB";
  if (!caseInsensitive) {
    const bound = analysis.input(source, { kind: "glob", pattern });
    const sql = mapping === null ? bound : caseSql(analysis, mapping, bound, analysis.builtin("text").collation);
    return typeof sql === "string" ? `(${text} ${glob} ${sql})` : sql;
  }
  if (mapping !== null) return bypass("unsupported-operator", `ILIKE with a pattern of ${mapping}()`);
  const collation = mergeCollations(analysis, [operand.type]);
  const folded = caseSql(analysis, "lower", text, collation);
  if (typeof folded !== "string") return folded;
  if (collation?.casing?.kind === "ascii") {
    return `(${folded} ${glob} ${analysis.input(source, { kind: "glob", pattern: { ...pattern, fold: true } })})`;
  }
  // The pattern is checked when it is bound, and folded as the text is.
  const bound = analysis.input(source, { kind: "glob", pattern });
  const foldedPattern = caseSql(analysis, "lower", bound, collation);
  return typeof foldedPattern === "string" ? `(${folded} ${glob} ${foldedPattern})` : foldedPattern;
}

interface MatchOptions {
  readonly negated: boolean;
  readonly caseInsensitive: boolean;
  /** What the pattern goes through before it is one. */
  readonly mapping: "lower" | "upper" | null;
}

/** `lower($1)` as a pattern: no character of a GLOB pattern that means something has a case. */
function mappedPattern(
  pattern: Expression,
): { readonly mapping: "lower" | "upper"; readonly operand: Expression } | null {
  if (pattern.kind !== "call" || pattern.operands.length !== 1) return null;
  const [operand] = pattern.operands;
  const mapping = systemName(pattern);
  if (operand === undefined || (mapping !== "lower" && mapping !== "upper")) return null;
  return { mapping, operand };
}

/** What is matched: a text. A char(n) is matched with its padding, which the store does not have. */
function matched(analysis: Analysis, operand: Operand, what: string): Term | Bypass {
  if (isTerm(operand) && operand.type.kind !== "text") {
    return bypass("unsupported-operator", `${what} over something that is not a text or varchar column`);
  }
  return textArgument(analysis, operand, what);
}

function planMatched(analysis: Analysis, expression: Expression, plan: Plan, what: string): Term | Bypass {
  const operand = plan(expression);
  return isBypass(operand) ? operand : matched(analysis, operand, what);
}

/** A pattern of constants alone, joined by `||` or concat(): its text is known when values are bound. */
function constantPattern(pattern: Expression, plan: Plan): Source | Bypass | null {
  const skipsNull = pattern.kind === "call" && isConcat(pattern);
  const leaves = skipsNull ? pattern.operands : concatenated(pattern);
  const parts: SimpleSource[] = [];
  for (const leaf of leaves) {
    if (!isConstant(leaf)) return null;
    const operand = plan(leaf);
    if (isBypass(operand)) return operand;
    if (operand.kind !== "constant") return null;
    if (!isTextConstant(operand)) return bypass("type-mismatch", "a pattern that is not a text");
    parts.push(operand.source);
  }
  const [only, ...more] = parts;
  if (only === undefined) return null;
  return more.length === 0 && !skipsNull ? only : { from: "joined", skipsNull, parts };
}

function isConcat(call: Extract<Expression, { kind: "call" }>): boolean {
  return systemName(call) === "concat";
}

function systemName({ name }: Extract<Expression, { kind: "call" }>): string | null {
  const isSystem = name.length === 1 || (name.length === 2 && name[0] === "pg_catalog");
  return isSystem ? (name.at(-1) ?? null) : null;
}

function concatenated(expression: Expression): readonly Expression[] {
  if (expression.kind !== "concat") return [expression];
  return [...concatenated(expression.left), ...concatenated(expression.right)];
}

function isConstant(expression: Expression): boolean {
  if (expression.kind === "cast") return isConstant(expression.operand);
  return expression.kind === "literal" || expression.kind === "parameter";
}

/** True if the pattern ends with a literal that says for sure that no escape character stands at the end. */
function endsPlainly(pattern: Expression, escaping: string): boolean {
  const last = pattern.kind === "call" && isConcat(pattern) ? pattern.operands.at(-1) : concatenated(pattern).at(-1);
  return (
    last?.kind === "literal" && last.type === "string" && last.text !== "" && !last.text.endsWith(escaping || "\0")
  );
}
