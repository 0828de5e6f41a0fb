import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import type { DocumentOperator } from "../../parse/ast.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import { arrayOf, asArray, compareArrays, isArray, relateArrays } from "./arrays.ts";
import type { Comparator } from "./comparators.ts";
import { constantTerm } from "./constants.ts";
import { inherit } from "./decimals.ts";
import { computed, predicate } from "./expressions.ts";
import { jsonTerm } from "./json.ts";
import type { FunctionRule } from "./text-functions.ts";
import { raisesAlike } from "./text-input.ts";

/** Operators of arrays, json and jsonb. */
export function documentOperator(
  analysis: Analysis,
  operator: DocumentOperator,
  left: Operand,
  right: Operand,
): Term | Bypass {
  switch (operator) {
    case "@>":
    case "<@":
    case "&&": {
      const sql = related(analysis, operator, left, right);
      return typeof sql === "string" ? predicate(analysis.builtin("bool"), sql) : sql;
    }
    case "->":
    case "->>":
      return part(analysis, left, right, operator === "->>");
    case "#>":
    case "#>>":
      return atPath(analysis, left, right, operator === "#>>");
    case "?":
    case "?|":
    case "?&":
      return hasKey(analysis, operator, left, right);
  }
}

function related(analysis: Analysis, operator: "@>" | "<@" | "&&", left: Operand, right: Operand): string | Bypass {
  if (isArray(analysis, left) || isArray(analysis, right)) return relateArrays(analysis, operator, left, right);
  const pair = operator === "&&" ? null : jsonbPair(analysis, left, right);
  if (pair === null) return bypass("unsupported-operator", `the operator ${operator} over these types`);
  if (isBypass(pair)) return pair;
  const [whole, wanted] = operator === "@>" ? pair : [pair[1], pair[0]];
  return `pg_jsonb_contains(${whole}, ${wanted})`;
}

/** Comparisons of arrays and of jsonb; `null` for values of other types. */
export function compareDocuments(
  analysis: Analysis,
  operator: Comparator,
  left: Operand,
  right: Operand,
): string | Bypass | null {
  if (isArray(analysis, left) || isArray(analysis, right)) return compareArrays(analysis, operator, left, right);
  const pair = jsonbPair(analysis, left, right);
  if (pair === null || isBypass(pair)) return pair;
  const [a, b] = pair;
  if (operator === "=" || operator === "<>" || operator === "IS" || operator === "IS NOT") {
    return `(pg_jsonb_key(${a}) ${operator} pg_jsonb_key(${b}))`;
  }
  return `(pg_jsonb_compare(${a}, ${b}) ${operator} 0)`;
}

function isJson(operand: Operand): operand is Term {
  return isTerm(operand) && operand.type.kind === "json";
}

function isJsonb(operand: Operand): operand is Term {
  return isJson(operand) && operand.type.name === "jsonb";
}

/** The texts of two values of jsonb, one of which is no constant; `null` if neither is a jsonb. */
function jsonbPair(analysis: Analysis, left: Operand, right: Operand): readonly [a: string, b: string] | Bypass | null {
  const known = isJsonb(left) ? left : isJsonb(right) ? right : null;
  if (known === null) return null;
  const a = jsonbSql(analysis, left, known.type);
  if (typeof a !== "string") return a;
  const b = jsonbSql(analysis, right, known.type);
  return typeof b === "string" ? [a, b] : b;
}

function jsonbSql(analysis: Analysis, operand: Operand, type: ColumnType): string | Bypass {
  if (operand.kind === "null") return "NULL";
  if (isTerm(operand)) {
    return operand.type.oid === type.oid ? operand.value() : bypass("type-mismatch", `${operand.type.name} and jsonb`);
  }
  const given = operand.type;
  if (given !== "unknown" && (typeof given === "string" || given.oid !== type.oid)) {
    return bypass("type-mismatch", "a constant of another type and jsonb");
  }
  return analysis.input(operand.source, { kind: "value", type: { ...type, kind: "json" } });
}

/** A value that an operator of json looks into, and whether it is a jsonb. */
interface Subject {
  readonly term: Term;
  readonly sql: string;
  readonly binary: boolean;
}

function subject(analysis: Analysis, operand: Operand): Subject | Bypass {
  if (!isJson(operand)) return bypass("unsupported-operator", "an operator of json over a value of another type");
  const binary = isJsonb(operand);
  // json is read when it is looked into, and may hold what the origin then refuses.
  if (!binary && !raisesAlike(analysis, operand))
    return bypass("may-raise", "a look into json where rows may be left out");
  const sql = operand.value();
  return typeof sql === "string" ? { term: operand, sql, binary } : sql;
}

function found(analysis: Analysis, { term, binary }: Subject, sql: string, shown: boolean): Term | Bypass {
  const value = shown
    ? computed({ type: analysis.builtin("text"), sql })
    : jsonTerm(analysis, sql, binary, () => false);
  if (!isBypass(value)) inherit(value, [term]);
  return value;
}

function part(analysis: Analysis, left: Operand, right: Operand, shown: boolean): Term | Bypass {
  return lookUp(analysis, left, "part", () => keySql(analysis, right), shown);
}

