import type { Expression, Query, Select } from "../parse/ast.ts";
import { conjuncts, sideOf } from "./conditions.ts";
import type { Scope } from "./scope.ts";
import { findsOneRow } from "./single-row.ts";

/**
 * False if two right answers over the same rows may differ in more than their order: which rows a LIMIT or DISTINCT ON takes
 * among equals, how a window numbers ties, in which order an aggregate sees its rows. True only where the tree shows that
 * none of it can happen. `scope` is that of the query itself, if it is a SELECT.
 */
export function isDetermined(query: Query, scope: Scope | null): boolean {
  const { limit, offset, ...whole } = query;
  if ((limit !== null || offset !== null) && (scope === null || !isLimitDetermined(query, scope))) return false;
  return isTreeDetermined(whole);
}

function isTreeDetermined(tree: unknown): boolean {
  if (typeof tree !== "object" || tree === null) return true;
  if ("limit" in tree && "offset" in tree && (tree.limit !== null || tree.offset !== null)) return false;
  if ("distinct" in tree && Array.isArray(tree.distinct)) return false;
  if ("kind" in tree && tree.kind === "call" && !isCallDetermined(tree)) return false;
  return Object.values(tree).every(isTreeDetermined);
}

/** `array_agg`, `string_agg`, `jsonb_object_agg_strict` and their like collect in the order of the rows, ties included. */
const COLLECTING = /agg(?:_strict|_unique)*$/;

function isCallDetermined(call: object): boolean {
  if ("over" in call && call.over !== null) return false;
  const name: unknown = "name" in call && Array.isArray(call.name) ? call.name.at(-1) : undefined;
  return typeof name === "string" && !COLLECTING.test(name) && name !== "any_value";
}

/** There is one row at most anyhow, or the order leaves no ties. */
function isLimitDetermined({ body, orderBy }: Query, scope: Scope): boolean {
  if (body.kind !== "select") return false;
  const groups = body.groupBy.length > 0 || body.distinct !== false;
  if (scope.aggregates > 0 && body.groupBy.length === 0) return true;
  if (findsOneRow(scope, body.where === null ? [] : [body.where])) return true;
  const [relation, ...more] = scope.namespace.relations;
  if (groups || relation?.table == null || more.length > 0) return false;
  const known = new Set<string>();
  for (const { expression } of orderBy) {
    if (!isNameOfAnother(expression, body)) addColumn(known, expression, scope);
  }
  for (const condition of conjuncts(body.where)) {
    if (condition.kind !== "comparison" || condition.operator !== "=") continue;
    if (sideOf(condition.right, scope) === "fixed") addColumn(known, condition.left, scope);
    if (sideOf(condition.left, scope) === "fixed") addColumn(known, condition.right, scope);
  }
  return relation.table.uniqueKeys.some((key) => key.every((column) => known.has(column)));
}

function addColumn(known: Set<string>, expression: Expression, scope: Scope): void {
  const side = sideOf(expression, scope);
  if (typeof side !== "string" && side.term.column !== null) known.add(side.term.column.column.name);
}

/** ORDER BY takes a name for one of the result before it takes it for one of a table: `SELECT a AS b … ORDER BY b`. */
function isNameOfAnother(expression: Expression, { targets }: Select): boolean {
  if (expression.kind !== "column" || expression.path.length > 1) return false;
  const [name] = expression.path;
  return targets.some(
    (target) =>
      target.kind === "expression" &&
      target.alias === name &&
      !(target.expression.kind === "column" && target.expression.path.at(-1) === name),
  );
}
