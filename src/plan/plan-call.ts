import { type Bypass, bypass } from "../outcome.ts";
import type { Expression, QualifiedName, Window } from "../parse/ast.ts";
import { type Analysis, isBypass } from "./analysis.ts";
import { planOperand, planOperands, planTerm, planTruth } from "./plan-expression.ts";
import type { Operand, Term } from "./term.ts";
import { AGGREGATES, type AggregateOrder, aggregate, WINDOW_AGGREGATES } from "./treatments/aggregates.ts";
import { ARRAY_FUNCTIONS } from "./treatments/arrays.ts";
import { concatFunction } from "./treatments/concatenation.ts";
import { DATE_FUNCTIONS, extract } from "./treatments/date-parts.ts";
import { DOCUMENT_FUNCTIONS } from "./treatments/documents.ts";
import { JSON_FUNCTIONS, jsonFunction, rowTerm } from "./treatments/json.ts";
import { JSON_AGGREGATES, jsonAggregate } from "./treatments/json-aggregates.ts";
import { NUMBER_FUNCTIONS, numberFunction } from "./treatments/numbers.ts";
import { type FunctionRule, TEXT_FUNCTIONS } from "./treatments/text-functions.ts";
import { length } from "./treatments/texts.ts";
import { overClause, windowFunction } from "./treatments/windows.ts";

/** An aggregate over nothing but columns from around the query belongs to a query around it: not modelled. */
export function planCall(analysis: Analysis, call: Call): Operand | Bypass {
  const { scope } = analysis;
  const before = scope?.aggregates;
  const { planned, scopes } = analysis.observing(() => planNamed(analysis, call));
  const aggregates = scope !== null && scope.aggregates !== before;
  return aggregates && scopes.size > 0 && !scopes.has(scope)
    ? bypass("subquery", "an aggregate that belongs to a query around it")
    : planned;
}

function planNamed(analysis: Analysis, call: Call): Term | Bypass {
  const name = systemFunction(call.name);
  if (call.over !== null) return planWindowCall(analysis, name, call, call.over);
  if (AGGREGATES.has(name) || JSON_AGGREGATES.has(name)) return planAggregate(analysis, name, call);
  const operands = JSON_FUNCTIONS.has(name) ? planJsonOperands(analysis, call) : planOperands(analysis, call.operands);
  if (isBypass(operands)) return operands;
  const isPlain = !call.star && !call.distinct && call.filter === null && call.orderBy.length === 0;
  if (isPlain && JSON_FUNCTIONS.has(name)) return jsonFunction(analysis, name, operands);
  if (isPlain && NUMBER_FUNCTIONS.has(name)) return numberFunction(analysis, name, operands);
  switch (isPlain ? name : "") {
    case "concat":
    case "concat_ws":
      return concatFunction(analysis, name === "concat" ? "concat" : "concat_ws", operands);
    case "length":
    case "char_length":
    case "character_length": {
      const [operand] = operands;
      if (operand !== undefined && operands.length === 1) return length(analysis, operand);
    }
  }
  if (call.field !== undefined && operands[0] !== undefined) return extract(analysis, call.field, operands[0]);
  const rule = isPlain ? otherFunction(name) : undefined;
  return rule?.(analysis, operands, name) ?? bypass("unsupported-function", `function ${call.name.join(".")}()`);
}

function otherFunction(name: string): FunctionRule | undefined {
  return (
    TEXT_FUNCTIONS.get(name) ?? DATE_FUNCTIONS.get(name) ?? ARRAY_FUNCTIONS.get(name) ?? DOCUMENT_FUNCTIONS.get(name)
  );
}

function planWindowCall(analysis: Analysis, name: string, call: Call, window: Window): Term | Bypass {
  const over = overClause(analysis, window);
  if (typeof over !== "string") return over;
  if (WINDOW_AGGREGATES.has(name)) return planAggregate(analysis, name, call, over);
  return windowFunction(analysis, name, call, over) ?? bypass("window-function", `${call.name.join(".")}() OVER`);
}

type Call = Extract<Expression, { kind: "call" }>;

/** Where JSON is built, the name of a relation stands for its whole row, unless it is that of a column. */
function planJsonOperands(analysis: Analysis, call: Call): Operand[] | Bypass {
  const operands: Operand[] = [];
  for (const expression of call.operands) {
    const operand = planRow(analysis, expression) ?? planOperand(analysis, expression);
    if (isBypass(operand)) return operand;
    operands.push(operand);
  }
  return operands;
}

/** `t`, or `t.*`, as a row; `null` where it is something else. */
function planRow(analysis: Analysis, expression: Expression): Term | Bypass | null {
  if (expression.kind !== "wholeRow" && expression.kind !== "column") return null;
  if (expression.kind === "column" && !isBypass(analysis.findColumn(expression.path))) return null;
  for (let { scope } = analysis; scope !== null; scope = scope.outer) {
    const relation = scope.relation(expression.path);
    if (relation === null) continue;
    if (relation.nullable.value) return bypass("unsupported-syntax", "a row that an outer join may leave out");
    analysis.found.add(scope);
    return rowTerm(analysis, relation.columns);
  }
  return null;
}

function systemFunction(name: QualifiedName): string {
  if (name.length === 1) return name[0] ?? "";
  return name.length === 2 && name[0] === "pg_catalog" ? (name[1] ?? "") : "";
}

function planAggregate(analysis: Analysis, name: string, call: Call, over = ""): Term | Bypass {
  if (over === "" && analysis.scope !== null) analysis.scope.aggregates += 1;
  let filter = over;
  if (call.filter !== null) {
    const condition = planTruth(analysis, call.filter);
    if (typeof condition !== "string") return condition;
    filter = ` FILTER (WHERE ${condition})${over}`;
  }
  const operands = JSON_AGGREGATES.has(name) ? planJsonOperands(analysis, call) : planOperands(analysis, call.operands);
  if (isBypass(operands)) return operands;
  const orderBy: AggregateOrder[] = [];
  for (const { expression, descending, nulls } of call.orderBy) {
    const term = planTerm(analysis, expression);
    if (isBypass(term)) return term;
    orderBy.push({ term, descending, nullsFirst: nulls === null ? descending : nulls === "first" });
  }
  const { star, distinct } = call;
  const planned = { name, operands, star, distinct, filter, orderBy, window: over !== "" };
  return JSON_AGGREGATES.has(name) ? jsonAggregate(analysis, planned) : aggregate(analysis, planned);
}