/** What a function finds in a document, the place being planned after it. */
function lookUp(
  analysis: Analysis,
  left: Operand,
  way: "part" | "at",
  planPlace: () => string | Bypass,
  shown: boolean,
): Term | Bypass {
  const document = subject(analysis, left);
  if (isBypass(document)) return document;
  const place = planPlace();
  if (typeof place !== "string") return place;
  const name = `pg_${document.binary ? "jsonb" : "json"}_${way}${shown ? "_text" : ""}`;
  return found(analysis, document, `${name}(${document.sql}, ${place})`, shown);
}

/** A name, or a position: an integer. */
function keySql(analysis: Analysis, operand: Operand): string | Bypass {
  if (operand.kind === "null") return "NULL";
  let term: Term | Bypass = isTerm(operand) ? operand : bypass("type-mismatch", "a key of another type");
  if (!isTerm(operand)) {
    const { type } = operand;
    const kind =
      type === "unknown" ? "text" : type === "integer" ? "int4" : typeof type === "string" ? null : type.kind;
    if (kind === "text" || kind === "int4") term = constantTerm(analysis, operand, analysis.builtin(kind));
  }
  if (isBypass(term)) return term;
  const { kind } = term.type;
  return kind === "text" || kind === "int2" || kind === "int4"
    ? term.value()
    : bypass("type-mismatch", `a key of type ${term.type.name}`);
}

/** A path that is a constant, or an array. */
function pathSql(analysis: Analysis, operand: Operand): string | Bypass {
  const texts = analysis.surroundings.types.arrayOf(analysis.builtin("text").oid);
  if (texts === null) return bypass("unsupported-type", "a path");
  const array = asArray(analysis, operand, texts);
  return isBypass(array) ? array : array.value();
}

function atPath(analysis: Analysis, left: Operand, right: Operand, shown: boolean): Term | Bypass {
  return lookUp(analysis, left, "at", () => pathSql(analysis, right), shown);
}

const KEY_TESTS = { "?": "pg_jsonb_has", "?|": "pg_jsonb_has_any", "?&": "pg_jsonb_has_all" } as const;

function hasKey(analysis: Analysis, operator: "?" | "?|" | "?&", left: Operand, right: Operand): Term | Bypass {
  if (!isJsonb(left)) return bypass("unsupported-operator", `the operator ${operator} over a value of another type`);
  const value = left.value();
  if (typeof value !== "string") return value;
  const key = operator === "?" ? nameSql(analysis, right) : pathSql(analysis, right);
  if (typeof key !== "string") return key;
  return predicate(analysis.builtin("bool"), `${KEY_TESTS[operator]}(${value}, ${key})`);
}

function nameSql(analysis: Analysis, operand: Operand): string | Bypass {
  const isNumber = isTerm(operand)
    ? operand.type.kind !== "text"
    : operand.kind === "constant" && isNumeric(operand.type);
  return isNumber ? bypass("type-mismatch", "a key that is no text") : keySql(analysis, operand);
}

function isNumeric(type: ColumnType | string): boolean {
  return type !== "unknown" && (typeof type === "string" || type.kind !== "text");
}

/** Functions over json and jsonb. */
export const DOCUMENT_FUNCTIONS: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  ["jsonb_typeof", kindOf],
  ["json_typeof", kindOf],
  ["jsonb_array_length", lengthOf],
  ["json_array_length", lengthOf],
  ["jsonb_extract_path", extracted],
  ["json_extract_path", extracted],
  ["jsonb_extract_path_text", extracted],
  ["json_extract_path_text", extracted],
]);

function kindOf(analysis: Analysis, [operand, ...more]: readonly Operand[], name: string): Term | Bypass {
  if (operand === undefined || more.length > 0 || !isJson(operand)) return noDocument(name);
  const value = operand.value();
  return typeof value === "string"
    ? computed({ type: analysis.builtin("text"), sql: `pg_json_kind(${value})` })
    : value;
}

/** It raises for what is no array. */
function lengthOf(analysis: Analysis, [operand, ...more]: readonly Operand[], name: string): Term | Bypass {
  if (operand === undefined || more.length > 0 || !isJson(operand)) return noDocument(name);
  if (!raisesAlike(analysis, operand)) return bypass("may-raise", `${name}() where rows may be left out`);
  const value = operand.value();
  if (typeof value !== "string") return value;
  const sql = `pg_${isJsonb(operand) ? "jsonb" : "json"}_array_length(${value})`;
  return computed({ type: analysis.builtin("int4"), sql, interval: () => ({ low: 0n, high: 268_435_455n }) });
}

function extracted(analysis: Analysis, [left, ...path]: readonly Operand[], name: string): Term | Bypass {
  if (left === undefined || path.length === 0) return noDocument(name);
  const steps: Operand[] = [];
  for (const step of path) {
    const isText = isTerm(step) ? step.type.kind === "text" : step.kind === "constant" && !isNumeric(step.type);
    if (!isText) return noDocument(name);
    steps.push(step);
  }
  const array = arrayOf(analysis, steps);
  return isBypass(array) ? array : atPath(analysis, left, array, name.endsWith("_text"));
}

function noDocument(name: string): Bypass {
  return bypass("unsupported-function", `${name}() of these arguments`);
}
