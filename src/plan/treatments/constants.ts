import type { ColumnType } from "../../catalog.ts";
import { type Bypass, bypass } from "../../outcome.ts";
import { scaleOf } from "../../store/column-set.ts";
import type { Analysis } from "../analysis.ts";
import { type Interval, point, rangeOfType } from "../interval.ts";
import type { Binding, Constant, Term } from "../term.ts";
import { isIntegerKind, isTextKind } from "./columns.ts";
import { decimalConstant } from "./decimals.ts";
import { computed } from "./expressions.ts";

function mismatch(type: ColumnType, constant: Constant): Bypass {
  const given = typeof constant.type === "string" ? constant.type : constant.type.name;
  return bypass("type-mismatch", `${type.name} is compared with a value of type ${given}`);
}

/**
 * How a constant has to be bound to be compared with a term of `type` for equality.
 * Follows the origin's operator resolution: an untyped literal takes the other side's type, numbers meet as numeric,
 * float8 draws every number to itself.
 */
export function equalityBinding(type: ColumnType, constant: Constant): Binding | Bypass {
  const given = constant.type;
  const asIs: Binding = { kind: "value", type };
  if (isIntegerKind(type.kind)) {
    if (given === "unknown") return asIs;
    return numberBinding(0, constant) ?? mismatch(type, constant);
  }
  if (type.kind === "numeric") {
    const scale = scaleOf(type);
    if (scale !== null) return numberBinding(scale, constant) ?? mismatch(type, constant);
    const number = typeof given === "string" || given.kind === "numeric";
    return number ? { kind: "key" } : mismatch(type, constant);
  }
  if (type.kind === "float8") {
    return typeof given === "string" || given.kind === "float8" ? asIs : mismatch(type, constant);
  }
  if (type.kind === "json" || type.kind === "wire") {
    return bypass("unsupported-type", `values of type ${type.name} cannot be compared exactly here`);
  }
  if (given === "unknown") return asIs;
  if (typeof given === "string") return mismatch(type, constant);
  // char(n) becomes text, which it is without its trailing blanks; those of the text count.
  if (type.kind === "char" && given.kind === "text") return { kind: "value", type: given };
  const same = type.kind === "enum" ? given.oid === type.oid : given.kind === type.kind;
  return same ? asIs : mismatch(type, constant);
}

function numberBinding(scale: number, constant: Constant): Binding | null {
  const given = constant.type;
  if (typeof given === "string") return { kind: "scaled", scale, integer: null };
  if (isIntegerKind(given.kind)) return { kind: "scaled", scale, integer: given };
  return given.kind === "numeric" ? { kind: "scaled", scale, integer: null } : null;
}

/** The value of an integer constant in plain digits; `null` for other bases and digit separators. */
export function integerValue(constant: Constant): bigint | null {
  return constant.text !== null && /^-?\d+$/.test(constant.text) ? BigInt(constant.text) : null;
}

/** The type that an integer literal has in the origin: the smallest of int4, int8 that holds it; `null` beyond. */
export function integerLiteralType(analysis: Analysis, constant: Constant): ColumnType | null {
  const value = integerValue(constant);
  if (value === null) return null;
  for (const kind of ["int4", "int8"] as const) {
    const range = rangeOfType(kind);
    if (value >= range.low && value <= range.high) return analysis.builtin(kind);
  }
  return null;
}

/** A constant standing where a value of `type` is computed or shown. Literals become part of the plan. */
export function constantTerm(analysis: Analysis, constant: Constant, type: ColumnType): Term | Bypass {
  const given = constant.type;
  analysis.pin(constant);
  if (type.kind === "numeric" && type.precision === null && given !== "integer")
    return decimalConstant(analysis, constant);
  if (type.kind === "json") return jsonConstant(analysis, constant, type);
  if (type.kind === "numeric" || type.kind === "wire" || type.kind === "char") {
    return bypass("unsupported-type", `a constant of type ${type.name} is not rebuilt exactly here`);
  }
  let fits: boolean;
  if (given === "unknown") fits = true;
  else if (given === "decimal") fits = type.kind === "float8";
  else if (given === "integer") fits = isIntegerKind(type.kind) || type.kind === "float8";
  else if (isTextKind(type.kind)) fits = given.kind === "text";
  else fits = type.kind === "enum" ? given.oid === type.oid : given.kind === type.kind;
  if (!fits) return mismatch(type, constant);
  const interval = constantInterval(constant, type);
  return computed({
    type,
    sql: constantSql(analysis, constant, type),
    interval: () => interval,
    ...(type.kind === "int8" || type.kind === "timestamp" || type.kind === "timestamptz" ? { wide: () => true } : {}),
  });
}

/** A literal of json is shown as it is written, one of jsonb as the origin prints it. */
function jsonConstant(analysis: Analysis, constant: Constant, type: ColumnType): Term | Bypass {
  if (constant.text === null) {
    if (type.name !== "jsonb") return bypass("unsupported-type", `a parameter of type ${type.name} in a computation`);
    return computed({
      type,
      sql: analysis.input(constant.source, { kind: "value", type }),
      equality: bypass("unsupported-type", "values of type jsonb cannot be compared exactly here"),
    });
  }
  const text = analysis.input(constant.source, { kind: "value", type: analysis.builtin("text") });
  return computed({
    type,
    sql: type.name === "jsonb" ? `pg_jsonb_text(${text})` : text,
    equality: bypass("unsupported-type", `values of type ${type.name} cannot be compared exactly here`),
    neverNull: () => true,
  });
}

/** JS numbers are bound as REAL: where more than a comparison is done with one, it has to become an integer first. */
function constantSql(analysis: Analysis, constant: Constant, type: ColumnType): string {
  const input = analysis.input(constant.source, { kind: "value", type });
  // -0 and -0.0 are an integer and a numeric before they are a float8, and so not negative.
  const isExact = constant.type === "integer" || constant.type === "decimal";
  if (type.kind === "float8") return isExact && constant.text?.startsWith("-") ? `(${input} + 0.0)` : input;
  return isTextLike(type.kind) ? input : `CAST(${input} AS INTEGER)`;
}

function isTextLike(kind: ColumnType["kind"]): boolean {
  return kind === "text" || kind === "uuid" || kind === "enum";
}

function constantInterval(constant: Constant, type: ColumnType): Interval | null {
  const value = isIntegerKind(type.kind) ? integerValue(constant) : null;
  return value === null ? null : point(value);
}

/** The term of a constant that nothing else gives a type to; `null` if the origin's choice is not modelled. */
export function untypedConstantTerm(analysis: Analysis, constant: Constant): Term | Bypass {
  const given = constant.type;
  if (given === "unknown") return constantTerm(analysis, constant, analysis.builtin("text"));
  if (given === "integer") {
    analysis.pin(constant);
    const type = integerLiteralType(analysis, constant);
    return type === null ? decimalConstant(analysis, constant) : constantTerm(analysis, constant, type);
  }
  return given === "decimal" ? decimalConstant(analysis, constant) : constantTerm(analysis, constant, given);
}
