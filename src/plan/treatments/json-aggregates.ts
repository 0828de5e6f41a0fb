import { type Bypass, bypass } from "../../outcome.ts";
import { type Analysis, isBypass, isTerm } from "../analysis.ts";
import type { Operand, Term } from "../term.ts";
import type { AggregateCall } from "./aggregates.ts";
import { itemType } from "./arrays.ts";
import { distinctClause, orderClause } from "./collecting.ts";
import { isRow, jsonTerm, keyShape, printShape, type Shape, shapeOf } from "./json.ts";

const FORMS: ReadonlyMap<string, { readonly object: boolean; readonly binary: boolean }> = new Map([
  ["json_agg", { object: false, binary: false }],
  ["jsonb_agg", { object: false, binary: true }],
  ["json_object_agg", { object: true, binary: false }],
  ["jsonb_object_agg", { object: true, binary: true }],
]);

export const JSON_AGGREGATES: ReadonlySet<string> = new Set(FORMS.keys());

/** True for what an aggregate over `name` puts into jsonb. */
function isBinary(name: string): boolean {
  return FORMS.get(name)?.binary === true;
}

const MAYBE_NULL = (): boolean => false;

/** json_agg, json_object_agg and their jsonb siblings. Over no rows they are NULL. */
export function jsonAggregate(analysis: Analysis, call: AggregateCall): Term | Bypass {
  const form = FORMS.get(call.name);
  const refusal = bypass("unsupported-function", `${call.name}() of these arguments`);
  const [first, second, ...rest] = call.operands;
  if (form === undefined || first === undefined || rest.length > 0 || call.star) return refusal;
  const { object, binary } = form;
  if (object) return second === undefined || call.distinct ? refusal : objectOf(analysis, call, first, second, binary);
  if (second !== undefined) return refusal;
  const shape = shapeOf(analysis, first, binary);
  if (isBypass(shape)) return shape;
  if (call.distinct) return distinctItems(analysis, call, first, shape, binary);
  return aggregateOf(analysis, call, shape, isTerm(first) && (isRow(first) || itemType(analysis, first.type) !== null));
}

/** One call that writes each row's value of this shape. `structured`: rows and arrays, which json_agg puts on lines of their own. */
function aggregateOf(analysis: Analysis, call: AggregateCall, shape: Shape, structured: boolean): Term | Bypass {
  const binary = isBinary(call.name);
  const order = orderClause(call);
  if (typeof order !== "string") return order;
  const { text, values } = printShape(shape);
  const name = structured && !binary ? "pg_json_rows_agg" : `pg_${call.name}`;
  return jsonTerm(analysis, `${name}(${[text, ...values].join(", ")}${order})${call.filter}`, binary, MAYBE_NULL);
}

function objectOf(
  analysis: Analysis,
  call: AggregateCall,
  name: Operand,
  operand: Operand,
  binary: boolean,
): Term | Bypass {
  const key = keyShape(analysis, name);
  if (typeof key !== "string" && key.kind === "bypass") return key;
  const value = shapeOf(analysis, operand, binary);
  if (isBypass(value)) return value;
  return aggregateOf(analysis, call, { kind: "object", entries: [{ key, value }], compact: false }, false);
}

function distinctItems(
  analysis: Analysis,
  call: AggregateCall,
  operand: Operand,
  shape: Shape,
  binary: boolean,
): Term | Bypass {
  if (!isTerm(operand)) return bypass("unsupported-function", `${call.name}(DISTINCT …) of a constant`);
  const { text, values } = printShape(shape);
  const item = `${binary ? "pg_jsonb" : "pg_json"}(${[text, ...values].join(", ")})`;
  const over = distinctClause(analysis, call, operand, item);
  if (typeof over !== "string") return over;
  return jsonTerm(analysis, `pg_json_list(${over})${call.filter}`, binary, MAYBE_NULL);
}
